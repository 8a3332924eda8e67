"""The shortener itself: what may be shortened, which code it gets, and where a code leads."""

import re
import time
from collections.abc import Callable, Collection

from designbook.systems.url_shortener.cache import LinkCache
from designbook.systems.url_shortener.errors import (
    AliasRefused,
    AliasTaken,
    ExpiryRefused,
    LinkGone,
    LinkUnknown,
    NotYourLink,
    Refused,
)
from designbook.systems.url_shortener.ids import NextCode
from designbook.systems.url_shortener.stores import CodeTaken, Link, Store, fingerprint
from designbook.systems.url_shortener.urls import normalise

CODE = re.compile(r"[0-9A-Za-z_-]{3,32}")  # an alias; a generated code has 7 or 11 of these characters
LATEST = 253_370_764_800.0  # the year 9999 begins; calendars in other programs end soon after
OWNER = re.compile(r"[!-~]{1,64}")
_RESERVED = """
    about account admin api app assets blog dashboard docs favicon health healthz help home index login logout
    metrics new privacy robots security settings signup sitemap static stats status support terms www
"""
RESERVED = frozenset(_RESERVED.split())
"""Names that we need, or that a visitor would take for ours; in any letter case."""


class Shortener:
    """Makes links, resolves and deletes them. Safe for threads; several servers may share a store.

    The same owner's same URL (with the same expiry) gets the same code. A code never leads to a second URL, not even
    when its link is deleted or expires. Whatever raises has stored nothing.
    """

    def __init__(
        self,
        store: Store,
        next_code: NextCode,
        *,
        cache: LinkCache | None = None,
        own_hosts: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`own_hosts` are the shortener's own, as `host` or `host:port`: no link may lead there."""
        self.store = store
        self.clock = clock
        self._next_code = next_code
        self._cache = LinkCache(store.get) if cache is None else cache
        self._own_hosts = own_hosts

    def shorten(self, url: str, owner: str, alias: str | None = None, expires: float | None = None) -> Link:
        """The link for `url`: an old one if `owner` asks the same again, else a new one, kept before this returns.

        `expires` is in Unix seconds. Raises Refused (as URLRefused, AliasRefused, AliasTaken or ExpiryRefused, each
        naming its field), or StoreDown.
        """
        url = normalise(url, self._own_hosts)
        if not OWNER.fullmatch(owner):
            raise Refused("owner", "is not 1 to 64 printable ASCII characters", owner)
        if expires is not None and not self.clock() < expires < LATEST:
            raise ExpiryRefused("is not between now and the year 9999", expires)
        if alias is not None:
            return self._take_alias(Link(alias, url, owner, expires))
        same = fingerprint(owner, url, expires)
        for _ in range(100):
            code = self._next_code()
            if code.lower() not in RESERVED:
                try:
                    return self.store.add(Link(code, url, owner, expires), same)
                except CodeTaken:  # by an alias, or by chance: the next one will do
                    continue
        raise RuntimeError("a hundred codes in a row were in use: the code space is full or the allocator is stuck")

    def _take_alias(self, link: Link) -> Link:
        if not CODE.fullmatch(link.code):
            raise AliasRefused("is not 3 to 32 of the characters 0-9, A-Z, a-z, - and _", link.code)
        if link.code.lower() in RESERVED:
            raise AliasRefused("is reserved", link.code)
        try:
            return self.store.add(link)
        except CodeTaken:
            if self.store.get(link.code) == link:  # asked again, perhaps because our answer was lost
                return link
            raise AliasTaken(link.code) from None

    def resolve(self, code: str, now: float | None = None) -> str:
        """Where `code` leads at `now` (Unix seconds). Raises LinkUnknown, LinkGone or StoreDown."""
        return self.find(code, now).url or ""

    def find(self, code: str, now: float | None = None) -> Link:
        """The link with `code`, if it leads somewhere at `now`. Raises LinkUnknown, LinkGone or StoreDown."""
        link = self._cache.peek(code) or self._read(code)
        if link.url is None or (link.expires is not None and link.expires <= (self.clock() if now is None else now)):
            raise LinkGone(code)
        return link

    def delete(self, owner: str, code: str) -> None:
        """Forget where `code` leads. Raises LinkUnknown, LinkGone if that is done already, or NotYourLink."""
        link = self._read(code)
        try:
            deleted = self.store.delete(code, owner)
        finally:
            self._cache.drop(code)  # also when the store went down and nobody knows whether it was done
        if not deleted:
            raise NotYourLink(code) if link.url is not None and link.owner != owner else LinkGone(code)

    def knows(self, code: str) -> bool:
        """Whether `find` would answer from the cache, without waiting for the store."""
        return self._cache.peek(code) is not None

    def _read(self, code: str) -> Link:
        link = self._cache.get(code) if CODE.fullmatch(code) else None
        if link is None:
            raise LinkUnknown(code)
        return link
