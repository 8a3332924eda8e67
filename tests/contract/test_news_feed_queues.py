"""One contract, every queue of the news feed: memory, SQLite, NATS JetStream."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from designbook.engines import nats
from designbook.systems.news_feed.errors import StoreDown
from designbook.systems.news_feed.posts import MAX_ID, Job
from designbook.systems.news_feed.queues import FROM_THE_FIRST, MemoryQueue, Taken, open_queue
from tests.engines_here import want

LEASE = 0.4
JOBS = [Job(post, post % 7) for post in range(1, 11)]


@pytest.fixture(scope="module")
def broker():
    want("nats")
    with nats(jetstream=True) as url:
        yield url


@pytest.fixture(params=["memory", "sqlite", "jetstream"])
def kind(request):
    return request.param


@pytest.fixture
def make(kind, request, tmp_path):
    """A function that opens a queue; all calls open the same one."""
    opened = []
    url = {"memory": "memory://", "sqlite": f"sqlite:///{tmp_path}/jobs.db"}.get(kind)
    if url is None:
        url = request.getfixturevalue("broker")
        wipe(url)

    def another(lease=LEASE, room=100):
        if kind == "memory" and opened:
            return opened[0]
        opened.append(open_queue(url, lease, room))
        return opened[-1]

    yield another
    for queue in opened:
        queue.close()


def wipe(url):
    queue = open_queue(url)
    queue._do(queue._stream.delete_stream("fan-out"))
    queue.close()


@pytest.fixture
def queue(make):
    return make()


def take_all(queue, wanted, seconds=5.0):
    """Take until `wanted` jobs have come."""
    taken, deadline = [], time.monotonic() + seconds
    while len(taken) < wanted and time.monotonic() < deadline:
        taken += queue.take(wanted - len(taken))
    return taken


def jobs_of(taken):
    return [each.job for each in taken]


def test_jobs_are_delivered_as_they_were_put_those_put_first_first(queue):
    assert queue.take(5) == []
    assert queue.put(JOBS) == len(JOBS)
    assert queue.put([]) == 0
    first = take_all(queue, 3)
    assert jobs_of(first) == JOBS[:3]
    assert all(each.after == FROM_THE_FIRST for each in first)
    assert jobs_of(take_all(queue, 7)) == JOBS[3:]
    assert queue.take(5) == []
    assert queue.size() == len(JOBS)


def test_the_largest_numbers_are_kept_exactly(queue):
    job = Job(MAX_ID, MAX_ID)
    queue.put([job, Job(0, 0)])
    taken = take_all(queue, 2)
    assert jobs_of(taken) == [job, Job(0, 0)]
    queue.checkpoint(taken[0].receipt, MAX_ID)


def test_an_acknowledged_job_does_not_come_again(queue):
    queue.put(JOBS[:2])
    for each in take_all(queue, 2):
        queue.acknowledge(each.receipt)
        queue.acknowledge(each.receipt)
    assert queue.size() == 0
    time.sleep(LEASE * 1.5)
    assert queue.take(5) == []


def test_a_job_of_which_nothing_is_heard_comes_again_when_its_lease_is_up_and_no_sooner(queue):
    queue.put(JOBS[:1])
    [first] = take_all(queue, 1)
    assert queue.take(1) == []
    [second] = take_all(queue, 1)
    assert second.job == first.job
    assert second.receipt != first.receipt
    queue.acknowledge(second.receipt)
    assert queue.size() == 0


def test_a_checkpoint_begins_the_lease_anew(queue):
    queue.put(JOBS[:1])
    [taken] = take_all(queue, 1)
    for page in range(6):
        time.sleep(LEASE / 3)
        queue.checkpoint(taken.receipt, page)
        assert queue.take(1) == []
    [again] = take_all(queue, 1)
    assert again.job == taken.job


def test_what_is_delivered_again_goes_on_after_the_last_checkpoint_or_begins_anew(queue, kind):
    queue.put(JOBS[:1])
    [taken] = take_all(queue, 1)
    queue.checkpoint(taken.receipt, 41)
    queue.checkpoint(taken.receipt, 77)
    [again] = take_all(queue, 1)
    assert again.after == (FROM_THE_FIRST if kind == "jetstream" else 77)


def test_a_job_that_is_given_back_comes_again_at_once_or_after_a_delay(queue):
    queue.put(JOBS[:2])
    one, other = take_all(queue, 2)
    queue.give_back(one.receipt, 0.0)
    [again] = take_all(queue, 1, LEASE / 2)
    assert again.job == one.job
    queue.give_back(other.receipt, LEASE * 1.5)
    queue.acknowledge(again.receipt)
    time.sleep(LEASE * 1.1)
    assert queue.take(1) == [], "its lease would be up, and it was to wait for longer"
    assert jobs_of(take_all(queue, 1)) == [other.job]


def test_a_worker_that_is_late_does_no_harm_and_what_it_finished_is_finished(queue):
    queue.put(JOBS[:2])
    late = {each.job: each for each in take_all(queue, 2)}
    time.sleep(LEASE * 1.1)
    present = {each.job: each for each in take_all(queue, 2)}
    assert late.keys() == present.keys()
    one, other = JOBS[:2]
    queue.checkpoint(late[one].receipt, 5)
    queue.acknowledge(late[other].receipt)
    queue.acknowledge(present[other].receipt)
    assert queue.size() == 1
    assert jobs_of(take_all(queue, 1)) == [one]


def test_a_full_queue_takes_no_more_until_a_job_is_done(make):
    queue = make(room=4)
    assert queue.put(JOBS[:3]) == 3
    assert queue.put(JOBS[3:6]) == 1
    assert queue.put(JOBS[4:6]) == 0
    taken = take_all(queue, 4)
    assert jobs_of(taken) == JOBS[:4]
    assert queue.put(JOBS[4:6]) == 0, "a job in a worker's hands takes room too"
    queue.acknowledge(taken[0].receipt)
    assert queue.put(JOBS[4:6]) == 1
    assert queue.size() == 4
    assert jobs_of(take_all(queue, 1)) == [JOBS[4]]


def test_a_job_that_is_put_again_while_it_waits_is_kept_once(make):
    queue = make(room=2)
    for _ in range(3):
        assert queue.put(JOBS[:2]) == 2
    assert queue.size() == 2
    assert jobs_of(take_all(queue, 2)) == JOBS[:2]
    assert queue.take(1) == []


def test_several_workers_share_the_jobs_and_no_two_have_the_same(make):
    queues = [make(lease=20) for _ in range(3)]
    jobs = [Job(post, 1) for post in range(100, 190)]
    assert queues[0].put(jobs) == 90

    def work(queue):
        done = []
        while taken := queue.take(4):
            for each in taken:
                done.append(each.job)
                queue.acknowledge(each.receipt)
        return done

    with ThreadPoolExecutor(3) as threads:
        shares = list(threads.map(work, queues))
    assert sorted(job for share in shares for job in share) == jobs
    assert queues[0].size() == 0


def test_jobs_and_receipts_outlive_who_put_and_took_them(kind, make):
    if kind == "memory":
        pytest.skip("memory goes with its process")
    first = make()
    first.put(JOBS[:3])
    [taken] = take_all(first, 1)
    second = make()
    second.acknowledge(taken.receipt)
    assert second.size() == 2
    assert jobs_of(take_all(second, 2)) == JOBS[1:3]


def test_jobs_outlive_a_broker_that_is_killed_also_one_in_a_workers_hands():
    want("nats")
    engine = nats(jetstream=True)
    with engine as url:
        queue = open_queue(url, LEASE)
        queue.put(JOBS[:5])
        assert len(take_all(queue, 1)) == 1
        engine.kill()
        with pytest.raises(StoreDown, match="JetStream does not answer"):
            queue.size()
        engine.restart()
        deadline = time.monotonic() + 10
        while True:
            try:
                assert queue.size() == 5
                break
            except StoreDown:
                assert time.monotonic() < deadline
        assert sorted(jobs_of(take_all(queue, 5))) == JOBS[:5]
        queue.close()


def test_time_is_that_of_the_clock_which_was_handed_in():
    now = count(0, 10)
    queue = MemoryQueue(lease=15, clock=lambda: next(now))
    queue.put(JOBS[:1])
    assert [len(queue.take(1)) for _ in range(6)] == [1, 0, 1, 0, 1, 0]
    assert queue.take(1) == [Taken((1, 4), JOBS[0], FROM_THE_FIRST)]


@pytest.mark.parametrize(
    ("url", "lease", "room", "complaint"),
    [
        ("kafka://host", 1.0, 1, "'kafka://host' is no queue"),
        ("memory://", 0.0, 1, "lease and room are 0.0 and 1"),
        ("memory://", float("nan"), 1, "lease and room are nan"),
        ("memory://", 1.0, 0, "lease and room are 1.0 and 0"),
    ],
)
def test_what_cannot_be_is_refused(url, lease, room, complaint):
    with pytest.raises(ValueError, match=complaint):
        open_queue(url, lease, room)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "nats://127.0.0.1:1"])
def test_a_queue_that_is_not_there_is_down(url):
    with pytest.raises(StoreDown):
        open_queue(url)
