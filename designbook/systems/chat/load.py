"""A load of many connections in one conversation, lean enough that the server is what is measured.

A process of its own. It reads one JSON object with the fields of `Order` from stdin, and writes one with those of
`Load`. It speaks just enough WebSocket: small frames, an all-zero mask, counting deliveries by how their text begins.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

DELIVERY = b'{"type":"delivery"'
ACK_EVERY, ACK_SECONDS = 50, 0.5  # as a device does
TEXT = "x" * 60


@dataclass(frozen=True, slots=True)
class Order:
    """Of `connections` to `address` the first sends `messages`, and each gets all of them.

    At most `outstanding` messages have not come back to the sender; `rate` messages a second, or as many as go through
    if 0. `users` say hello and acknowledge; without them every text sent is a delivery ready made, for a bare server.
    `process` is the server's id, whose CPU time is read (on Linux).
    """

    address: str
    connections: int
    messages: int
    outstanding: int = 8
    rate: float = 0.0
    users: bool = True
    acks: bool = True
    process: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """Deliveries a second, and the seconds from the sending that half and 99 of 100 deliveries stayed under.

    `cpu` are the server's CPU seconds a delivery, 0 where they cannot be read.
    """

    deliveries: int
    rate: float
    median: float
    p99: float
    cpu: float


def load(order: Order) -> Load:
    """Carry out an order in a second process. Raises RuntimeError if a connection breaks or nothing comes for 20 s."""
    text = json.dumps(asdict(order))
    done = subprocess.run([sys.executable, "-m", __name__], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load on {order.address} broke off: {done.stderr.strip().splitlines()[-1]}")
    return Load(**json.loads(done.stdout))


def cpu_seconds(process: int) -> float:
    """CPU time that a process has used so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def frame(text: str) -> bytes:
    """A text as a client's frame, masked with zeros."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + data


class Connection(asyncio.Protocol):
    """One device: shakes hands, then hands each text frame on."""

    def __init__(self, host: str, on_text: Callable[["Connection", bytes], None]) -> None:
        self._host, self._on_text = host, on_text
        self._rest = b""
        self._open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.kept = self.acked = 0
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        lines = f"GET / HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        transport.write(f"{lines}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Cut the stream into frames."""
        data = self._rest + data if self._rest else data
        at = 0
        if not self._open:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._rest = data
                return
            self._open = True
            self.opened.set_result(None)
        end = len(data)
        while at + 4 <= end:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                raise ValueError("a frame over 64 KiB is more than this load can take")
            if at + head + size > end:
                break
            self._on_text(self, data[at + head : at + head + size])
            at += head + size
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends before the end has failed."""
        if not self.closing and not self.failed.done():
            self.failed.set_exception(exc or ConnectionError("the server closed a connection"))


class _Run:
    def __init__(self, order: Order) -> None:
        self._order = order
        self._connections: list[Connection] = []
        self._sent_at: list[float] = []
        self._seconds: list[float] = []
        self._got = self._welcomes = self._created = 0
        self._at_sender = self._first = 0
        self._moved = asyncio.Event()

    async def run(self) -> Load:
        order, loop = self._order, asyncio.get_running_loop()
        host, port = urlsplit(order.address).hostname or "", urlsplit(order.address).port or 80
        for _ in range(order.connections):
            _, connection = await loop.create_connection(
                lambda: Connection(f"{host}:{port}", self._on_text), host, port
            )
            self._connections.append(connection)
            await connection.opened
        if order.users:
            await self._meet()
        acking = asyncio.create_task(self._ack_now_and_then())
        try:
            return await self._measure()
        finally:
            acking.cancel()
            for connection in self._connections:
                connection.closing = True
                connection.transport.abort()

    async def _meet(self) -> None:
        """All say hello, and the first creates the conversation of all."""
        users = [f"user{number}" for number in range(self._order.connections)]
        for user, connection in zip(users, self._connections, strict=True):
            connection.transport.write(frame(json.dumps({"type": "hello", "user": user, "device": "load", "tail": 0})))
        await self._until(lambda: self._welcomes == len(users))
        create = json.dumps({"type": "create", "conversation": self._conversation(), "members": users})
        self._connections[0].transport.write(frame(create))
        await self._until(lambda: self._created == len(users))
        self._connections[0].transport.write(frame(self._message(0)))
        wanted = len(users)
        await self._until(lambda: self._got == wanted)

    def _conversation(self) -> str:
        return f"load-{os.getpid()}"

    def _message(self, number: int) -> str:
        if self._order.users:
            return f'{{"type":"send","conversation":"{self._conversation()}","client_id":"m{number}","text":"{TEXT}"}}'
        return (
            f'{{"type":"delivery","message":{{"conversation":"{self._conversation()}","sequence":{number},'
            f'"sender":"user0","client_id":"m{number}","text":"{TEXT}","time":1790000000.123456}}}}'
        )

    async def _measure(self) -> Load:
        order, sender = self._order, self._connections[0]
        self._got = self._at_sender = 0
        self._first = int(order.users)  # one was sent to see that all are there
        began, cpu = perf_counter(), cpu_seconds(order.process)
        for number in range(order.messages):
            if order.rate:
                await asyncio.sleep(max(0.0, began + number / order.rate - perf_counter()))
            else:
                await self._until(lambda: len(self._sent_at) - self._at_sender < order.outstanding)
            self._sent_at.append(perf_counter())
            sender.transport.write(frame(self._message(number + self._first)))
        wanted = order.messages * order.connections
        await self._until(lambda: self._got >= wanted)
        took, cpu = perf_counter() - began, cpu_seconds(order.process) - cpu
        if self._got > wanted:
            raise RuntimeError(f"{self._got} deliveries where {wanted} were due")
        self._seconds.sort()
        return Load(
            wanted,
            wanted / took,
            self._seconds[len(self._seconds) // 2],
            self._seconds[len(self._seconds) * 99 // 100],
            cpu / wanted,
        )

    def _on_text(self, connection: Connection, text: bytes) -> None:
        if text.startswith(DELIVERY):
            self._got += 1
            if self._sent_at:
                number = connection.kept - self._first  # deliveries come in order
                self._seconds.append(perf_counter() - self._sent_at[number])
            connection.kept += 1
            if connection is self._connections[0]:
                self._at_sender += 1
            if connection.kept - connection.acked >= ACK_EVERY:
                self._ack(connection)
            self._moved.set()
        elif text.startswith(b'{"type":"welcome"'):
            self._welcomes += 1
            self._moved.set()
        elif text.startswith(b'{"type":"created"'):
            self._created += 1
            self._moved.set()
        elif text.startswith(b'{"type":"refused"'):
            connection.failed.set_exception(RuntimeError(text.decode()))

    def _ack(self, connection: Connection) -> None:
        if self._order.users and self._order.acks and connection.kept > connection.acked:
            connection.acked = connection.kept
            ack = f'{{"type":"ack","conversation":"{self._conversation()}","delivered":{connection.kept}}}'
            connection.transport.write(frame(ack))

    async def _ack_now_and_then(self) -> None:
        """Each device in its turn, as if they had not all begun in the same moment."""
        while True:
            for connection in list(self._connections):
                self._ack(connection)
                await asyncio.sleep(ACK_SECONDS / len(self._connections))

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            for connection in self._connections:
                if connection.failed.done():
                    connection.failed.result()
            self._moved.clear()
            if not reached():
                await asyncio.wait_for(self._moved.wait(), 20)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_Run(Order(**json.load(sys.stdin))).run()))))
