"""In a browser Python has no processes, threads or servers: a cell that needs one says so, and the chapter goes on.

Pyodide runs inside one page. There an experiment on a real engine stops at its first process or thread, with a line
instead of a traceback, and what was measured elsewhere stands beside it.
"""

import contextlib
import errno
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import designbook
from designbook.engines import EngineMissing


def excuse(error: BaseException) -> str | None:
    """Why `error` is what a browser must answer to such a cell, in one line; None for an error like any other."""
    lacking = None
    if isinstance(error, EngineMissing) or "does not support processes" in str(error):
        lacking = "processes"
    elif isinstance(error, RuntimeError) and "start new thread" in str(error):
        lacking = "threads"
    elif isinstance(error, OSError) and error.errno == errno.EOPNOTSUPP:
        lacking = "servers"
    elif isinstance(error, ModuleNotFoundError) and error.name in ("valkey", "psycopg", "httpx", "h3"):
        lacking = f"use for the package {error.name}"
    elif isinstance(error, TypeError) and "int64') to dtype('int32')" in str(error):
        lacking = "places in arrays beyond 32 bits"
    return lacking and f"Left out here: a browser has no {lacking}. What was measured elsewhere stands beside it."


def settle() -> None:
    """Make a chapter at home in a browser: excuses instead of tracebacks, its drawings at hand, a clock that runs.

    Called once, when `designbook.page` is imported there.
    """
    drawings = Path(designbook.__file__).parent / "_data" / "diagrams"
    if drawings.is_dir() and not Path("diagrams").exists():
        # JupyterLite's folders take no links; there the chapters that have drawings bring them.
        with contextlib.suppress(PermissionError):
            Path("diagrams").symlink_to(drawings)
    # JupyterLite's kernel puts an empty module in the place of Pyodide's own, which can lock files.
    if not hasattr(sys.modules.get("fcntl"), "flock"):
        sys.modules.pop("fcntl", None)
    # The time of the processor stands still there; a page has one core to itself.
    stopped, time.process_time = time.process_time, time.perf_counter
    cells = vars(sys.modules["__main__"])  # a chapter's first cell has imported the clock before
    cells.update({name: time.perf_counter for name, value in cells.items() if value is stopped})
    if shell := _shell():
        shell.set_custom_exc((ModuleNotFoundError, OSError, RuntimeError, TypeError), _in_one_line)


def _in_one_line(
    shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, tb_offset: int | None = None
) -> None:
    """What IPython does with an error: the excuse, if there is one, and the traceback otherwise."""
    if said := excuse(error):
        print(said)
    else:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)


def _shell() -> Any:
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return None
    return get_ipython()
