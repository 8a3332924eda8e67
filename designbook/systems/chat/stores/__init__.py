"""The chat's port to databases, and its adapters for memory, SQLite and PostgreSQL."""

from urllib.parse import urlsplit

from designbook.systems.chat.stores.memory import MemoryLog
from designbook.systems.chat.stores.port import Cursor, Draft, LogDown, Message, MessageLog, UnknownConversation

__all__ = ["Cursor", "Draft", "LogDown", "MemoryLog", "Message", "MessageLog", "UnknownConversation", "open_log"]


def open_log(url: str) -> MessageLog:
    """The log that `url` names.

    `memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user@host/database`.
    Raises ValueError for another scheme, LogDown if nothing answers there.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return MemoryLog()
    if scheme == "sqlite":
        from designbook.systems.chat.stores.sqlite import SQLiteLog

        path = url.removeprefix("sqlite:///")
        if path in ("", url):
            raise ValueError(f"{url!r} names no file; write sqlite:///chat.db or sqlite:////folder/chat.db")
        return SQLiteLog(path)
    if scheme in ("postgresql", "postgres"):
        from designbook.systems.chat.stores.postgres import PostgresLog

        return PostgresLog(url)
    raise ValueError(f"{url!r} is no message log; expected memory://, sqlite:/// or postgresql://")
