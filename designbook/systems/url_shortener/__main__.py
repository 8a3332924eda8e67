"""Serve the URL shortener: `python -m designbook.systems.url_shortener --store sqlite:///links.db --port 8000`."""

import argparse
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette

from designbook.systems.url_shortener.app import Settings, create_app
from designbook.systems.url_shortener.cache import LinkCache
from designbook.systems.url_shortener.clicks import ClickLog
from designbook.systems.url_shortener.ids import NextCode, counter_codes, random_codes, range_codes, snowflake_codes
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import Store, StoreDown, open_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status is 1, after one line on stderr, if that cannot begin."""
    given = _parser().parse_args(arguments)
    with ExitStack() as stack:
        try:
            listening = stack.enter_context(_listen(given.host, given.port))
            store = stack.enter_context(closing(open_store(given.store)))
            clicks = stack.enter_context(closing(ClickLog(_clicks_folder(given, stack))))
        except (OSError, OverflowError, ValueError, ImportError) as error:
            print(_one_line(given, error), file=sys.stderr)
            return 1
        address = given.base_url or _address(listening)
        cache = LinkCache(store.get, seconds=given.cache_seconds)
        codes = _codes(given.codes, store, given.worker)
        service = Shortener(store, codes, cache=cache, own_hosts=_own_hosts(address))
        settings = Settings(given.base_url, given.redirect, given.rate, given.rate * 5)
        print(f"The shortener listens at {address} (store {given.store}); Ctrl-C ends it", flush=True)
        serve(create_app(service, clicks, settings), listening)
    return 0


def serve(app: Starlette, listening: socket.socket | None = None) -> None:
    """Serve `app` at a socket, by default at a free port that is printed, until interrupted or terminated."""
    if listening is None:
        listening = _listen("127.0.0.1", 0)
        print(f"A server listens at {_address(listening)}", flush=True)
    # Were X-Forwarded-For believed, anyone could name any address there and escape the rate limit.
    config = uvicorn.Config(app, access_log=False, log_level="warning", proxy_headers=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that whoever called us can close what is open
    with listening, suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m designbook.systems.url_shortener", description="A URL shortener.")
    parser.add_argument(
        "--store", default="memory://", help="memory:// (default), sqlite:///links.db, valkey://, postgresql://"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port to listen at; 0 takes a free one (default %(default)s)"
    )
    parser.add_argument("--base-url", help="the public address, such as https://sho.example, if it is another")
    parser.add_argument(
        "--redirect", type=int, choices=(301, 302, 307), default=302, help="status of a redirect (default 302)"
    )
    parser.add_argument(
        "--codes", choices=("ranges", "counter", "snowflake", "random"), default="ranges", help="id scheme"
    )
    parser.add_argument("--worker", type=int, default=0, help="number of this server, for --codes snowflake")
    parser.add_argument("--clicks", help="folder for clicks not counted yet, one for each server process")
    parser.add_argument(
        "--cache-seconds",
        type=float,
        default=60,
        help="how stale another server's deletion may be here (default %(default)s)",
    )
    parser.add_argument("--rate", type=float, default=10, help="links a client may make a second (default %(default)s)")
    return parser


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address; bound here, so that a port in use is known before anything is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()  # binding alone does not tell: another may be bound and not listening yet
    except (OSError, OverflowError):  # the latter: no such port
        listening.close()
        raise
    return listening


def _codes(scheme: str, store: Store, worker: int) -> NextCode:
    """The id scheme by its name; the key that shuffles ids comes from SHORTENER_KEY, else each start has its own.

    Another key may give a code that is in use. The store notices, and the next code is taken.
    """
    key = os.environ.get("SHORTENER_KEY", "").encode()[:64] or secrets.token_bytes(16)
    if scheme == "counter":
        return counter_codes(store, key)
    if scheme == "snowflake":
        return snowflake_codes(worker, key)
    return random_codes() if scheme == "random" else range_codes(store, key)


def _clicks_folder(given: argparse.Namespace, stack: ExitStack) -> Path:
    if given.clicks:
        return Path(given.clicks)
    if given.store.startswith("sqlite:///"):
        return Path(given.store.removeprefix("sqlite:///") + "-clicks")
    if given.store.startswith("memory:"):
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="designbook-clicks-")))
    return Path("shortener-clicks")


def _own_hosts(address: str) -> set[str]:
    """The names under which a link would lead back to us."""
    parts = urlsplit(address)
    if parts.port is None:
        return {parts.hostname or ""}
    own = {f"{parts.hostname}:{parts.port}"}
    return own | {f"localhost:{parts.port}"} if parts.hostname in ("127.0.0.1", "::1", "0.0.0.0", "::") else own


def _one_line(given: argparse.Namespace, error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, StoreDown | BlockingIOError):
        import errno

        if error.errno == errno.EADDRINUSE:
            return f"Port {given.port} is in use: end what listens there, or choose another with --port"
        return f"Cannot listen at {given.host}:{given.port}: {error.strerror or error}"
    if isinstance(error, ImportError):
        return f"The store {given.store} needs a package that is not installed: {error.name}"
    return str(error).replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
