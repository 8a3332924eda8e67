"""Anything new? The answer agrees with the page that would be loaded, on all stores, for one read of a feed."""

from contextlib import ExitStack, closing
from itertools import count
from random import Random

import pytest

from designbook.engines import postgres, valkey
from designbook.systems.news_feed.anything_new import anything_new
from designbook.systems.news_feed.errors import Refused
from designbook.systems.news_feed.queues import MemoryQueue
from designbook.systems.news_feed.service import NewsFeed
from designbook.systems.news_feed.stores import open_feed_store, open_post_store
from designbook.systems.news_feed.worker import Worker
from tests.engines_here import want
from tests.unit.test_news_feed_service import ANN, BOB, CID, DAN, STEP, World


@pytest.fixture(params=["memory", "sqlite and valkey", "postgres"])
def service(request, tmp_path):
    """A service whose authors with more than two followers are merged at read, on each kind of store."""
    with ExitStack() as opened:
        posts, feeds = "memory://", "memory://"
        if request.param == "sqlite and valkey":
            want("valkey")
            posts, feeds = f"sqlite:///{tmp_path / 'posts.db'}", opened.enter_context(valkey())
        elif request.param == "postgres":
            want("postgres")
            posts = opened.enter_context(postgres())
        ids = count(STEP, 1_000 * STEP)
        stores = (
            opened.enter_context(closing(open_post_store(posts))),
            opened.enter_context(closing(open_feed_store(feeds))),
        )
        yield NewsFeed(*stores, lambda: next(ids), push_up_to=2)


def test_there_is_news_exactly_when_the_page_begins_with_a_newer_post(service):
    rng, worker, users = Random(1), Worker(MemoryQueue(), service.posts, service.feeds), (ANN, BOB, CID, DAN)
    service.posts.follow([(reader, DAN) for reader in (ANN, BOB, CID)] + [(ANN, BOB), (BOB, CID)])
    seen, answers = dict.fromkeys(users, 0), []
    for user in users:
        service.feed(user)
    for step in range(120):
        user = rng.choice(users)
        if rng.random() < 0.4:
            service.post(user, f"c{step}", "hello")
            worker.work_off()
        else:
            said = anything_new(service, user, seen[user])
            newest = service.feed(user, count=1).posts
            assert said == bool(newest and newest[0].id > seen[user]), (user, step)
            seen[user] = newest[0].id if newest else 0
            assert not anything_new(service, user, seen[user])
            answers.append(said)
    assert set(answers) == {True, False}


def test_most_answers_take_one_read_of_the_feed_and_the_others_one_of_the_lists_more():
    world = World()
    world.follow((ANN, BOB))
    world.feed(ANN)
    old, new = world.post(BOB, 2)
    world.deliver()
    for seen, asked in ((old, []), (new, ["pulled"])):
        world.posts.calls.clear()
        world.feeds.calls.clear()
        assert anything_new(world.service, ANN, seen) == (seen == old)
        assert (world.feeds.calls, world.posts.calls) == (["read"], asked)


def test_a_feed_that_is_gone_is_news_and_one_whose_app_is_open_does_not_go():
    world = World()
    world.follow((ANN, BOB))
    (post,) = world.post(BOB)
    assert anything_new(world.service, ANN, post)
    assert world.feed(ANN) == [post]
    for _ in range(3):
        world.now += 60_000
        assert not anything_new(world.service, ANN, post)
    world.now += 100_001
    assert anything_new(world.service, ANN, post)


@pytest.mark.parametrize(("reader", "seen", "field"), [(-1, 0, "reader"), (ANN, "9", "seen"), (ANN, 2**63, "seen")])
def test_what_is_no_id_is_refused_by_its_field(reader, seen, field):
    with pytest.raises(Refused, match=f"^{field}: "):
        anything_new(World().service, reader, seen)
