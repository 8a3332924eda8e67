"""Messages in the process's own memory: the fastest log, and gone with the process."""

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock

from designbook.systems.chat.stores.port import Cursor, Draft, Message, UnknownConversation, furthest, number, unknown


class MemoryLog:
    """Dictionaries under one lock."""

    def __init__(self) -> None:
        self._members: dict[str, frozenset[str]] = {}
        self._conversations: dict[str, set[str]] = {}  # by user
        self._messages: dict[str, list[Message]] = {}
        self._known: dict[tuple[str, str, str], Message] = {}  # by conversation, sender and client id
        self._cursors: dict[str, dict[tuple[str, str], Cursor]] = {}
        self._lock = Lock()

    def create(self, conversation: str, members: Iterable[str]) -> bool:
        """Start `conversation` among `members`. False if it exists already."""
        with self._lock:
            if conversation in self._members:
                return False
            self._members[conversation] = frozenset(members)
            self._messages[conversation] = []
            self._cursors[conversation] = {}
            for user in self._members[conversation]:
                self._conversations.setdefault(user, set()).add(conversation)
            return True

    def members(self, conversation: str) -> frozenset[str]:
        """Who belongs to it. Raises UnknownConversation."""
        with self._lock:
            self._expect((conversation,))
            return self._members[conversation]

    def append(self, drafts: Sequence[Draft]) -> list[Message]:
        """Give each draft the next place of its conversation. Raises UnknownConversation without a trace."""
        with self._lock:
            names = [(draft.conversation, draft.sender, draft.client_id) for draft in drafts]
            heads = {name: len(self._messages[name]) for name, _, _ in names if name in self._messages}
            answers, new = number(drafts, heads, {name: self._known[name] for name in names if name in self._known})
            for message in new:
                self._messages[message.conversation].append(message)
                self._known[message.conversation, message.sender, message.client_id] = message
            return answers

    def after(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The first `limit` messages after `sequence`, oldest first."""
        with self._lock:
            start = max(sequence, 0)
            return self._messages.get(conversation, [])[start : start + limit]

    def before(self, conversation: str, sequence: int, limit: int) -> list[Message]:
        """The last `limit` messages before `sequence`, oldest first."""
        with self._lock:
            kept = self._messages.get(conversation, [])
            end = min(max(sequence - 1, 0), len(kept))
            return kept[max(end - limit, 0) : end]

    def heads(self, user: str) -> Mapping[str, int]:
        """The last sequence of each conversation of `user`, 0 where nothing was said."""
        with self._lock:
            return {name: len(self._messages[name]) for name in self._conversations.get(user, ())}

    def save(self, cursors: Iterable[Cursor]) -> None:
        """Move cursors forward. Raises UnknownConversation without a trace."""
        moved = furthest(cursors)
        with self._lock:
            self._expect(cursor.conversation for cursor in moved)
            for cursor in moved:
                devices = self._cursors[cursor.conversation]
                name = (cursor.user, cursor.device)
                (devices[name],) = furthest((devices.get(name, cursor), cursor))

    def cursors(self, conversation: str) -> tuple[Cursor, ...]:
        """How far each device that was ever saved got, by user and device."""
        with self._lock:
            devices = self._cursors.get(conversation, {})
            return tuple(devices[key] for key in sorted(devices))

    def close(self) -> None:
        """Nothing to give back."""

    def _expect(self, conversations: Iterable[str]) -> None:
        for conversation in conversations:
            if conversation not in self._members:
                raise UnknownConversation(unknown(conversation))
