"""Fan-out as one state machine without I/O: an event goes in, effects come out. Simulator and workers drive this class.

A job is a post that has to reach its author's followers. They are read a page at a time, and their feeds are pushed to;
the next page is read when that is done, and the job is acknowledged when all is. So whatever dies in between, the queue
delivers the job again, from the last checkpoint at the latest; a push that is done twice is done once.

Each job in hand waits for one answer at a time, and there are at most `Settings.jobs`: feeds that take pushes slowly
slow the reading of pages, the taking of jobs, and so the queue. That is the back pressure.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from designbook.systems.news_feed.queues.port import Taken

Seconds = float


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker does at a time, and what it waits for."""

    jobs: int = 8  # in hand
    page: int = 1_000  # followers read and pushed to at a time
    timeout: Seconds = 2.0  # for an answer; then it is asked again
    tries: int = 5  # of one request; then the job is given back
    pause: Seconds = 1.0  # before a job that was given back is delivered again


# -- what a worker asks for


@dataclass(frozen=True, slots=True)
class Take:
    """Ask the queue for up to so many jobs. Answered by `Given`."""

    jobs: int


@dataclass(frozen=True, slots=True)
class ReadFollowers:
    """Ask the post store for followers with ids above `after`. Answered by `Followers`."""

    number: int
    author: int
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Push:
    """Put a post into these users' feeds. Answered by `Pushed`."""

    number: int
    post: int
    users: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Tell the queue how far a job is. No answer is awaited."""

    receipt: Hashable
    after: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Tell the queue that a job is done. No answer is awaited: if it is lost, the job is done again."""

    receipt: Hashable


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Tell the queue to deliver a job again after `pause` seconds. No answer is awaited."""

    receipt: Hashable
    pause: Seconds


Effect = Take | ReadFollowers | Push | Checkpoint | Acknowledge | GiveBack


# -- what a worker hears


@dataclass(frozen=True, slots=True)
class Given:
    """Jobs from the queue, perhaps none."""

    jobs: tuple[Taken, ...]


@dataclass(frozen=True, slots=True)
class Followers:
    """The answer to a `ReadFollowers` of this number: ids, ascending."""

    number: int
    users: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """The answer to a `Push` of this number: the feeds have the post."""

    number: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed. Several times within a timeout."""


Event = Given | Followers | Pushed | Tick


@dataclass(slots=True)
class _Work:
    """A job in hand, and the one request whose answer it waits for."""

    taken: Taken
    request: ReadFollowers | Push
    asked_at: Seconds
    tries: int = 1


class FanOut:
    """A worker: it takes jobs and pushes their posts, page by page, into the feeds of the followers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._in_hand: dict[Hashable, _Work] = {}  # by receipt
        self._number = 0
        self._taking_since: Seconds | None = None
        self._found_none = False  # the queue had no job; it is asked again at the next tick

    @property
    def in_hand(self) -> int:
        """How many jobs are being worked on."""
        return len(self._in_hand)

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """What to do about `event`. An answer that nobody waits for any more is ignored."""
        match event:
            case Given(jobs):
                self._taking_since, self._found_none = None, not jobs
                for taken in jobs:
                    yield from self._begin(now, taken)
            case Followers(number, users):
                if work := self._waiting_for(number):
                    yield from self._push(now, work.taken, users)
            case Pushed(number):
                if work := self._waiting_for(number):
                    yield from self._go_on(now, work)
            case Tick():
                self._found_none = False
                yield from self._ask_again(now)
        yield from self._take(now)

    def _take(self, now: Seconds) -> Iterator[Effect]:
        room = self._settings.jobs - len(self._in_hand)
        waiting = self._taking_since is not None and now - self._taking_since < self._settings.timeout
        if room > 0 and not waiting and not self._found_none:
            self._taking_since = now
            yield Take(room)

    def _begin(self, now: Seconds, taken: Taken) -> Iterator[Effect]:
        if taken.receipt in self._in_hand:
            return
        if len(self._in_hand) < self._settings.jobs:
            yield self._read(now, taken, taken.after)
        else:
            yield GiveBack(taken.receipt, 0.0)

    def _push(self, now: Seconds, taken: Taken, users: tuple[int, ...]) -> Iterator[Effect]:
        if users:
            yield self._ask(now, taken, Push(self._next_number(), taken.job.post, users))
        else:
            yield self._finish(taken)

    def _go_on(self, now: Seconds, work: _Work) -> Iterator[Effect]:
        assert isinstance(work.request, Push)
        users = work.request.users
        if len(users) < self._settings.page:
            yield self._finish(work.taken)
        else:
            yield Checkpoint(work.taken.receipt, users[-1])
            yield self._read(now, work.taken, users[-1])

    def _finish(self, taken: Taken) -> Effect:
        del self._in_hand[taken.receipt]
        return Acknowledge(taken.receipt)

    def _read(self, now: Seconds, taken: Taken, after: int) -> Effect:
        return self._ask(now, taken, ReadFollowers(self._next_number(), taken.job.author, after, self._settings.page))

    def _ask(self, now: Seconds, taken: Taken, request: ReadFollowers | Push) -> Effect:
        self._in_hand[taken.receipt] = _Work(taken, request, now)
        return request

    def _ask_again(self, now: Seconds) -> Iterator[Effect]:
        """The same once more where an answer is overdue: all requests may be carried out twice."""
        overdue = [work for work in self._in_hand.values() if now - work.asked_at >= self._settings.timeout]
        for work in overdue:
            if work.tries < self._settings.tries:
                work.asked_at, work.tries = now, work.tries + 1
                yield work.request
            else:
                del self._in_hand[work.taken.receipt]
                yield GiveBack(work.taken.receipt, self._settings.pause)

    def _waiting_for(self, number: int) -> _Work | None:
        return next((work for work in self._in_hand.values() if work.request.number == number), None)

    def _next_number(self) -> int:
        self._number += 1
        return self._number
