"""A Chromium for the tests and for print: found, or installed by `python -m designbook.publish.chromium`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    "/usr/bin/chromium",
    "/usr/lib/chromium/chromium",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # The network is cut off: every name but this machine's own fails to resolve.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find() -> str | None:
    """The path of a Chromium: $DESIGNBOOK_BROWSER, one on the PATH, in a usual place, or Playwright's own."""
    named = os.environ.get("DESIGNBOOK_BROWSER")
    if named:
        return named if Path(named).is_file() else None
    found = next(filter(None, map(shutil.which, NAMES)), None) or next(filter(os.path.isfile, PLACES), None)
    if found:
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


def install() -> None:
    """Install Chromium: by apt as root on Debian and its kin, by Playwright elsewhere."""
    apt = shutil.which("apt-get")
    if apt and hasattr(os, "geteuid") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            if subprocess.run([apt, *step], check=False, env=quiet, stdout=subprocess.DEVNULL).returncode:
                break
        else:
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def launch(playwright: Playwright) -> Browser:
    """A headless Chromium that reaches nothing but this machine."""
    path = find()
    if path is None:
        raise RuntimeError("no Chromium: run `python -m designbook.publish.chromium`, or set DESIGNBOOK_BROWSER to one")
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS, *(["--no-sandbox"] if as_root else [])])


def main() -> int:
    """Find or install a browser, start it once, and say which it is; returns the exit code."""
    named = os.environ.get("DESIGNBOOK_BROWSER")
    if named and find() is None:
        print(f"browser: DESIGNBOOK_BROWSER is {named!r}, which is no file", file=sys.stderr)
        return 1
    if find() is None:
        print("-- no Chromium here: installing one", flush=True)
        install()
    path = find()
    if path is None:
        print(
            "browser: Chromium could not be installed: is there a network? Or set DESIGNBOOK_BROWSER", file=sys.stderr
        )
        return 1
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            print(f"-- browser: {path}, version {browser.version}", flush=True)
            browser.close()
    except Error as error:
        print(f"browser: {path} does not start: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
