"""Programs of ours, run like any engine: a server that says where it listens, and what a process took of memory."""

import re
import subprocess
import sys
from pathlib import Path

from designbook.engines.engine import Engine


class Program(Engine):
    """A Python server of ours for as long as a `with` block, ended like any engine even if we are killed."""

    name = "server"

    def __init__(self, *arguments: str) -> None:
        """`arguments` are those of the Python interpreter; the server must print `listens at ADDRESS`."""
        super().__init__()
        self._arguments = arguments

    @property
    def url(self) -> str:
        """The address it printed last."""
        found = re.findall(r"listens at (\w+://\S+)", (self._started() / "log").read_text())
        if not found:
            raise RuntimeError("the server has not said where it listens")
        return str(found[-1])

    @property
    def process(self) -> int:
        """The server's process id. Raises RuntimeError if it does not run."""
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    @property
    def memory(self) -> int:
        """Bytes of the process that are in memory now. Linux only."""
        return _status(self.process, "VmRSS")

    def _open(self, folder: Path) -> None:
        self._await(self._spawn(sys.executable, *self._arguments))

    def _answers(self, process_id: int) -> bool:
        log = self._started() / "log"
        return log.exists() and "listens at" in log.read_text()


def peak_memory() -> int:
    """Bytes that this process had in memory at its peak. Not on Windows."""
    if sys.platform == "linux":  # where ru_maxrss begins with what the parent had
        return _status("self", "VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory_of_script(script: str, *arguments: object) -> tuple[int, int]:
    """The two numbers that `script` prints, run in a process of its own: its memory when empty, and at its peak."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    empty, peak = done.stdout.split()
    return int(empty), int(peak)


def _status(process: int | str, field: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(rf"{field}:\s+(\d+) kB", status)[0]) * 1024
