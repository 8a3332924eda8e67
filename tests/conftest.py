"""What several rooms of the tests use: the built site, a browser without a network, the list of chapters."""

import asyncio
import contextlib
import functools
import http.server
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from playwright.sync_api import Browser, sync_playwright
from xdist.scheduler import LoadFileScheduling

from designbook.publish import chromium, execute

# A property is about results; how long one example takes depends on what else the machine does.
hypothesis.settings.register_profile("book", deadline=None)
hypothesis.settings.load_profile("book")

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = execute.notebooks(ROOT)
CHAPTERS = [path for path in NOTEBOOKS if "chapters" in path.parts]

# Begun first, in this order, and each test of theirs given to whoever is free: a chapter takes a minute. What needs no
# site alternates with what needs it, so that nobody waits while it is built.
LONGEST = ("tests/site/test_in_the_browser.py", "tests/chapters/test_outputs.py")
# Then these, whole: minutes each. What is left takes seconds, and so all end together.
LONG = (
    *("tests/site/test_panels_on_pages.py", "tests/site/test_pages.py", "tests/site/test_run_in_place.py"),
    *("tests/unit/test_publish_build.py", "tests/unit/test_publish_offline.py", "tests/test_house.py"),
)


class LongestFirst(LoadFileScheduling):
    """Gives a worker one file after another, but of the longest one test after another."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return nodeid if file in LONGEST else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst:
    config.option.loadscopereorder = False  # else the files with the most tests come first, and those are quick
    return LongestFirst(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first: which they are by file, and for the longest by turns."""
    seen = Counter[str]()

    def place(item: pytest.Item) -> tuple[int, int, int]:
        file = item.nodeid.partition("::")[0]
        seen[file] += 1
        if file in LONGEST:
            return 0, seen[file], LONGEST.index(file)
        return (1, LONG.index(file), 0) if file in LONG else (2, 0, 0)

    items.sort(key=place)


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site, made once however many processes test, of the outputs that are saved in the notebooks.

    That these are what an execution gives is held by `tests/chapters/test_outputs.py`.
    """
    with _one_at_a_time(ROOT / "_build" / "test.lock"):
        command = [sys.executable, "-m", "designbook.publish.build", "--saved"]
        done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"the book does not build:\n{done.stdout}{done.stderr}", pytrace=False)
    return ROOT / "_build" / "html"


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Hold a file that only one process can make; after 5 minutes it was left behind by a killed run."""
    path.parent.mkdir(exist_ok=True)
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > 300:
                    path.unlink()
            time.sleep(0.2)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    """The address of the built site, without a slash at its end."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test call `asyncio.run`, although the browser of an earlier one left its event loop marked as running."""
    if "browser" in request.fixturenames:
        yield
        return
    left = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(left)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium that reaches nothing but this machine."""
    with sync_playwright() as playwright:
        started = chromium.launch(playwright)
        yield started
        started.close()
