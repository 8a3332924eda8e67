"""The chat server on real sockets: asyncio and WebSockets around the state machine, NATS between servers.

A message is encoded once and the same bytes go to every connection, without a task or a queue for each. A connection's
bounded queue is its transport's write buffer: when that is full, the device reads too slowly and is disconnected with
code 1013; it comes back with its cursor and misses nothing.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, cast

from nats.aio.client import Client as Nats
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from designbook.systems.chat.messages import BrokenFrame, encode, from_device, from_peer
from designbook.systems.chat.protocol import (
    TOO_SLOW,
    Answered,
    Append,
    Arrived,
    Ask,
    ChatServer,
    Close,
    Closed,
    CreateIt,
    Effect,
    Event,
    Heard,
    Publish,
    Request,
    Save,
    Settings,
    Subscribe,
    Tell,
    Tick,
    Unsubscribe,
    carry_out,
)
from designbook.systems.chat.stores import MessageLog

QUEUE_BYTES = 2**20
"""What may wait for a device that reads slowly; a window of the longest messages fits."""
LARGEST_FRAME = 2**20
"""Bytes that a device may send at once."""
HINTS_WAITING = 10_000
HELLO_SECONDS = 10.0
"""For the first frame of a connection."""

logger = logging.getLogger(__name__)


class _Connection(ServerConnection):
    """A connection that says when its write buffer is full."""

    full: Callable[["_Connection"], None] | None = None

    def pause_writing(self) -> None:
        """Called by the transport when more than `QUEUE_BYTES` wait to be written."""
        super().pause_writing()
        if self.full is not None:
            self.full(self)


class ChatService:
    """One server process: connections, the log in two threads, hints to and from the other servers."""

    def __init__(self, log: MessageLog, hints: Nats | None = None, settings: Settings | None = None) -> None:
        """`hints` is a connected client made with `no_echo`; without one this server is alone."""
        self._machine = ChatServer(settings)
        self._log = log
        self._nats = hints
        self._writer, self._reader = ThreadPoolExecutor(1, "log-writer"), ThreadPoolExecutor(1, "log-reader")
        self._subscriptions: dict[str, asyncio.Task[Subscription]] = {}
        self._hints: deque[Publish] = deque(maxlen=HINTS_WAITING)  # of too many the oldest are lost, as hints may be
        self._hints_wait = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        """Serve at a bound socket until `stop` is set; then connections are closed with code 1001."""
        self._loop = asyncio.get_running_loop()
        background = [self._start(self._tick())]
        if self._nats is not None:
            background.append(self._start(self._publish_hints(self._nats)))
        options: dict[str, Any] = {
            "compression": None,  # a frame would have to be encoded for each connection
            "ping_interval": None,  # devices ping
            "max_size": LARGEST_FRAME,
            "write_limit": QUEUE_BYTES,
            "create_connection": _Connection,
        }
        try:
            async with serve_websockets(self._on_connection, sock=listening, **options):
                await stop.wait()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            self._writer.shutdown()
            self._reader.shutdown()

    # -- events in

    async def _on_connection(self, connection: ServerConnection) -> None:
        assert isinstance(connection, _Connection)
        connection.full = self._soon_full
        try:
            self._on_text(connection, await asyncio.wait_for(connection.recv(), HELLO_SECONDS))
            async for text in connection:
                self._on_text(connection, text)
        except (ConnectionClosed, TimeoutError):
            pass
        finally:
            self._handle(Closed(connection))

    def _on_text(self, connection: _Connection, text: str | bytes) -> None:
        try:
            event = Arrived(connection, from_device(text))
        except BrokenFrame as error:
            event = Arrived(connection, error)
        self._handle(event)

    def _soon_full(self, connection: _Connection) -> None:
        """We are in the middle of a write, perhaps to many: end this connection when that is done."""
        self._loop.call_soon(self._on_full, connection)

    def _on_full(self, connection: _Connection) -> None:
        if connection.protocol.state is OPEN:
            self._close(connection, TOO_SLOW, "reads too slowly; connect again and go on from your cursor")
            self._handle(Closed(connection))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self._handle(Tick())

    async def _on_hint(self, topic: str, message: Msg) -> None:
        try:
            self._handle(Heard(topic, from_peer(message.data)))
        except BrokenFrame as error:
            logger.warning("a hint on %s was not understood: %s", topic, error)

    def _handle(self, event: Event) -> None:
        for effect in self._machine.handle(time.time(), event):
            self._do(effect)

    # -- effects out

    def _do(self, effect: Effect) -> None:
        match effect:
            case Tell(connections, frame):
                write(cast("tuple[_Connection, ...]", connections), encode(frame))
            case Ask(number, request):
                self._ask(number, request)
            case Publish():
                if self._nats is not None:
                    self._hints.append(effect)
                    self._hints_wait.set()
            case Subscribe(topic):
                if self._nats is not None:
                    self._subscriptions[topic] = self._start(self._subscribe(self._nats, topic))
            case Unsubscribe(topic):
                if topic in self._subscriptions:
                    self._start(self._unsubscribe(self._subscriptions.pop(topic)))
            case Close(connection, code, reason):
                assert isinstance(connection, _Connection)
                self._close(connection, code, reason)

    def _close(self, connection: _Connection, code: int, reason: str) -> None:
        """The closing handshake takes at most 10 s; then the connection is cut, and what waits for it is forgotten."""
        connection.full = None
        self._start(connection.close(code, reason))

    def _ask(self, number: int, request: Request) -> None:
        writes = isinstance(request, Append | Save | CreateIt)
        pool = self._writer if writes else self._reader
        asked = self._loop.run_in_executor(pool, carry_out, self._log, request)
        asked.add_done_callback(partial(self._answer, number))

    def _answer(self, number: int, asked: "asyncio.Future[tuple[Any, ...]]") -> None:
        if asked.cancelled():
            return
        error = asked.exception()
        if error is not None:
            logger.warning("the log failed: %s", error)
        self._handle(Answered(number, None if error else asked.result()))

    async def _publish_hints(self, hints: Nats) -> None:
        while True:
            await self._hints_wait.wait()
            self._hints_wait.clear()
            while self._hints:
                hint = self._hints.popleft()
                try:
                    await hints.publish(f"chat.{hint.topic}", encode(hint.hint).encode())
                except Exception as error:
                    logger.warning("a hint on %s is lost: %s", hint.topic, error)

    async def _subscribe(self, hints: Nats, topic: str) -> Subscription:
        return await hints.subscribe(f"chat.{topic}", cb=partial(self._on_hint, topic))

    async def _unsubscribe(self, subscribed: "asyncio.Task[Subscription]") -> None:
        with contextlib.suppress(Exception):
            await (await subscribed).unsubscribe()

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside; kept until it ends, because the loop itself holds tasks only weakly."""
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def write(connections: Iterable[ServerConnection], text: str) -> None:
    """Write one text frame to many connections: what `websockets.broadcast` does, but for encoding it once for all.

    Frames of a server are not masked, and without compression they are the same bytes for everyone. As there, a
    connection that is not open is passed over.
    """
    frame = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
    for connection in connections:
        if connection.protocol.state is OPEN:
            connection.transport.write(frame)


async def connect_hints(url: str) -> Nats:
    """A client of the NATS server at `url`, which reconnects by itself. Raises ConnectionError if none answers."""
    client, problems = Nats(), list[str]()

    async def note(error: Exception) -> None:
        problems.append(str(error) or type(error).__name__)
        if client.is_connected or client.is_reconnecting:
            logger.warning("NATS: %s", problems[-1])

    options: dict[str, Any] = {"no_echo": True, "max_reconnect_attempts": -1, "reconnect_time_wait": 0.25}
    try:
        await asyncio.wait_for(client.connect(url, error_cb=note, **options), 3)
    except Exception as error:
        problem = problems[-1] if problems else str(error) or type(error).__name__
        raise ConnectionError(f"no NATS server answers at {url}: {problem}") from None
    return client
