"""What goes over the wire: frames between a device and its server, hints between servers, all as JSON.

A frame is a record whose class names it: `Typing("lunch")` is `{"type": "typing", "conversation": "lunch"}`. A field's
name says what it may hold, the same in every frame, so an error can always name the field.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

from designbook.systems.chat.stores.port import Message

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Users, devices, conversations and client ids; such a name is also a token of a NATS subject."""
LONGEST_TEXT = 4_000  # bytes in UTF-8
MOST_MEMBERS = 10_000
LARGEST_PAGE = 100  # messages

Cursors = tuple[tuple[str, int], ...]
"""Conversations and a sequence in each: everything up to there."""


class BrokenFrame(ValueError):
    """Not a frame of ours; `field` is where it breaks."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


# -- from a device


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of a connection: who this is, and how far this device got.

    Where it has no cursor it starts `tail` messages before the end. There is no password: a gateway in front of the
    server would vouch for `user`.
    """

    user: str
    device: str
    cursors: Cursors = ()
    tail: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Create:
    """Start a conversation; answered by `Created`, also if it exists with the same members."""

    conversation: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """A message; `client_id` is the device's own name for it, kept when it is sent again. Answered by `Accepted`."""

    conversation: str
    client_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Ack:
    """The device keeps everything up to `delivered`, and its user has read up to `read`."""

    conversation: str
    delivered: int
    read: int = 0


@dataclass(frozen=True, slots=True)
class Resend:
    """Something is missing: deliver again from after `after` on."""

    conversation: str
    after: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of history: up to `limit` messages before `before`. Answered by `History`."""

    conversation: str
    before: int
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Typing:
    """The user is typing there."""

    conversation: str


@dataclass(frozen=True, slots=True)
class Watch:
    """The conversation is on the screen: tell who of its members is there, now and when that changes."""

    conversation: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A heartbeat: the device is alive, and asks whether the server is. Answered by `Pong`."""


# -- to a device


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to `Hello`: the user's conversations, each with the sequence after which deliveries begin."""

    cursors: Cursors


@dataclass(frozen=True, slots=True)
class Created:
    """A conversation to which the user belongs."""

    conversation: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The promise begins: the message is in the log, in this place."""

    conversation: str
    client_id: str
    sequence: int
    time: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, for the first time or again; in order, unless the transport disturbs it."""

    message: Message


@dataclass(frozen=True, slots=True)
class History:
    """The messages before `before`, oldest first; none where the conversation begins."""

    conversation: str
    before: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Receipts:
    """How far users got, as (user, delivered, read): the furthest of each one's devices."""

    conversation: str
    receipts: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody is typing."""

    conversation: str
    user: str


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a user has a device connected, and if not, when one was last heard (Unix seconds; 0: not known)."""

    user: str
    online: bool
    last_seen: float


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to `Ping`."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A frame was not carried out: the field that is wrong, and what it was about.

    With `retry_after` above 0 (seconds) the same frame will do later; with 0 it never will.
    """

    field: str
    reason: str
    conversation: str = ""
    client_id: str = ""
    retry_after: float = 0.0


# -- between servers: each may be lost, and then the log tells


@dataclass(frozen=True, slots=True)
class Posted:
    """Messages that are in the log now, all of one conversation."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """Cursors that moved, as in `Receipts`."""

    conversation: str
    receipts: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Invited:
    """A user belongs to a new conversation."""

    user: str
    conversation: str


@dataclass(frozen=True, slots=True)
class Sought:
    """Is that user connected anywhere? Answered by `Seen`, or by silence."""

    user: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A user is connected to the sender of this hint, or no longer."""

    user: str
    online: bool
    last_seen: float


DeviceFrame = Hello | Create | Send | Ack | Resend | Page | Typing | Watch | Ping
ServerFrame = Welcome | Created | Accepted | Delivery | History | Receipts | Typed | Presence | Pong | Refused
Hint = Posted | Moved | Typed | Invited | Sought | Seen

F = TypeVar("F", bound="DataclassInstance")


def encode(frame: DeviceFrame | ServerFrame | Hint) -> str:
    """The frame as JSON."""
    content: dict[str, object] = {"type": type(frame).__name__.lower()}
    for field in fields(frame):
        value = getattr(frame, field.name)
        if field.name == "cursors":
            value = dict(value)
        elif field.name == "message":
            value = asdict(value)
        elif field.name == "messages":
            value = [asdict(message) for message in value]
        content[field.name] = value
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def from_device(text: str | bytes) -> DeviceFrame:
    """The frame that a device sent. Raises BrokenFrame."""
    return _decode(text, _FROM_DEVICE)


def from_server(text: str | bytes) -> ServerFrame:
    """The frame that a server sent to a device. Raises BrokenFrame."""
    return _decode(text, _FROM_SERVER)


def from_peer(text: str | bytes) -> Hint:
    """The hint that another server sent. Raises BrokenFrame."""
    return _decode(text, _HINTS)


def _decode(text: str | bytes, kinds: Mapping[str, type[F]]) -> F:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenFrame("frame", "is not JSON") from None
    if not isinstance(content, dict):
        raise BrokenFrame("frame", "is not a JSON object")
    kind = content.pop("type", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise BrokenFrame("type", f"is {_short(kind)}, expected one of {', '.join(kinds)}")
    values = {}
    for field in fields(kinds[kind]):
        if field.name in content:
            value = content.pop(field.name)
            values[field.name] = value if value == field.default else _CHECKS[field.name](field.name, value)
    if content:
        raise BrokenFrame(_short(next(iter(content))), f"is not a field of {kind}")
    try:
        return kinds[kind](**values)
    except TypeError:
        missing = [field.name for field in fields(kinds[kind]) if field.name not in values]
        raise BrokenFrame(missing[0], f"is missing in {kind}") from None


# -- what a field may hold


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _name(field: str, value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise BrokenFrame(field, f"is {_short(value)}, expected 1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
    return value


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BrokenFrame(field, f"is {_short(value)}, expected a text")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise BrokenFrame(field, "holds half a surrogate pair, expected Unicode text") from None
    if not 0 < size <= LONGEST_TEXT:
        raise BrokenFrame(field, f"is {size} bytes long, expected 1 to {LONGEST_TEXT}")
    if "\0" in value:
        raise BrokenFrame(field, "holds the character NUL")
    return value


def _reason(field: str, value: Any) -> str:
    return value if isinstance(value, str) else _short(value)


def _count(field: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise BrokenFrame(field, f"is {_short(value)}, expected a whole number from 0 on")
    return value


def _page(field: str, value: Any) -> int:
    if not 1 <= _count(field, value) <= LARGEST_PAGE:
        raise BrokenFrame(field, f"is {value}, expected 1 to {LARGEST_PAGE} messages")
    return int(value)


def _number(field: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise BrokenFrame(field, f"is {_short(value)}, expected a number")
    return float(value)


def _truth(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BrokenFrame(field, f"is {_short(value)}, expected true or false")
    return value


def _list(field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise BrokenFrame(field, f"is {_short(value)}, expected a list")
    return value


def _members(field: str, value: Any) -> tuple[str, ...]:
    names = sorted({_name(field, name) for name in _list(field, value)})
    if not 1 <= len(names) <= MOST_MEMBERS:
        raise BrokenFrame(field, f"are {len(names)}, expected 1 to {MOST_MEMBERS}")
    return tuple(names)


def _cursors(field: str, value: Any) -> Cursors:
    if not isinstance(value, dict):
        raise BrokenFrame(field, f"is {_short(value)}, expected an object of conversations and sequences")
    return tuple(sorted((_name(field, name), _count(field, sequence)) for name, sequence in value.items()))


def _receipts(field: str, value: Any) -> tuple[tuple[str, int, int], ...]:
    rows = [row for row in _list(field, value) if isinstance(row, list) and len(row) == 3]
    return tuple((_name(field, user), _count(field, delivered), _count(field, read)) for user, delivered, read in rows)


def _message(field: str, value: Any) -> Message:
    if not isinstance(value, dict) or value.keys() != {each.name for each in fields(Message)}:
        raise BrokenFrame(field, f"is {_short(value)}, expected a message")
    return Message(**{name: _CHECKS[name](name, each) for name, each in value.items()})


def _messages(field: str, value: Any) -> tuple[Message, ...]:
    return tuple(_message(field, each) for each in _list(field, value))


_CHECKS: dict[str, Callable[[str, Any], Any]] = (
    dict.fromkeys(("user", "device", "sender", "conversation", "client_id"), _name)
    | dict.fromkeys(("sequence", "after", "before", "delivered", "read", "tail"), _count)
    | dict.fromkeys(("time", "last_seen", "retry_after"), _number)
    | {"text": _text, "field": _reason, "reason": _reason, "limit": _page, "online": _truth}
    | {"members": _members, "cursors": _cursors, "receipts": _receipts, "message": _message, "messages": _messages}
)


def _kinds(*kinds: type[F]) -> dict[str, type[F]]:
    return {kind.__name__.lower(): kind for kind in kinds}


_FROM_DEVICE: dict[str, type[DeviceFrame]] = _kinds(Hello, Create, Send, Ack, Resend, Page, Typing, Watch, Ping)
_FROM_SERVER: dict[str, type[ServerFrame]] = _kinds(
    Welcome, Created, Accepted, Delivery, History, Receipts, Typed, Presence, Pong, Refused
)
_HINTS: dict[str, type[Hint]] = _kinds(Posted, Moved, Typed, Invited, Sought, Seen)
