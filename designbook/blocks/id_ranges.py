"""Range allocation: a server leases a block of ids from a shared counter and hands them out by itself.

One trip to the counter for `size` ids. Known as hi/lo; Flickr's ticket servers and Hibernate work alike.
"""

from collections.abc import Callable
from threading import Lock


class RangeAllocator:
    """Hands out ids from leased ranges: no id twice, from any number of threads and allocators on one counter.

    An allocator that dies takes the rest of its range along: those ids are lost, at most `size` a death.
    Ids are in order within an allocator, and only roughly in order between allocators.
    """

    def __init__(self, lease: Callable[[int], int], size: int = 1000) -> None:
        """`lease(size)` moves the shared counter on by `size`, in one atomic step, and returns the range's first id.

        Raises ValueError if `size` is less than 1.
        """
        if size < 1:
            raise ValueError(f"a range holds 1 id or more, not {size}")
        self._lease = lease
        self._size = size
        self._next = self._end = 0
        self._lock = Lock()

    @property
    def left(self) -> int:
        """How many ids are left before the next lease, and lost if this process dies now."""
        with self._lock:
            return self._end - self._next

    def next_id(self) -> int:
        """A new id; every `size` calls, one lease. An error of `lease` passes through and changes nothing."""
        with self._lock:
            if self._next == self._end:
                first = self._lease(self._size)
                self._next, self._end = first, first + self._size
            self._next += 1
            return self._next - 1
