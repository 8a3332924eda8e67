"""Serve a chat, or take part in one: `python -m designbook.systems.chat server`, `... client --as ann`."""

import argparse
import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing

from designbook.systems.chat.protocol import Settings

URL = "ws://127.0.0.1:8100"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until interrupted; the exit status is 1, after one line on stderr, if that cannot begin or go on."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # broken handshakes are the other side's affair
    try:
        asyncio.run(_serve(given) if given.role == "server" else _chat(given))
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        problem = _one_line(given, error)
        if problem is None:
            raise
        print(problem, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m designbook.systems.chat", description="A chat.")
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("server", help="hold connections; several share a log and a NATS server")
    server.add_argument(
        "--log", default="memory://", help="memory:// (default), sqlite:///chat.db, postgresql://user@host/database"
    )
    server.add_argument("--nats", help="where other servers listen, such as nats://127.0.0.1:4222; default: no others")
    server.add_argument("--host", default="127.0.0.1", help="address to listen at (default %(default)s)")
    server.add_argument("--port", type=int, default=8100, help="port; 0 takes a free one (default %(default)s)")
    server.add_argument(
        "--rate", type=float, default=Settings().rate, help="frames a second that a user may send (default %(default)s)"
    )
    server.add_argument(
        "--repair-every",
        type=float,
        default=Settings().repair_every,
        metavar="SECONDS",
        help="how soon the loss of a hint is noticed (default %(default)s)",
    )
    server.add_argument(
        "--resend-after",
        type=float,
        default=Settings().resend_after,
        metavar="SECONDS",
        help="when a delivery that is not acknowledged is sent again (default %(default)s)",
    )
    client = roles.add_parser("client", help="chat at this terminal")
    client.add_argument("--as", dest="user", required=True, metavar="NAME", help="who you are; nobody checks it")
    client.add_argument("--device", default="terminal", help="which of your devices this is (default %(default)s)")
    client.add_argument("--url", action="append", help=f"a server; may be given several times (default {URL})")
    client.add_argument("--tail", type=int, default=10, help="messages to begin with (default %(default)s)")
    return parser


async def _serve(given: argparse.Namespace) -> None:
    from designbook.systems.chat.server import ChatService, connect_hints
    from designbook.systems.chat.stores import open_log

    if given.nats and given.log.startswith("memory:"):
        raise ValueError("--log memory:// belongs to one server alone; servers joined by --nats need a shared log")
    settings = Settings(
        rate=given.rate,
        burst=max(given.rate * 5, 1),
        repair_every=given.repair_every,
        resend_after=given.resend_after,
    )
    stop = asyncio.Event()
    with _listen(given.host, given.port) as listening, closing(open_log(given.log)) as log:
        hints = await connect_hints(given.nats) if given.nats else None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            print(f"The chat listens at {_address(listening)} (log {given.log}); Ctrl-C ends it", flush=True)
            await ChatService(log, hints, settings).serve(listening, stop)
        finally:
            if hints is not None:
                await hints.close()


async def _chat(given: argparse.Namespace) -> None:
    from designbook.systems.chat.client import chat

    await chat(given.user, given.device, given.url or [URL], tail=given.tail)


def _listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address; bound here, so that a port in use is known before anything is opened."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(1024)
    except (OSError, OverflowError):
        listening.close()
        raise
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"ws://{f'[{host}]' if ':' in host else host}:{port}"


def _one_line(given: argparse.Namespace, error: Exception) -> str | None:
    """What went wrong, for whoever typed the command; None for a mistake of ours."""
    from websockets.exceptions import WebSocketException

    from designbook.systems.chat.client import Rejected
    from designbook.systems.chat.stores import LogDown

    if given.role == "server" and isinstance(error, LogDown | ConnectionError):
        return str(error).replace("\n", " ")
    if isinstance(error, Rejected | ValueError | OverflowError):
        return str(error).replace("\n", " ")
    if isinstance(error, ImportError):
        return f"A package is not installed: {error.name}"
    if given.role == "client" and isinstance(error, OSError | WebSocketException | TimeoutError):
        reason = getattr(error, "strerror", None) or error or "no answer"
        return f"No chat server answers at {(given.url or [URL])[0]}: {str(reason).splitlines()[0]}"
    if isinstance(error, OSError):
        if error.errno == errno.EADDRINUSE:
            return f"Port {given.port} is in use: end what listens there, or choose another with --port"
        return f"Cannot listen at {given.host}:{given.port}: {error.strerror or error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
