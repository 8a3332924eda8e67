"""Real engines run on Linux and macOS; elsewhere what needs one is skipped, and the rest is tested.

What the contracts of stores share: an engine for a file of tests, a process that is killed, and a server that is gone.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from designbook.engines import Engine, available


def want(engine: str) -> None:
    """Skip the test unless the engine of that name can run here."""
    if not available(engine):
        pytest.skip(f"{engine} cannot run here")


def address(kind: str, engines: Mapping[str, Callable[[], Engine]]) -> Iterator[str]:
    """For a fixture: the address of a kind of store, whose engine runs until the fixture ends; memory needs none."""
    if kind == "memory":
        yield "memory://"
        return
    want(kind)
    with engines[kind]() as url:
        yield url


def until_down(read: Callable[[], object], down: type[Exception], seconds: float = 10) -> None:
    """Return when ten reads in a row have failed: PostgreSQL's backends outlive a killed server for a moment."""
    failed, deadline = 0, time.monotonic() + seconds
    while failed < 10 and time.monotonic() < deadline:
        try:
            read()
            failed = 0
        except down:
            failed += 1


class Child:
    """A process that runs a script with these arguments, and prints a line for each answer that it gets."""

    def __init__(self, script: str, *arguments: object) -> None:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @property
    def returncode(self) -> int | None:
        """What it ended with."""
        return self._process.returncode

    def lines(self, count: int) -> list[str]:
        """The next `count` lines."""
        assert self._process.stdout is not None
        return [self._process.stdout.readline() for _ in range(count)]

    def go(self) -> None:
        """Send the line that it waits for."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()

    def rest(self, seconds: float = 60) -> list[str]:
        """All further lines, when it has ended; one that was cut off by its death does not count."""
        printed = self._process.communicate(timeout=seconds)[0]
        return [line for line in printed.splitlines(keepends=True) if line.endswith("\n")]
