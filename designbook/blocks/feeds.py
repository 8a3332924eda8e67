"""Feeds in memory: for each of many users the newest ids that were delivered to them, with fan-out to all at once.

A feed is a ring of small blocks in one array that all feeds share, so a feed that holds little costs little, and no
feed is ever copied to grow. A batch of deliveries is sorted by user first and then walks through memory in order; one
delivery after another, to feeds at random, would wait for memory most of the time.
"""

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]

BLOCK = 16
"""Ids in a block."""
SPARE = 2
"""Blocks of a full feed beyond its limit, so that ids out of order are put in order once in so many blocks."""
AT_ONCE = 1 << 18
"""Deliveries that a fan-out sorts at a time: its work then stays in the processor's cache."""
NONE = -1


class Feeds:
    """For each user, numbered from 0, the `limit` largest ids that were pushed, each once, in whatever order they came.

    Takes 9 bytes a user and `BLOCK_BYTES` for each block of 16 ids; a full feed has `SPARE` blocks more than its limit
    needs. A push only appends; ids that came twice or out of order are put right when the feed is read, or full.
    """

    BLOCK_BYTES = 8 * BLOCK + 4

    def __init__(self, users: int, limit: int = 800) -> None:
        """Raises ValueError unless `users` is from 0 to 2^31 - 1 and `limit` is at least 1."""
        if not 0 <= users < 1 << 31 or limit < 1:
            raise ValueError(f"a feed is for 0 to 2^31 - 1 users and holds 1 id or more, not {users} and {limit}")
        self.users, self.limit = users, limit
        self._most = -(-limit // BLOCK) + SPARE  # blocks of a feed; then the oldest is written over
        self._block = np.full(users, NONE, np.int32)  # the newest of each user
        self._count = np.zeros(users, np.int32)  # ids in the ring
        self._ordered = np.ones(users, np.bool_)  # whether those are in order, none twice
        self._ids = np.empty((0, BLOCK), np.int64)
        self._next = np.empty(0, np.int32)  # the next newer block of the ring; after the newest, the oldest
        self._free: list[int] = []  # blocks given back
        self._made = 0

    @property
    def memory(self) -> int:
        """Bytes that the feeds take: of each user, and of each block."""
        arrays = (self._block, self._count, self._ordered, self._ids, self._next)
        return sum(array.nbytes for array in arrays) + 8 * len(self._free)

    def push(self, users: ArrayLike, posts: ArrayLike) -> None:
        """Deliver each post to the user beside it: arrays of one shape, or one of them a single number.

        Raises ValueError, and delivers nothing, for a user that there is not or a post that is not from 0 to 2^63 - 1.
        """
        to, ids = _whole("users", users, self.users), _whole("posts", posts, 1 << 63)
        if to.shape != ids.shape and 1 not in (to.size, ids.size):
            raise ValueError(f"each post has a user, got the shapes {to.shape} of users and {ids.shape} of posts")
        to, ids = np.broadcast_arrays(to.ravel(), ids.ravel())
        order = np.lexsort((ids, to))
        self._append(*_without_repetitions(to[order], ids[order]))

    def fan_out(self, posts: ArrayLike, authors: ArrayLike, first: ArrayLike, followers: NDArray[Any]) -> int:
        """Deliver `posts[i]` to every follower of `authors[i]`; returns how many deliveries that were.

        The followers of author a are `followers[first[a]:first[a + 1]]`; all of them are checked in each call, which is
        made for many posts. Raises ValueError, and delivers nothing, for an author or a follower that there is not or a
        post that is not from 0 to 2^63 - 1.
        """
        readers, starts = _whole("followers", followers, self.users), _whole("first", first, len(followers) + 1)
        ids, of = _whole("posts", posts, 1 << 63), _whole("authors", authors, len(starts) - 1)
        if ids.shape != of.shape or ids.ndim != 1:
            raise ValueError(f"each post has an author, got the shapes {ids.shape} and {of.shape}")
        order = np.argsort(ids)
        ids, of = ids[order], of[order]
        ends = np.cumsum(starts[of + 1] - starts[of])
        done = 0
        while done < len(ids):
            delivered = ends[done - 1] if done else 0
            stop = max(done + 1, int(np.searchsorted(ends, delivered + AT_ONCE, "right")))
            self._fan_out(ids[done:stop], of[done:stop], starts, readers)
            done = stop
        return int(ends[-1]) if len(ends) else 0

    def page(self, user: int, count: int, before: int | None = None) -> list[int]:
        """The newest `count` ids of the user's feed, newest first; with `before`, of those that are smaller.

        Raises ValueError for a user that there is not or a negative count.
        """
        if not 0 <= user < self.users or count < 0:
            raise ValueError(f"user and count are {user} and {count}, expected 0 to {self.users - 1} and 0 or more")
        if not self._count[user]:
            return []
        if not self._ordered[user]:
            self._put_in_order(user)
        ring = self._ring(user)
        held = self._count.item(user)
        stop = len(ring) if before is None else bisect_left(ring, before, key=self._first_id)
        if not stop:
            return []
        start = max(0, stop - count // BLOCK - 2)
        ids = self._ids.take(ring[start:stop], axis=0).reshape(-1)
        end = min(ids.size, held - start * BLOCK)
        if before is not None:
            end = int(ids[:end].searchsorted(before))
        beyond = held - self.limit - start * BLOCK
        page: list[int] = ids[max(0, beyond, end - count) : end][::-1].tolist()
        return page

    def drop(self, user: int) -> None:
        """Forget the user's feed; other feeds get its memory. Raises ValueError for a user that there is not."""
        if not 0 <= user < self.users:
            raise ValueError(f"user is {user}, expected 0 to {self.users - 1}")
        if self._count[user]:
            self._free += self._ring(user)
        self._block[user], self._count[user], self._ordered[user] = NONE, 0, True

    # -- appending

    def _fan_out(self, ids: Integers, of: Integers, starts: Integers, readers: NDArray[Any]) -> None:
        """Of ids in order. A delivery is one number while it is sorted: the user, and below it the place of the id."""
        many = starts[of + 1] - starts[of]
        place = np.repeat(np.arange(len(ids)), many)
        bits = len(ids).bit_length()
        deliveries = readers[_ranges(starts[of], many)].astype(np.int64) << bits | place
        deliveries.sort()
        self._append(*_without_repetitions(deliveries >> bits, ids[deliveries & ((1 << bits) - 1)]))

    def _append(self, users: Integers, ids: Integers) -> None:
        """Append ids that are in the order of users and then of ids: in each round, to each user's block what fits."""
        first = np.flatnonzero(np.diff(users, prepend=NONE))
        left = np.diff(first, append=len(users))
        who = users[first]
        while len(who):
            for user in who[self._is_full(who) & ~self._ordered[who]].tolist():
                self._put_in_order(user)
            self._ordered[who] &= ids[first] > self._last(who)
            self._open_blocks(who[self._count[who] % BLOCK == 0])
            used = self._count[who] % BLOCK
            now = np.minimum(left, BLOCK - used)
            slots = self._block[who].astype(np.int64) * BLOCK + used
            self._ids.reshape(-1)[_ranges(slots, now)] = ids[_ranges(first, now)]
            self._count[who] += now.astype(np.int32)
            more = left > now
            who, first, left = who[more], (first + now)[more], (left - now)[more]

    def _is_full(self, users: Integers) -> NDArray[np.bool_]:
        """Of each user, whether the next id would be written over the oldest block."""
        full: NDArray[np.bool_] = self._count[users] == self._most * BLOCK
        return full

    def _last(self, users: Integers) -> Integers:
        """The id that was appended last to each feed, or `NONE`."""
        last = np.full(len(users), NONE)
        some = self._count[users] > 0
        held = users[some]
        last[some] = self._ids[self._block[held], (self._count[held] - 1) % BLOCK]
        return last

    def _open_blocks(self, users: Integers) -> None:
        """Give each user a newest block to write to: another, or, if the feed is full, its oldest."""
        full = self._is_full(users)
        over, grow = users[full], users[~full]
        self._block[over] = self._next[self._block[over]]
        self._count[over] -= BLOCK
        if not len(grow):
            return
        new, newest = self._take_blocks(len(grow)), self._block[grow]
        has = newest != NONE
        self._next[new] = new
        self._next[new[has]] = self._next[newest[has]]
        self._next[newest[has]] = new[has]
        self._block[grow] = new

    def _take_blocks(self, count: int) -> NDArray[np.int32]:
        """Blocks given back, then new ones; the arrays grow in place by an eighth."""
        again = [self._free.pop() for _ in range(min(count, len(self._free)))]
        first, self._made = self._made, self._made + count - len(again)
        if self._made > len(self._next):
            room = self._made + self._made // 8
            self._ids.resize((room, BLOCK), refcheck=False)
            self._next.resize(room, refcheck=False)
        return np.concatenate((np.array(again, np.int32), np.arange(first, self._made, dtype=np.int32)))

    # -- one feed

    def _ring(self, user: int) -> list[int]:
        """The user's blocks, the oldest first."""
        block = newest = self._block.item(user)
        following, ring = self._next.item, []
        while True:
            block = following(block)
            ring.append(block)
            if block == newest:
                return ring

    def _held(self, ring: list[int], user: int) -> Integers:
        """The ids in the ring in the order in which they were appended."""
        held: Integers = self._ids.take(ring, axis=0).reshape(-1)[: self._count.item(user)]
        return held

    def _first_id(self, block: int) -> int:
        return self._ids.item(block, 0)

    def _put_in_order(self, user: int) -> None:
        """Sort a feed, keep each id once and the newest `limit`, and give back the blocks that are left over."""
        ring = self._ring(user)
        held = np.sort(self._held(ring, user))
        kept = held[np.diff(held, prepend=NONE) != 0][-self.limit :]
        needed = -(-len(kept) // BLOCK)
        self._free += ring[needed:]
        self._ids.reshape(-1)[_ranges(np.array(ring[:needed]) * BLOCK, BLOCK)[: len(kept)]] = kept
        self._next[ring[needed - 1]] = ring[0]
        self._block[user], self._count[user], self._ordered[user] = ring[needed - 1], len(kept), True


def _whole(name: str, numbers: ArrayLike, below: int) -> NDArray[Any]:
    """An array of integers from 0. Raises ValueError, which names it."""
    array = np.asarray(numbers)
    if not array.size:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu" or not 0 <= array.min() <= array.max() < below:
        raise ValueError(f"{name} are whole numbers from 0 to {below - 1}, not {array.min()} to {array.max()}")
    return array if array.dtype.kind == "i" else array.astype(np.int64)


def _ranges(starts: Integers, lengths: Integers | int) -> Integers:
    """The numbers from each start on, so many as its length, one range after the other."""
    ends = np.cumsum(np.broadcast_to(lengths, starts.shape))
    total = int(ends[-1]) if len(ends) else 0
    ranges: Integers = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return ranges


def _without_repetitions(users: Integers, ids: Integers) -> tuple[Integers, Integers]:
    """Sorted pairs, each once."""
    new = (np.diff(users, prepend=NONE) != 0) | (np.diff(ids, prepend=NONE) != 0)
    return (users, ids) if new.all() else (users[new], ids[new])
