"""The fault schedules are worth their time: take one safeguard out of a protocol and they find it out.

Three small protocols, each with switches for its safeguards. With all of them on, every schedule passes; with any one
off, some schedule fails, replays and shrinks to a few faults.
"""

from collections.abc import Callable, Iterable

import pytest

from designbook.simulation.faults import (
    ClockSkew,
    Crash,
    Delay,
    Duplication,
    Failure,
    FaultSchedule,
    Loss,
    Partition,
    Reordering,
    SlowDisk,
    hunt,
)
from designbook.simulation.network import (
    Effect,
    Event,
    Fired,
    Network,
    Received,
    Send,
    SetTimer,
    Started,
    Write,
    Written,
)

PAYMENTS = 8
STORM, CALM = 10.0, 60.0


# -- payments, at least once and counted once


class Payer:
    """Sends payments 0 to PAYMENTS - 1 to `ledger` and repeats each until it is acknowledged."""

    def __init__(self, *, retry: bool = True) -> None:
        self.retry = retry
        self.paid: set[int] = set()

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started(disk):
                self.paid = {key for key in disk if isinstance(key, int)}
                for payment in range(PAYMENTS):
                    if payment not in self.paid:
                        yield SetTimer(payment, payment + 0.0)
            case Fired(payment) if isinstance(payment, int) and payment not in self.paid:
                yield Send("ledger", payment)
                if self.retry:
                    yield SetTimer(payment, 0.5)
            case Received(_, payment) if isinstance(payment, int):
                self.paid.add(payment)
                yield Write(payment, True)


class Ledger:
    """Adds up payments; what it has acknowledged is on disk."""

    def __init__(self, *, dedup: bool = True, write_before_ack: bool = True) -> None:
        self.dedup = dedup
        self.write_before_ack = write_before_ack
        self.times: dict[int, int] = {}
        self.unsafe: dict[int, int] = {}

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started(disk):
                self.times = {
                    key: value for key, value in disk.items() if isinstance(key, int) and isinstance(value, int)
                }
            case Received(_, payment) if isinstance(payment, int):
                if self.dedup and payment in self.times:
                    if not self.unsafe.get(payment):
                        yield Send("payer", payment)
                    return
                self.times[payment] = self.times.get(payment, 0) + 1
                self.unsafe[payment] = self.unsafe.get(payment, 0) + 1
                yield Write(payment, self.times[payment])
                if not self.write_before_ack:
                    yield Send("payer", payment)
            case Written(payment) if isinstance(payment, int):
                self.unsafe[payment] -= 1
                if self.write_before_ack:
                    yield Send("payer", payment)


def payments(**without: bool) -> Callable[[int, FaultSchedule], None]:
    def scenario(seed: int, faults: FaultSchedule) -> None:
        network = Network(seed)
        network.add("payer", lambda: Payer(**{k: v for k, v in without.items() if k == "retry"}))
        network.add("ledger", lambda: Ledger(**{k: v for k, v in without.items() if k != "retry"}))
        faults.install(network)
        network.run(CALM)
        counted = network.disk("ledger")
        lost = [payment for payment in range(PAYMENTS) if payment not in counted]
        doubled = [payment for payment in range(PAYMENTS) if counted.get(payment, 1) != 1]
        assert not lost, f"lost payments {lost}"
        assert not doubled, f"payments counted more than once {doubled}"

    return scenario


# -- a stream that must arrive in order


class Writer:
    """Sends the numbers 0, 1, 2 ... each once, ten a second."""

    def __init__(self) -> None:
        self.next = 0

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        if isinstance(event, Started | Fired):
            yield Send("reader", self.next)
            self.next += 1
            yield SetTimer("next", 0.1)


class Reader:
    """Shows numbers as they come, or holds back those that overtook an earlier one."""

    def __init__(self, *, ordering: bool = True) -> None:
        self.ordering = ordering
        self.shown: list[int] = []
        self.early: set[int] = set()

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        if isinstance(event, Received) and isinstance(event.message, int):
            if not self.ordering:
                self.shown.append(event.message)
                return ()
            if event.message >= len(self.shown):
                self.early.add(event.message)
            while len(self.shown) in self.early:
                self.early.remove(len(self.shown))
                self.shown.append(len(self.shown))
        return ()


def stream(*, ordering: bool = True) -> Callable[[int, FaultSchedule], None]:
    def scenario(seed: int, faults: FaultSchedule) -> None:
        network = Network(seed)
        network.add("writer", Writer)
        network.add("reader", lambda: Reader(ordering=ordering))
        faults.install(network)
        network.run(CALM)
        reader = network.node("reader")
        assert isinstance(reader, Reader)
        assert reader.shown == list(range(len(reader.shown))), "shown out of order or twice"
        assert len(reader.shown) > 500, "stuck"

    return scenario


# -- a lease with a fencing token

LEASE = 1.0


class Landlord:
    """Grants a lease to one worker at a time, with a token that grows; it remembers both on disk."""

    def __init__(self) -> None:
        self.token, self.until = 0, 0.0
        self.waiting: dict[int, str] = {}

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started(disk):
                self.token = max((key for key in disk if isinstance(key, int)), default=0)
                self.until = now + LEASE
            case Received(worker, "lease please") if now >= self.until:
                self.token += 1
                self.until = now + LEASE
                self.waiting[self.token] = worker
                yield Write(self.token, worker)
            case Written(token) if isinstance(token, int) and token in self.waiting:
                yield Send(self.waiting.pop(token), ("granted", token))


class Worker:
    """Asks for the lease now and then; while it believes that it holds one, it writes to the store."""

    def __init__(self) -> None:
        self.token, self.until = 0, 0.0

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started():
                yield SetTimer("ask", 0.1)
            case Fired("ask"):
                yield SetTimer("ask", 0.3)
                if now >= self.until:
                    yield Send("landlord", "lease please")
            case Received("landlord", ("granted", int(token))):
                self.token, self.until = token, now + LEASE
                yield SetTimer(0, 0.4)
            case Fired(int(step)) if now < self.until:
                yield Send("store", self.token)
                if step < 4:
                    yield SetTimer(step + 1, 0.4)


class Store:
    """Accepts writes; with fencing, none whose token is lower than one that it has seen."""

    def __init__(self, *, fencing: bool = True) -> None:
        self.fencing = fencing
        self.accepted: list[int] = []

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        if isinstance(event, Received) and isinstance(event.message, int):
            token = event.message
            if not self.fencing or token >= max(self.accepted, default=0):
                self.accepted.append(token)
        return ()


def lease(*, fencing: bool = True) -> Callable[[int, FaultSchedule], None]:
    def scenario(seed: int, faults: FaultSchedule) -> None:
        network = Network(seed)
        network.add("landlord", Landlord)
        network.add("ann", Worker)
        network.add("bob", Worker)
        network.add("store", lambda: Store(fencing=fencing))
        faults.install(network)
        network.run(30)
        store = network.node("store")
        assert isinstance(store, Store)
        assert store.accepted == sorted(store.accepted), "a worker wrote after the next one had begun"
        assert len(set(store.accepted)) > 3, "stuck"

    return scenario


# -- what the schedules find


PAYMENT_NODES = ["payer", "ledger"]
STREAM_FAULTS = [Delay, Duplication, Reordering, SlowDisk]
LEASE_NODES = ["landlord", "ann", "bob"]


def hunt_payments(seeds: Iterable[int], **without: bool) -> Failure | None:
    return hunt(payments(**without), nodes=PAYMENT_NODES, duration=STORM, seeds=seeds)


def test_with_all_safeguards_payments_survive_every_schedule() -> None:
    assert hunt_payments(range(250)) is None


@pytest.mark.parametrize(
    ("safeguard", "finding"),
    [("retry", "lost payments"), ("dedup", "more than once"), ("write_before_ack", "lost payments")],
)
def test_without_one_safeguard_a_schedule_catches_the_payments(safeguard: str, finding: str) -> None:
    failure = hunt_payments(range(1000), **{safeguard: False})
    assert failure is not None
    assert finding in failure.message
    assert len(failure.schedule.faults) <= 2
    with pytest.raises(AssertionError, match=finding):
        payments(**{safeguard: False})(failure.seed, failure.schedule)


def test_with_ordering_a_stream_survives_every_schedule_that_loses_nothing() -> None:
    assert hunt(stream(), nodes=["reader"], duration=STORM, seeds=range(40), kinds=STREAM_FAULTS) is None


def test_without_ordering_a_schedule_catches_the_stream() -> None:
    scenario = stream(ordering=False)
    failure = hunt(scenario, nodes=["reader"], duration=STORM, seeds=range(40), kinds=STREAM_FAULTS)
    assert failure is not None
    assert len(failure.schedule.faults) == 1
    assert isinstance(failure.schedule.faults[0], Reordering | Duplication)


def test_with_fencing_a_lease_survives_every_schedule() -> None:
    assert hunt(lease(), nodes=LEASE_NODES, duration=STORM, seeds=range(60)) is None


def test_without_fencing_a_schedule_catches_the_lease() -> None:
    failure = hunt(lease(fencing=False), nodes=LEASE_NODES, duration=STORM, seeds=range(300))
    assert failure is not None
    assert "wrote after the next one had begun" in failure.message


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([Loss(0.9, 0, 10)], id="loss"),
        pytest.param([Partition(("ledger",), 0.5, 9)], id="partition"),
        pytest.param([Crash("ledger", 0.5, 9)], id="crash"),
    ],
)
def test_each_of_these_alone_loses_payments_that_are_sent_once(faults: list[Loss | Partition | Crash]) -> None:
    with pytest.raises(AssertionError, match="lost payments"):
        payments(retry=False)(1, FaultSchedule(tuple(faults)))
    payments()(1, FaultSchedule(tuple(faults)))


def test_a_clock_that_is_set_back_lets_two_workers_believe_that_they_hold_the_lease() -> None:
    def broken(start: float, *, fencing: bool) -> bool:
        try:
            lease(fencing=fencing)(4, FaultSchedule((ClockSkew("ann", -5.0, start, start + 3),)))
        except AssertionError:
            return True
        return False

    starts = [1 + tenth / 10 for tenth in range(25)]
    assert any(broken(start, fencing=False) for start in starts)
    assert not any(broken(start, fencing=True) for start in starts)
