"""What the service asks of a database, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Link:
    """A short code and where it leads.

    A deleted link keeps its code, so that nobody gets that code again, and nothing else: `url` is None.
    `expires` is in Unix seconds; None is never.
    """

    code: str
    url: str | None
    owner: str
    expires: float | None = None

    @property
    def deleted(self) -> bool:
        """Whether only the code is left."""
        return self.url is None


def fingerprint(owner: str, url: str, expires: float | None) -> bytes:
    """16 bytes that say "the same link again"; at 100 billion links, two differ by chance with 1 in 10^17."""
    return blake2b("\n".join((owner, url, repr(expires))).encode(), digest_size=16).digest()


class CodeTaken(LookupError):
    """The code already leads, or once led, somewhere."""


class StoreDown(ConnectionError):
    """The database does not answer; what was asked may or may not have happened, and may safely be asked again."""


class Store(Protocol):
    """Each call happens as a whole or not at all, also among concurrent calls; repeating one does no harm."""

    def reserve(self, count: int) -> int:
        """Take `count` ids that nobody else will get, and return the first. Raises StoreDown, as all of them do."""

    def add(self, link: Link, same: bytes | None = None) -> Link:
        """Keep `link` and return it; if a link with the fingerprint `same` is kept already, return that one instead.

        Raises CodeTaken, without a trace, if the code is or was in use.
        """

    def get(self, code: str) -> Link | None:
        """The link with this code, deleted or not; None if there never was one."""

    def delete(self, code: str, owner: str) -> bool:
        """Forget everything but the code of `owner`'s link. False if there is no such link (any more)."""

    def count(self, batch: str, clicks: Mapping[str, int]) -> bool:
        """Add the clicks of a batch to their codes, unless the batch was counted before: then False."""

    def forget(self, batch: str) -> None:
        """The batch will not be sent again, so there is no need to remember it."""

    def clicks(self, code: str) -> int:
        """How often the link was clicked, as far as counted."""

    def close(self) -> None:
        """Give the connections back."""
