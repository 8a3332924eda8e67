"""A bounded load: so many requests over so many connections, each sending its next one when the last is answered.

A process of its own, so that it does not share an interpreter with the server. It reads one JSON object with `address`,
`paths`, `requests` and `connections` from stdin, and writes one with what `Load` holds.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from subprocess import run
from time import perf_counter
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Load:
    """What a load met: answers a second, the seconds that half and 99 of 100 requests stayed under, and statuses."""

    rate: float
    median: float
    p99: float
    statuses: dict[str, int]


def load(address: str, paths: Sequence[str], requests: int, connections: int = 8) -> Load:
    """Send `requests` GETs to `address`, going round `paths`, from a second process; wait for all answers.

    Raises RuntimeError if a connection breaks.
    """
    order = {"address": address, "paths": list(paths), "requests": requests, "connections": connections}
    done = run([sys.executable, "-m", __name__], input=json.dumps(order), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load on {address} broke off: {done.stderr.strip().splitlines()[-1]}")
    return Load(**json.loads(done.stdout))


class _Connection(asyncio.Protocol):
    """One connection in a closed loop. It reads as little of an answer as it must: status and content length."""

    def __init__(self, messages: Iterator[bytes], seconds: list[float], statuses: dict[str, int]) -> None:
        self._messages, self._seconds, self._statuses = messages, seconds, statuses
        self._received = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        _, _, after = head.lower().partition(b"content-length:")
        if len(body) < int(after.partition(b"\r\n")[0] or 0):
            return
        self._seconds.append(perf_counter() - self._sent)
        status = head[9:12].decode()
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._received = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed a connection"))

    def _next(self) -> None:
        message = next(self._messages, None)
        if message is None:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._sent = perf_counter()
            self._transport.write(message)


async def _send(address: str, paths: Sequence[str], requests: int, connections: int) -> Load:
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 80
    messages = [f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode() for path in paths]
    turns, seconds, statuses = islice(cycle(messages), requests), list[float](), dict[str, int]()
    loop = asyncio.get_running_loop()
    began = perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(turns, seconds, statuses), host, port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in made))
    took = perf_counter() - began
    seconds.sort()
    return Load(len(seconds) / took, seconds[len(seconds) // 2], seconds[len(seconds) * 99 // 100], statuses)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_send(**json.load(sys.stdin))))))
