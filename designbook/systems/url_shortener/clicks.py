"""Click counts that lose nothing and double nothing.

A click is written to a log on disk before the redirect is answered. Now and then the log is sealed into a batch and
counted; a batch has a name, and the store remembers the name in the transaction that adds its clicks. Whatever crashes
in between, the batch is counted again and recognised: at least once, made exactly once by idempotence.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from uuid import uuid4

from designbook.systems.url_shortener.stores import Store


class ClickLog:
    """The clicks of one server process that are not counted yet, in a folder of its own: a line a click, the code.

    What `append` took survives the death of the process; a power cut may take the last seconds, unless the disk is
    flushed. Codes only: no addresses, no browsers, nothing about who clicked.
    """

    def __init__(self, folder: Path, name: Callable[[], str] = lambda: uuid4().hex) -> None:
        """Takes over what a dead process left in `folder`. Raises BlockingIOError if a live one uses it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name
        self._lock = Lock()
        self._guard = _only_one(folder / "lock")
        self._begin()

    def append(self, code: str) -> None:
        """Write one click."""
        with self._lock:
            os.write(self._file, code.encode() + b"\n")

    def seal(self) -> list[str]:
        """Begin a new batch, and name those that can be counted now, each as often as it takes."""
        with self._lock:
            if os.fstat(self._file).st_size:
                os.close(self._file)
                self._begin()
            return sorted(path.stem for path in self._folder.glob("*.clicks") if path != self._open)

    def clicks(self, batch: str) -> Counter[str]:
        """How often each code was clicked in a sealed batch; a line cut off by a power failure does not count."""
        whole, _, _ = (self._folder / f"{batch}.clicks").read_text().rpartition("\n")
        return Counter(whole.split())

    def drop(self, batch: str) -> None:
        """The batch is counted: remove it."""
        (self._folder / f"{batch}.clicks").unlink(missing_ok=True)

    def close(self) -> None:
        """Let another process take the folder over."""
        if not os.fstat(self._file).st_size:
            self._open.unlink()
        os.close(self._file)
        os.close(self._guard)

    def _begin(self) -> None:
        self._open = self._folder / f"{self._name()}.clicks"
        self._file = os.open(self._open, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def count_clicks(log: ClickLog, store: Store) -> int:
    """Bring the clicks of `log` into `store`, each exactly once; returns how many were new to it.

    May crash, or fail with StoreDown, at any line, and be called again.
    """
    counted = 0
    for batch in log.seal():
        clicks = log.clicks(batch)
        if store.count(batch, clicks):
            counted += clicks.total()
        log.drop(batch)  # from here on the batch cannot come again,
        store.forget(batch)  # so its name need not be remembered
    return counted


def _only_one(path: Path) -> int:
    """A file descriptor that holds the lock on `path`; it ends with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl
    except ImportError:  # Windows, and browsers
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BlockingIOError(
            f"{path.parent} belongs to another server process; give each a folder of its own"
        ) from None
    return descriptor
