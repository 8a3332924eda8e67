"""Named faults with a beginning and an end, and schedules of them that print, replay and shrink.

A schedule prints as the Python expression that makes it, so a failure found at night is pasted into a test in the
morning. `hunt` tries seeds until a scenario breaks, then takes faults away for as long as it still breaks.

    def scenario(seed, faults):
        network = Network(seed)
        ...
        faults.install(network)
        network.run(until=60)
        assert network.node("ledger").total == 100

    print(hunt(scenario, nodes=["client", "ledger"], duration=30, seeds=range(1000)))
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Self, assert_never

from .network import Condition, Network, Seconds


@dataclass(frozen=True, slots=True)
class Crash:
    """A node dies and comes back with only its disk; with an infinite `end` it stays away."""

    node: str
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Restart:
    """A node is killed and is back in the same instant, as in a hasty deployment."""

    node: str
    start: Seconds


@dataclass(frozen=True, slots=True)
class Delay:
    """Every message takes `extra` seconds longer."""

    extra: Seconds
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Loss:
    """Each message is lost with this probability, independently of the others."""

    probability: float
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Duplication:
    """Each message arrives a second time with this probability."""

    probability: float
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Reordering:
    """Each message is held back by up to `spread` seconds, and later ones overtake it."""

    spread: Seconds
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class Partition:
    """Nothing passes between the nodes of `side` and the rest, in either direction."""

    side: tuple[str, ...]
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """A node's clock is `offset` seconds ahead, or behind if negative."""

    node: str
    offset: Seconds
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """A node's writes take `factor` times as long."""

    node: str
    factor: float
    start: Seconds
    end: Seconds


@dataclass(frozen=True, slots=True)
class FullQueue:
    """A node's inbox is full: it refuses every message, and the sender hears of it if the answer gets through."""

    node: str
    start: Seconds
    end: Seconds


Fault = Crash | Restart | Delay | Loss | Duplication | Reordering | Partition | ClockSkew | SlowDisk | FullQueue
FAULTS: tuple[type[Fault], ...] = (
    Crash,
    Restart,
    Delay,
    Loss,
    Duplication,
    Reordering,
    Partition,
    ClockSkew,
    SlowDisk,
    FullQueue,
)


def random_fault(
    rng: Random, nodes: Sequence[str], start: Seconds, end: Seconds, kinds: Sequence[type[Fault]] = FAULTS
) -> Fault:
    """A fault of one of these kinds within those times, its other particulars drawn from `rng`."""
    kind = rng.choice(kinds)
    if kind is Restart:
        return Restart(rng.choice(nodes), start)
    if kind is Delay:
        return Delay(round(rng.uniform(0.01, 2.0), 3), start, end)
    if kind is Loss or kind is Duplication:
        return kind(round(rng.uniform(0.1, 0.9), 2), start, end)
    if kind is Reordering:
        return Reordering(round(rng.uniform(0.05, 1.0), 3), start, end)
    if kind is Partition:
        side = rng.sample(list(nodes), rng.randint(1, max(1, len(nodes) - 1)))
        return Partition(tuple(sorted(side)), start, end)
    if kind is ClockSkew:
        return ClockSkew(rng.choice(nodes), round(rng.uniform(-10, 10), 3), start, end)
    if kind is SlowDisk:
        return SlowDisk(rng.choice(nodes), float(10 ** rng.randint(1, 3)), start, end)
    if kind is Crash or kind is FullQueue:
        return kind(rng.choice(nodes), start, end)
    raise ValueError(f"{kind!r} is not a kind of fault; there are {', '.join(k.__name__ for k in FAULTS)}")


def _switches(fault: Fault, network: Network) -> tuple[Callable[[], None], Callable[[], None]]:
    """What brings the fault about, and what ends it."""
    match fault:
        case Crash(node) | Restart(node):
            return lambda: network.crash(node), lambda: network.restart(node)
        case ClockSkew(node, offset):
            return lambda: network.skew(node, offset), lambda: network.unskew(node, offset)
        case SlowDisk(node, factor):
            return lambda: network.slow_disk(node, factor), lambda: network.mend_disk(node, factor)
        case FullQueue(node):
            return lambda: network.fill(node), lambda: network.drain(node)
        case Delay(extra):
            condition = Condition(delay=extra)
        case Loss(probability):
            condition = Condition(loss=probability)
        case Duplication(probability):
            condition = Condition(duplication=probability)
        case Reordering(spread):
            condition = Condition(reordering=spread)
        case Partition(side):
            condition = Condition(cut=frozenset(side))
        case _:
            assert_never(fault)
    return lambda: network.impose(condition), lambda: network.lift(condition)


@dataclass(frozen=True, slots=True)
class FaultSchedule:
    """Faults in any order; they may overlap."""

    faults: tuple[Fault, ...] = ()

    @classmethod
    def random(
        cls,
        rng: Random,
        nodes: Sequence[str],
        duration: Seconds,
        *,
        count: int = 5,
        kinds: Sequence[type[Fault]] = FAULTS,
    ) -> Self:
        """`count` faults of these kinds, all over by `duration`, so that what must happen in the end can be awaited.

        Raises ValueError without nodes or kinds.
        """
        if not nodes or not kinds:
            raise ValueError(f"a schedule needs at least one node and one kind of fault, got {nodes} and {kinds}")
        faults = []
        for _ in range(count):
            start, end = sorted((round(rng.uniform(0, duration), 3), round(rng.uniform(0, duration), 3)))
            faults.append(random_fault(rng, nodes, start, end, kinds))
        return cls(tuple(sorted(faults, key=lambda fault: fault.start)))

    def install(self, network: Network) -> None:
        """Plan the beginning and the end of every fault on the network's clock; call it before `run`.

        Raises ValueError if a fault ends before it starts, LookupError if it names a node that does not exist.
        """
        plan: list[tuple[Seconds, Callable[[], None]]] = []
        for fault in self.faults:
            end = fault.start if isinstance(fault, Restart) else fault.end
            if not fault.start <= end:
                raise ValueError(f"{fault} ends before it starts")
            for node in fault.side if isinstance(fault, Partition) else [getattr(fault, "node", None)]:
                if node is not None:
                    network.is_up(node)
            begin, finish = _switches(fault, network)
            plan += [(fault.start, begin), (end, finish)]
        for time, action in plan:
            if time < float("inf"):
                network.at(time, action)

    def shrink(self, still_fails: Callable[["FaultSchedule"], bool]) -> "FaultSchedule":
        """A schedule that still fails, and would not without any one of its faults.

        Costs at most n·(n+1)/2 runs for n faults; without that guarantee 'the fault that matters' would be a guess.
        """
        smallest, index = self, 0
        while index < len(smallest.faults):
            without = FaultSchedule(smallest.faults[:index] + smallest.faults[index + 1 :])
            if still_fails(without):
                smallest, index = without, 0
            else:
                index += 1
        return smallest

    def __repr__(self) -> str:
        if not self.faults:
            return "FaultSchedule()"
        return "FaultSchedule((\n" + "".join(f"    {fault!r},\n" for fault in self.faults) + "))"


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed and the smallest schedule of its faults that break a scenario."""

    seed: int
    schedule: FaultSchedule
    message: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.message}\n{self.schedule!r}"


def hunt(
    scenario: Callable[[int, FaultSchedule], object],
    *,
    nodes: Sequence[str],
    duration: Seconds,
    seeds: Iterable[int],
    count: int = 5,
    kinds: Sequence[type[Fault]] = FAULTS,
) -> Failure | None:
    """The first seed at which `scenario(seed, faults)` raises AssertionError, its schedule shrunk; None if all hold.

    The schedule is a function of the seed and the arguments alone, so `scenario(failure.seed, failure.schedule)`
    fails again. Other exceptions pass through: they are mistakes of the scenario, not findings.
    """

    def complaint(seed: int, schedule: FaultSchedule) -> str | None:
        try:
            scenario(seed, schedule)
        except AssertionError as error:
            return str(error) or "assertion failed"
        return None

    for seed in seeds:
        schedule = FaultSchedule.random(Random(seed), nodes, duration, count=count, kinds=kinds)
        if complaint(seed, schedule) is not None:
            smallest = schedule.shrink(lambda less, seed=seed: complaint(seed, less) is not None)  # type: ignore[misc]
            return Failure(seed, smallest, complaint(seed, smallest) or "")
    return None
