"""Polling, long polling and WebSockets measured: a real server, real sockets, and clients that count.

Everything runs on the loopback interface, where the network takes no time; each client waits half a `trip` before its
request leaves and half a `trip` after an answer came, as if the server were that far away.
"""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from statistics import mean, quantiles
from threading import Event, Thread
from time import monotonic
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.asyncio.server import serve as serve_websockets
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import CONNECTING
from websockets.uri import parse_uri

Transport = Literal["polling", "long polling", "websocket"]
Seconds = float


@dataclass(frozen=True, slots=True)
class Setting:
    """What the clients do, for how long, and how often somebody writes to each of them."""

    clients: int = 20
    rate: float = 0.5  # messages a second for each client, at random
    interval: Seconds = 1.0  # between two polls
    hold: Seconds = 3.0  # how long the server holds a long poll
    heartbeat: Seconds = 2.0  # between two pings on a WebSocket
    trip: Seconds = 0.05
    warm_up: Seconds = 1.0  # before anything counts: at first all requests leave at once
    seconds: Seconds = 5.0  # that count
    text: int = 100  # characters of a message

    def __post_init__(self) -> None:
        """Raises ValueError if a client could not keep to its interval."""
        if not 0 <= self.trip < self.interval:
            raise ValueError(f"trip is {self.trip} s, expected 0 or more and less than interval, {self.interval} s")


@dataclass(frozen=True, slots=True)
class Trial:
    """What all clients together saw: requests (on a WebSocket, frames) and bytes a second, and messages' delays.

    `head` are the bytes of an exchange without a message (on a WebSocket, of a ping and its pong), `message` those that
    one message adds. Bytes are those handed to TCP and taken from it, both ways.
    """

    requests: float
    bytes: float
    messages: int
    latency: Seconds
    p99: Seconds
    head: float
    message: float


async def try_transport(transport: Transport, setting: Setting | None = None, seed: int = 1) -> Trial:
    """Let clients receive messages over `transport` for a while, and count. The server runs in a thread of its own."""
    setting = setting or Setting()
    rng = Random(seed)
    plan = _plan(rng, setting)
    expected = Counter(client for _, client in plan)
    receive = {"polling": _poll, "long polling": _long_poll, "websocket": _listen}[transport]
    with _server(setting) as server:
        head, message = await _sizes(server, transport, setting)
        begin = monotonic() + 0.2 + 0.005 * setting.clients
        tally = _Tally(begin, begin + setting.warm_up, begin + setting.warm_up + setting.seconds)
        server.write(plan, tally.begin)
        clients = [
            receive(server, client, expected[client], setting, tally, rng.random()) for client in range(setting.clients)
        ]
        await asyncio.wait_for(asyncio.gather(*clients), setting.warm_up + setting.seconds + 30)
    delays = tally.delays or [0.0]
    return Trial(
        tally.requests / setting.seconds,
        tally.bytes / setting.seconds,
        len(tally.delays),
        mean(delays),
        quantiles([*delays, delays[-1]], n=100)[98],
        head,
        message,
    )


def _plan(rng: Random, setting: Setting) -> list[tuple[Seconds, int]]:
    """When somebody writes to whom: a Poisson process."""
    plan, now = list[tuple[Seconds, int]](), 0.0
    while (now := now + rng.expovariate(setting.rate * setting.clients)) < setting.warm_up + setting.seconds:
        plan.append((now, rng.randrange(setting.clients)))
    return plan


# -- the server


class _Server:
    """Mailboxes behind an HTTP route, which may hold a request, and behind WebSockets."""

    def __init__(self, setting: Setting) -> None:
        self._text = "x" * setting.text
        self._boxes = [list[dict[str, Any]]() for _ in range(setting.clients + 1)]  # the last one is for `_sizes`
        self._waiting: dict[int, asyncio.Event] = {}
        self._sockets: dict[int, ServerConnection] = {}
        self._ready, self._loop = Event(), asyncio.new_event_loop()
        self.http, self.websocket = _bound(), _bound()

    def write(self, plan: list[tuple[Seconds, int]], begin: Seconds) -> None:
        """Put messages into mailboxes at their times after `begin`."""
        asyncio.run_coroutine_threadsafe(self._write(plan, begin), self._loop)

    async def _write(self, plan: list[tuple[Seconds, int]], begin: Seconds) -> None:
        for time, client in plan:
            await asyncio.sleep(begin + time - monotonic())
            self.put(client)

    def put(self, client: int) -> None:
        """A message for `client`, at once pushed, or given to the request that waits for it."""
        box = self._boxes[client]
        box.append({"sequence": len(box) + 1, "sent": round(monotonic(), 4), "text": self._text})
        if client in self._waiting:
            self._waiting[client].set()
        if client in self._sockets:
            broadcast([self._sockets[client]], json.dumps(box[-1]))

    async def _after(self, request: Request) -> JSONResponse:
        client, sequence = int(request.path_params["client"]), int(request.path_params["sequence"])
        hold = float(request.query_params.get("hold", 0))
        if hold and len(self._boxes[client]) <= sequence:
            news = self._waiting[client] = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), hold)
        return JSONResponse(self._boxes[client][sequence:])

    async def _connected(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        client = int(connection.request.path.strip("/"))
        self._sockets[client] = connection
        for message in self._boxes[client]:
            broadcast([connection], json.dumps(message))
        await connection.wait_closed()

    def run(self) -> None:
        """Serve until `stop`; in a thread of its own."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        routes = [Route("/after/{client:int}/{sequence:int}", self._after)]
        config = uvicorn.Config(
            Starlette(routes=routes), log_level="warning", lifespan="off", access_log=False, timeout_keep_alive=60
        )
        server = uvicorn.Server(config)
        options: dict[str, Any] = {"compression": None, "ping_interval": None}
        async with serve_websockets(self._connected, sock=self.websocket, **options):
            serving = asyncio.create_task(server.serve(sockets=[self.http]))
            self._ready.set()
            await self._stop.wait()
            server.should_exit = server.force_exit = True
            await serving

    def start(self) -> None:
        """Return when both sockets are served."""
        self._thread = Thread(target=self.run, name="transport-trial", daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@contextmanager
def _server(setting: Setting) -> Iterator[_Server]:
    server = _Server(setting)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _bound() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    return listening


# -- clients


@dataclass(slots=True)
class _Tally:
    """What the clients count between `start` and `end`; they begin before."""

    begin: Seconds
    start: Seconds
    end: Seconds
    requests: int = 0
    bytes: int = 0
    delays: list[Seconds] = field(default_factory=list)

    def count(self, size: int, requests: int = 1) -> None:
        if self.start <= monotonic() < self.end:
            self.requests += requests
            self.bytes += size

    def arrived(self, messages: list[dict[str, Any]], now: Seconds) -> int:
        self.delays += [now - message["sent"] for message in messages if message["sent"] >= self.start]
        return len(messages)

    @property
    def over(self) -> bool:
        return monotonic() >= self.end


class _Http:
    """One kept-alive connection."""

    def __init__(self, server: _Server, client: int) -> None:
        self._address, self._client = server.http.getsockname(), client

    async def exchange(self, sequence: int, query: str = "") -> tuple[list[dict[str, Any]], int]:
        """The messages after `sequence`, and the bytes that request and answer took."""
        if not hasattr(self, "_reader"):
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        path = f"/after/{self._client}/{sequence}{query}"
        request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n\r\n".encode()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        return json.loads(body), len(request) + len(head) + len(body)

    def close(self) -> None:
        self._writer.close()


class _Socket:
    """One WebSocket, whose bytes can be counted: the protocol of `websockets` without its I/O."""

    def __init__(self, server: _Server, client: int) -> None:
        self._address = server.websocket.getsockname()
        self._protocol = ClientProtocol(parse_uri(f"ws://localhost/{client}"))

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        self._protocol.send_request(self._protocol.connect())
        self._send()
        while self._protocol.state is CONNECTING:
            self._protocol.receive_data(await self._reader.read(65_536))

    def ping(self) -> int:
        """Send a ping; the bytes that it took."""
        self._protocol.send_ping(b"beat")
        return self._send()

    async def frames(self) -> tuple[list[Frame], int]:
        """The next frames, and the bytes that they took."""
        data = await self._reader.read(65_536)
        if not data:
            raise ConnectionError("the server closed the WebSocket")
        self._protocol.receive_data(data)
        return [event for event in self._protocol.events_received() if isinstance(event, Frame)], len(data)

    def _send(self) -> int:
        data = b"".join(self._protocol.data_to_send())
        self._writer.write(data)
        return len(data)

    def close(self) -> None:
        self._writer.close()


async def _poll(server: _Server, client: int, expected: int, setting: Setting, tally: _Tally, phase: float) -> None:
    """Ask at every interval."""
    http, got, next_at = _Http(server, client), 0, tally.begin + phase * setting.interval
    while got < expected or not tally.over:
        await asyncio.sleep(next_at + setting.trip / 2 - monotonic())
        next_at += setting.interval
        messages, size = await http.exchange(got)
        await asyncio.sleep(setting.trip / 2)
        tally.count(size)
        got += tally.arrived(messages, monotonic())
    http.close()


async def _long_poll(
    server: _Server, client: int, expected: int, setting: Setting, tally: _Tally, phase: float
) -> None:
    """Ask again as soon as the last question is answered."""
    http, got = _Http(server, client), 0
    while got < expected or not tally.over:
        await asyncio.sleep(setting.trip / 2)
        messages, size = await http.exchange(got, f"?hold={setting.hold}")
        await asyncio.sleep(setting.trip / 2)
        tally.count(size)
        got += tally.arrived(messages, monotonic())
    http.close()


async def _listen(server: _Server, client: int, expected: int, setting: Setting, tally: _Tally, phase: float) -> None:
    """Keep a WebSocket open, and say that it is still there."""
    link, got = _Socket(server, client), 0
    await link.open()

    async def beat() -> None:
        await asyncio.sleep(tally.begin + phase * setting.heartbeat - monotonic())
        while True:
            tally.count(link.ping())
            await asyncio.sleep(setting.heartbeat)

    beating = asyncio.create_task(beat())
    while got < expected or not tally.over:
        try:
            frames, size = await asyncio.wait_for(link.frames(), 0.1)
        except TimeoutError:
            continue
        tally.count(size, len(frames))
        messages = [json.loads(bytes(frame.data)) for frame in frames if frame.opcode is Opcode.TEXT]
        got += tally.arrived(messages, monotonic() + setting.trip / 2)
    beating.cancel()
    link.close()


async def _sizes(server: _Server, transport: Transport, setting: Setting) -> tuple[float, float]:
    """What an exchange takes without a message, and what one message adds."""
    client = setting.clients
    if transport == "websocket":
        link = _Socket(server, client)
        await link.open()
        head = link.ping()
        head += (await link.frames())[1]
        server._loop.call_soon_threadsafe(server.put, client)
        message = (await link.frames())[1]
        link.close()
        return head, message
    query = f"?hold={setting.hold}" if transport == "long polling" else ""
    http = _Http(server, client)
    _, head = await http.exchange(0)
    server.put(client)
    _, with_one = await http.exchange(0, query)
    http.close()
    return head + len(query), with_one - head - len(query)
