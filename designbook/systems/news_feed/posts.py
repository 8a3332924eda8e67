"""Posts, what may stand in one, and what is left to do for it. Users are whole numbers from 0 to 2^63 - 1."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from designbook.blocks import snowflake
from designbook.systems.news_feed.errors import Refused

MAX_ID = (1 << 63) - 1
"""Users and posts are numbered in 63 bits. As a cursor, `before=MAX_ID` reads from the newest post."""
MAX_TEXT = 1_000
"""Characters in a post."""
MAX_ENTRIES = 800
"""Posts that a feed keeps, the newest; an older one is merged at read from the post store."""
CLIENT_ID = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody said. Ids are snowflakes, so the order of ids is the order of time.

    `client_id` is the author's own name for it: the same again from the same author is the same post.
    """

    id: int
    author: int
    client_id: str
    text: str

    @property
    def time(self) -> float:
        """When it was posted, in Unix seconds; the id says so."""
        return snowflake.parts(self.id).time


class Job(NamedTuple):
    """A post that has yet to be put into the feeds of its author's followers."""

    post: int
    author: int


def check_id(field: str, number: int) -> None:
    """Raises Refused, naming `field`, unless `number` is a whole number from 0 to `MAX_ID`."""
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_ID:
        raise Refused(field, "is not a whole number from 0 to 2^63 - 1", number)


def check_client_id(client_id: str) -> None:
    """Raises Refused unless `client_id` is 1 to 64 printable ASCII characters without a space."""
    if not isinstance(client_id, str) or not CLIENT_ID.fullmatch(client_id):
        raise Refused("client_id", "is not 1 to 64 printable ASCII characters without a space", client_id)


def check_text(text: str) -> None:
    """Raises Refused unless `text` says something that every database can keep."""
    if not isinstance(text, str) or not text.strip():
        raise Refused("text", "says nothing", text)
    if len(text) > MAX_TEXT:
        raise Refused("text", f"has more than {MAX_TEXT} characters", text)
    if "\0" in text or not _is_unicode(text):
        raise Refused("text", "holds NUL or half a surrogate pair", text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
