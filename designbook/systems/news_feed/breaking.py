"""What breaks for real: a worker killed in the middle of a fan-out, a queue that lags, a cache that is lost."""

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from random import Random
from statistics import median
from threading import Event as Flag
from threading import Thread
from typing import Any

from designbook.engines.engine import Engine
from designbook.engines.program import Program
from designbook.systems.news_feed.fan_out import Settings
from designbook.systems.news_feed.posts import MAX_ENTRIES, MAX_ID, Post
from designbook.systems.news_feed.queues import open_queue
from designbook.systems.news_feed.service import NewsFeed
from designbook.systems.news_feed.stores import (
    FeedStore,
    MemoryPostStore,
    PostStore,
    open_feed_store,
    open_post_store,
)
from designbook.systems.news_feed.worker import Worker

AUTHOR = 1 << 40
READERS = 1 << 30
"""The numbers of readers begin here."""
FIRST_OF_BURST = 1_000_000


@dataclass(frozen=True, slots=True)
class Killed:
    """A worker was killed when `at_kill` of `followers` feeds had the post; another went on when the lease was up.

    In the end it was `missing` in so many feeds, `twice` in so many; the second worker pushed to `pushed` of them, so
    many of which had it were pushed to `again`. It took `seconds` from the kill to the end, of which `lease` were spent
    waiting.
    """

    followers: int
    at_kill: int
    missing: int
    twice: int
    pushed: int
    again: int
    lease: float
    seconds: float


def kill_a_worker(
    posts_url: str, feeds_url: str, queue_url: str, followers: int = 20_000, lease: float = 2.0
) -> Killed:
    """Kill a worker process in the middle of a fan-out; pages of a fortieth of all followers.

    Raises TimeoutError if the worker does not get so far, or is done before it is killed.
    """
    page = max(1, followers // 40)
    posts, feeds, queue = open_post_store(posts_url), open_feed_store(feeds_url), open_queue(queue_url, lease)
    try:
        posts.follow([(reader, AUTHOR) for reader in range(followers)])
        for reader in range(followers):
            feeds.fill(reader, feeds.begin(reader), [])
        options = ("--posts", posts_url, "--feeds", feeds_url, "--queue", queue_url, "--lease", str(lease))
        worker = Program("-m", "designbook.systems.news_feed.worker", *options, "--page", str(page))
        with worker:
            posts.accept(Post(1, AUTHOR, "one", "hello"), followers)
            _await(lambda: _has(feeds, followers // 4, 1))
            worker.kill()
            began = time.perf_counter()
        at_kill = sum(_has(feeds, reader, 1) for reader in range(followers))
        if at_kill == followers:
            raise TimeoutError(f"the fan-out to {followers} followers was over before its worker was killed")
        second = Worker(queue, posts, feeds, Settings(page=page))
        while queue.size():
            second.work_off()
            time.sleep(0.05)
        seconds = time.perf_counter() - began
        shown = [_posts(feeds, reader).count(1) for reader in range(followers)]
        again = at_kill + second.pushed - followers
        return Killed(
            followers,
            at_kill,
            shown.count(0),
            sum(each > 1 for each in shown),
            second.pushed,
            again,
            lease,
            seconds,
        )
    finally:
        for each in (posts, feeds, queue):
            each.close()


@dataclass(frozen=True, slots=True)
class Lag:
    """Posts that came in a burst, faster than a worker pushes them: how long after its post the last feed had it.

    The worker sustains `service_rate` posts a second; `burst` posts came at `burst_rate`. The longest lag was `longest`
    seconds, and `predicted` by a queue that is served steadily: burst / service_rate - burst / burst_rate. All lags, in
    the order of posts, are `lags`; at each moment of the burst the queue held `waiting` at most.
    """

    followers: int
    service_rate: float
    burst: int
    burst_rate: float
    longest: float
    predicted: float
    waiting: int
    lags: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """What was measured to what was predicted."""
        return self.longest / self.predicted


class _Watched:
    """Feeds that note when the last follower's feed was pushed to."""

    def __init__(self, feeds: FeedStore, last: int) -> None:
        self._feeds, self._last = feeds, last
        self.pushed: dict[int, float] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._feeds, name)

    def push(self, entries: Sequence[tuple[int, int]]) -> None:
        """As `FeedStore`."""
        self._feeds.push(entries)
        if entries[-1][0] == self._last:
            self.pushed[entries[-1][1]] = time.perf_counter()


def queue_lag(feeds_url: str, queue_url: str, followers: int = 2_000, seconds: float = 10.0) -> Lag:
    """Post for so many seconds twice as fast as one worker pushes, and see how far it falls behind.

    The worker's rate is taken from as many posts before, without a burst. Raises TimeoutError if it never catches up.
    """
    posts = MemoryPostStore()
    posts.follow([(reader, AUTHOR) for reader in range(followers)])
    with closing(open_feed_store(feeds_url)) as feeds, closing(open_queue(queue_url)) as queue:
        for reader in range(followers):
            feeds.fill(reader, feeds.begin(reader), [])
        watched = _Watched(feeds, followers - 1)
        worker = Worker(queue, posts, watched)
        rate = _service_rate(worker, posts, followers)
        burst = max(2, round(2 * rate * seconds))
        stop = Flag()
        thread = Thread(target=worker.run, args=(stop,))
        thread.start()
        try:
            began, accepted, waiting = time.perf_counter(), list[float](), 0
            for number in range(burst):
                time.sleep(max(0.0, began + number * seconds / burst - time.perf_counter()))
                accepted.append(time.perf_counter())
                posts.accept(Post(FIRST_OF_BURST + number, AUTHOR, f"burst {number}", "hello"), followers)
                if number % 50 == 0:
                    waiting = max(waiting, queue.size())
            burst_rate = burst / (time.perf_counter() - began)
            _await(lambda: FIRST_OF_BURST + burst - 1 in watched.pushed, 60 + 10 * seconds)
            _await(lambda: len(watched.pushed) >= burst)
        finally:
            stop.set()
            thread.join()
    lags = [watched.pushed[FIRST_OF_BURST + number] - at for number, at in enumerate(accepted)]
    predicted = burst / rate - burst / burst_rate
    return Lag(followers, rate, burst, burst_rate, max(lags), predicted, waiting, tuple(lags))


def _service_rate(worker: Worker, posts: PostStore, followers: int, trial: int = 200) -> float:
    """Posts a second that the worker pushes when there are always some: the second of two trials."""
    for first in (1, trial + 1):
        for number in range(first, first + trial):
            posts.accept(Post(number, AUTHOR, f"trial {number}", "hello"), followers)
        began = time.perf_counter()
        worker.work_off()
    return trial / (time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Lost:
    """A cache of `users` feeds was killed, and all users came back.

    A page took `warm` seconds before (the median), the first one after the loss `rebuilt`; all of them one after the
    other `seconds`. `different` users saw another page than before.
    """

    users: int
    followees: int
    entries: int
    warm: float
    rebuilt: float
    seconds: float
    different: int


def lose_the_cache(engine: Engine, posts_url: str, users: int = 500, followees: int = 50, each: int = 16) -> Lost:
    """Kill a cache without persistence, start it again empty, and let every user look; `each` posts by an author."""
    with closing(open_post_store(posts_url)) as posts:
        authors, rng = 4 * followees, Random(1)
        chosen = [rng.sample(range(authors), followees) for _ in range(users)]
        posts.follow([(READERS + user, author) for user, theirs in enumerate(chosen) for author in theirs])
        for number in range(authors * each):
            posts.accept(Post(number + 1, number % authors, f"post {number}", "hello"), users)
        posts.relayed([job.post for job in posts.outbox(authors * each)])
        with closing(open_feed_store(engine.url)) as feeds:
            service = NewsFeed(posts, feeds, itertools.count(1).__next__)
            _look(service, users)
            before, warm = _look(service, users)
        engine.kill()
        engine.restart()
        with closing(open_feed_store(engine.url)) as feeds:
            after, cold = _look(NewsFeed(posts, feeds, itertools.count(1).__next__), users)
        different = sum(one != other for one, other in zip(before, after, strict=True))
        entries = min(MAX_ENTRIES, followees * each)
        return Lost(users, followees, entries, median(warm), median(cold), sum(cold), different)


def _look(service: NewsFeed, users: int) -> tuple[list[list[int]], list[float]]:
    """The first page of each user, and how long each took."""
    pages, seconds = list[list[int]](), list[float]()
    for user in range(users):
        began = time.perf_counter()
        pages.append([post.id for post in service.feed(READERS + user).posts])
        seconds.append(time.perf_counter() - began)
    return pages, seconds


def _posts(feeds: FeedStore, user: int) -> list[int]:
    entries = feeds.read(user, MAX_ID, MAX_ENTRIES)
    return [] if entries is None else entries.posts


def _has(feeds: FeedStore, user: int, post: int) -> bool:
    return post in _posts(feeds, user)


def _await(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.perf_counter() + seconds
    while not happened():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"what was awaited did not happen within {seconds:g} seconds")
        time.sleep(0.001)
