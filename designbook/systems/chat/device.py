"""A user's device as a state machine without I/O: what it sends, keeps and shows, whatever the network does.

It keeps a draft until the server has accepted it, and sends it again under the same client id. It shows the messages of
a conversation in the order of their sequence and each once: what comes too early waits, what it has is dropped. It
acknowledges what it has kept, not what it has received.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from designbook.systems.chat.messages import (
    Accepted,
    Ack,
    Created,
    Delivery,
    DeviceFrame,
    Hello,
    Ping,
    Refused,
    Resend,
    Send,
    ServerFrame,
    Welcome,
)
from designbook.systems.chat.stores.port import Message

Seconds = float


@dataclass(frozen=True, slots=True)
class Patience:
    """What a device waits for, in seconds, and how much it lets pass."""

    hello: Seconds = 5.0  # for a welcome, before it tries another server
    heartbeat: Seconds = 25.0  # between pings; proxies cut what is silent for a minute
    silence: Seconds = 60.0  # of the server, before it tries another
    retry: Seconds = 5.0  # for a draft to be accepted
    missing: Seconds = 1.0  # for what was left out
    unacknowledged: int = 50  # messages kept, before it says so without waiting for the tick
    early: int = 1_000  # messages held until those before them come


# -- events


@dataclass(frozen=True, slots=True)
class Connected:
    """There is a connection to a server."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """It is gone."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The server sent a frame."""

    frame: ServerFrame


@dataclass(frozen=True, slots=True)
class Wrote:
    """The user wrote a message; `client_id` is one that this user never used before."""

    conversation: str
    client_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Saw:
    """The user has read everything up to there."""

    conversation: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What was to be kept under this key will survive a crash."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: about twice a second."""


Event = Connected | Disconnected | Arrived | Wrote | Saw | Kept | Tick


# -- effects


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send a frame to the server, if there still is a connection."""

    frame: DeviceFrame


@dataclass(frozen=True, slots=True)
class Keep:
    """Put a record on disk, in the order of these effects; `Kept` follows. None as its value: no longer needed."""

    key: Hashable
    value: Hashable


@dataclass(frozen=True, slots=True)
class Show:
    """The next message of its conversation."""

    message: Message


@dataclass(frozen=True, slots=True)
class Report:
    """Something else that the user may want to know."""

    frame: ServerFrame


@dataclass(frozen=True, slots=True)
class Reconnect:
    """No server answers here: connect to another, or to the same again."""


Effect = Transmit | Keep | Show | Report | Reconnect


@dataclass(slots=True, eq=False)
class Inbox:
    """One conversation, as far as this device has it."""

    taken: int = 0  # received in order
    kept: int = 0  # on disk, and shown
    acked: int = 0
    seen: int = 0  # by the user
    seen_acked: int = 0
    early: dict[int, Message] = field(default_factory=dict)
    asked_at: Seconds = float("-inf")


class Device:
    """One device of one user.

    `kept` is what earlier lives of this device kept: drafts under ("draft", client_id), messages under
    ("message", conversation, sequence), where a conversation began under ("start", conversation).
    """

    def __init__(
        self,
        user: str,
        device: str,
        kept: Mapping[Hashable, Hashable] | None = None,
        *,
        tail: int = 1_000_000_000,
        patience: Patience | None = None,
    ) -> None:
        self.user, self.device, self.tail = user, device, tail
        self.patience = patience or Patience()
        self.welcome = False
        self._now: Seconds = 0.0
        self._effects: list[Effect] = []
        self._connected = False
        self._hello_at = self._heard_at = self._pinged_at = 0.0
        self._inboxes: dict[str, Inbox] = {}
        self._drafts: dict[str, Send] = {}
        self._sent_at: dict[str, Seconds] = {}
        self._writing: dict[Hashable, Message | Send] = {}
        self._unacknowledged: dict[str, None] = {}
        for key, value in (kept or {}).items():
            match key, value:
                case ("draft", str(client_id)), Send():
                    self._drafts[client_id] = value
                case ("message", str(conversation), int(sequence)), _:
                    self._start(conversation, sequence)
                case ("start", str(conversation)), int(sequence):
                    self._start(conversation, sequence)

    def handle(self, now: Seconds, event: Event) -> list[Effect]:
        """What to do about `event`, in this order."""
        self._now = now
        match event:
            case Arrived(frame):
                self._on_frame(frame)
            case Kept(key):
                self._on_kept(key)
            case Tick():
                self._on_tick()
            case Wrote(conversation, client_id, text):
                self._keep(("draft", client_id), Send(conversation, client_id, text))
            case Saw(conversation, sequence):
                inbox = self._inboxes.setdefault(conversation, Inbox())
                inbox.seen = max(inbox.seen, min(sequence, inbox.kept))
                self._unacknowledged[conversation] = None
            case Connected():
                self._connected = True
                self._say_hello()
            case Disconnected():
                self._connected = self.welcome = False
        effects, self._effects = self._effects, []
        return effects

    def unsent(self) -> list[Send]:
        """The drafts that no server has accepted yet, oldest first."""
        return list(self._drafts.values())

    # -- frames

    def _on_frame(self, frame: ServerFrame) -> None:
        self._heard_at = self._now
        match frame:
            case Welcome(cursors):
                self._on_welcome(cursors)
            case Refused("hello", _, _, _, retry_after):
                if not retry_after:  # the server does not know us (any more)
                    self._say_hello()
            case Delivery(message):
                if self.welcome:
                    self._on_delivery(message)
            case Accepted(_, client_id):
                self._forget_draft(client_id)
                self._effects.append(Report(frame))
            case Refused(_, _, _, client_id, retry_after):
                if client_id in self._drafts:
                    if retry_after:
                        self._sent_at[client_id] = self._now + retry_after - self.patience.retry
                    else:
                        self._forget_draft(client_id)
                self._effects.append(Report(frame))
            case Created(conversation):
                self._inboxes.setdefault(conversation, Inbox())
                self._effects.append(Report(frame))
            case _:
                self._effects.append(Report(frame))

    def _say_hello(self) -> None:
        self.welcome = False
        self._hello_at = self._heard_at = self._now
        cursors = tuple(sorted((name, inbox.kept) for name, inbox in self._inboxes.items()))
        self._effects.append(Transmit(Hello(self.user, self.device, cursors, self.tail)))

    def _on_welcome(self, cursors: tuple[tuple[str, int], ...]) -> None:
        for conversation, after in cursors:
            if conversation not in self._inboxes:
                self._start(conversation, after)
                if after:
                    self._effects.append(Keep(("start", conversation), after))
        if not self.welcome:
            self.welcome = True
            self._effects.append(Report(Welcome(cursors)))
            for draft in self._drafts.values():
                self._send(draft)

    def _start(self, conversation: str, sequence: int) -> None:
        inbox = self._inboxes.setdefault(conversation, Inbox())
        inbox.taken = inbox.kept = inbox.acked = max(inbox.kept, sequence)

    # -- receiving

    def _on_delivery(self, message: Message) -> None:
        inbox = self._inboxes.setdefault(message.conversation, Inbox())
        if self._is_known(inbox, message):
            inbox.acked = min(inbox.acked, inbox.kept - 1)  # the server does not know: say it again
            self._unacknowledged[message.conversation] = None
        elif self._is_next(inbox, message):
            self._take(inbox, message)
            while inbox.taken + 1 in inbox.early:
                self._take(inbox, inbox.early.pop(inbox.taken + 1))
        else:
            if len(inbox.early) < self.patience.early:
                inbox.early[message.sequence] = message
            if self._now - inbox.asked_at >= self.patience.missing:
                inbox.asked_at = self._now
                self._effects.append(Transmit(Resend(message.conversation, inbox.taken)))

    def _is_known(self, inbox: Inbox, message: Message) -> bool:
        return message.sequence <= inbox.taken

    def _is_next(self, inbox: Inbox, message: Message) -> bool:
        return message.sequence == inbox.taken + 1

    def _take(self, inbox: Inbox, message: Message) -> None:
        inbox.taken = max(inbox.taken, message.sequence)
        self._keep(("message", message.conversation, message.sequence), message)

    def _keep(self, key: Hashable, value: Message | Send) -> None:
        self._writing[key] = value
        self._effects.append(Keep(key, value))

    def _on_kept(self, key: Hashable) -> None:
        match self._writing.pop(key, None):
            case Message() as message:
                inbox = self._inboxes[message.conversation]
                inbox.kept = max(inbox.kept, message.sequence)
                self._effects.append(Show(message))
                self._unacknowledged[message.conversation] = None
                if self.welcome and inbox.kept - inbox.acked >= self.patience.unacknowledged:
                    self._acknowledge(message.conversation)
            case Send() as draft:
                self._drafts[draft.client_id] = draft
                if self.welcome:
                    self._send(draft)

    def _acknowledge(self, conversation: str) -> None:
        inbox = self._inboxes[conversation]
        if inbox.kept > inbox.acked or inbox.seen > inbox.seen_acked:
            inbox.acked, inbox.seen_acked = inbox.kept, inbox.seen
            self._effects.append(Transmit(Ack(conversation, inbox.kept, inbox.seen)))

    # -- sending

    def _send(self, draft: Send) -> None:
        self._sent_at[draft.client_id] = self._now
        self._effects.append(Transmit(draft))

    def _forget_draft(self, client_id: str) -> None:
        if self._drafts.pop(client_id, None):
            self._sent_at.pop(client_id, None)
            self._effects.append(Keep(("draft", client_id), None))

    # -- time

    def _on_tick(self) -> None:
        now, patience = self._now, self.patience
        if not self._connected:
            return
        if not self.welcome:
            if now - self._hello_at >= patience.hello:
                self._effects.append(Reconnect())
            return
        if now - self._heard_at >= patience.silence:
            self._effects.append(Reconnect())
            return
        for conversation in self._unacknowledged:
            self._acknowledge(conversation)
        self._unacknowledged.clear()
        if now - self._pinged_at >= patience.heartbeat:
            self._pinged_at = now
            self._effects.append(Transmit(Ping()))
        self._retry()

    def _retry(self) -> None:
        for client_id, draft in self._drafts.items():
            if self._now - self._sent_at.get(client_id, float("-inf")) >= self.patience.retry:
                self._send(draft)
