"""The event log of a shard: what it acknowledged, in order, from which it is rebuilt.

Boards are a function of the events, so the log is the truth and the boards are an index that may be lost. An event is
written before it is counted; the store knows its id, so what is written twice or replayed twice counts once.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from designbook.systems.leaderboard.rules import Policy, Rules, ScoreEvent
from designbook.systems.leaderboard.stores import MemoryStore, Store
from designbook.systems.leaderboard.windows import Board

Flush = Literal["never", "always"]

Entry = ScoreEvent | str
"""A line of the log: an event, or the player who was deleted."""


class LogBroken(ValueError):
    """A line that is not the last one cannot be read: the file was changed by something else."""


class EventLog:
    """A file, a line an entry. What `append` took survives the death of the process.

    With `flush="always"` it survives a power cut too, because each line is on the disk before `append` returns; with
    "never" the operating system writes when it likes, and a power cut may take the last seconds.
    """

    def __init__(self, path: Path, flush: Flush = "never") -> None:
        """Opens `path`, or makes it. A last line that was cut off by a crash was never acknowledged, and is removed.

        Raises BlockingIOError if a live process has it open, ValueError for an unknown `flush`.
        """
        if flush not in get_args(Flush):
            raise ValueError(f"flush is {flush!r}, expected one of {', '.join(get_args(Flush))}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.flush = path, flush
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _hold(self._file, path)
            os.ftruncate(self._file, _whole_lines(self._file))
        except BaseException:
            os.close(self._file)
            raise

    def append(self, entry: Entry) -> None:
        """Write one entry. If that fails, nothing of it stays. Raises OSError, as when the disk is full."""
        line = _line(entry)
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(f"{self.path}: only {written} of {len(line)} bytes could be written; is the disk full?")
            if self.flush == "always":
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def __iter__(self) -> Iterator[Entry]:
        """All entries, the oldest first. Raises LogBroken, naming the line, if one cannot be read."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield _entry(line)
                except (ValueError, UnicodeDecodeError) as error:
                    raise LogBroken(f"{self.path}, line {number}: {line!r} is no entry") from error

    def close(self) -> None:
        """Let another process open the file."""
        os.close(self._file)


class LoggedStore(MemoryStore):
    """A memory store that can be lost: each change is in the log before it is made, and a new one begins by replaying.

    What is forgotten (old boards, the ids of old events) comes back with a replay, and is forgotten again.
    """

    def __init__(self, log: EventLog, rules: Rules) -> None:
        """`rules` are those under which the events were accepted; with others, the boards come out otherwise."""
        super().__init__()
        self._log: EventLog | None = None
        self.replayed = replay(log, self, rules)
        self._log = log

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Log the event, then count it; a known event is not logged again. OSError: nothing happened."""
        with self._lock:
            if self._log is not None and not self.seen(event.event):
                self._log.append(event)
            return super().submit(event, boards, policy)

    def delete(self, player: str) -> bool:
        """Log the deletion, then take the player off every board. OSError: nothing happened."""
        with self._lock:
            if self._log is not None:
                self._log.append(player)
            return super().delete(player)

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


def replay(log: EventLog, store: Store, rules: Rules) -> int:
    """Bring all that `log` holds into `store`; how many of the events were new to it. Cost: one submit an event."""
    new = 0
    for entry in log:
        if isinstance(entry, ScoreEvent):
            new += store.submit(entry, rules.boards(entry), rules.policy)
        else:
            store.delete(entry)
    return new


def _line(entry: Entry) -> bytes:
    if isinstance(entry, ScoreEvent):
        fields = (entry.event, entry.player, str(entry.score), str(entry.time), entry.region)
        return " ".join(fields).encode() + b"\n"
    return entry.encode() + b"\n"


def _entry(line: bytes) -> Entry:
    fields = line.decode("ascii").split()
    if not line.endswith(b"\n") or len(fields) not in (1, 5):
        raise ValueError(f"{line!r} is no entry")
    if len(fields) == 1:
        return fields[0]
    event, player, score, time, region = fields
    return ScoreEvent(event, player, int(score), int(time), region)


def _whole_lines(file: int, block: int = 1 << 16) -> int:
    """The length of a file up to and with its last line end."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - block)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _hold(file: int, path: Path) -> None:
    """Lock an open file, until it is closed or the process ends."""
    try:
        import fcntl
    except ImportError:  # Windows, and browsers
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(f"{path} belongs to another process; give each shard a log of its own") from None
