"""The promise under faults: devices, servers and a log on the simulated network, and what to count afterwards.

What the server accepted reaches every member's every device, is shown once, and in the same order for all members of a
conversation. `play` runs one schedule of faults, `survey` many; a `Design` says which state machines run, so that a
naive design, or ours with one safeguard taken out, meets the same schedules.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from random import Random
from typing import Any

from designbook.simulation.faults import FaultSchedule
from designbook.simulation.network import (
    Effect,
    Event,
    Fired,
    Network,
    Node,
    Note,
    Received,
    SetTimer,
    Started,
    Write,
    Written,
)
from designbook.simulation.network import Send as SendTo
from designbook.systems.chat import device, protocol
from designbook.systems.chat.messages import Accepted, Refused, Send
from designbook.systems.chat.stores.memory import MemoryLog
from designbook.systems.chat.stores.port import Draft, Message, MessageLog

Seconds = float

CONVERSATIONS: Mapping[str, tuple[str, ...]] = {"pair": ("ann", "bob"), "group": ("ann", "bob", "cyd")}
DEVICES = ("ann/phone", "ann/laptop", "bob/phone", "cyd/phone")
SERVERS = ("east", "west")
LOG = "log"
NODES = (*DEVICES, *SERVERS, LOG)

STORM = 10.0
"""Seconds during which there are faults, and users write."""
END = 30.0
"""When everything must have arrived."""
TEXTS = 12

SETTINGS = protocol.Settings(
    repair_every=3.0, resend_after=2.0, idle_after=6.0, log_timeout=1.0, presence_every=60.0, page=5, window=10
)
PATIENCE = device.Patience(hello=1.0, heartbeat=1.5, silence=4.0, retry=1.5, missing=0.5)


@dataclass(frozen=True, slots=True)
class Say:
    """The user of a device writes a text; no two are the same."""

    conversation: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A note of a device: it told its user that the text is sent."""

    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A note of a device: it showed the text to its user. `again` when it redraws its screen after a restart."""

    conversation: str
    text: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Drafted:
    """A note of a device: it has the text on disk, and will not rest until it is sent."""

    text: str


# -- the nodes


class DeviceNode:
    """Our device on the simulated network; it goes from server to server until one answers."""

    def __init__(self, name: str, servers: Sequence[str], machine: type[device.Device] = device.Device) -> None:
        self._user, self._device = name.split("/")
        self._servers = servers
        self._machine = machine
        self._server = sum(map(ord, name)) % len(servers)

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started(disk):
                kept = [record for record in disk.values() if isinstance(record, Message)]
                for message in sorted(kept, key=lambda each: (each.conversation, each.sequence)):
                    yield Note(Shown(message.conversation, message.text, again=True))
                self.device = self._machine(self._user, self._device, disk, patience=PATIENCE)
                yield SetTimer("tick", 0.5)
                yield from self._do(now, device.Connected())
            case Fired():
                yield SetTimer("tick", 0.5)
                yield from self._do(now, device.Tick())
            case Written(key):
                if isinstance(key, tuple) and key[0] == "draft":
                    yield Note(Drafted(key[1]))
                yield from self._do(now, device.Kept(key))
            case Received(_, Say(conversation, text)):
                yield from self._do(now, device.Wrote(conversation, text, text))
            case Received(sender, frame):
                if sender == self._servers[self._server]:
                    yield from self._do(now, device.Arrived(frame))

    def _do(self, now: Seconds, event: device.Event) -> Iterator[Effect]:
        for effect in self.device.handle(now, event):
            match effect:
                case device.Transmit(frame):
                    yield SendTo(self._servers[self._server], frame)
                case device.Keep(key, value):
                    yield Write(key, value)
                case device.Show(message):
                    yield Note(Shown(message.conversation, message.text))
                case device.Report(Accepted(_, client_id)):
                    yield Note(Sent(client_id))
                case device.Report(Refused() as refused) if refused.client_id:
                    yield Note(refused)
                case device.Reconnect():
                    self._server = (self._server + 1) % len(self._servers)
                    yield from self._do(now, device.Connected())


class ServerNode:
    """Our server on the simulated network; hints go to all other servers, and each ignores what it did not want."""

    def __init__(
        self, name: str, servers: Sequence[str], machine: type[protocol.ChatServer] = protocol.ChatServer
    ) -> None:
        self._others = [other for other in servers if other != name]
        self._server = machine(SETTINGS)
        self._life: Seconds = 0.0

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started():
                self._life = now
                yield SetTimer("tick", 1.0)
            case Fired():
                yield SetTimer("tick", 1.0)
                yield from self._do(now, protocol.Tick())
            case Received("log", (life, int(number), answer)):
                if life == self._life:
                    yield from self._do(now, protocol.Answered(number, answer))
            case Received(sender, (str(topic), hint)) if sender in self._others:
                yield from self._do(now, protocol.Heard(topic, hint))
            case Received(sender, frame):
                yield from self._do(now, protocol.Arrived(sender, frame))

    def _do(self, now: Seconds, event: protocol.Event) -> Iterator[Effect]:
        for effect in self._server.handle(now, event):
            match effect:
                case protocol.Tell(connections, frame):
                    for connection in connections:
                        yield SendTo(str(connection), frame)
                case protocol.Ask(number, request):
                    yield SendTo(LOG, (self._life, number, request))
                case protocol.Publish(topic, hint):
                    for other in self._others:
                        yield SendTo(other, (topic, hint))
                case _:  # subscriptions are not told to anybody here, and a closed connection has no wire to cut
                    pass


class LogNode:
    """A database: it writes what changes it to disk, does it only then, and does it all again after a restart."""

    def __init__(self, log: Callable[[], MessageLog] = MemoryLog) -> None:
        self._log = log()
        for conversation, members in CONVERSATIONS.items():
            self._log.create(conversation, members)
        self._next = 0
        self._pending: dict[Hashable, tuple[str, Seconds, int]] = {}

    def handle(self, now: Seconds, event: Event) -> Iterator[Effect]:
        """As every `Node`."""
        match event:
            case Started(disk):
                for number in range(len(disk)):
                    self._carry_out(disk[number])
                self._next = len(disk)
                self._written = dict(disk)
            case Received(server, (float(life), int(number), request)):
                if isinstance(request, protocol.Append | protocol.Save | protocol.CreateIt):
                    self._pending[self._next] = server, life, number
                    self._written[self._next] = request
                    yield Write(self._next, request)
                    self._next += 1
                else:
                    yield SendTo(server, (life, number, self._carry_out(request)))
            case Written(key):
                answer = self._carry_out(self._written[key])
                server, life, number = self._pending.pop(key)
                yield SendTo(server, (life, number, answer))

    def _carry_out(self, request: Any) -> tuple[Hashable, ...]:
        return protocol.carry_out(self._log, request)


# -- designs


@dataclass(frozen=True, slots=True)
class Design:
    """What runs on the network: how a device, a server and the log are made, each from its name and the servers'.

    Any `Node` will do: a device takes `Say` from the sender "outside", and notes `Sent` and `Shown`.
    """

    device: Callable[[str, Sequence[str]], Node] = DeviceNode
    server: Callable[[str, Sequence[str]], Node] = ServerNode
    log: Callable[[], Node] = LogNode


OURS = Design()


# -- ours, with one safeguard taken out


class _EachSendingAnew(MemoryLog):
    """A log without deduplication: a draft that is sent again is another message."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        """As `MessageLog`, with a client id of its own for each draft of each call."""
        self._calls = getattr(self, "_calls", 0) + 1
        renamed = [replace(each, client_id=f"{self._calls}-{i}-{each.client_id}") for i, each in enumerate(drafts)]
        answers = zip(super().append(renamed), drafts, strict=True)
        return [replace(message, client_id=draft.client_id) for message, draft in answers]


class _ShowsAgain(device.Device):
    """Without deduplication on the device."""

    def _is_known(self, inbox: device.Inbox, message: Message) -> bool:
        return False

    def _is_next(self, inbox: device.Inbox, message: Message) -> bool:
        return message.sequence <= inbox.taken + 1


class _ShowsAsItComes(device.Device):
    """Without ordering: what has not been shown yet is shown at once."""

    _shown: frozenset[tuple[str, int]] = frozenset()

    def _is_known(self, inbox: device.Inbox, message: Message) -> bool:
        return (message.conversation, message.sequence) in self._shown

    def _is_next(self, inbox: device.Inbox, message: Message) -> bool:
        self._shown |= {(message.conversation, message.sequence)}
        return True


class _SendsOnce(device.Device):
    """Without retry of what was not accepted."""

    def _send(self, draft: Send) -> None:
        if draft.client_id not in self._sent_at:
            super()._send(draft)


class _DeliversOnce(protocol.ChatServer):
    """Without retry of what was not acknowledged."""

    def _resend_unacknowledged(self, room: protocol.Room) -> None:
        pass


class _TrustsHints(protocol.ChatServer):
    """Without anti-entropy: it learns of messages from hints only."""

    def _compare_heads(self) -> None:
        pass


class _AcceptsEarly(protocol.ChatServer):
    """Accepts a message when it comes, not when the log has it."""

    def _on_send(self, session: protocol.Session, draft: Draft) -> None:
        self._tell(session.connection, Accepted(draft.conversation, draft.client_id, 0, draft.time))
        super()._on_send(session, draft)


def _with_device(machine: type[device.Device]) -> Design:
    return Design(device=lambda name, servers: DeviceNode(name, servers, machine))


def _with_server(machine: type[protocol.ChatServer]) -> Design:
    return Design(server=lambda name, servers: ServerNode(name, servers, machine))


WITHOUT: Mapping[str, Design] = {
    "client ids": Design(log=lambda: LogNode(_EachSendingAnew)),
    "deduplication on the device": _with_device(_ShowsAgain),
    "ordering on the device": _with_device(_ShowsAsItComes),
    "retry of drafts": _with_device(_SendsOnce),
    "retry of deliveries": _with_server(_DeliversOnce),
    "anti-entropy": _with_server(_TrustsHints),
    "log before accept": _with_server(_AcceptsEarly),
}
"""Our design without one of its safeguards; the schedules catch each."""


# -- what happened


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was sent and shown in one run, by text; `drafted` are those that a device kept and was to send."""

    drafted: frozenset[str]
    sent: frozenset[str]
    lost: tuple[str, ...]  # told to be sent, and missing on a device of a member
    repeated: tuple[str, ...]  # shown twice on one screen
    disordered: tuple[str, ...]  # conversations that two devices show in different orders
    stuck: tuple[str, ...]  # drafted, and never sent

    def check(self) -> None:
        """Raises AssertionError, which names what is wrong, unless the promise was kept."""
        assert not self.lost, f"lost: {', '.join(self.lost)}"
        assert not self.repeated, f"shown twice: {', '.join(self.repeated)}"
        assert not self.disordered, f"in different orders: {', '.join(self.disordered)}"
        assert not self.stuck, f"never sent: {', '.join(self.stuck)}"


def play(design: Design, seed: int, faults: FaultSchedule, *, texts: int = TEXTS) -> Outcome:
    """Users write `texts` texts during a storm of `faults`; what had happened when all was quiet for a while."""
    network = run(design, seed, faults, texts=texts)
    return outcome(network)


def run(design: Design, seed: int, faults: FaultSchedule, *, texts: int = TEXTS) -> Network:
    """The network after the run of `play`, to look into."""
    network = Network(seed)
    for name in DEVICES:
        network.add(name, partial(design.device, name, SERVERS))
    for name in SERVERS:
        network.add(name, partial(design.server, name, SERVERS))
    network.add(LOG, design.log)
    draw = Random(f"texts {seed}")
    bursts = [draw.uniform(0.2, STORM - 0.3) for _ in range(4)]
    for number in range(texts):
        name = draw.choice(DEVICES)
        conversation = draw.choice([each for each, members in CONVERSATIONS.items() if name.split("/")[0] in members])
        time = round(draw.choice(bursts) + draw.uniform(0, 0.3), 3)
        network.inject(name, Say(conversation, f"{conversation}-{number}"), at=time)
    faults.install(network)
    network.run(until=END)
    return network


def outcome(network: Network) -> Outcome:
    """What the notes of the devices say."""
    drafted, sent, repeated = set[str](), set[str](), set[str]()
    screens: dict[str, dict[str, list[str]]] = {name: {} for name in DEVICES}
    for record in network.trace:
        if record.kind == "restart" and record.node in screens:
            screens[record.node] = {}
        elif record.kind == "note":
            match record.detail:
                case Shown(conversation, text):
                    screen = screens[record.node].setdefault(conversation, [])
                    if text in screen:
                        repeated.add(text)
                    screen.append(text)
                case Sent(text):
                    sent.add(text)
                case Drafted(text):
                    drafted.add(text)
    lost, disordered = set[str](), set[str]()
    for conversation, members in CONVERSATIONS.items():
        theirs = [screens[name].get(conversation, []) for name in DEVICES if name.split("/")[0] in members]
        said = {text for text in sent if text.startswith(conversation)}
        lost |= {text for text in said if any(text not in screen for screen in theirs)}
        if any(_differ(one, other) for one, other in combinations(theirs, 2)):
            disordered.add(conversation)
    return Outcome(
        frozenset(drafted),
        frozenset(sent),
        tuple(sorted(lost)),
        tuple(sorted(repeated)),
        tuple(sorted(disordered)),
        tuple(sorted(drafted - sent)),
    )


def _differ(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two screens show what both have in different orders; the first showing counts."""
    common = set(one) & set(other)
    return [text for text in dict.fromkeys(one) if text in common] != [
        text for text in dict.fromkeys(other) if text in common
    ]


def schedule(seed: int) -> FaultSchedule:
    """The faults that go with a seed: five of any kind, on any node, over when the storm is."""
    return FaultSchedule.random(Random(seed), NODES, STORM)


def scenario(design: Design = OURS) -> Callable[[int, FaultSchedule], None]:
    """For `designbook.simulation.faults.hunt`: raises AssertionError where the promise was broken."""
    return lambda seed, faults: play(design, seed, faults).check()


@dataclass(frozen=True, slots=True)
class Survey:
    """Of so many schedules, those that broke each part of the promise; and of all messages sent, those lost."""

    schedules: int
    losing: int
    repeating: int
    disordering: int
    sticking: int
    sent: int
    lost: int

    @property
    def keeping(self) -> bool:
        """Whether the promise was kept under every schedule."""
        return not (self.losing or self.repeating or self.disordering or self.sticking)


def survey(design: Design, seeds: Iterable[int]) -> Survey:
    """Play every seed's schedule against `design` and count what broke."""
    outcomes = [play(design, seed, schedule(seed)) for seed in seeds]
    return Survey(
        len(outcomes),
        sum(bool(each.lost) for each in outcomes),
        sum(bool(each.repeated) for each in outcomes),
        sum(bool(each.disordered) for each in outcomes),
        sum(bool(each.stuck) for each in outcomes),
        sum(len(each.sent) for each in outcomes),
        sum(len(each.lost) for each in outcomes),
    )
