"""What the chat asks of a database, whichever it is: a log by (conversation, sequence), and how far each device got."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before the log gave it its place.

    `client_id` is the sender's own name for it: the same again from the same sender in the same conversation is the
    same message. `time` is the accepting server's clock in Unix seconds; it is shown, and orders nothing.
    """

    conversation: str
    sender: str
    client_id: str
    text: str
    time: float

    def __post_init__(self) -> None:
        """Raises ValueError for what not every database can keep: NUL, and half of a surrogate pair."""
        for field in ("conversation", "sender", "client_id", "text"):
            value: str = getattr(self, field)
            if "\0" in value or not _is_unicode(value):
                raise ValueError(f"{field} {value!r} holds NUL or half a surrogate pair; expected Unicode text")


@dataclass(frozen=True, slots=True)
class Message:
    """A message in its place: `sequence` counts 1, 2, 3 ... without gaps in each conversation."""

    conversation: str
    sequence: int
    sender: str
    client_id: str
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one device of one user got in a conversation: all up to `delivered` arrived, up to `read` was read."""

    conversation: str
    user: str
    device: str
    delivered: int = 0
    read: int = 0


class UnknownConversation(LookupError):
    """No conversation of this name was created."""


class LogDown(ConnectionError):
    """The database does not answer; what was asked may or may not have happened, and may safely be asked again."""


class MessageLog(Protocol):
    """Each call happens as a whole or not at all, also among several processes at once; repeating one does no harm.

    What `append`, `create` and `save` did is kept through a crash of the process, memory excepted. All raise LogDown.
    """

    def create(self, conversation: str, members: Iterable[str]) -> bool:
        """Start `conversation` among `members`, who stay. False, and no change, if it exists already."""

    def members(self, conversation: str) -> frozenset[str]:
        """Who belongs to it. Raises UnknownConversation."""

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        """Give each draft the next place of its conversation, in the drafts' order, in one transaction.

        A draft whose (conversation, sender, client_id) was appended before, also earlier in `drafts`, gives that
        message again. No sequence is given twice or left out, whoever else appends at the same time. Raises
        UnknownConversation without a trace.
        """

    def after(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The first `limit` messages after `sequence`, oldest first; of an unknown conversation, none."""

    def before(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The last `limit` messages before `sequence`, oldest first: one page of history."""

    def heads(self, user: str) -> Mapping[str, int]:
        """The last sequence of each conversation of `user`, 0 where nothing was said."""

    def save(self, cursors: Iterable[Cursor]) -> None:
        """Move cursors forward; one that is already further stays. Raises UnknownConversation without a trace."""

    def cursors(self, conversation: str) -> tuple[Cursor, ...]:
        """How far each device that was ever saved got, by user and device."""

    def close(self) -> None:
        """Give the connections back."""


def number(
    drafts: Sequence[Draft], heads: Mapping[str, int], known: Mapping[tuple[str, str, str], Message]
) -> tuple[list[Message], list[Message]]:
    """The message of each draft, and those among them that are new, by place.

    `heads` are the last sequences and `known` the messages by (conversation, sender, client_id), as they are while
    nobody else appends. Raises UnknownConversation.
    """
    last, placed, answers, new = dict(heads), dict(known), list[Message](), list[Message]()
    for draft in drafts:
        name = (draft.conversation, draft.sender, draft.client_id)
        if name not in placed:
            if draft.conversation not in last:
                raise UnknownConversation(unknown(draft.conversation))
            last[draft.conversation] += 1
            placed[name] = Message(
                draft.conversation, last[draft.conversation], draft.sender, draft.client_id, draft.text, draft.time
            )
            new.append(placed[name])
        answers.append(placed[name])
    return answers, new


def furthest(cursors: Iterable[Cursor]) -> list[Cursor]:
    """One cursor a device, as far as any of `cursors` got, in order of conversation, user and device."""
    found: dict[tuple[str, str, str], Cursor] = {}
    for cursor in cursors:
        name = (cursor.conversation, cursor.user, cursor.device)
        old = found.get(name, cursor)
        found[name] = Cursor(*name, max(old.delivered, cursor.delivered), max(old.read, cursor.read))
    return [found[name] for name in sorted(found)]


def row(message: Message) -> tuple[str, int, str, str, str, float]:
    """`message` as the databases keep it."""
    return (
        message.conversation,
        message.sequence,
        message.sender,
        message.client_id,
        message.text,
        message.time,
    )


def unknown(conversation: str) -> str:
    """What an UnknownConversation says."""
    return f"there is no conversation {conversation!r}; create it first"


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
