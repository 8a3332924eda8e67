"""A network of state machines on a virtual clock: the same seed gives the same run, event for event.

A protocol is written as a `Node` without I/O: an event goes in, effects come out. `Network` carries the effects out
with seeded delays, and lets `designbook.simulation.faults` do its worst; a real server drives the same class over real
sockets. An hour of virtual time costs what its events cost, about 10 microseconds each.

    class Echo:
        def handle(self, now, event):
            if isinstance(event, Received):
                yield Send(event.sender, event.message)

    network = Network(seed=7)
    network.add("echo", Echo)
    network.inject("echo", "hello", sender="me")
    network.run(until=10)
    print(network.history())

Two things keep runs repeatable. Messages must be hashable, hence immutable, so no two nodes share state behind the
network's back. And a node must not depend on the order in which a `set` of strings is iterated, which changes from one
process to the next: sort it.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple, Protocol

Seconds = float
Message = Hashable


@dataclass(frozen=True, slots=True)
class Started:
    """The node has just been created or restarted; `disk` holds all it ever wrote that survived."""

    disk: Mapping[Hashable, Hashable]


@dataclass(frozen=True, slots=True)
class Received:
    """A message has arrived, for the first time or again. It is hashable; what it is, the protocol knows."""

    sender: str
    message: Any


@dataclass(frozen=True, slots=True)
class Fired:
    """The timer of that name has run out."""

    timer: Hashable


@dataclass(frozen=True, slots=True)
class Written:
    """The record under `key` is on disk and will survive a crash."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class Refused:
    """The node `to` turned the message away because its inbox was full."""

    to: str
    message: Message


Event = Started | Received | Fired | Written | Refused


@dataclass(frozen=True, slots=True)
class Send:
    """Put a message on its way; it may arrive late, twice or never."""

    to: str
    message: Message


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Ask for a `Fired(name)` after so many seconds; a running timer of that name is replaced."""

    name: Hashable
    after: Seconds


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop the timer of that name, if one is running."""

    name: Hashable


@dataclass(frozen=True, slots=True)
class Write:
    """Put a record on disk; `Written(key)` follows when it is safe, in the order of the writes.

    A crash before that loses the record, or keeps it without a word: both happen on real disks.
    """

    key: Hashable
    value: Hashable


@dataclass(frozen=True, slots=True)
class Note:
    """Leave a line in the trace: what a client was told, which state was entered."""

    what: Hashable


Effect = Send | SetTimer | CancelTimer | Write | Note


class Node(Protocol):
    """A protocol's state machine: no I/O, no clock, no threads, no randomness of its own."""

    def handle(self, now: Seconds, event: Event, /) -> Iterable[Effect]:
        """What the node does about `event`; `now` is what the node's own clock shows."""
        ...


class Record(NamedTuple):
    """One line of the trace."""

    time: Seconds
    kind: str
    node: str
    detail: object

    def __str__(self) -> str:
        return f"{self.time:10.4f}  {self.kind:<10} {self.node:<12} {self.detail}"


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What is wrong with the network at the moment; several conditions add up.

    `delay` and `reordering` are seconds (the latter the most that one message may be held back while others overtake
    it), `loss` and `duplication` probabilities; no message crosses the border of `cut`. Raises ValueError for others.
    """

    delay: Seconds = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: Seconds = 0.0
    cut: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value, most in (
            ("delay", self.delay, float("inf")),
            ("loss", self.loss, 1.0),
            ("duplication", self.duplication, 1.0),
            ("reordering", self.reordering, float("inf")),
        ):
            if not 0 <= value <= most:
                raise ValueError(f"{name} must be between 0 and {most:g}, got {value}")


@dataclass(slots=True, eq=False)
class _Host:
    """A machine that runs a node: what the node itself must not know."""

    name: str
    create: Callable[[], Node]
    node: Node
    work: Seconds
    inbox: int | None
    disk: dict[Hashable, Hashable] = field(default_factory=dict)
    unwritten: deque[Write] = field(default_factory=deque)
    disk_free_at: Seconds = 0.0
    timers: dict[Hashable, int] = field(default_factory=dict)
    queue: deque[Event] = field(default_factory=deque)
    life: int = 0
    times_down: int = 0
    times_full: int = 0
    skews: list[Seconds] = field(default_factory=list)
    slowdowns: list[float] = field(default_factory=list)


class Network:
    """Nodes, the messages between them and the virtual clock.

    `delay` and `disk` are the bounds, in seconds, between which a message's and a write's duration is drawn evenly.
    Messages from one node to another arrive in the order in which they were sent, unless a fault reorders them.
    """

    def __init__(
        self,
        seed: int,
        *,
        delay: tuple[Seconds, Seconds] = (0.001, 0.010),
        disk: tuple[Seconds, Seconds] = (0.0005, 0.002),
    ) -> None:
        """Raises ValueError if a duration's bounds are negative or the wrong way round."""
        for name, (low, high) in (("delay", delay), ("disk", disk)):
            if not 0 <= low <= high:
                raise ValueError(f"{name} must be two bounds with 0 <= low <= high, got {(low, high)}")
        self.seed = seed
        self.now: Seconds = 0.0
        self.trace: list[Record] = []
        self._random = Random(seed)
        self._delay = delay
        self._disk = disk
        self._hosts: dict[str, _Host] = {}
        self._conditions: list[Condition] = []
        self._last_arrival: dict[tuple[str, str], Seconds] = {}
        self._agenda: list[tuple[Seconds, bool, int, Callable[[], None]]] = []
        self._planned = 0

    # -- building and running

    def add(self, name: str, create: Callable[[], Node], *, work: Seconds = 0.0, inbox: int | None = None) -> None:
        """Put a node on the network; `create` makes it now and anew after each crash.

        With `work` above 0 the node takes that many seconds for each message, one after another, and refuses messages
        while `inbox` of them wait or are being worked on (None: it never does). Raises ValueError for a name in use.
        """
        if name in self._hosts:
            raise ValueError(f"there is already a node called {name!r}")
        if work < 0 or (inbox is not None and inbox < 1):
            raise ValueError(f"work must be at least 0 and inbox at least 1 or None, got {work} and {inbox}")
        host = self._hosts[name] = _Host(name, create, create(), work, inbox)
        self._plan(self.now, lambda: self._start(host))

    def node(self, name: str) -> Node:
        """The node itself, to look into after a run; a new one after each restart."""
        return self._host(name).node

    def disk(self, name: str) -> dict[Hashable, Hashable]:
        """A copy of what a node has on disk."""
        return dict(self._host(name).disk)

    def names(self) -> list[str]:
        """The nodes' names, in the order in which they were added."""
        return list(self._hosts)

    def is_up(self, name: str) -> bool:
        """Whether the node runs at the moment."""
        return self._host(name).times_down == 0

    def at(self, time: Seconds, action: Callable[[], None]) -> None:
        """Run `action` at that time, before what the nodes do then; of two actions the one planned first goes first.

        Raises ValueError if `time` has passed.
        """
        if not time >= self.now:
            raise ValueError(f"time {time} has passed: it is {self.now} already")
        self._plan(time, action, first=True)

    def inject(self, to: str, message: Message, *, sender: str = "outside", at: Seconds | None = None) -> None:
        """Hand a message to a node from outside the network, at `at` or now: no delay, no loss.

        Raises ValueError if that time has passed, LookupError without such a node.
        """
        host = self._host(to)
        time = self.now if at is None else at
        if not time >= self.now:
            raise ValueError(f"time {time} has passed: it is {self.now} already")
        self._plan(time, lambda: self._arrive(host, Received(sender, message)))

    def run(self, until: Seconds, *, at_most: int = 1_000_000) -> int:
        """Let virtual time pass until `until` and return how many events there were.

        Raises RuntimeError after `at_most` events: two nodes are probably sending each other the same thing in turn.
        """
        events = 0
        while self._agenda and self._agenda[0][0] <= until:
            if events == at_most:
                raise RuntimeError(f"more than {at_most} events by time {self.now:g} (seed {self.seed})")
            self.now, _, _, action = heappop(self._agenda)
            action()
            events += 1
        self.now = max(self.now, until)
        return events

    def notes(self) -> list[tuple[Seconds, str, object]]:
        """Every `Note` so far: time, node and what it said."""
        return [(time, node, detail) for time, kind, node, detail in self.trace if kind == "note"]

    def history(self) -> str:
        """The trace as text, one event a line."""
        return "\n".join(map(str, self.trace))

    def digest(self) -> str:
        """A hash of the trace; two runs with the same digest did the same."""
        return blake2b(self.history().encode(), digest_size=16).hexdigest()

    # -- what faults do

    def crash(self, name: str) -> None:
        """Take a node down: its memory, its timers and its inbox are gone, and messages to it are lost.

        Of the writes under way none, some or all have reached the disk, the earlier ones first. Crashes nest: a node
        that was taken down twice comes back at the second `restart`.
        """
        host = self._host(name)
        host.times_down += 1
        if host.times_down > 1:
            return
        host.life += 1
        host.timers.clear()
        host.queue.clear()
        for write in list(host.unwritten)[: self._random.randint(0, len(host.unwritten))]:
            host.disk[write.key] = write.value
        host.unwritten.clear()
        host.disk_free_at = self.now
        self._record("crash", name, "")

    def restart(self, name: str) -> None:
        """Bring a node back with an empty memory and what its disk holds. Raises ValueError if it is up."""
        host = self._host(name)
        if host.times_down == 0:
            raise ValueError(f"node {name!r} is up")
        host.times_down -= 1
        if host.times_down == 0:
            host.node = host.create()
            self._record("restart", name, "")
            self._start(host)

    def impose(self, condition: Condition) -> None:
        """Worsen the network until the same `condition` is lifted."""
        self._conditions.append(condition)

    def lift(self, condition: Condition) -> None:
        """Take back one `impose` of that very object. Raises ValueError if there is none."""
        self._conditions.remove(condition)

    def skew(self, name: str, offset: Seconds) -> None:
        """Set a node's clock ahead by `offset` seconds, or back. Timers, which count durations, are not affected."""
        self._host(name).skews.append(offset)

    def unskew(self, name: str, offset: Seconds) -> None:
        """Take back one `skew` of the same size. Raises ValueError if there is none."""
        self._host(name).skews.remove(offset)

    def slow_disk(self, name: str, factor: float) -> None:
        """Make the writes that a node begins from now on take `factor` times as long; the largest factor counts."""
        self._host(name).slowdowns.append(factor)

    def mend_disk(self, name: str, factor: float) -> None:
        """Take back one `slow_disk` of the same factor. Raises ValueError if there is none."""
        self._host(name).slowdowns.remove(factor)

    def fill(self, name: str) -> None:
        """Fill a node's inbox: every message to it is refused until `drain`."""
        self._host(name).times_full += 1

    def drain(self, name: str) -> None:
        """Take back one `fill`. Raises ValueError if there is none."""
        host = self._host(name)
        if host.times_full == 0:
            raise ValueError(f"the inbox of {name!r} was not filled")
        host.times_full -= 1

    # -- the machinery

    def _plan(self, time: Seconds, action: Callable[[], None], *, first: bool = False) -> None:
        heappush(self._agenda, (time, not first, self._planned, action))
        self._planned += 1

    def _host(self, name: str) -> _Host:
        try:
            return self._hosts[name]
        except KeyError:
            raise LookupError(f"no node is called {name!r}; there are {', '.join(self._hosts) or 'none'}") from None

    def _record(self, kind: str, node: str, detail: object) -> None:
        self.trace.append(Record(self.now, kind, node, detail))

    def _start(self, host: _Host) -> None:
        if host.times_down == 0:
            self._handle(host, Started(dict(host.disk)))

    def _handle(self, host: _Host, event: Event) -> None:
        try:
            effects = tuple(host.node.handle(self.now + sum(host.skews), event))
        except Exception as error:
            error.add_note(f"at time {self.now:.4f}, in node {host.name!r}, on {event}, seed {self.seed}")
            raise
        for effect in effects:
            match effect:
                case Send(to, message):
                    self._send(host, to, message)
                case SetTimer(name, after):
                    self._set_timer(host, name, after)
                case CancelTimer(name):
                    host.timers.pop(name, None)
                case Write():
                    self._write(host, effect)
                case Note(what):
                    self._record("note", host.name, what)
                case _:
                    raise TypeError(f"node {host.name!r} returned {effect!r}, which is no effect")

    def _send(self, host: _Host, to: str, message: Message) -> None:
        hash(message)
        self._record("send", host.name, f"-> {to}: {message}")
        if to in self._hosts:
            self._transmit(host.name, self._hosts[to], Received(host.name, message))
        else:
            self._record("lost", to, f"{message}: no such node")

    def _transmit(self, sender: str, to: _Host, event: Event) -> None:
        """Draws the same five numbers whatever the conditions, so that lifting one disturbs a run little."""
        draw = self._random
        luck, twice, hold = draw.random(), draw.random(), draw.random()
        delay, second_delay = draw.uniform(*self._delay), draw.uniform(*self._delay)
        if sender == to.name:
            self._plan(self.now, lambda: self._arrive(to, event))
            return
        if luck < self._chance("loss") or self._is_cut(sender, to.name):
            self._record("lost", to.name, event)
            return
        extra = sum(condition.delay for condition in self._conditions)
        spread = sum(condition.reordering for condition in self._conditions)
        arrival = self.now + extra + delay
        pair = (sender, to.name)
        if spread:
            arrival += spread * hold
        else:
            arrival = self._last_arrival[pair] = max(arrival, self._last_arrival.get(pair, 0.0))
        self._plan(arrival, lambda: self._cross(sender, to, event))
        if twice < self._chance("duplication"):
            self._record("duplicate", to.name, event)
            self._plan(arrival + second_delay, lambda: self._cross(sender, to, event))

    def _chance(self, of: str) -> float:
        spared = 1.0
        for condition in self._conditions:
            spared *= 1.0 - getattr(condition, of)
        return 1.0 - spared

    def _is_cut(self, one: str, other: str) -> bool:
        return any((one in condition.cut) != (other in condition.cut) for condition in self._conditions)

    def _cross(self, sender: str, to: _Host, event: Event) -> None:
        if to.times_down or self._is_cut(sender, to.name):
            self._record("lost", to.name, event)
        else:
            self._arrive(to, event)

    def _arrive(self, host: _Host, event: Event) -> None:
        if host.times_down:
            self._record("lost", host.name, event)
        elif isinstance(event, Received) and (
            host.times_full or (host.inbox is not None and len(host.queue) >= host.inbox)
        ):
            self._record("refused", host.name, event)
            if event.sender in self._hosts:
                self._transmit(host.name, self._hosts[event.sender], Refused(host.name, event.message))
        elif isinstance(event, Received) and host.work:
            host.queue.append(event)
            if len(host.queue) == 1:
                self._work_on(host)
        else:
            self._record("receive", host.name, event)
            self._handle(host, event)

    def _work_on(self, host: _Host) -> None:
        life = host.life

        def done() -> None:
            if host.life != life:
                return
            event = host.queue.popleft()
            self._record("receive", host.name, event)
            self._handle(host, event)
            if host.queue:
                self._work_on(host)

        self._plan(self.now + host.work, done)

    def _set_timer(self, host: _Host, name: Hashable, after: Seconds) -> None:
        if not after >= 0:
            raise ValueError(f"node {host.name!r} set timer {name!r} to {after} seconds; it must be at least 0")
        token = host.timers[name] = self._planned

        def fire() -> None:
            if host.timers.get(name) == token:
                del host.timers[name]
                self._record("timer", host.name, name)
                self._handle(host, Fired(name))

        self._plan(self.now + after, fire)

    def _write(self, host: _Host, write: Write) -> None:
        hash(write.value)
        duration = self._random.uniform(*self._disk) * max(host.slowdowns, default=1.0)
        host.disk_free_at = max(host.disk_free_at, self.now) + duration
        host.unwritten.append(write)
        life = host.life

        def done() -> None:
            if host.life != life:
                return
            host.disk[write.key] = write.value
            host.unwritten.popleft()
            self._record("written", host.name, write.key)
            self._handle(host, Written(write.key))

        self._plan(host.disk_free_at, done)
