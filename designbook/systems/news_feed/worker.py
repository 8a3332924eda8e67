"""Fan-out with real parts: `python -m designbook.systems.news_feed.worker --posts URL --feeds URL --queue URL`.

A worker drives the state machine of `fan_out` over a queue and stores, one call at a time; for more, run more workers.
It also relays: what the post store has in its outbox goes to the queue, as far as there is room.
"""

import argparse
import logging
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from threading import Event as Flag

from designbook.systems.news_feed.fan_out import (
    Acknowledge,
    Checkpoint,
    Effect,
    Event,
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
from designbook.systems.news_feed.queues import LEASE, JobQueue, StoreDown, open_queue
from designbook.systems.news_feed.stores import FeedStore, PostStore, open_feed_store, open_post_store

TICK = 0.05
"""Seconds between two looks at the outbox, and at an empty queue."""
RELAYED = 100
"""Jobs that go from the outbox to the queue at a time."""

logger = logging.getLogger(__name__)


def relay(posts: PostStore, queue: JobQueue) -> int:
    """Put the jobs of the outbox into the queue until there are none, or no more room; returns how many went.

    A job leaves the outbox when the queue has it: what dies in between puts it twice. Raises StoreDown.
    """
    went = 0
    while jobs := posts.outbox(RELAYED):
        taken = queue.put(jobs)
        posts.relayed([job.post for job in jobs[:taken]])
        went += taken
        if taken < len(jobs):
            break
    return went


class Worker:
    """Takes jobs from the queue and pushes their posts into feeds. `pushed` counts entries, those done again too."""

    def __init__(
        self,
        queue: JobQueue,
        posts: PostStore,
        feeds: FeedStore,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue, self._posts, self._feeds, self._clock = queue, posts, feeds, clock
        self._fan_out = FanOut(settings or Settings())
        self._events = deque[Event]()
        self._next_tick = clock()
        self.pushed = 0

    def run(self, stop: Flag) -> None:
        """Work until `stop` is set. What is in hand then comes again when its lease is up."""
        while not stop.is_set():
            if not self._advance():
                stop.wait(TICK)

    def work_off(self) -> None:
        """Work until neither outbox nor queue has a job that may be delivered now, and none is in hand."""
        while True:
            while self._advance():
                pass
            if not self._fan_out.in_hand and not self._posts.outbox(1):
                return
            time.sleep(TICK)

    def _advance(self) -> bool:
        """Handle an event; says whether there is another."""
        if not self._events or self._clock() >= self._next_tick:
            self._next_tick = self._clock() + TICK
            self._relay()
            self._events.appendleft(Tick())
        for effect in self._fan_out.handle(self._clock(), self._events.popleft()):
            try:
                answer = self._carry_out(effect)
            except StoreDown as error:
                logger.warning("%s: %s", type(effect).__name__, error)  # it is asked again, or the job comes again
            else:
                self._events.extend(answer)
        return bool(self._events)

    def _relay(self) -> None:
        try:
            relay(self._posts, self._queue)
        except StoreDown as error:
            logger.warning("relay: %s", error)

    def _carry_out(self, effect: Effect) -> tuple[Event, ...]:
        """Do it; the answer, if there is one. Raises StoreDown."""
        match effect:
            case Take(jobs):
                return (Given(tuple(self._queue.take(jobs))),)
            case ReadFollowers(number, author, after, limit):
                return (Followers(number, tuple(self._posts.followers(author, after, limit))),)
            case Push(number, post, users):
                self._feeds.push([(user, post) for user in users])
                self.pushed += len(users)
                return (Pushed(number),)
            case Checkpoint(receipt, after):
                self._queue.checkpoint(receipt, after)
            case Acknowledge(receipt):
                self._queue.acknowledge(receipt)
            case GiveBack(receipt, pause):
                self._queue.give_back(receipt, pause)
        return ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until interrupted or terminated; returns the exit code, which is 1 where nothing answers."""
    parser = argparse.ArgumentParser(prog="python -m designbook.systems.news_feed.worker", description="Fan posts out.")
    parser.add_argument("--posts", required=True, help="sqlite:///folder/file or postgresql://user@host/database")
    parser.add_argument("--feeds", required=True, help="valkey://host:port/0 or unix:///folder/valkey.sock")
    parser.add_argument("--queue", required=True, help="sqlite:///folder/file or nats://token@host:port")
    parser.add_argument(
        "--lease", type=float, default=LEASE, help=f"seconds before a silent job comes again ({LEASE:g})"
    )
    parser.add_argument("--page", type=int, default=Settings().page, help=f"followers at a time ({Settings().page})")
    given = parser.parse_args(arguments)
    stop = Flag()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    try:
        with (
            closing(open_post_store(given.posts)) as posts,
            closing(open_feed_store(given.feeds)) as feeds,
            closing(open_queue(given.queue, given.lease)) as queue,
        ):
            worker = Worker(queue, posts, feeds, Settings(page=given.page))
            print(f"listens at {given.queue}", flush=True)
            worker.run(stop)
    except (StoreDown, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
