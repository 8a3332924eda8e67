"""The promise under faults: users, servers, workers, a queue, a cache and a database on the simulated network.

What was accepted comes to every follower, is shown once on each way down the feed, and stays until it is deleted; its
author sees it at once. `play` runs one schedule of faults, `survey` many; a `Design` says which parts run, so that a
naive design, or ours with one safeguard taken out, meets the same schedules.

The service, the relay, the stores and the fan-out worker are the real ones. The service is written as a program that
waits for each answer of a store. Here nothing may wait, so whenever an answer has come, the call is begun anew and
given all answers so far: that comes to the same, since the service keeps nothing between its calls of the stores.
"""

from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random
from typing import Any, NamedTuple

from designbook.blocks.snowflake import Snowflake
from designbook.simulation.faults import FaultSchedule
from designbook.simulation.network import (
    Effect,
    Event,
    Fired,
    Network,
    Node,
    Note,
    Received,
    Send,
    SetTimer,
    Started,
    Write,
    Written,
)
from designbook.systems.news_feed import fan_out
from designbook.systems.news_feed.posts import MAX_ID, Job, Post
from designbook.systems.news_feed.queues import MemoryQueue, Taken
from designbook.systems.news_feed.service import NewsFeed, Page
from designbook.systems.news_feed.stores import Entries, IdTaken, MemoryFeedStore, MemoryPostStore
from designbook.systems.news_feed.worker import relay

Seconds = float

FOLLOWED: Mapping[int, tuple[int, ...]] = {0: (1, 2), 1: (0, 2), 2: (0, 1), 3: (0, 1), 8: (0,)}
"""Whom each user follows. User 0 has four followers, one too many to push to, and 2 is to leave; 8 never looks."""
PUSH_UP_TO = 3
USERS = (0, 1, 2, 3)
DEVICES = tuple(f"user {user}" for user in USERS)
SERVERS = ("east", "west")
WORKERS = ("worker 1", "worker 2")
POSTS, FEEDS, QUEUE = "posts", "feeds", "queue"
NODES = (*DEVICES, *SERVERS, *WORKERS, POSTS, FEEDS, QUEUE)
TARGETS = (*NODES, *WORKERS, FEEDS, FEEDS)
"""The nodes that faults strike; workers and the cache more often."""
FAULTS = 7

STORM = 6.0
"""Seconds during which there are faults, and users write."""
QUIET_LOOK = 10.0
"""When all users but one look, so that their feeds are there at their last look; user 3's is idle by then."""
LAST_LOOK = 21.0
"""When everybody goes down their feed once more. A queue's clock may have been 10 seconds ahead in the storm."""
END = 24.0
TEXTS = 10
PAGE = 3
"""Posts that a user sees at a time."""
LEASE, ROOM, IDLE = 2.5, 4, 12.0
SETTINGS = fan_out.Settings(jobs=1, page=1, timeout=1.0, tries=2, pause=0.3)
TICK = 1.0
DELAY = 0.01, 0.08
"""Seconds that a message takes: long, so that much happens between the steps of a call."""
PATIENCE = 2.0
"""Seconds after which a server gives a call up, and a user asks the next server; then twice as many, and again."""
LONGEST = 4.0


class Ask(NamedTuple):
    """A user wants something of the service; `number` is the user's own, for the answer."""

    number: Hashable
    what: str
    arguments: tuple[Hashable, ...]


class Call(NamedTuple):
    """A call of a store. The answer carries `life` and `tag` back, so that a restarted caller knows its own."""

    life: Seconds
    tag: Hashable
    method: str
    arguments: tuple[Hashable, ...]


class Answer(NamedTuple):
    """What a call, or a request, gave."""

    life: Seconds
    tag: Hashable
    result: Any


# -- what a user does, and what the notes say


@dataclass(frozen=True, slots=True)
class Say:
    """The user writes a post; no two texts are the same."""

    text: str


@dataclass(frozen=True, slots=True)
class Erase:
    """The user deletes their post with this text, if it was accepted by now."""

    text: str


@dataclass(frozen=True, slots=True)
class Follow:
    """The user follows another."""

    author: int


@dataclass(frozen=True, slots=True)
class Leave:
    """The user follows another no more."""

    author: int


@dataclass(frozen=True, slots=True)
class Look:
    """The user goes down the whole feed, page by page."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """The device has the text on disk, and will not rest until it is accepted."""

    text: str


@dataclass(frozen=True, slots=True)
class Erasing:
    """The device asks for this text to be deleted; from now on it may be shown or not."""

    text: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """The device asks that this author be followed no more."""

    author: int


@dataclass(frozen=True, slots=True)
class Told:
    """The user was told that the service has done `what` (say, erase, follow, leave) with this text or author."""

    what: str
    about: Hashable


@dataclass(frozen=True, slots=True)
class Began:
    """The user begins to go down the feed."""


@dataclass(frozen=True, slots=True)
class Saw:
    """The user came to the end of the feed, and these are the ids and texts, in the order in which they were shown."""

    posts: tuple[tuple[int, str], ...]


# -- the nodes


class StoreNode:
    """A store behind the network. Calls of `kept` are written to disk first, and done again after a restart.

    What comes during a write is written with the next one, as databases do.
    """

    def __init__(self, make: Callable[[Callable[[], Seconds]], Any], kept: frozenset[str] = frozenset()) -> None:
        """`make` is given the node's clock."""
        self._make, self._kept = make, kept
        self._writes = 0
        self._writing: list[tuple[str, Call]] = []
        self._waiting: list[tuple[str, Call]] = []

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        self._now = now
        match event:
            case Started(disk):
                self._store = self._make(lambda: self._now)
                self._writes = len(disk)
                written: dict[Any, Any] = dict(disk)
                for call in [call for number in range(len(disk)) for call in written[number]]:
                    with suppress(IdTaken):
                        self._carry_out(call)
            case Received(sender, Call() as call) if call.method in self._kept:
                self._waiting.append((sender, call))
                yield from self._write()
            case Received(sender, Call() as call):
                yield from self._reply(sender, call)
            case Written():
                for sender, call in self._writing:
                    yield from self._reply(sender, call)
                self._writing = []
                yield from self._write()

    def _write(self) -> Iterator[Effect]:
        if self._waiting and not self._writing:
            self._writing, self._waiting = self._waiting, []
            yield Write(self._writes, tuple(call for _, call in self._writing))
            self._writes += 1

    def _reply(self, sender: str, call: Call) -> Iterator[Effect]:
        with suppress(IdTaken):  # the user asks again, and the server has another id
            yield Send(sender, Answer(call.life, call.tag, _frozen(self._carry_out(call))))

    def _carry_out(self, call: Any) -> Any:
        return getattr(self._store, call.method)(*call.arguments)


class _Unanswered(Exception):
    """A call for whose next step an answer is missing."""

    def __init__(self, store: str, method: str, arguments: tuple[Any, ...]) -> None:
        self.store, self.method, self.arguments = store, method, tuple(map(_frozen, arguments))


class _Replay:
    """Stands for a store: gives the answers that came, in their order, and stops the call where there is none left."""

    def __init__(self, store: str, answers: Iterator[Any]) -> None:
        self._store, self._answers = store, answers

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            for answer in self._answers:
                return list(answer) if type(answer) is tuple else answer
            raise _Unanswered(self._store, method, arguments)

        return call


Script = Callable[[Any, Any, Any], Any]
"""A call of the service or the relay, given the three stores: posts, feeds and queue."""


@dataclass(slots=True)
class Running:
    """A script, who waits for its result, and the answers that it got from stores so far."""

    script: Script
    since: Seconds
    asker: str | None = None
    ask: Ask | None = None
    answers: list[Any] = field(default_factory=list)


class ServerNode:
    """A server: it carries out the service's calls for users, and relays the outbox to the queue."""

    def __init__(self, name: str, service: type[NewsFeed] = NewsFeed) -> None:
        self._name, self._service = name, service
        self._now: Seconds = 0.0
        self._ids = Snowflake(SERVERS.index(name), lambda: self._now, epoch=-100.0, slack=100.0)
        self._running: dict[int, Running] = {}
        self._number = 0

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        self._now = now
        match event:
            case Started():
                self._life = now
                yield SetTimer("tick", TICK)
            case Fired():
                yield SetTimer("tick", TICK)
                self._give_up_late_ones()
                yield from self._relay()
            case Received(sender, Ask() as ask):
                yield from self._begin(Running(self._script(ask), now, sender, ask))
            case Received(_, Answer(life, (int(number), int(step)), result)):
                running = self._running.get(number)
                if life == self._life and running and step == len(running.answers):
                    running.answers.append(result)
                    yield from self._go_on(number, running)

    def _give_up_late_ones(self) -> None:
        self._running = {number: each for number, each in self._running.items() if self._now - each.since < PATIENCE}

    def _relay(self) -> Iterator[Effect]:
        if all(running.ask for running in self._running.values()):
            yield from self._begin(Running(lambda posts, feeds, queue: relay(posts, queue), self._now))

    def _script(self, ask: Ask) -> Script:
        def script(posts: Any, feeds: Any, queue: Any) -> Any:
            service = self._service(posts, feeds, self._ids.next_id, push_up_to=PUSH_UP_TO)
            return getattr(service, ask.what)(*ask.arguments)

        return script

    def _begin(self, running: Running) -> Iterator[Effect]:
        self._number += 1
        self._running[self._number] = running
        yield from self._go_on(self._number, running)

    def _go_on(self, number: int, running: Running) -> Iterator[Effect]:
        answers = iter(running.answers)
        try:
            result = running.script(*(_Replay(store, answers) for store in (POSTS, FEEDS, QUEUE)))
        except _Unanswered as missing:
            tag = (number, len(running.answers))
            yield Send(missing.store, Call(self._life, tag, missing.method, missing.arguments))
            return
        del self._running[number]
        if running.asker and running.ask:
            yield from self._finish(running.asker, running.ask, _frozen(result))

    def _finish(self, asker: str, ask: Ask, result: Hashable) -> Iterator[Effect]:
        yield Send(asker, Answer(0.0, ask.number, result))


class WorkerNode:
    """Our fan-out worker on the simulated network."""

    def __init__(self, name: str, machine: type[fan_out.FanOut] = fan_out.FanOut) -> None:
        self._machine = machine(SETTINGS)

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started():
                self._life = now
                yield SetTimer("tick", TICK)
            case Fired():
                yield SetTimer("tick", TICK)
                yield from self._do(now, fan_out.Tick())
            case Received(_, Answer(life, tag, result)) if life == self._life:
                match tag:
                    case "take":
                        yield from self._do(now, fan_out.Given(result))
                    case "followers", int(number):
                        yield from self._do(now, fan_out.Followers(number, result))
                    case "push", int(number):
                        yield from self._do(now, fan_out.Pushed(number))

    def _do(self, now: Seconds, event: fan_out.Event) -> Iterator[Effect]:
        for effect in self._machine.handle(now, event):
            yield Send(*self._call(effect))

    def _call(self, effect: fan_out.Effect) -> tuple[str, Call]:
        match effect:
            case fan_out.Take(jobs):
                return QUEUE, Call(self._life, "take", "take", (jobs,))
            case fan_out.ReadFollowers(number, author, after, limit):
                return POSTS, Call(self._life, ("followers", number), "followers", (author, after, limit))
            case fan_out.Push(number, post, users):
                entries = tuple((user, post) for user in users)
                return FEEDS, Call(self._life, ("push", number), "push", (entries,))
            case fan_out.Checkpoint(receipt, after):
                return QUEUE, Call(self._life, "checkpoint", "checkpoint", (receipt, after))
            case fan_out.Acknowledge(receipt):
                return QUEUE, Call(self._life, "acknowledge", "acknowledge", (receipt,))
            case fan_out.GiveBack(receipt, pause):
                return QUEUE, Call(self._life, "give back", "give_back", (receipt, pause))


class DeviceNode:
    """A user's device: it asks until it is answered, one server after the other."""

    def __init__(self, name: str) -> None:
        self._user = int(name.removeprefix("user "))
        self._server = self._user % len(SERVERS)
        self._asked: dict[Hashable, tuple[Ask, Seconds]] = {}  # and how long an answer is awaited
        self._accepted: dict[str, int] = {}  # the ids of our posts
        self._looks = 0
        self._seen: list[tuple[int, str]] | None = None  # on the way down; None: not looking

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started(disk):
                self._life = now
                kept: list[Any] = list(disk.items())
                self._accepted = {text: post for (kind, text), post in kept if kind == "told"}
                for text in sorted(text for (kind, text), _ in kept if kind == "draft" and text not in self._accepted):
                    yield from self._post(text)
            case Fired(number) if number in self._asked:
                yield from self._ask_again(number)
            case Written(("draft", str(text))):
                yield Note(Drafted(text))
                yield from self._post(text)
            case Received("outside", order):
                yield from self._obey(order)
            case Received(_, Answer(_, number, result)) if number in self._asked:
                ask = self._asked.pop(number)[0]
                yield from self._take(ask, result)

    def _obey(self, order: Any) -> Iterator[Effect]:
        match order:
            case Say(text):
                yield Write(("draft", text), text)
            case Erase(text) if text in self._accepted:
                yield Note(Erasing(text))
                yield from self._ask(Ask(("erase", text), "delete", (self._user, self._accepted[text])))
            case Follow(author):
                yield from self._ask(Ask(("follow", author), "follow", (self._user, author)))
            case Leave(author):
                yield Note(Leaving(author))
                yield from self._ask(Ask(("leave", author), "unfollow", (self._user, author)))
            case Look() if self._seen is None:
                self._seen = []
                yield Note(Began())
                yield from self._next_page(MAX_ID)

    def _post(self, text: str) -> Iterator[Effect]:
        yield from self._ask(Ask(("say", text), "post", (self._user, text, text)))

    def _next_page(self, before: int) -> Iterator[Effect]:
        self._looks += 1
        yield from self._ask(Ask(("look", self._life, self._looks), "feed", (self._user, before, PAGE)))

    def _ask(self, ask: Ask, patience: Seconds = PATIENCE) -> Iterator[Effect]:
        self._asked[ask.number] = ask, patience
        yield Send(SERVERS[self._server], ask)
        yield SetTimer(ask.number, patience)

    def _ask_again(self, number: Hashable) -> Iterator[Effect]:
        ask, patience = self._asked[number]
        self._server = (self._server + 1) % len(SERVERS)
        yield from self._ask(ask, min(2 * patience, LONGEST))

    def _take(self, ask: Ask, result: Any) -> Iterator[Effect]:
        match ask.number:
            case "say", str(text):
                self._accepted[text] = result.id
                yield Write(("told", text), result.id)
                yield Note(Told("say", text))
            case str(what), about if what in ("erase", "follow", "leave"):
                yield Note(Told(what, about))
            case _ if self._seen is not None:
                self._seen += [(post.id, post.text) for post in result.posts]
                if result.before is None:
                    yield Note(Saw(tuple(self._seen)))
                    self._seen = None
                else:
                    yield from self._next_page(result.before)


def _frozen(value: Any) -> Any:
    """Lists as tuples, so that it may travel in a message."""
    if isinstance(value, list | tuple):
        parts = map(_frozen, value)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


# -- designs


def posts_node(store: type[MemoryPostStore] = MemoryPostStore) -> StoreNode:
    """The database: all that changes it is on disk before it is answered."""

    def make(clock: Callable[[], Seconds]) -> MemoryPostStore:
        made = store()
        made.follow([(reader, author) for reader, authors in FOLLOWED.items() for author in authors])
        return made

    return StoreNode(make, frozenset({"accept", "relayed", "delete", "follow", "unfollow"}))


class VolatileFeeds(MemoryFeedStore):
    """Feeds whose lives are numbered from the moment at which the store began, so that it never repeats one."""

    def __init__(self, idle: Seconds, clock: Callable[[], Seconds]) -> None:
        super().__init__(idle, clock)
        self._numbers = count(int(clock() * 1e6))


def feeds_node(store: type[MemoryFeedStore] = VolatileFeeds) -> StoreNode:
    """The cache: what it holds is gone when it crashes."""
    return StoreNode(lambda clock: store(IDLE, clock))


def queue_node(lease: Seconds = LEASE) -> StoreNode:
    """The queue: jobs, and that they are done, are on disk before it is answered; who has which job is not."""
    return StoreNode(lambda clock: MemoryQueue(lease, ROOM, clock), frozenset({"put", "acknowledge"}))


@dataclass(frozen=True, slots=True)
class Design:
    """What runs on the network; servers, workers and devices are made from their names.

    Any `Node` will do: a device takes `Say`, `Erase`, `Follow` and `Look` from the sender "outside", and notes `Told`,
    `Began` and `Saw`.
    """

    device: Callable[[str], Node] = DeviceNode
    server: Callable[[str], Node] = ServerNode
    worker: Callable[[str], Node] = WorkerNode
    posts: Callable[[], Node] = posts_node
    feeds: Callable[[], Node] = feeds_node
    queue: Callable[[], Node] = queue_node


OURS = Design()


# -- ours, with one safeguard taken out


class _PutsOnce(ServerNode):
    """Without an outbox: it puts the job into the queue itself, when the author knows that the post is accepted."""

    def _relay(self) -> Iterator[Effect]:
        return iter(())

    def _finish(self, asker: str, ask: Ask, result: Any) -> Iterator[Effect]:
        yield from super()._finish(asker, ask, result)
        if ask.what == "post":
            yield Send(QUEUE, Call(self._life, "once", "put", ((Job(result.id, result.author),),)))


class _AcknowledgesFirst(fan_out.FanOut):
    """Acknowledges a job when it comes, not when it is done."""

    def _begin(self, now: Seconds, taken: Taken) -> Iterator[fan_out.Effect]:
        yield fan_out.Acknowledge(taken.receipt)
        yield from super()._begin(now, taken)


class _ChecksInFirst(fan_out.FanOut):
    """Says that a page is served before it is."""

    def _push(self, now: Seconds, taken: Taken, users: tuple[int, ...]) -> Iterator[fan_out.Effect]:
        if users:
            yield fan_out.Checkpoint(taken.receipt, users[-1])
        yield from super()._push(now, taken, users)


class _AsksOnce(fan_out.FanOut):
    """Without retry of what was not answered."""

    def _ask_again(self, now: Seconds) -> Iterator[fan_out.Effect]:
        return iter(())


class _Repeats(VolatileFeeds):
    """Without deduplication in feeds."""

    def _add(self, user: int, posts: Iterable[int]) -> None:
        for post in posts:
            insort(self._feeds[user], post)


class _ShowsRepeated(MemoryPostStore):
    """Without deduplication at read."""

    def visible(self, reader: int, posts: Sequence[int]) -> list[Post]:
        """As `PostStore`, each as often as it is asked for."""
        known = {post.id: post for post in super().visible(reader, posts)}
        return [known[post] for post in posts if post in known]


class _GathersAll(NewsFeed):
    """Without deduplication on the way from the feed to the reader."""

    def _candidates(self, reader: int, before: int, count: int) -> list[int]:
        entries = self.feeds.read(reader, before, count)
        if entries is None:
            return super()._candidates(reader, before, count)
        return sorted([*entries.posts, *self.posts.pulled(reader, before, count)], reverse=True)[:count]


class _EachSendingAnew(MemoryPostStore):
    """A post that is sent again is another post."""

    def accept(self, post: Post, push_up_to: int) -> Post:
        """As `PostStore`, with the post's own id in place of the client's."""
        return super().accept(replace(post, client_id=str(post.id)), push_up_to)


class _AsTheyCome(VolatileFeeds):
    """Feeds in the order of arrival, not of ids."""

    def _add(self, user: int, posts: Iterable[int]) -> None:
        feed = self._feeds[user]
        feed += [post for post in posts if post not in feed]

    def read(self, user: int, before: int, limit: int) -> Entries | None:
        """As `FeedStore`, those that came last."""
        if super().read(user, before, limit) is None:
            return None
        return Entries([post for post in reversed(self._feeds[user]) if post < before][:limit], True)


class _PagesByOffset(NewsFeed):
    """Pages that begin after so many posts, not below an id."""

    def feed(self, reader: int, before: int = MAX_ID, count: int = PAGE) -> Page:
        """As `NewsFeed`; the cursor says how many posts were shown."""
        shown = MAX_ID - before
        posts = super().feed(reader, MAX_ID, shown + count).posts[shown:]
        return Page(posts, before - len(posts) if len(posts) == count else None)


class _ForgetsOwn(MemoryPostStore):
    """A reader's own posts are not merged in at read."""

    def pulled(self, reader: int, before: int, limit: int) -> list[int]:
        """As `PostStore`, without the reader."""
        return self.newest([*self._pulled.intersection(self.followed(reader))], before, limit)


class _PullsForNow(MemoryPostStore):
    """An author whose followers became few again is not merged in at read any more."""

    def unfollow(self, reader: int, author: int) -> bool:
        """As `PostStore`."""
        left = super().unfollow(reader, author)
        if self.follower_count(author) <= PUSH_UP_TO:
            self._pulled.discard(author)
        return left


class _LooksNoMore(MemoryPostStore):
    """What is in a feed is shown, whatever happened since."""

    def delete(self, post: int, author: int) -> bool:
        """As `PostStore`, only that those who know of the post find it."""
        self._posted[author] = [each for each in self._posted[author] if each != post]
        return True

    def _shows(self, reader: int, author: int) -> bool:
        return True


class _MakesFeeds(VolatileFeeds):
    """A push to an absent feed makes one, with a hole where the rest was."""

    def push(self, entries: Sequence[tuple[int, int]]) -> None:
        """As `FeedStore`, absent or not."""
        for user, post in entries:
            self.fill(user, self.begin(user), [post])


def _with_service(service: type[NewsFeed], **other: Any) -> Design:
    return Design(server=lambda name: ServerNode(name, service), **other)


def _with_worker(machine: type[fan_out.FanOut]) -> Design:
    return Design(worker=lambda name: WorkerNode(name, machine))


def _with_posts(store: type[MemoryPostStore]) -> Design:
    return Design(posts=lambda: posts_node(store))


def _with_feeds(store: type[MemoryFeedStore]) -> Design:
    return Design(feeds=lambda: feeds_node(store))


WITHOUT: Mapping[str, Design] = {
    "an outbox": Design(server=_PutsOnce),
    "redelivery": Design(queue=lambda: queue_node(lease=float("inf"))),
    "acknowledging last": _with_worker(_AcknowledgesFirst),
    "checkpoints after pushes": _with_worker(_ChecksInFirst),
    "retry of pushes": _with_worker(_AsksOnce),
    "deduplication": _with_service(
        _GathersAll, posts=lambda: posts_node(_ShowsRepeated), feeds=lambda: feeds_node(_Repeats)
    ),
    "client ids": _with_posts(_EachSendingAnew),
    "order by id": _with_feeds(_AsTheyCome),
    "cursors by id": _with_service(_PagesByOffset),
    "own posts at read": _with_posts(_ForgetsOwn),
    "pulling for good": _with_posts(_PullsForNow),
    "a filter at read": _with_posts(_LooksNoMore),
    "whole feeds or none": _with_feeds(_MakesFeeds),
}
"""Our design without one of its safeguards; the schedules catch each."""


# -- what happened


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was accepted and shown in one run, by text; `drafted` are those that a device kept and was to send."""

    drafted: frozenset[str]
    accepted: frozenset[str]
    lost: tuple[str, ...]  # accepted, and missing at a follower's last look
    repeated: tuple[str, ...]  # shown twice on one way down a feed
    vanished: tuple[str, ...]  # shown once to a reader, or written by them, and missing later
    undead: tuple[str, ...]  # shown after its author was told that it is deleted, or its reader that they left
    stuck: tuple[str, ...]  # drafted and never accepted, or users whose last look had no end

    def check(self) -> None:
        """Raises AssertionError, which names what is wrong, unless the promise was kept."""
        assert not self.lost, f"lost: {', '.join(self.lost)}"
        assert not self.repeated, f"shown twice: {', '.join(self.repeated)}"
        assert not self.vanished, f"vanished: {', '.join(self.vanished)}"
        assert not self.undead, f"shown though deleted or left: {', '.join(self.undead)}"
        assert not self.stuck, f"never came through: {', '.join(self.stuck)}"


def play(design: Design, seed: int, faults: FaultSchedule, *, texts: int = TEXTS) -> Outcome:
    """Users write `texts` posts during a storm of `faults`; what had happened when all was quiet for a while."""
    return outcome(run(design, seed, faults, texts=texts))


def run(design: Design, seed: int, faults: FaultSchedule, *, texts: int = TEXTS) -> Network:
    """The network after the run of `play`, to look into."""
    network = Network(seed, delay=DELAY)
    for names, make in ((DEVICES, design.device), (SERVERS, design.server), (WORKERS, design.worker)):
        for name in names:
            network.add(name, partial(make, name))
    for name, create in ((POSTS, design.posts), (FEEDS, design.feeds), (QUEUE, design.queue)):
        network.add(name, create)
    for time, name, order in script(seed, texts):
        network.inject(name, order, at=time)
    faults.install(network)
    network.run(until=END)
    return network


def script(seed: int, texts: int = TEXTS) -> Iterator[tuple[Seconds, str, Hashable]]:
    """What users do in the run of this seed: a time, a device and an order each. Much happens at about one time."""
    draw = Random(f"texts {seed}")
    bursts = [draw.uniform(0.5, STORM - 1.0) for _ in range(3)]
    for number in range(texts):
        author = draw.choice(USERS[:3])
        text, at = f"{author}-{number}", draw.choice(bursts) + draw.uniform(0.0, 0.8)
        yield at, f"user {author}", Say(text)
        if number % 4 == 0:
            yield at + draw.uniform(1.0, 4.0), f"user {author}", Erase(text)
    yield draw.choice(bursts) + draw.uniform(0.0, 0.8), "user 3", Follow(2)
    yield draw.uniform(3.0, STORM), "user 2", Leave(0)
    for name in DEVICES:
        for begins in (0.0, *sorted(bursts)[1:]):
            yield begins + draw.uniform(0.0, 1.2), name, Look()
        if name != "user 3":
            yield QUIET_LOOK, name, Look()
        yield LAST_LOOK, name, Look()


def outcome(network: Network) -> Outcome:
    """What the notes of the devices say."""
    return _Witness().hear(network)


class _Witness:
    """Goes through the notes in the order of time."""

    def __init__(self) -> None:
        self.drafted, self.accepted = set[str](), set[str]()
        self.erasing, self.erased = set[str](), set[str]()
        self.repeated, self.vanished, self.undead = set[str](), set[str](), set[str]()
        self.followed = {user: set(FOLLOWED[user]) for user in USERS}
        self.known = {user: set[str]() for user in USERS}  # what each wrote, or has seen
        self.left = {user: set[int]() for user in USERS}
        self.looks: dict[int, tuple[Seconds, set[str], set[str], set[int]]] = {}  # when begun; known, erased, left then
        self.last_seen: dict[int, set[str]] = {}

    def hear(self, network: Network) -> Outcome:
        """The outcome of a run."""
        for record in network.trace:
            if record.node in DEVICES:
                user = USERS[DEVICES.index(record.node)]
                if record.kind == "restart":
                    self.looks.pop(user, None)
                elif record.kind == "note":
                    self._hear(record.time, user, record.detail)
        lost = {text for user in USERS for text in self._missed(user)}
        stuck = (self.drafted - self.accepted) | {f"user {user}" for user in USERS if user not in self.last_seen}
        found = (lost, self.repeated, self.vanished, self.undead, stuck)
        return Outcome(frozenset(self.drafted), frozenset(self.accepted), *(tuple(sorted(each)) for each in found))

    def _hear(self, time: Seconds, user: int, note: object) -> None:
        match note:
            case Drafted(text):
                self.drafted.add(text)
            case Erasing(text):
                self.erasing.add(text)
            case Told("say", str(text)):
                self.accepted.add(text)
                self.known[user].add(text)
            case Told("erase", str(text)):
                self.erased.add(text)
            case Told("follow", int(author)):
                self.followed[user].add(author)
            case Leaving(author):
                self.followed[user].discard(author)
            case Told("leave", int(author)):
                self.left[user].add(author)
            case Began():
                self.looks[user] = time, set(self.known[user]), set(self.erased), set(self.left[user])
            case Saw(posts):
                self._see(user, [text for _, text in posts])

    def _see(self, user: int, texts: list[str]) -> None:
        began, known, erased, left = self.looks.pop(user)
        shown = set(texts)
        self.repeated |= {text for text in shown if texts.count(text) > 1}
        self.vanished |= self._of(known, self.followed[user] | {user}) - shown - self.erasing
        self.undead |= shown & erased | self._of(shown, left)
        self.known[user] |= shown
        if began >= LAST_LOOK:
            self.last_seen[user] = shown

    def _of(self, texts: set[str], authors: set[int]) -> set[str]:
        return {text for text in texts if int(text.split("-")[0]) in authors}

    def _missed(self, user: int) -> set[str]:
        wanted = self._of(self.accepted, self.followed[user])
        return wanted - self.erasing - self.last_seen.get(user, wanted)


def schedule(seed: int) -> FaultSchedule:
    """The faults that go with a seed, over when the storm is."""
    return FaultSchedule.random(Random(seed), TARGETS, STORM, count=FAULTS)


def scenario(design: Design = OURS) -> Callable[[int, FaultSchedule], None]:
    """For `designbook.simulation.faults.hunt`: raises AssertionError where the promise was broken."""
    return lambda seed, faults: play(design, seed, faults).check()


@dataclass(frozen=True, slots=True)
class Survey:
    """Of so many schedules, those that broke each part of the promise; and of all posts accepted, those lost."""

    schedules: int
    losing: int
    repeating: int
    vanishing: int
    resurrecting: int
    sticking: int
    accepted: int
    lost: int

    @property
    def keeping(self) -> bool:
        """Whether the promise was kept under every schedule."""
        return not (self.losing or self.repeating or self.vanishing or self.resurrecting or self.sticking)


def survey(design: Design, seeds: Iterable[int]) -> Survey:
    """Play every seed's schedule against `design` and count what broke."""
    outcomes = [play(design, seed, schedule(seed)) for seed in seeds]
    return Survey(
        len(outcomes),
        sum(bool(each.lost) for each in outcomes),
        sum(bool(each.repeated) for each in outcomes),
        sum(bool(each.vanished) for each in outcomes),
        sum(bool(each.undead) for each in outcomes),
        sum(bool(each.stuck) for each in outcomes),
        sum(len(each.accepted) for each in outcomes),
        sum(len(each.lost) for each in outcomes),
    )
