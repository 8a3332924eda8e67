"""The chat's promise: what was accepted reaches every member's every device, once on its screen, in one order.

A thousand schedules of faults, each a function of its seed. They prove themselves: without any one safeguard some of
them find the promise broken.
"""

import re
from dataclasses import asdict, replace

import pytest

from benchmarks.chat import chat_schedules, naive
from designbook.data import measurement
from designbook.simulation.faults import Crash, FaultSchedule, Loss, Partition, Restart, hunt
from designbook.systems.chat.simulation import (
    DEVICES,
    LOG,
    NODES,
    OURS,
    SERVERS,
    STORM,
    TEXTS,
    WITHOUT,
    Sent,
    Shown,
    outcome,
    play,
    run,
    scenario,
    schedule,
    survey,
)

MEASURED, CHUNK = 1_000, 100

NAIVE = naive()


def test_the_promise_held_under_the_schedules_that_were_measured():
    """Fresh, so by this very code: the thousand need not be played again with each run of the tests."""
    stored = measurement("chat_schedules").results
    ours = stored["designs"]["ours"]
    assert stored["schedules"] == ours["schedules"] == MEASURED
    assert not any(ours[broken] for broken in ("losing", "repeating", "disordering", "sticking", "lost"))
    assert ours["sent"] > MEASURED


@pytest.mark.parametrize("first", range(MEASURED, MEASURED + 2 * CHUNK, CHUNK))
def test_the_promise_holds_under_every_schedule_of_faults(first):
    failure = hunt(scenario(), nodes=NODES, duration=STORM, seeds=range(first, first + CHUNK))
    assert failure is None, str(failure)


BREAKS = {
    "client ids": "shown twice",
    "deduplication on the device": "shown twice",
    "ordering on the device": "lost|in different orders",
    "retry of drafts": "never sent",
    "retry of deliveries": "lost",
    "anti-entropy": "lost",
    "log before accept": "lost",
}


@pytest.mark.parametrize("safeguard", WITHOUT)
def test_without_a_safeguard_a_schedule_breaks_the_promise_and_replays(safeguard):
    failure = hunt(scenario(WITHOUT[safeguard]), nodes=NODES, duration=STORM, seeds=range(1_000))
    assert failure is not None
    assert re.search(BREAKS[safeguard], failure.message)
    with pytest.raises(AssertionError, match=re.escape(failure.message)):
        scenario(WITHOUT[safeguard])(failure.seed, failure.schedule)
    scenario()(failure.seed, failure.schedule)


def test_without_ordering_members_see_different_orders():
    assert survey(WITHOUT["ordering on the device"], range(60)).disordering > 0


def test_a_naive_design_loses_repeats_and_disorders_under_the_same_schedules():
    naive, ours = survey(NAIVE, range(40)), survey(OURS, range(40))
    assert naive.losing > 20
    assert naive.lost > naive.sent / 4
    assert naive.repeating > 0
    assert naive.disordering > 0
    assert ours.keeping
    assert ours.lost == 0
    assert ours.schedules == naive.schedules == 40


def test_the_same_seed_gives_the_same_run_event_for_event():
    assert run(OURS, 3, schedule(3)).digest() == run(OURS, 3, schedule(3)).digest()
    assert run(OURS, 3, schedule(3)).digest() != run(OURS, 4, schedule(3)).digest()


def test_in_fair_weather_every_text_is_sent_and_on_every_members_screens():
    network = run(OURS, 1, FaultSchedule())
    found = outcome(network)
    assert len(found.sent) == len(found.drafted) == TEXTS
    found.check()
    shown = [detail for _, _, detail in network.notes() if isinstance(detail, Shown)]
    group = sum(text.startswith("group") for text in found.sent)
    assert len(shown) == 4 * group + 3 * (TEXTS - group)  # ann has two devices; cyd is not in the pair


def test_a_sent_text_is_on_the_logs_disk_before_its_device_hears_of_it():
    network = run(OURS, 5, FaultSchedule((Crash(LOG, 2.0, 6.0),)))
    sent_at = {detail.text: time for time, _, detail in network.notes() if isinstance(detail, Sent)}
    assert sent_at
    assert not [text for text, time in sent_at.items() if 2.2 < time < 6.0]
    outcome(network).check()


@pytest.mark.parametrize(
    "fault",
    [
        Crash(SERVERS[0], 1.0, 9.5),
        Restart(SERVERS[1], 5.0),
        Crash(DEVICES[0], 1.0, 9.5),
        Crash(LOG, 1.0, 9.5),
        Loss(0.9, 0.0, 10.0),
        Partition(("east", *DEVICES[:2]), 1.0, 9.5),
        Partition((LOG,), 1.0, 9.5),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_each_of_these_alone_delays_and_loses_nothing(fault):
    found = play(OURS, 7, FaultSchedule((fault,)))
    found.check()
    assert found.sent


def test_the_checks_see_what_they_are_there_for():
    """A design that shows nothing loses everything: the count is of texts, not of deliveries."""

    class Mute(NAIVE.device):
        def handle(self, now, event):
            return [
                effect for effect in super().handle(now, event) if not isinstance(getattr(effect, "what", 0), Shown)
            ]

    found = play(replace(NAIVE, device=Mute), 1, FaultSchedule())
    assert set(found.lost) == found.sent
    assert len(found.lost) == TEXTS
    with pytest.raises(AssertionError, match="lost: "):
        found.check()


def test_the_experiment_counts_the_same_schedules_for_every_design_and_its_points_come_out_the_same_again():
    lines = []
    found = chat_schedules(lines.append, schedules=3)
    assert len(lines) == len(found["designs"]) == len(WITHOUT) + 2
    assert all(each["schedules"] == 3 for each in found["designs"].values())
    assert found["designs"]["naive"] == asdict(survey(NAIVE, range(3)))
