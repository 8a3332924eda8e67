"""The news feed's promise: what was accepted comes to every follower, is shown once, and stays until it is deleted.

A thousand schedules of faults, each a function of its seed. They prove themselves: without any one safeguard some of
them find the promise broken.
"""

from dataclasses import replace

import pytest

from benchmarks.news_feed_experiments import NAIVE, news_feed_schedules
from designbook.simulation.faults import Crash, FaultSchedule, Loss, Partition, Restart
from designbook.systems.news_feed.posts import MAX_ENTRIES, MAX_ID, Post
from designbook.systems.news_feed.service import NewsFeed
from designbook.systems.news_feed.simulation import (
    DEVICES,
    FEEDS,
    OURS,
    POSTS,
    QUEUE,
    SERVERS,
    TEXTS,
    USERS,
    WITHOUT,
    WORKERS,
    Saw,
    VolatileFeeds,
    outcome,
    play,
    run,
    schedule,
    survey,
)
from designbook.systems.news_feed.stores import MemoryPostStore

CHUNK = 100


def broken(design, seeds):
    """The first seed at which the promise is broken, what broke, and the smallest schedule that still breaks it."""
    for seed in seeds:
        try:
            play(design, seed, schedule(seed)).check()
        except AssertionError as error:
            return seed, str(error)
    return None


@pytest.mark.parametrize("first", range(0, 1_000, CHUNK))
def test_the_promise_holds_under_every_schedule_of_faults(first):
    found = broken(OURS, range(first, first + CHUNK))
    assert found is None, f"seed {found[0]}: {found[1]}\n{schedule(found[0])!r}"


BREAKS = {
    "an outbox": (0, "lost"),
    "redelivery": (0, "lost"),
    "acknowledging last": (41, "lost"),
    "checkpoints after pushes": (362, "lost"),
    "retry of pushes": (22, "lost"),
    "deduplication": (0, "shown twice"),
    "client ids": (0, "shown twice|shown though deleted"),
    "order by id": (0, "lost"),
    "cursors by id": (0, "shown twice"),
    "own posts at read": (0, "vanished"),
    "pulling for good": (0, "lost"),
    "a filter at read": (0, "shown though deleted or left"),
    "whole feeds or none": (177, "lost"),
}
"""The first schedule that catches each, and what it finds."""


@pytest.mark.parametrize("safeguard", WITHOUT)
def test_without_a_safeguard_a_schedule_breaks_the_promise_and_ours_keeps_it(safeguard):
    seed, complaint = BREAKS[safeguard]
    with pytest.raises(AssertionError, match=complaint):
        play(WITHOUT[safeguard], seed, schedule(seed)).check()
    play(OURS, seed, schedule(seed)).check()


def test_the_same_seed_gives_the_same_run_event_for_event():
    assert run(OURS, 3, schedule(3)).digest() == run(OURS, 3, schedule(3)).digest()
    assert run(OURS, 3, schedule(3)).digest() != run(OURS, 4, schedule(4)).digest()


def test_in_fair_weather_every_text_is_accepted_and_on_every_followers_screen():
    network = run(OURS, 1, FaultSchedule())
    found = outcome(network)
    assert len(found.accepted) == len(found.drafted) == TEXTS
    found.check()
    last = {node: note for _, node, note in network.notes() if isinstance(note, Saw)}
    assert last.keys() == set(DEVICES)
    assert all(len(note.posts) >= TEXTS // 3 for note in last.values())


@pytest.mark.parametrize(
    "fault",
    [
        Crash(SERVERS[0], 0.5, 5.5),
        Crash(WORKERS[0], 0.5, 5.5),
        Crash(FEEDS, 1.0, 5.5),
        Crash(POSTS, 1.0, 5.5),
        Crash(QUEUE, 1.0, 5.5),
        Restart(DEVICES[0], 3.0),
        Loss(0.9, 0.0, 6.0),
        Partition((FEEDS, *WORKERS), 1.0, 5.5),
        Partition((QUEUE,), 1.0, 5.5),
    ],
    ids=lambda fault: f"{type(fault).__name__} {getattr(fault, 'node', '')}",
)
def test_each_of_these_alone_delays_and_loses_nothing(fault):
    found = play(OURS, 7, FaultSchedule((fault,)))
    found.check()
    assert found.accepted


def test_the_checks_see_what_they_are_there_for():
    class Blind(OURS.device):
        def _take(self, ask, result):
            if hasattr(result, "posts"):
                result = result._replace(posts=())
            yield from super()._take(ask, result)

    found = play(replace(OURS, device=Blind), 1, FaultSchedule())
    assert found.lost
    assert set(found.lost) <= found.accepted
    with pytest.raises(AssertionError, match="lost: "):
        found.check()


def test_a_survey_counts_schedules_and_posts():
    found = survey(WITHOUT["an outbox"], range(4))
    assert (found.schedules, found.keeping) == (4, False)
    assert found.losing <= 4
    assert 0 < found.lost < found.accepted <= 4 * TEXTS
    assert survey(OURS, range(4)).keeping


def test_a_naive_design_loses_posts_under_the_same_schedules():
    found = survey(NAIVE, range(30))
    assert found.losing > 0
    assert found.lost > 0


def test_the_experiment_counts_the_same_schedules_again():
    lines = []
    found = news_feed_schedules(lines.append, schedules=2, crippled=1)
    assert len(lines) == len(found["designs"]) == len(WITHOUT) + 2
    assert found["designs"]["ours"]["schedules"] == 2


# -- two races that need more than faults of the network: a server that stands still between two of its calls


class Halting:
    """A store that lets something happen before one of its calls."""

    def __init__(self, store, method, happen):
        self._store, self._method, self._happen = store, method, happen

    def __getattr__(self, name):
        if name == self._method and self._happen:
            happen, self._happen = self._happen, None
            happen()
        return getattr(self._store, name)


def world():
    posts, feeds = MemoryPostStore(), VolatileFeeds(100.0, lambda: 0.0)
    posts.follow([(USERS[1], USERS[2])])
    return posts, feeds


def arrive(posts, feeds, post):
    posts.accept(Post(post, USERS[2], f"c{post}", "hello"), 10)
    feeds.push([(USERS[1], post)])


def shown(posts, feeds):
    return [post.id for post in NewsFeed(posts, feeds, iter(()).__next__).feed(USERS[1]).posts]


class ReadsFirst(NewsFeed):
    def _rebuild(self, reader):
        newest = self.posts.newest(self.posts.followed(reader), MAX_ID, MAX_ENTRIES)
        self.feeds.fill(reader, self.feeds.begin(reader), newest)


@pytest.mark.parametrize(("service", "finds"), [(NewsFeed, [7]), (ReadsFirst, [])])
def test_what_is_pushed_while_a_feed_is_rebuilt_is_kept_since_the_feed_was_begun_first(service, finds):
    posts, feeds = world()
    halting = Halting(feeds, "fill", lambda: arrive(posts, feeds, 7))
    if service is ReadsFirst:
        halting = Halting(feeds, "begin", lambda: arrive(posts, feeds, 7))
    service(posts, halting, iter(()).__next__).feed(USERS[1])
    assert shown(posts, feeds) == finds


def test_a_rebuild_that_was_overtaken_by_the_loss_of_the_cache_does_not_fill_the_next_life_of_the_feed():
    posts, feeds = world()

    def overtake():
        arrive(posts, feeds, 7)
        feeds.drop(USERS[1])
        feeds.begin(USERS[1])

    NewsFeed(posts, Halting(feeds, "fill", overtake), iter(()).__next__).feed(USERS[1])
    assert shown(posts, feeds) == [7]
