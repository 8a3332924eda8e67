"""The chat server as one state machine without I/O: an event goes in, effects come out.

The simulator and the real server drive this same class. The log (a database that all servers share) is the only truth:
it gives each message its place, and a server accepts a message only once the log has it. All else may be lost and is
made good from the log:

- a server tells the others of a new message by a `Posted` hint. A hint that leaves a gap makes the server read the log;
  the loss of the last one is found within `Settings.repair_every` seconds, when heads are compared.
- a device acknowledges by a cursor. What it has not acknowledged `Settings.resend_after` seconds later is sent again.
- a device that comes back names its cursors, and gets what comes after them: its inbox is the log after its cursor.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from designbook.blocks.token_bucket import TokenBucket
from designbook.systems.chat.messages import (
    Accepted,
    Ack,
    BrokenFrame,
    Create,
    Created,
    Delivery,
    DeviceFrame,
    Hello,
    Hint,
    History,
    Invited,
    Moved,
    Page,
    Ping,
    Pong,
    Posted,
    Presence,
    Receipts,
    Refused,
    Resend,
    Seen,
    Send,
    ServerFrame,
    Sought,
    Typed,
    Typing,
    Watch,
    Welcome,
)
from designbook.systems.chat.stores.port import Cursor, Draft, Message, MessageLog, UnknownConversation

Connection = Hashable
Seconds = float

GONE = 4000
"""Close code: no heartbeat for too long."""
REPLACED = 4001
"""Close code: the same device has connected again."""
FLOOD = 1008
"""Close code (policy violation): went on sending although told to wait."""
TOO_SLOW = 1013
"""Close code (try again later): read more slowly than messages came; the server's network face decides that."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server waits for, in seconds, and what it allows."""

    repair_every: Seconds = 10.0  # how long the loss of a last hint may go unnoticed
    resend_after: Seconds = 10.0  # without progress of a device's cursor
    idle_after: Seconds = 75.0  # a device says something at least every 30 s
    log_timeout: Seconds = 10.0
    presence_every: Seconds = 30.0  # how often a server says who is connected to it
    rate: float = 20.0  # frames a second that a user may send here
    burst: float = 100.0  # frames; after as many refused in a row the connection is closed
    page: int = 50  # messages read from the log at a time
    window: int = 100  # messages on their way to a device that is catching up
    small: int = 1_000  # members up to which a conversation has receipts and presence


# -- what the server asks of the log


@dataclass(frozen=True, slots=True)
class Append:
    """Answered by a tuple of messages, one a draft."""

    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class After:
    """Answered by a tuple of messages."""

    conversation: str
    sequence: int
    limit: int


@dataclass(frozen=True, slots=True)
class Before:
    """Answered by a tuple of messages."""

    conversation: str
    sequence: int
    limit: int


@dataclass(frozen=True, slots=True)
class Heads:
    """Answered by (conversation, last sequence) pairs."""

    user: str


@dataclass(frozen=True, slots=True)
class Members:
    """Answered by a tuple of names, empty if there is no such conversation."""

    conversation: str


@dataclass(frozen=True, slots=True)
class StoredCursors:
    """Answered by a tuple of cursors."""

    conversation: str


@dataclass(frozen=True, slots=True)
class Save:
    """Answered by an empty tuple."""

    cursors: tuple[Cursor, ...]


@dataclass(frozen=True, slots=True)
class CreateIt:
    """Answered by a tuple of the names of its members, which are others if it existed."""

    conversation: str
    members: tuple[str, ...]


Request = Append | After | Before | Heads | Members | StoredCursors | Save | CreateIt


def carry_out(log: MessageLog, request: Request) -> tuple[Any, ...]:
    """Do what a server asks of the log. Raises LogDown and, for what no server asks, UnknownConversation."""
    match request:
        case Append(drafts):
            return tuple(log.append(drafts))
        case After(conversation, sequence, limit):
            return tuple(log.after(conversation, sequence, limit))
        case Before(conversation, sequence, limit):
            return tuple(log.before(conversation, sequence, limit))
        case Heads(user):
            return tuple(sorted(log.heads(user).items()))
        case Members(conversation):
            try:
                return tuple(sorted(log.members(conversation)))
            except UnknownConversation:
                return ()
        case StoredCursors(conversation):
            return log.cursors(conversation)
        case Save(cursors):
            log.save(cursors)
            return ()
        case CreateIt(conversation, members):
            log.create(conversation, members)
            return tuple(sorted(log.members(conversation)))


# -- events


@dataclass(frozen=True, slots=True)
class Arrived:
    """A frame came from a device, or something that is none."""

    connection: Connection
    frame: DeviceFrame | BrokenFrame


@dataclass(frozen=True, slots=True)
class Closed:
    """A device's connection is gone."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class Heard:
    """Another server said something about a topic to which this one subscribed."""

    topic: str
    hint: Hint


@dataclass(frozen=True, slots=True)
class Answered:
    """The log answers the request of that number; with None it failed, and may or may not have done it."""

    number: int
    answer: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; at least once in half the shortest of the settings."""


Event = Arrived | Closed | Heard | Answered | Tick


# -- effects


@dataclass(frozen=True, slots=True)
class Tell:
    """Send one frame to these connections; written the same for all of them."""

    connections: tuple[Connection, ...]
    frame: ServerFrame


@dataclass(frozen=True, slots=True)
class Close:
    """End a connection. No `Closed` needs to follow."""

    connection: Connection
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the other servers that subscribed to the topic; at most once, and perhaps never."""

    topic: str
    hint: Hint


@dataclass(frozen=True, slots=True)
class Subscribe:
    """From now on this server wants to hear of the topic."""

    topic: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """No longer."""

    topic: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the log; `Answered` with the same number follows, or nothing."""

    number: int
    request: Request


Effect = Tell | Close | Publish | Subscribe | Unsubscribe | Ask


# -- state


@dataclass(slots=True, eq=False)
class Session:
    """A connection whose device said hello."""

    connection: Connection
    user: str
    device: str
    cursors: Mapping[str, int]
    tail: int
    heard_at: Seconds
    welcome: bool = False
    looked_up_at: Seconds = 0.0
    seats: dict[str, "Seat"] = field(default_factory=dict)
    watched: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Seat:
    """A session's place in a room. `sent` counts only while it is not live: it is then reading the log after it."""

    session: Session
    acked: int
    read: int = 0
    sent: int = 0
    reading: bool = False
    stuck_since: Seconds | None = None
    stuck_at: int = 0


@dataclass(slots=True, eq=False)
class Room:
    """A conversation of which at least one member's device is connected here."""

    conversation: str
    last: int
    seats: dict[Connection, Seat] = field(default_factory=dict)
    live: dict[Connection, Seat] = field(default_factory=dict)
    connections: tuple[Connection, ...] | None = None  # those of `live`, until that changes
    held: dict[int, Message] = field(default_factory=dict)
    reading: bool = False
    settled: int = -1
    members: tuple[str, ...] = ()
    receipts: dict[str, tuple[int, int]] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)  # user: how far the user's cursor was when last told
    wrote: dict[str, int] = field(default_factory=dict)  # sender: the last sequence


@dataclass(slots=True, eq=False)
class _User:
    """Somebody with a device here."""

    bucket: TokenBucket
    sessions: dict[Connection, Session] = field(default_factory=dict)
    compared_at: Seconds = 0.0
    refused: int = 0


Then = Callable[[tuple[Any, ...] | None], None]


class ChatServer:
    """One of several server processes that share a log and tell each other what is new.

    `handle` is to be called with one event at a time; `now` in Unix seconds.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._now: Seconds = 0.0
        self._effects: list[Effect] = []
        self._sessions: dict[Connection, Session] = {}
        self._users: dict[str, _User] = {}
        self._rooms: dict[str, Room] = {}
        self._topics: dict[str, int] = {}
        self._asked: dict[int, tuple[Seconds, Then]] = {}
        self._number = 0
        self._drafts: dict[tuple[str, str, str], Draft] = {}
        self._waiting: dict[tuple[str, str, str], set[Connection]] = {}
        self._appending = False
        self._cursors: dict[tuple[str, str, str], Cursor] = {}
        self._watchers: dict[str, dict[Connection, None]] = {}
        self._seen: dict[str, Seen] = {}
        self._shown_online: dict[str, bool] = {}
        self._told_presence_at: Seconds = 0.0

    def handle(self, now: Seconds, event: Event) -> list[Effect]:
        """What to do about `event`, in this order."""
        self._now = now
        match event:
            case Arrived(connection, frame):
                self._on_frame(connection, frame)
            case Answered(number, answer):
                _, then = self._asked.pop(number, (now, None))
                if then is not None:
                    then(answer)
            case Heard(topic, hint):
                if topic in self._topics:
                    self._on_hint(hint)
            case Closed(connection):
                self._leave(connection)
            case Tick():
                self._on_tick()
        effects, self._effects = self._effects, []
        return effects

    # -- frames

    def _on_frame(self, connection: Connection, frame: DeviceFrame | BrokenFrame) -> None:
        session = self._sessions.get(connection)
        if session is not None:
            session.heard_at = self._now
        elif not isinstance(frame, Hello):  # nobody to count against a limit: out with it
            self._refuse(connection, "hello", "is to be the first frame of a connection")
            self._effects.append(Close(connection, FLOOD, "no hello"))
            return
        if session is not None and not isinstance(frame, Ack | Ping) and not self._admit(session, frame):
            return
        if session is not None and not session.welcome and not isinstance(frame, Hello | BrokenFrame | Ping):
            self._refuse(connection, "hello", "has not been answered yet; wait for its welcome", retry_after=1.0)
            return
        match frame:
            case BrokenFrame():
                self._refuse(connection, frame.field, frame.message)
            case Hello():
                self._on_hello(connection, frame)
            case Ping():
                self._tell(connection, Pong())
            case Create():
                self._on_create(connection, frame)
            case _:
                assert session is not None
                seat = session.seats.get(frame.conversation)
                if seat is not None:
                    self._on_seated(session, seat, frame)
                elif not isinstance(frame, Ack):
                    self._ask(Members(frame.conversation), partial(self._seat_then, session, frame))

    def _admit(self, session: Session, frame: DeviceFrame | BrokenFrame) -> bool:
        """Whether the user may send another frame now; who does not listen to a no is disconnected."""
        user = self._users[session.user]
        if user.bucket.allow():
            user.refused = 0
            return True
        user.refused += 1
        about = (frame.conversation, frame.client_id) if isinstance(frame, Send) else ("", "")
        wait = user.bucket.wait()
        self._refuse(session.connection, "rate", "too many frames; wait a little", *about, retry_after=wait)
        if user.refused > self.settings.burst:
            self._close(session.connection, FLOOD, "too many frames")
        return False

    def _seat_then(
        self, session: Session, frame: Send | Resend | Page | Typing | Watch, members: tuple[str, ...] | None
    ) -> None:
        """The session has no place in that conversation yet: give it one if its user is a member."""
        if members is None or self._sessions.get(session.connection) is not session:
            return
        client_id = frame.client_id if isinstance(frame, Send) else ""
        if session.user not in members:
            problem = f"{session.user!r} is not a member" if members else "there is no such conversation"
            self._refuse(session.connection, "conversation", problem, frame.conversation, client_id)
            return
        if frame.conversation not in session.seats:
            self._take_seat(session, frame.conversation, 0)
            self._compare_soon(session.user)
        self._on_seated(session, session.seats[frame.conversation], frame)

    def _on_seated(self, session: Session, seat: Seat, frame: Send | Ack | Resend | Page | Typing | Watch) -> None:
        room = self._rooms[frame.conversation]
        match frame:
            case Send(conversation, client_id, text):
                self._on_send(session, Draft(conversation, session.user, client_id, text, self._now))
            case Ack(_, delivered, read):
                self._on_ack(room, seat, delivered, read)
            case Resend(_, after):
                self._resend(room, seat, after)
            case Page(conversation, before, limit):
                answer = partial(self._tell_history, session, conversation, before)
                self._ask(Before(conversation, before, limit), answer)
            case Typing(conversation):
                typed = Typed(conversation, session.user)
                self._publish(_conversation(conversation), typed)
                self._show_typed(room, typed)
            case Watch():
                self._watch(session, room)

    def _tell_history(
        self, session: Session, conversation: str, before: int, messages: tuple[Message, ...] | None
    ) -> None:
        if messages is None:
            self._refuse(session.connection, "log", "does not answer; try again", conversation, retry_after=1.0)
        else:
            self._tell(session.connection, History(conversation, before, messages))

    # -- connections

    def _on_hello(self, connection: Connection, hello: Hello) -> None:
        user = self._users.get(hello.user)
        for other in list(user.sessions.values()) if user else []:
            if other.device == hello.device and other.connection != connection:
                self._effects.append(Close(other.connection, REPLACED, "this device has connected again"))
                self._leave(other.connection, quietly=True)
        if self._sessions.get(connection) and self._sessions[connection].user != hello.user:
            return self._refuse(connection, "user", "is another than at the first hello of this connection")
        self._leave(connection, quietly=True)
        if hello.user not in self._users:
            bucket = TokenBucket(self.settings.rate, self.settings.burst, lambda: self._now)
            self._users[hello.user] = _User(bucket)
            self._subscribe(_user(hello.user))
        session = Session(connection, hello.user, hello.device, dict(hello.cursors), hello.tail, self._now)
        self._sessions[connection] = session
        user = self._users[hello.user]
        user.sessions[connection] = session
        self._look_up(session)
        if len(user.sessions) == 1:
            self._publish_seen(hello.user, True)
        return None

    def _look_up(self, session: Session) -> None:
        session.looked_up_at = self._now
        self._ask(Heads(session.user), partial(self._welcome, session))

    def _welcome(self, session: Session, heads: tuple[tuple[str, int], ...] | None) -> None:
        if self._sessions.get(session.connection) is not session or session.welcome:
            return
        if heads is None:  # a tick will ask again: the device may believe that it was welcomed long ago
            self._refuse(session.connection, "log", "does not answer; please wait", retry_after=1.0)
            return
        session.welcome = True
        session.cursors = {c: session.cursors.get(c, max(0, head - session.tail)) for c, head in heads}
        self._tell(session.connection, Welcome(tuple(session.cursors.items())))
        for conversation, head in heads:
            self._take_seat(session, conversation, head)
        self._compare_soon(session.user)  # what was posted between the reading of the heads and our subscription

    def _take_seat(self, session: Session, conversation: str, head: int) -> None:
        room = self._rooms.get(conversation)
        if room is None:
            room = self._rooms[conversation] = Room(conversation, head)
            self._subscribe(_conversation(conversation))
            self._ask(Members(conversation), partial(self._know_members, room))
        cursor = session.cursors.get(conversation, 0)
        seat = session.seats[conversation] = Seat(session, acked=cursor, sent=cursor)
        room.seats[session.connection] = seat
        room.live.pop(session.connection, None)
        room.connections = None
        room.settled = -1
        self._follow(room, seat)
        if max(head, cursor) > room.last:
            self._read_gap(room)
        if room.receipts:
            receipts = tuple((user, *got) for user, got in sorted(room.receipts.items()))
            self._tell(session.connection, Receipts(conversation, receipts))

    def _know_members(self, room: Room, members: tuple[str, ...] | None) -> None:
        if members is not None:
            room.members = members
            if len(members) <= self.settings.small:
                self._ask(StoredCursors(room.conversation), partial(self._know_cursors, room))

    def _know_cursors(self, room: Room, cursors: tuple[Cursor, ...] | None) -> None:
        for cursor in cursors or ():
            delivered, read = room.receipts.get(cursor.user, (0, 0))
            room.receipts[cursor.user] = max(delivered, cursor.delivered), max(read, cursor.read)
        receipts = tuple((user, *got) for user, got in sorted(room.receipts.items()))
        if receipts and room.seats:
            self._effects.append(Tell(tuple(room.seats), Receipts(room.conversation, receipts)))

    def _leave(self, connection: Connection, *, quietly: bool = False) -> None:
        session = self._sessions.pop(connection, None)
        if session is None:
            return
        for conversation in session.seats:
            room = self._rooms[conversation]
            del room.seats[connection]
            if room.live.pop(connection, None):
                room.connections = None
            if not room.seats:
                del self._rooms[conversation]
                self._unsubscribe(_conversation(conversation))
        for watched in session.watched:
            self._unwatch(watched, connection)
        user = self._users[session.user]
        del user.sessions[connection]
        if not user.sessions and not quietly:
            self._publish_seen(session.user, False)

    def _close(self, connection: Connection, code: int, reason: str) -> None:
        self._effects.append(Close(connection, code, reason))
        self._leave(connection)

    # -- a message from a device into the log

    def _on_send(self, session: Session, draft: Draft) -> None:
        name = (draft.conversation, draft.sender, draft.client_id)
        self._waiting.setdefault(name, set()).add(session.connection)
        self._drafts.setdefault(name, draft)
        self._append()

    def _append(self) -> None:
        """All drafts that wait go into the log together; those that come meanwhile wait for the next time."""
        if not self._drafts or self._appending:
            return
        drafts = tuple(self._drafts.values())
        self._drafts.clear()
        self._appending = True
        self._ask(Append(drafts), partial(self._appended, drafts))

    def _appended(self, drafts: tuple[Draft, ...], messages: tuple[Message, ...] | None) -> None:
        self._appending = False
        if messages is None:  # their devices will send them again
            for draft in drafts:
                self._waiting.pop((draft.conversation, draft.sender, draft.client_id), None)
        else:
            self._accept(messages)
        self._append()

    def _accept(self, messages: Iterable[Message]) -> None:
        posted: dict[str, list[Message]] = {}
        for message in messages:
            posted.setdefault(message.conversation, []).append(message)
            accepted = Accepted(message.conversation, message.client_id, message.sequence, message.time)
            for connection in self._waiting.pop((message.conversation, message.sender, message.client_id), ()):
                if connection in self._sessions:
                    self._tell(connection, accepted)
        for conversation, together in posted.items():
            self._publish(_conversation(conversation), Posted(tuple(together)))
            self._arrive(conversation, together)

    # -- a message from the log to the devices

    def _arrive(self, conversation: str, messages: Iterable[Message]) -> None:
        """Pass on what is next in order; hold what came too early, and read what is missing."""
        room = self._rooms.get(conversation)
        if room is None:
            return
        for message in messages:
            if message.sequence > room.last:
                room.held[message.sequence] = message
        while room.last + 1 in room.held:
            room.last += 1
            message = room.held.pop(room.last)
            room.wrote[message.sender] = room.last
            if room.live:
                if room.connections is None:
                    room.connections = tuple(room.live)
                self._effects.append(Tell(room.connections, Delivery(message)))
        if room.held:
            while len(room.held) > self.settings.window:
                del room.held[max(room.held)]
            self._read_gap(room)

    def _read_gap(self, room: Room) -> None:
        if not room.reading:
            room.reading = True
            request = After(room.conversation, room.last, self.settings.page)
            self._ask(request, partial(self._gap_read, room))

    def _gap_read(self, room: Room, messages: tuple[Message, ...] | None) -> None:
        room.reading = False
        if messages and self._rooms.get(room.conversation) is room:
            self._arrive(room.conversation, messages)
            if len(messages) == self.settings.page:
                self._read_gap(room)

    def _follow(self, room: Room, seat: Seat) -> None:
        """Make the seat live if it has everything; if not, send it the next page once the last is acknowledged."""
        connection = seat.session.connection
        if seat.sent >= room.last:
            room.live[connection] = seat
            room.connections = None
        elif not seat.reading and seat.sent - seat.acked < self.settings.window:
            seat.reading = True
            request = After(room.conversation, seat.sent, self.settings.page)
            self._ask(request, partial(self._page_read, room, seat))

    def _page_read(self, room: Room, seat: Seat, messages: tuple[Message, ...] | None) -> None:
        seat.reading = False
        connection = seat.session.connection
        if not messages or room.seats.get(connection) is not seat or connection in room.live:
            return
        self._arrive(room.conversation, messages)
        for message in messages:
            if message.sequence == seat.sent + 1:
                self._tell(connection, Delivery(message))
                seat.sent += 1
        self._follow(room, seat)

    def _resend(self, room: Room, seat: Seat, after: int) -> None:
        if room.live.pop(seat.session.connection, None):
            room.connections = None
        seat.sent = after
        self._follow(room, seat)

    # -- cursors

    def _on_ack(self, room: Room, seat: Seat, delivered: int, read: int) -> None:
        delivered = min(delivered, max(room.last, seat.acked))
        read = min(read, delivered)
        if delivered <= seat.acked and read <= seat.read:
            return
        seat.acked, seat.read = max(seat.acked, delivered), max(seat.read, read)
        session, conversation = seat.session, room.conversation
        cursor = Cursor(conversation, session.user, session.device, seat.acked, seat.read)
        self._cursors[conversation, session.user, session.device] = cursor
        if room.members and len(room.members) <= self.settings.small:
            self._move(room, session.user, seat.acked, seat.read)
        if session.connection not in room.live:
            self._follow(room, seat)

    def _move(self, room: Room, user: str, delivered: int, read: int) -> None:
        old_delivered, old_read = room.receipts.get(user, (0, 0))
        moved = max(old_delivered, delivered), max(old_read, read)
        if moved != (old_delivered, old_read):
            room.receipts[user] = moved
            room.moved.setdefault(user, min(old_delivered, old_read))

    def _tell_receipts(self, room: Room) -> None:
        """A tick's moves in one frame, to the devices of those who wrote what was passed over; others need none."""
        moved, room.moved = room.moved, {}
        receipts = tuple((user, *room.receipts[user]) for user in sorted(moved))
        self._publish(_conversation(room.conversation), Moved(room.conversation, receipts))
        self._show_receipts(room, moved, receipts)

    def _show_receipts(self, room: Room, since: Mapping[str, int], receipts: tuple[tuple[str, int, int], ...]) -> None:
        least = min(since.values())
        concerned = tuple(
            connection for connection, seat in room.seats.items() if room.wrote.get(seat.session.user, 0) > least
        )
        if concerned:
            self._effects.append(Tell(concerned, Receipts(room.conversation, receipts)))

    # -- new conversations

    def _on_create(self, connection: Connection, create: Create) -> None:
        session = self._sessions[connection]
        if session.user not in create.members:
            problem = f"lack {session.user!r}, who creates the conversation"
            return self._refuse(connection, "members", problem, create.conversation)
        request = CreateIt(create.conversation, create.members)
        return self._ask(request, partial(self._created, session, create))

    def _created(self, session: Session, create: Create, members: tuple[str, ...] | None) -> None:
        if members is None:
            self._refuse(session.connection, "log", "does not answer; try again", create.conversation, retry_after=1.0)
        elif members != create.members:
            self._refuse(session.connection, "conversation", "is taken", create.conversation)
        else:
            for user in members:
                self._publish(_user(user), Invited(user, create.conversation))
                self._invited(user, create.conversation, members)

    def _invited(self, user: str, conversation: str, members: tuple[str, ...] | None) -> None:
        here = self._users.get(user)
        if here is None or members is None or user not in members:
            return
        for session in list(here.sessions.values()):
            if session.welcome:
                if conversation not in session.seats:
                    self._take_seat(session, conversation, 0)
                    self._compare_soon(user)
                self._tell(session.connection, Created(conversation, members))

    # -- typing and presence: told once, never stored

    def _show_typed(self, room: Room, typed: Typed) -> None:
        others = tuple(each for each, seat in room.live.items() if seat.session.user != typed.user)
        if others:
            self._effects.append(Tell(others, typed))

    def _watch(self, session: Session, room: Room) -> None:
        """Presence is told of the one conversation that a device has on its screen."""
        if not room.members:
            return self._ask(Members(room.conversation), partial(self._watch_knowing, session, room))
        for user in session.watched:
            self._unwatch(user, session.connection)
        session.watched = room.members if len(room.members) <= self.settings.small else ()
        for user in session.watched:
            watchers = self._watchers.setdefault(user, {})
            if not watchers:
                self._subscribe(_user(user))
            watchers[session.connection] = None
            presence = self._presence(user)
            self._shown_online[user] = presence.online
            self._tell(session.connection, presence)
            if not self._is_here(user):
                self._publish(_user(user), Sought(user))
        return None

    def _watch_knowing(self, session: Session, room: Room, members: tuple[str, ...] | None) -> None:
        self._know_members(room, members)
        if members and room.conversation in session.seats and self._sessions.get(session.connection) is session:
            self._watch(session, room)

    def _unwatch(self, user: str, connection: Connection) -> None:
        watchers = self._watchers.get(user, {})
        if watchers.pop(connection, True) is None and not watchers:
            del self._watchers[user]
            self._seen.pop(user, None)
            self._shown_online.pop(user, None)
            self._unsubscribe(_user(user))

    def _is_here(self, user: str) -> bool:
        return user in self._users and bool(self._users[user].sessions)

    def _presence(self, user: str) -> Presence:
        if self._is_here(user):
            return Presence(user, True, self._now)
        seen = self._seen.get(user, Seen(user, False, 0.0))
        fresh = self._now - seen.last_seen < 2.5 * self.settings.presence_every
        return Presence(user, seen.online and fresh, seen.last_seen)

    def _publish_seen(self, user: str, online: bool) -> None:
        seen = Seen(user, online, self._now)
        self._publish(_user(user), seen)
        self._see(seen)

    def _see(self, seen: Seen) -> None:
        if seen.user in self._watchers:
            self._seen[seen.user] = seen
            self._show_presence(seen.user)

    def _show_presence(self, user: str) -> None:
        presence = self._presence(user)
        if self._shown_online.get(user) != presence.online:
            self._shown_online[user] = presence.online
            self._effects.append(Tell(tuple(self._watchers[user]), presence))

    # -- hints

    def _on_hint(self, hint: Hint) -> None:
        match hint:
            case Posted(messages):
                for conversation in {message.conversation: None for message in messages}:
                    self._arrive(conversation, [each for each in messages if each.conversation == conversation])
            case Moved(conversation, receipts):
                room = self._rooms.get(conversation)
                if room is not None:
                    since = {user: min(room.receipts.get(user, (0, 0))) for user, _, _ in receipts}
                    for user, delivered, read in receipts:
                        old = room.receipts.get(user, (0, 0))
                        room.receipts[user] = max(old[0], delivered), max(old[1], read)
                    self._show_receipts(room, since, receipts)
            case Typed(conversation):
                room = self._rooms.get(conversation)
                if room is not None:
                    self._show_typed(room, hint)
            case Invited(user, conversation):
                self._ask(Members(conversation), partial(self._invited, user, conversation))
            case Sought(user):
                if self._is_here(user):
                    self._publish(_user(user), Seen(user, True, self._now))
            case Seen(user, online):
                if not online and self._is_here(user):
                    self._publish(_user(user), Seen(user, True, self._now))
                else:
                    self._see(hint)

    # -- time

    def _on_tick(self) -> None:
        now, settings = self._now, self.settings
        for number in [
            number for number, (asked_at, _) in self._asked.items() if now - asked_at > settings.log_timeout
        ]:
            self._asked.pop(number)[1](None)
        for session in [each for each in self._sessions.values() if now - each.heard_at > settings.idle_after]:
            self._close(session.connection, GONE, "no heartbeat")
        for session in self._sessions.values():
            if not session.welcome and now - session.looked_up_at > settings.log_timeout:
                self._look_up(session)
        for room in self._rooms.values():
            if room.moved:
                self._tell_receipts(room)
            if room.settled != room.last:
                self._resend_unacknowledged(room)
        self._compare_heads()
        if self._cursors:
            cursors, self._cursors = tuple(self._cursors.values()), {}
            self._ask(Save(cursors), partial(self._saved, cursors))
        if now - self._told_presence_at >= settings.presence_every:
            self._told_presence_at = now
            for name, user in self._users.items():
                if user.sessions:
                    self._publish(_user(name), Seen(name, True, now))
        for name in self._watchers:
            self._show_presence(name)
        for name in [name for name, user in self._users.items() if not user.sessions]:
            if self._users[name].bucket.allow(settings.burst):  # it is full again: nothing to remember
                del self._users[name]
                self._unsubscribe(_user(name))

    def _resend_unacknowledged(self, room: Room) -> None:
        """A device whose cursor stands still although more was sent gets it again, from its cursor on."""
        settled = True
        for seat in list(room.seats.values()):
            if seat.acked >= room.last:
                seat.stuck_since = None
                continue
            settled = False
            if seat.stuck_since is None or seat.acked > seat.stuck_at:
                seat.stuck_since, seat.stuck_at = self._now, seat.acked
            elif self._now - seat.stuck_since >= self.settings.resend_after:
                seat.stuck_since = self._now
                self._resend(room, seat, seat.acked)
        if settled:
            room.settled = room.last

    def _compare_heads(self) -> None:
        """Anti-entropy: has the log more than we were told of? Each user's conversations in their turn."""
        for name, user in self._users.items():
            if user.sessions and self._now - user.compared_at >= self.settings.repair_every:
                user.compared_at = self._now
                self._ask(Heads(name), partial(self._compare, name))

    def _compare_soon(self, name: str) -> None:
        self._users[name].compared_at = float("-inf")

    def _compare(self, name: str, heads: tuple[tuple[str, int], ...] | None) -> None:
        user = self._users.get(name)
        for conversation, head in heads or ():
            for session in user.sessions.values() if user else ():
                if session.welcome and conversation not in session.seats:
                    self._ask(Members(conversation), partial(self._invited, name, conversation))
            room = self._rooms.get(conversation)
            if room is not None and head > room.last:
                self._read_gap(room)

    def _saved(self, cursors: Collection[Cursor], answer: tuple[Any, ...] | None) -> None:
        if answer is None:
            for cursor in cursors:
                self._cursors.setdefault((cursor.conversation, cursor.user, cursor.device), cursor)

    # -- small things

    def _ask(self, request: Request, then: Then) -> None:
        self._number += 1
        self._asked[self._number] = self._now, then
        self._effects.append(Ask(self._number, request))

    def _tell(self, connection: Connection, frame: ServerFrame) -> None:
        self._effects.append(Tell((connection,), frame))

    def _refuse(
        self,
        connection: Connection,
        field: str,
        reason: str,
        conversation: str = "",
        client_id: str = "",
        retry_after: Seconds = 0.0,
    ) -> None:
        self._tell(connection, Refused(field, reason, conversation, client_id, retry_after))

    def _publish(self, topic: str, hint: Hint) -> None:
        self._effects.append(Publish(topic, hint))

    def _subscribe(self, topic: str) -> None:
        self._topics[topic] = self._topics.get(topic, 0) + 1
        if self._topics[topic] == 1:
            self._effects.append(Subscribe(topic))

    def _unsubscribe(self, topic: str) -> None:
        self._topics[topic] -= 1
        if not self._topics[topic]:
            del self._topics[topic]
            self._effects.append(Unsubscribe(topic))


def _conversation(name: str) -> str:
    return f"conversation.{name}"


def _user(name: str) -> str:
    return f"user.{name}"
