"""The virtual network: repeatable, and each fault does what its name says, and no more."""

import os
import subprocess
import sys
from collections.abc import Iterable
from random import Random
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.simulation.faults import (
    FAULTS,
    ClockSkew,
    Crash,
    Delay,
    Duplication,
    Fault,
    FaultSchedule,
    FullQueue,
    Loss,
    Partition,
    Reordering,
    Restart,
    SlowDisk,
    hunt,
    random_fault,
)
from designbook.simulation.network import (
    CancelTimer,
    Condition,
    Effect,
    Event,
    Fired,
    Network,
    Note,
    Received,
    Refused,
    Send,
    SetTimer,
    Started,
    Write,
    Written,
)


class Ticker:
    """Sends 0, 1, 2 ... to `sink`, a message every 10 ms."""

    def __init__(self) -> None:
        self.next = 0

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started() | Fired("tick"):
                yield Send("sink", self.next)
                self.next += 1
                yield SetTimer("tick", 0.01)
            case Refused(to, message):
                yield Note(("refused by", to, message))


class Sink:
    """Notes what arrives, and when by its own clock."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        if isinstance(event, Received):
            self.got.append(event.message)
            yield Note((round(now, 6), event.message))


def ticking(*faults: Fault, seed: int = 1, until: float = 10.0) -> Network:
    network = Network(seed)
    network.add("sink", Sink)
    network.add("ticker", Ticker)
    FaultSchedule(faults).install(network)
    network.run(until)
    return network


def got(network: Network) -> list[int]:
    sink = network.node("sink")
    assert isinstance(sink, Sink)
    return [message for message in sink.got if isinstance(message, int)]


# -- repeatable


def test_the_same_seed_gives_the_same_trace_and_another_seed_another() -> None:
    storm = FaultSchedule.random(Random(3), ["sink", "ticker"], 10, count=12).faults
    assert ticking(*storm).digest() == ticking(*storm).digest()
    assert ticking(*storm).digest() != ticking(*storm, seed=2).digest()


def test_a_run_replays_in_another_process_with_other_string_hashes() -> None:
    program = dedent("""
        from random import Random
        from designbook.simulation.faults import FaultSchedule
        from designbook.simulation.network import *
        class Gossip:
            def handle(self, now, event):
                match event:
                    case Started() | Fired("go"):
                        yield Send("b", "hello"); yield SetTimer("go", 0.1); yield Write("k", now)
                    case Received(sender, message):
                        yield Note(message)
        network = Network(5)
        for name in "abc":
            network.add(name, Gossip)
        FaultSchedule.random(Random(5), ["a", "b", "c"], 20, count=10).install(network)
        network.run(30)
        print(network.digest())
    """)
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hashseed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hashseed in ("1", "2")
    }
    assert len(digests) == 1


def test_without_faults_everything_arrives_once_and_in_order() -> None:
    messages = got(ticking())
    assert messages == list(range(len(messages)))
    assert 990 <= len(messages) <= 1001


# -- each fault


def test_loss_loses_about_the_given_share_and_only_while_it_lasts() -> None:
    counts = [len(got(ticking(Loss(0.3, 0, 10), seed=seed))) for seed in range(10)]
    sent = 10 * 1000
    deviation = (sent * 0.3 * 0.7) ** 0.5
    assert abs(sum(counts) - sent * 0.7) < 4.5 * deviation
    after = ticking(Loss(1.0, 0, 5))
    assert min(got(after)) in (499, 500, 501)


def test_duplication_delivers_some_twice_and_loses_none() -> None:
    messages = got(ticking(Duplication(0.5, 0, 10)))
    assert len(set(messages)) >= 990
    assert 400 < len(messages) - len(set(messages)) < 600
    assert max(messages.count(n) for n in (0, 1, 2, 3)) <= 2


def test_reordering_lets_messages_overtake_and_loses_none() -> None:
    messages = got(ticking(Reordering(0.5, 0, 5)))
    assert messages != sorted(messages)
    assert sorted(messages) == list(range(len(messages)))
    late = [n for n in messages if n > 600]
    assert late == sorted(late)


def test_delay_moves_every_arrival_by_what_it_says() -> None:
    plain, delayed = ticking().notes(), ticking(Delay(0.5, 0, 11)).notes()
    assert all(
        late == pytest.approx(early + 0.5, abs=1e-9) for (early, *_), (late, *_) in zip(plain, delayed, strict=False)
    )


def test_a_partition_cuts_both_ways_and_heals() -> None:
    messages = got(ticking(Partition(("sink",), 2, 4)))
    missing = set(range(1000)) - set(messages)
    assert {250, 300, 350} <= missing
    assert not {100, 450, 900} & missing
    assert got(ticking(Partition(("ticker",), 2, 4))) == messages


def test_nodes_on_the_same_side_of_a_partition_still_talk() -> None:
    messages = got(ticking(Partition(("sink", "ticker"), 2, 4)))
    assert messages == got(ticking())


def test_a_crashed_node_loses_its_memory_and_its_timers_and_comes_back_anew() -> None:
    network = ticking(Crash("ticker", 1, 2))
    assert got(network).count(0) == 2
    assert not [time for time, *_ in network.notes() if 1.02 < time < 2]
    assert 95 <= got(network).index(0, 1) <= 101


def test_crashes_of_one_node_that_overlap_end_with_the_last() -> None:
    network = ticking(Crash("ticker", 1, 3), Crash("ticker", 2, 5), until=4)
    assert not network.is_up("ticker")
    network.run(5)
    assert network.is_up("ticker")


def test_a_crash_without_end_is_for_good_and_a_restart_is_at_once() -> None:
    assert not ticking(Crash("sink", 1, float("inf"))).is_up("sink")
    network = ticking(Restart("ticker", 5))
    assert network.is_up("ticker")
    assert got(network).count(0) == 2


def test_clock_skew_moves_what_the_node_reads_but_not_its_timers() -> None:
    skewed = ticking(ClockSkew("sink", -3.0, 2, 4))
    readings = [(time, detail[0]) for time, _, detail in skewed.notes() if isinstance(detail, tuple)]
    for time, reading in readings:
        assert reading == pytest.approx(time - 3.0 if 2 < time < 4 else time, abs=1e-5)
    assert got(ticking(ClockSkew("ticker", 100.0, 2, 4))) == got(ticking())


def test_a_full_queue_refuses_and_the_sender_hears_of_it() -> None:
    network = ticking(FullQueue("sink", 2, 4))
    refused = {detail[2] for *_, detail in network.notes() if isinstance(detail, tuple) and detail[0] == "refused by"}
    missing = set(range(990)) - set(got(network))
    assert len(missing) >= 195
    assert missing == {n for n in refused if isinstance(n, int) and n < 990}


class Diary:
    """Writes a record at the start and tells when it is safe."""

    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started(disk):
                yield Note(("found", tuple(sorted(str(key) for key in disk))))
                for key in ("a", "b", "c"):
                    yield Write(key, 1)
            case Written(key):
                yield Note(("safe", key))


def diary(*faults: Fault, seed: int = 1, disk: tuple[float, float] = (0.001, 0.002)) -> Network:
    network = Network(seed, disk=disk)
    network.add("diary", Diary)
    FaultSchedule(faults).install(network)
    network.run(60)
    return network


def test_writes_are_acknowledged_in_order_and_a_slow_disk_takes_longer() -> None:
    fast, slow = diary().notes(), diary(SlowDisk("diary", 1000, 0, 60)).notes()
    assert [detail for *_, detail in fast[1:]] == [("safe", "a"), ("safe", "b"), ("safe", "c")]
    assert [time for time, *_ in slow] == pytest.approx([1000 * time for time, *_ in fast])


@pytest.mark.parametrize("seed", range(20))
def test_a_crash_keeps_what_was_acknowledged_and_a_prefix_of_the_rest(seed: int) -> None:
    network = diary(Crash("diary", 0.0035, 1), seed=seed)
    before = [detail for time, _, detail in network.notes() if time < 1]
    safe = [detail[1] for detail in before if isinstance(detail, tuple) and detail[0] == "safe"]
    found = next(d[1] for t, _, d in network.notes() if t == 1 and isinstance(d, tuple) and d[0] == "found")
    assert list(found) == ["a", "b", "c"][: len(found)]
    assert len(found) >= len(safe)


def test_a_write_that_was_not_acknowledged_is_sometimes_kept_and_sometimes_lost() -> None:
    sizes = set()
    for seed in range(30):
        network = diary(Crash("diary", 0.0001, 1), seed=seed)
        sizes.add(next(len(d[1]) for t, _, d in network.notes() if t == 1 and isinstance(d, tuple) and d[0] == "found"))
    assert sizes == {0, 1, 2, 3}


# -- slow nodes and bounded inboxes


def test_a_slow_node_works_through_its_messages_one_by_one() -> None:
    network = Network(1)
    network.add("sink", Sink, work=0.5)
    for message in range(4):
        network.inject("sink", message)
    network.run(10)
    assert [(time, detail[1]) for time, _, detail in network.notes() if isinstance(detail, tuple)] == [
        (0.5, 0),
        (1.0, 1),
        (1.5, 2),
        (2.0, 3),
    ]


def test_a_bounded_inbox_refuses_what_does_not_fit() -> None:
    network = Network(1)
    network.add("sink", Sink, work=0.5, inbox=2)
    for message in range(5):
        network.inject("sink", message)
    network.run(10)
    assert got(network) == [0, 1]
    assert sum(record.kind == "refused" for record in network.trace) == 3


# -- timers


class Alarm:
    def handle(self, now: float, event: Event) -> Iterable[Effect]:
        match event:
            case Started():
                yield SetTimer("replaced", 1)
                yield SetTimer("replaced", 2)
                yield SetTimer("cancelled", 1)
                yield CancelTimer("cancelled")
                yield CancelTimer("never set")
            case Fired(name):
                yield Note((name, now))


def test_a_timer_can_be_replaced_and_cancelled() -> None:
    network = Network(1)
    network.add("alarm", Alarm)
    network.run(10)
    assert [detail for *_, detail in network.notes()] == [("replaced", 2.0)]


# -- mistakes are named


def test_a_mutable_message_is_a_mistake() -> None:
    class Careless:
        def handle(self, now: float, event: Event) -> Iterable[Effect]:
            yield Send("b", [1, 2])  # type: ignore[arg-type]

    network = Network(1)
    network.add("a", Careless)
    with pytest.raises(TypeError, match="unhashable"):
        network.run(1)


def test_an_error_in_a_node_says_when_where_and_with_which_seed() -> None:
    class Broken:
        def handle(self, now: float, event: Event) -> Iterable[Effect]:
            raise KeyError("oops")

    network = Network(77)
    network.add("b", Broken)
    with pytest.raises(KeyError) as caught:
        network.run(1)
    assert "node 'b'" in caught.value.__notes__[0]
    assert "seed 77" in caught.value.__notes__[0]


def test_bad_input_is_refused_by_name() -> None:
    network = ticking(until=1)
    with pytest.raises(ValueError, match="already a node called 'sink'"):
        network.add("sink", Sink)
    with pytest.raises(LookupError, match="no node is called 'nobody'; there are sink, ticker"):
        network.crash("nobody")
    with pytest.raises(ValueError, match="has passed"):
        network.at(0.5, lambda: None)
    with pytest.raises(ValueError, match="is up"):
        network.restart("sink")
    with pytest.raises(ValueError, match="delay"):
        Network(1, delay=(2, 1))
    with pytest.raises(ValueError, match=r"loss must be between 0 and 1, got 1\.5"):
        Condition(loss=1.5)


def test_two_nodes_that_chatter_without_end_are_stopped() -> None:
    class Echo:
        def handle(self, now: float, event: Event) -> Iterable[Effect]:
            if isinstance(event, Received):
                yield Send(event.sender, event.message)

    network = Network(1, delay=(0, 0))
    network.add("a", Echo)
    network.add("b", Echo)
    network.inject("a", "x", sender="b")
    with pytest.raises(RuntimeError, match="more than 500 events"):
        network.run(1, at_most=500)


# -- schedules


@given(st.integers(), st.integers(0, 12), st.lists(st.sampled_from("abcde"), min_size=1, max_size=5, unique=True))
def test_a_schedule_prints_as_the_expression_that_makes_it(seed: int, count: int, nodes: list[str]) -> None:
    schedule = FaultSchedule.random(Random(seed), nodes, 30, count=count)
    names = {kind.__name__: kind for kind in FAULTS} | {"FaultSchedule": FaultSchedule}
    assert eval(repr(schedule), names) == schedule
    assert len(schedule.faults) == count


@pytest.mark.parametrize("kind", FAULTS)
def test_every_kind_of_fault_can_be_drawn_and_installed(kind: type[Fault]) -> None:
    fault = random_fault(Random(1), ["diary" if kind is SlowDisk else "sink"], 0, 2, [kind])
    assert isinstance(fault, kind)

    def digest(*faults: Fault) -> str:
        network = Network(1)
        network.add("sink", Sink)
        network.add("ticker", Ticker)
        network.add("diary", Diary)
        FaultSchedule(faults).install(network)
        network.run(3)
        return network.digest()

    assert digest(fault) != digest()


def test_all_is_well_again_when_a_random_schedule_is_over() -> None:
    for seed in range(20):
        network = Network(seed)
        network.add("sink", Sink)
        network.add("ticker", Ticker)
        FaultSchedule.random(Random(seed), ["sink", "ticker"], 5, count=10).install(network)
        network.run(8)
        assert network.is_up("sink")
        assert network.is_up("ticker")
        before = len(got(network))
        network.run(9)
        assert 98 <= len(got(network)) - before <= 102


def test_a_schedule_with_a_mistake_leaves_no_trace_on_the_network() -> None:
    network = ticking(until=0)
    for broken in (Crash("nobody", 1, 2), Crash("sink", 3, 2), Loss(7, 1, 2)):
        with pytest.raises((LookupError, ValueError)):
            FaultSchedule((Loss(1.0, 1, 5), broken)).install(network)
    network.run(10)
    assert got(network) == got(ticking())


def test_shrinking_leaves_the_faults_that_matter_and_no_other() -> None:
    culprit, accomplice = Loss(0.5, 1, 2), Restart("b", 3)
    noise = [Delay(0.1, time, time + 1) for time in range(6)]
    schedule = FaultSchedule((*noise[:3], culprit, *noise[3:], accomplice))
    smallest = schedule.shrink(lambda s: culprit in s.faults and accomplice in s.faults)
    assert smallest == FaultSchedule((culprit, accomplice))


def test_a_hunt_returns_a_failure_that_fails_again_and_none_if_there_is_none() -> None:
    def nothing_is_lost(seed: int, faults: FaultSchedule) -> None:
        network = ticking(*faults.faults, seed=seed, until=5)
        messages = got(network)
        assert set(messages) == set(range(max(messages) + 1)), "a message is missing"

    failure = hunt(nothing_is_lost, nodes=["sink", "ticker"], duration=3, seeds=range(50), kinds=[Loss, Delay])
    assert failure is not None
    assert len(failure.schedule.faults) == 1
    assert "a message is missing" in str(failure)
    with pytest.raises(AssertionError, match="a message is missing"):
        nothing_is_lost(failure.seed, failure.schedule)
    assert hunt(nothing_is_lost, nodes=["sink", "ticker"], duration=3, seeds=range(20), kinds=[Delay]) is None
