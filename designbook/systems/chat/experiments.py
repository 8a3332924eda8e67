"""The experiments of the chapter: each a function of its size, run small there and full size for the measurements."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from random import Random
from statistics import median

from designbook.engines import nats, sqlite
from designbook.engines.program import Program
from designbook.systems.chat.client import ChatClient
from designbook.systems.chat.device import Patience
from designbook.systems.chat.load import Load, Order, load
from designbook.systems.chat.messages import Accepted, Create, Created, ServerFrame
from designbook.systems.chat.stores import Message, open_log

BARE = """
import asyncio
from websockets.asyncio.server import broadcast, serve
connections = set()
async def handler(connection):
    connections.add(connection)
    try:
        async for message in connection:
            broadcast(connections, message)
    finally:
        connections.discard(connection)
async def main():
    async with serve(handler, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(f"The server listens at ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""


def chat_server(log_url: str, nats_url: str | None = None, *options: str) -> Program:
    """A chat server on a free port, which lets its users send as much as they like."""
    joined = ("--nats", nats_url) if nats_url else ()
    arguments = ("server", "--log", log_url, "--port", "0", "--rate", "1e9", *joined, *options)
    return Program("-m", "designbook.systems.chat", *arguments)


def bare_broadcast() -> Program:
    """Every message to every connection by `websockets.broadcast`, and nothing else: the peer of our deliveries.

    Without compression, which it would otherwise do anew for each connection.
    """
    return Program("-c", BARE)


# -- what each promise costs


@dataclass(frozen=True, slots=True)
class Cost:
    """Deliveries a second with so much of the promise kept, each the median of the rounds.

    `ratio` is to the bare broadcast, the median of the rounds' ratios, of which half lie in `low` to `high`; `cpu` are
    the server's CPU seconds a delivery, and `p99` seconds from sending to delivery, as loaded as it was.
    """

    name: str
    rate: float
    ratio: float
    low: float
    high: float
    cpu: float
    p99: float


def cost_of_promises(connections: int = 100, messages: int = 100, rounds: int = 3) -> list[Cost]:
    """A bare broadcast, and our server with one promise more each time, in the same rounds under the same load.

    All servers run at once and take turns, because other work on the machine comes and goes: neighbours in time share
    it. The first round does not count. Bounded queues are always on: they are the transports' write buffers.
    """
    with ExitStack() as stack:
        database, hints = stack.enter_context(sqlite()), stack.enter_context(nats())
        bare, memory = bare_broadcast(), chat_server("memory://")
        trusting = chat_server("memory://", None, "--resend-after", "1e9")  # it waits for no acknowledgement
        durable, joined = chat_server(database), chat_server(database, hints)
        for server in (bare, trusting, memory, durable, joined):
            stack.enter_context(server)

        def order(server: Program, *, users: bool = True, acks: bool = True) -> Order:
            return Order(server.url, connections, messages, users=users, acks=acks, process=server.process)

        orders = {
            "bare broadcast": order(bare, users=False),
            "in order": order(trusting, acks=False),
            "and acknowledged": order(memory),
            "and on disk": order(durable),
            "and to other servers": order(joined),
        }
        turns = [[load(each) for each in orders.values()] for _ in range(rounds + 1)][1:]
    return [_cost(name, [(turn[index], turn[0]) for turn in turns]) for index, name in enumerate(orders)]


def _cost(name: str, pairs: list[tuple[Load, Load]]) -> Cost:
    ratios = sorted(ours.rate / bare.rate for ours, bare in pairs)
    quarter, loads = len(ratios) // 4, [ours for ours, _ in pairs]
    rate, cpu, p99 = (median(getattr(each, field) for each in loads) for field in ("rate", "cpu", "p99"))
    return Cost(name, rate, median(ratios), ratios[quarter], ratios[-1 - quarter], cpu, p99)


def latency(connections: int = 100, messages: int = 100, rate: float = 20.0) -> Load:
    """Seconds from sending to delivery at `rate` messages a second to so many connections, every promise kept."""
    with sqlite() as database, nats() as hints, chat_server(database, hints) as ours:
        return load(Order(ours, connections, messages, rate=rate))


# -- connections that only wait

IDLE = """
import asyncio, json, sys
from designbook.systems.chat.load import Connection, frame
async def main():
    host, port = sys.argv[1].removeprefix("ws://").split(":")
    loop, kept, welcomed = asyncio.get_running_loop(), [], 0
    def on_text(connection, text):
        nonlocal welcomed
        welcomed += text.startswith(b'{"type":"welcome"')
    for number in range(int(sys.argv[2])):
        _, connection = await loop.create_connection(lambda: Connection(host, on_text), host, int(port))
        await connection.opened
        hello = {"type": "hello", "user": f"user{number}", "device": "idle"}
        connection.transport.write(frame(json.dumps(hello)))
        kept.append(connection)
    while welcomed < len(kept):
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""


def memory_of_idle_connections(connections: int = 500) -> tuple[int, int]:
    """Bytes of a server's process without and with so many idle connections, each of a user in one conversation.

    All users share no conversation but one of two each. Without NATS; Linux only.
    """
    with ExitStack() as stack:
        database = stack.enter_context(sqlite())
        log = open_log(database)
        for number in range(0, connections, 2):
            log.create(f"pair{number}", (f"user{number}", f"user{number + 1}"))
        log.close()
        server = chat_server(database)
        address = stack.enter_context(server)
        _idle(address, 10, server)  # what is loaded with the first connections is not theirs
        return server.memory, _idle(address, connections, server)


def _idle(address: str, connections: int, server: Program) -> int:
    command = [sys.executable, "-c", IDLE, address, str(connections)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{connections} idle connections could not be made")
        found = server.memory
        process.communicate("")
    return found


# -- one of two servers is killed


@dataclass(frozen=True, slots=True)
class Killed:
    """What devices saw when one of two servers was killed under traffic.

    Messages accepted before all was over, by how many devices of how many members; deliveries that were due and were
    lost; messages shown twice; devices whose order differs from the log's; seconds until every device had everything.
    """

    accepted: int
    devices: int
    lost: int
    repeated: int
    disordered: int
    reconnected: int
    seconds: float


def kill_a_server(
    log_url: str, nats_url: str, messages: int = 60, users: int = 6, *, seed: int = 1, seconds: float = 30.0
) -> Killed:
    """Two servers share a log; devices of both talk; one server is killed (`SIGKILL`) in the middle.

    Every user has a phone and a laptop, on different servers; all are in one conversation, and each device sends its
    share of the messages. Returns when every device has every message, or after `seconds`.
    """
    one, other = (chat_server(log_url, nats_url, "--repair-every", "1") for _ in range(2))
    with one, other:
        return asyncio.run(_kill(one, other, messages, users, seed, seconds))


async def _kill(one: Program, other: Program, messages: int, users: int, seed: int, seconds: float) -> Killed:
    rng, loop = Random(seed), asyncio.get_running_loop()
    names = [f"user{number}" for number in range(users)]
    urls, patience = [one.url, other.url], Patience(retry=1.0, hello=1.0)
    clients, accepted, created, connections = list[ChatClient](), set[str](), asyncio.Event(), [0]

    def report(frame: ServerFrame) -> None:
        if isinstance(frame, Accepted):
            accepted.add(frame.client_id)
        elif isinstance(frame, Created):
            created.set()

    screens: list[list[Message]] = []
    for number, user in enumerate(names):
        for index, device in enumerate(("phone", "laptop")):
            begin_at = (number + index) % 2
            client = ChatClient(user, device, urls[begin_at:] + urls[:begin_at], patience=patience, rng=rng)
            screen: list[Message] = []
            client.on_message = screen.append
            client.on_report = report
            client.on_connection = lambda url, problem: connections.__setitem__(0, connections[0] + (not problem))
            clients.append(client)
            screens.append(screen)
    running = [asyncio.create_task(client.run()) for client in clients]
    try:
        await _until(lambda: all(client.device.welcome for client in clients), seconds)
        clients[0].transmit(Create("all", tuple(names)))
        await asyncio.wait_for(created.wait(), seconds)
        clients[0].send("all", "begin")
        await _until(lambda: all(screens), seconds)
        wanted = messages + 1
        for number in range(messages):
            rng.choice(clients).send("all", f"message {number}")
            await asyncio.sleep(rng.uniform(0, 0.02))
            if number == messages // 2:
                await loop.run_in_executor(None, one.kill)
                killed_at = loop.time()
        with suppress(TimeoutError):
            await _until(lambda: len(accepted) == wanted and all(len(s) >= wanted for s in screens), seconds)
        took = loop.time() - killed_at
    finally:
        await asyncio.gather(*(client.stop() for client in clients))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    order = [message.sequence for message in max(screens, key=len)]
    return Killed(
        len(accepted),
        len(clients),
        sum(len(accepted - {message.client_id for message in screen}) for screen in screens),
        sum(len(screen) - len({message.client_id for message in screen}) for screen in screens),
        sum([message.sequence for message in screen] != sorted(order) for screen in screens),
        connections[0] - len(clients),
        took,
    )


async def _until(reached: Callable[[], object], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.02)
