"""The fan-out worker: each follower's feed gets the post, whatever is late, lost or dead, and nothing piles up."""

import threading
import time
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from designbook.systems.news_feed.errors import StoreDown
from designbook.systems.news_feed.fan_out import (
    Acknowledge,
    Checkpoint,
    FanOut,
    Followers,
    GiveBack,
    Given,
    Push,
    Pushed,
    ReadFollowers,
    Settings,
    Take,
    Tick,
)
from designbook.systems.news_feed.posts import Job, Post
from designbook.systems.news_feed.queues import MemoryQueue, Taken
from designbook.systems.news_feed.stores import MemoryFeedStore, MemoryPostStore
from designbook.systems.news_feed.worker import RELAYED, Worker, relay

PAGE = Settings(jobs=2, page=3, timeout=2.0, tries=3, pause=1.0)


def job(post, author=7, after=-1):
    return Taken(("receipt", post), Job(post, author), after)


def hear(machine, event, now=0.0):
    return list(machine.handle(now, event))


# -- the machine by itself


def test_a_job_goes_page_by_page_and_is_acknowledged_when_the_last_push_is_answered():
    machine = FanOut(PAGE)
    assert hear(machine, Tick()) == [Take(2)]
    assert hear(machine, Given((job(5),))) == [ReadFollowers(1, 7, -1, 3), Take(1)]
    assert hear(machine, Followers(1, (10, 11, 12))) == [Push(2, 5, (10, 11, 12))]
    assert hear(machine, Pushed(2)) == [Checkpoint(("receipt", 5), 12), ReadFollowers(3, 7, 12, 3)]
    assert hear(machine, Followers(3, (20,))) == [Push(4, 5, (20,))]
    assert hear(machine, Pushed(4)) == [Acknowledge(("receipt", 5))]
    assert machine.in_hand == 0


def test_a_job_without_followers_or_with_whole_pages_ends_at_an_empty_page():
    machine = FanOut(PAGE)
    hear(machine, Given((job(5), job(6))))
    assert hear(machine, Followers(1, ()))[0] == Acknowledge(("receipt", 5))
    hear(machine, Followers(2, (1, 2, 3)))
    number = hear(machine, Pushed(3))[1].number
    assert hear(machine, Followers(number, ()))[0] == Acknowledge(("receipt", 6))


def test_a_job_that_comes_again_goes_on_after_its_checkpoint():
    assert hear(FanOut(PAGE), Given((job(5, after=12),)))[0] == ReadFollowers(1, 7, 12, 3)


def test_no_more_jobs_are_taken_than_there_is_room_for_and_what_is_too_much_is_given_back():
    machine = FanOut(PAGE)
    first = hear(machine, Given((job(1), job(2), job(3))))
    assert [type(effect) for effect in first] == [ReadFollowers, ReadFollowers, GiveBack]
    assert machine.in_hand == 2
    assert hear(machine, Tick()) == []
    hear(machine, Followers(1, ()))
    assert machine.in_hand == 1


def test_a_job_that_is_in_hand_already_is_not_begun_twice():
    machine = FanOut(PAGE)
    hear(machine, Given((job(1),)))
    assert not [effect for effect in hear(machine, Given((job(1),))) if isinstance(effect, ReadFollowers)]
    assert machine.in_hand == 1


def test_the_queue_is_asked_once_at_a_time_and_an_empty_one_again_at_the_next_tick():
    machine = FanOut(PAGE)
    assert hear(machine, Tick(), 0.0) == [Take(2)]
    assert hear(machine, Tick(), 1.0) == []
    assert hear(machine, Given(()), 1.1) == []
    assert hear(machine, Tick(), 1.2) == [Take(2)]
    assert hear(machine, Tick(), 3.2) == [Take(2)], "the answer was lost"


def test_a_request_is_made_again_after_the_timeout_and_any_of_its_answers_will_do():
    machine = FanOut(PAGE)
    asked = hear(machine, Given((job(5),)), 0.0)[0]
    assert asked not in hear(machine, Tick(), 1.9)
    assert asked in hear(machine, Tick(), 2.0)
    pushed = hear(machine, Followers(asked.number, (10,)), 2.1)[0]
    assert hear(machine, Followers(asked.number, (10,)), 2.2) == [], "the second answer comes too late"
    assert pushed in hear(machine, Tick(), 4.2)
    assert hear(machine, Pushed(pushed.number), 4.3)[0] == Acknowledge(("receipt", 5))
    assert hear(machine, Pushed(pushed.number), 4.4) == []


def test_a_job_whose_request_is_never_answered_is_given_back_after_so_many_tries():
    machine = FanOut(PAGE)
    asked = hear(machine, Given((job(5),)), 0.0)[0]
    heard = [hear(machine, Tick(), float(now)) for now in range(2, 8)]
    assert sum(asked in effects for effects in heard) == PAGE.tries - 1
    assert GiveBack(("receipt", 5), 1.0) in heard[-2]
    assert machine.in_hand == 0


def test_each_request_of_a_job_has_its_own_tries():
    machine = FanOut(PAGE)
    hear(machine, Given((job(5),)), 0.0)
    hear(machine, Tick(), 2.0)
    hear(machine, Tick(), 4.0)
    hear(machine, Followers(1, (10,)), 5.0)
    assert not [effect for effect in hear(machine, Tick(), 7.0) if isinstance(effect, GiveBack)]


@given(
    st.lists(st.integers(0, 60), unique=True).map(sorted),
    st.integers(1, 7),
    st.lists(st.sampled_from(["answer", "lose", "twice", "late", "die"]), max_size=60),
)
def test_every_follower_is_pushed_to_before_the_job_is_acknowledged_whatever_happens(followers, page, fortunes):
    """A worker, a queue and two stores that answer, keep silent, answer twice or too late, or a worker that dies."""
    settings = Settings(jobs=1, page=page, timeout=1.0, tries=3)
    now, machine, queue = 0.0, FanOut(settings), MemoryQueue(lease=30.0, clock=lambda: now)
    queue.put([Job(5, 7)])
    has, late, luck = set(), [], iter(fortunes)
    todo = [Tick()]
    while queue.size():
        now += 1.0
        assert now < 3_000
        if not todo:
            todo = [Tick(), *late]
            late = []
        for effect in list(machine.handle(now, todo.pop(0))):
            answer = None
            match effect:
                case Take(jobs):
                    answer = Given(tuple(queue.take(jobs)))
                case ReadFollowers(number, 7, after, limit):
                    answer = Followers(number, tuple([user for user in followers if user > after][:limit]))
                case Push(number, 5, users):
                    has |= set(users)
                    answer = Pushed(number)
                case Checkpoint(receipt, after):
                    assert has >= {user for user in followers if user <= after}
                    queue.checkpoint(receipt, after)
                case Acknowledge(receipt):
                    assert has == set(followers)
                    queue.acknowledge(receipt)
                case GiveBack(receipt, pause):
                    queue.give_back(receipt, pause)
            fortune = next(luck, "answer")
            if fortune == "die":
                machine, todo, late = FanOut(settings), [], []
                break
            if answer is not None and fortune != "lose":
                todo += [answer] if fortune != "late" else []
                late += [answer] if fortune in ("late", "twice") else []
    assert has == set(followers)


# -- with real parts


class Flaky:
    """A store of which every so manieth call fails."""

    def __init__(self, store, every):
        self._store, self._every, self._calls = store, every, count(1)

    def __getattr__(self, name):
        call = getattr(self._store, name)

        def tried(*arguments):
            if next(self._calls) % self._every == 0:
                raise StoreDown("it does not answer")
            return call(*arguments)

        return tried


def world(followers=25):
    posts, feeds, queue = MemoryPostStore(), MemoryFeedStore(), MemoryQueue(lease=1.0)
    posts.follow([(reader, 1_000) for reader in range(followers)])
    for reader in range(followers):
        feeds.fill(reader, feeds.begin(reader), [])
    return posts, feeds, queue


def write(posts, *ids):
    for post in ids:
        posts.accept(Post(post, 1_000, f"c{post}", "hello"), 1_000)


def test_a_worker_brings_what_is_in_the_outbox_into_every_feed_that_is_there():
    posts, feeds, queue = world()
    feeds.drop(3)
    write(posts, 5, 6)
    worker = Worker(queue, posts, feeds, Settings(page=10))
    worker.work_off()
    assert feeds.read(3, 99, 5) is None
    assert all(feeds.read(reader, 99, 5).posts == [6, 5] for reader in range(25) if reader != 3)
    assert posts.outbox(5) == []
    assert queue.size() == 0
    assert worker.pushed == 2 * 25
    write(posts, 7)
    worker.work_off()
    assert feeds.read(0, 99, 5).posts == [7, 6, 5]


def test_what_the_queue_has_no_room_for_waits_in_the_outbox_until_there_is():
    posts, feeds, _ = world()
    queue = MemoryQueue(lease=1.0, room=2)
    write(posts, 1, 2, 3, 4, 5)
    assert relay(posts, queue) == 2
    assert relay(posts, queue) == 0
    assert [job.post for job in posts.outbox(9)] == [3, 4, 5]
    Worker(queue, posts, feeds).work_off()
    assert feeds.read(0, 99, 9).posts == [5, 4, 3, 2, 1]


def test_a_relay_empties_a_long_outbox_and_one_that_dies_before_it_says_so_does_it_twice_without_harm():
    posts, feeds, queue = world(3)
    write(posts, *range(1, RELAYED * 2 + 2))
    queue.put(posts.outbox(10))
    assert relay(posts, queue) == RELAYED * 2 + 1
    assert posts.outbox(1) == []
    Worker(queue, posts, feeds).work_off()
    assert feeds.read(0, 999, 900).posts == list(range(RELAYED * 2 + 1, 0, -1))


def test_stores_and_a_queue_that_fail_now_and_then_lose_nothing(caplog):
    posts, feeds, queue = world()
    write(posts, *range(1, 21))
    worker = Worker(Flaky(queue, 3), Flaky(posts, 4), Flaky(feeds, 2), Settings(page=10, timeout=0.02, tries=100))
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    for _ in range(400):
        if queue.size() == 0 and not posts.outbox(1):
            break
        stop.wait(0.05)
    stop.set()
    thread.join()
    assert [feeds.read(reader, 99, 50).posts for reader in range(25)] == [list(range(20, 0, -1))] * 25
    assert "it does not answer" in caplog.text


def test_a_job_that_a_dead_worker_had_in_hand_is_done_when_its_lease_is_up():
    posts, feeds, queue = world()
    write(posts, 5)
    relay(posts, queue)
    [taken] = queue.take(1)
    queue.checkpoint(taken.receipt, 9)
    feeds.push([(reader, 5) for reader in range(10)])
    worker = Worker(queue, posts, feeds)
    worker.work_off()
    assert worker.pushed == 0, "another may still be at it"
    time.sleep(1.05)
    worker.work_off()
    assert worker.pushed == 15, "it went on after the checkpoint"
    assert all(feeds.read(reader, 99, 9).posts == [5] for reader in range(25))
