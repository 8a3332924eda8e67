"""Builds Binder's environment from `.binder/` alone, opens JupyterLab in it, and runs every chapter.

`python -m tests.binder`, from a checkout: it takes minutes, so it is no part of `make test`. It works on a copy of the
committed files in a fresh virtual environment of the Python that `.binder/runtime.txt` names (the one on the PATH, or
`python -m tests.binder /a/path/to/python3.12`), as an ordinary user (as root it becomes `nobody`), and prints what was
installed and how long each step took. JupyterLab is what Binder's own image brings; it is installed first and counted
apart.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from designbook.publish import execute

ROOT = Path(__file__).resolve().parent.parent
LAB = "jupyterlab==4.6.6"
CHAPTER = "chapters/case_studies/url_shortener.ipynb"


def main() -> int:
    """Build, open, run; returns the exit code."""
    wanted = (ROOT / ".binder" / "runtime.txt").read_text().strip().replace("-", "")
    named = sys.argv[1] if len(sys.argv) > 1 else wanted
    python = shutil.which(named)
    if python is None:
        print(f"binder: no {named} here: python -m tests.binder /where/it/is/{wanted}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        copy = home / "book"
        copy.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", str(copy)], input=archive, check=True)
        reader = Reader(home, copy)
        reader.owns(Path(folder))
        return build_and_run(reader, python)


class Reader:
    """An ordinary user with a home of their own and nothing else."""

    def __init__(self, home: Path, copy: Path) -> None:
        """`home` is where everything goes, `copy` the checkout in it."""
        self.home, self.copy = home, copy
        self.bin = home / "env" / "bin"
        self.account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

    def owns(self, folder: Path) -> None:
        """Hand a folder over."""
        if self.account:
            subprocess.run(["chown", "-R", f"{self.account.pw_uid}:{self.account.pw_gid}", str(folder)], check=True)

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Start a command as this user, in the checkout, with what it prints on one pipe."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHON"))},
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/local/bin:/usr/bin:/bin",
        }
        who = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []} if self.account else {}
        return subprocess.Popen(
            command, cwd=self.copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **who
        )

    def does(self, what: str, *command: str) -> float:
        """Run a command to its end, print its seconds, and return them; raises RuntimeError with what it printed."""
        started = time.monotonic()
        process = self.start(*command)
        said, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{what} failed:\n{said[-3000:]}")
        seconds = time.monotonic() - started
        print(f"-- {what}: {seconds:.0f} s", flush=True)
        return seconds

    def megabytes(self) -> float:
        """What the environment takes on disk."""
        files = (path for path in (self.home / "env").rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files) / 1e6


def build_and_run(reader: Reader, python: str) -> int:
    """The steps; returns 0, or 1 after a line for what failed."""
    try:
        reader.does("a virtual environment", python, "-m", "venv", str(reader.home / "env"))
        reader.does("JupyterLab, as the image has it", "pip", "install", "-q", LAB)
        before = reader.megabytes()
        reader.does(".binder/requirements.txt", "pip", "install", "-q", "-r", ".binder/requirements.txt")
        print(f"-- installed: {reader.megabytes() - before:.0f} MB beside JupyterLab's {before:.0f} MB")
        print(f"-- JupyterLab shows {CHAPTER} after {seconds_to_lab(reader):.0f} s")
        for notebook in execute.notebooks(reader.copy):
            name = notebook.relative_to(reader.copy).as_posix()
            reader.does(name, "python", "-m", "designbook.publish.execute", name)
    except RuntimeError as error:
        print(f"binder: {error}", file=sys.stderr)
        return 1
    return 0


def seconds_to_lab(reader: Reader) -> float:
    """Start JupyterLab with a chapter open and ask for its page until it comes; raises RuntimeError after a minute."""
    started = time.monotonic()
    flags = ["--no-browser", "--ip=127.0.0.1", "--port=8899", "--IdentityProvider.token="]
    process = reader.start("jupyter", "lab", *flags)
    try:
        while time.monotonic() - started < 60:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:8899/lab/tree/{CHAPTER}", timeout=5) as page:
                    if page.status == 200:
                        return time.monotonic() - started
            except OSError:
                time.sleep(0.2)
        raise RuntimeError("JupyterLab did not answer within a minute")
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    sys.exit(main())
