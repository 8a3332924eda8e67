"""The HTTP face: make a link, follow it, look at it, delete it.

    POST   /api/links          {"url": ..., "alias": ..., "expires": ...}  -> 201
    GET    /{code}             -> 301, 302 or 307 to the URL; 404 never made, 410 deleted or expired
    GET    /api/links/{code}   -> the link and its clicks
    DELETE /api/links/{code}   -> 204
    GET    /                   a page for people

An owner is whoever knows the token in `Authorization: Bearer TOKEN`; without one a link is public, and nobody can
delete it. Errors are JSON that names the field: `{"error": {"field": ..., "message": ..., "value": ...}}`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from math import ceil
from time import monotonic
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from designbook.blocks.lru import LRUCache
from designbook.blocks.token_bucket import TokenBucket
from designbook.systems.url_shortener.clicks import ClickLog, count_clicks
from designbook.systems.url_shortener.errors import AliasTaken, LinkGone, LinkUnknown, NotYourLink, Refused
from designbook.systems.url_shortener.requests import BodyRefused, BodyTooLarge, parse_new_link, read_body
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import Link, StoreDown
from designbook.systems.url_shortener.urls import normalise

PUBLIC = "public"
STATUS: dict[type[Exception], int] = {
    Refused: 422,
    BodyRefused: 400,
    BodyTooLarge: 413,
    AliasTaken: 409,
    LinkUnknown: 404,
    LinkGone: 410,
    NotYourLink: 403,
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator decides.

    `redirect`: 302 (the default) and 307 make every click ask us, so that it is counted and a deleted link is dead at
    once; 307 also keeps the method of the request. 301 may be answered from the browser's own cache for
    `remembered` seconds: fewer requests, and as many clicks and deletions that nobody hears of.
    """

    base_url: str | None = None
    redirect: Literal[301, 302, 307] = 302
    creations_per_second: float = 10
    creations_at_once: float = 50
    remembered: float = 3600
    count_every: float = 1.0


class Face:
    """The end points, each a method that takes a request and gives a response."""

    def __init__(self, service: Shortener, clicks: ClickLog, settings: Settings) -> None:
        self.service, self.clicks, self.settings = service, clicks, settings
        self._buckets: LRUCache[str, TokenBucket] = LRUCache(10_000)
        self._page = (files(__package__) / "home.html").read_text(encoding="utf-8")

    async def redirect(self, request: Request) -> Response:
        """Follow a link: from the cache at once, else in a thread that may wait for the store."""
        code = request.path_params["code"]
        if self.service.knows(code):
            link = self.service.find(code)
        else:
            link = await run_in_threadpool(self.service.find, code)
        if request.method == "GET":  # HEAD asks what a click would do; it is none
            self.clicks.append(code)
        headers = {"location": link.url or "", "cache-control": self._remembered(link)}
        return Response(status_code=self.settings.redirect, headers=headers)

    def _remembered(self, link: Link) -> str:
        if self.settings.redirect != 301:
            return "no-store"
        seconds = self.settings.remembered
        if link.expires is not None:
            seconds = min(seconds, link.expires - self.service.clock())
        return f"private, max-age={max(0, int(seconds))}"

    async def create(self, request: Request) -> Response:
        """Make a link, unless this client made too many lately."""
        wait = self._wait(request)
        if wait:
            return _error(429, "client", f"made too many links; wait {wait} s", None, {"retry-after": str(wait)})
        new = parse_new_link(await read_body(request.stream()))
        normalise(new.url, {request.url.netloc})  # under whatever name the client reached us
        owner = _owner(request)
        link = await run_in_threadpool(self.service.shorten, new.url, owner, new.alias, new.expires)
        shown = self._shown(link, request)
        return JSONResponse(shown, 201, {"location": f"/api/links/{link.code}"})

    async def show(self, request: Request) -> Response:
        """A link and its clicks: to anyone if it is public, else to its owner."""
        link = await run_in_threadpool(self.service.find, request.path_params["code"])
        if link.owner not in (PUBLIC, _owner(request)):
            raise NotYourLink(link.code)
        clicks = await run_in_threadpool(self.service.store.clicks, link.code)
        return JSONResponse(self._shown(link, request) | {"clicks": clicks}, headers={"cache-control": "no-store"})

    async def delete(self, request: Request) -> Response:
        """Delete a link of this owner; its code stays taken for good."""
        owner = _owner(request)
        if owner == PUBLIC:
            return _error(401, "authorization", "is needed to delete a link", None, {"www-authenticate": "Bearer"})
        await run_in_threadpool(self.service.delete, owner, request.path_params["code"])
        return Response(status_code=204)

    async def link(self, request: Request) -> Response:
        """One link: GET shows it, DELETE deletes it."""
        return await (self.delete(request) if request.method == "DELETE" else self.show(request))

    async def home(self, request: Request) -> Response:
        """A page to shorten a URL in a browser."""
        return HTMLResponse(self._page, headers={"content-security-policy": _CONTENT_POLICY})

    def _shown(self, link: Link, request: Request) -> dict[str, Any]:
        base = self.settings.base_url or str(request.base_url)
        expires = None if link.expires is None else datetime.fromtimestamp(link.expires, UTC).isoformat()
        return {"code": link.code, "short_url": f"{base.rstrip('/')}/{link.code}", "url": link.url, "expires": expires}

    def _wait(self, request: Request) -> int:
        """Seconds until this client may make a link; 0 if it may now, and then this takes one of its tokens."""
        client = _client(request)
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = TokenBucket(self.settings.creations_per_second, self.settings.creations_at_once, monotonic)
            self._buckets.put(client, bucket)
        return 0 if bucket.allow() else ceil(bucket.wait())


def create_app(service: Shortener, clicks: ClickLog, settings: Settings | None = None) -> Starlette:
    """The application; while it runs, it counts the clicks every `count_every` seconds, and at both ends."""
    settings = settings or Settings()
    face = Face(service, clicks, settings)

    def count() -> int:
        return count_clicks(clicks, service.store)

    @asynccontextmanager
    async def counting(_: Starlette) -> AsyncIterator[None]:
        await _count(count)  # what a server before us left behind
        task = asyncio.create_task(_count_for_ever(count, settings.count_every))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _count(count)

    routes = [
        Route("/{code}", face.redirect),  # first, for it is what nearly every request wants
        Route("/", face.home),
        Route("/api/links", face.create, methods=["POST"]),
        Route("/api/links/{code}", face.link, methods=["GET", "DELETE"]),
    ]
    handlers: dict[Any, Any] = dict.fromkeys(STATUS, _refusal)
    handlers |= {HTTPException: _http_error, StoreDown: _store_down, Exception: _our_fault}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=counting)


async def _count_for_ever(count: Callable[[], int], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.shield(_count(count))


async def _count(count: Callable[[], int]) -> None:
    try:
        await run_in_threadpool(count)
    except StoreDown as error:
        log.warning("clicks wait in their log: %s", error)


def _owner(request: Request) -> str:
    """A name made from the bearer token, so that the token itself is stored nowhere."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return PUBLIC
    if scheme.lower() != "bearer" or len(token) < 16:
        raise HTTPException(401, "is not Bearer and a token of 16 or more characters", {"www-authenticate": "Bearer"})
    return blake2b(token.encode(), digest_size=16).hexdigest()


def _client(request: Request) -> str:
    """Whom the rate limit is for: an IPv4 address, or an IPv6 network of 64 bits, of which one home has plenty."""
    host = request.client.host if request.client else ""
    if ":" not in host:
        return host
    from ipaddress import IPv6Address

    return str(int(IPv6Address(host.partition("%")[0])) >> 64)


def _error(status: int, field: str, message: str, value: object, headers: dict[str, str] | None = None) -> Response:
    shown = value if value is None or isinstance(value, int) else _legible(value)
    return JSONResponse({"error": {"field": _legible(field), "message": message, "value": shown}}, status, headers)


def _legible(value: object) -> str:
    """What was sent, short enough to read and free of what UTF-8 cannot say."""
    return str(value)[:200].encode(errors="replace").decode()


async def _refusal(request: Request, error: Exception) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if isinstance(error, Refused):
        return _error(status, error.field, error.message, error.value)
    message = {404: "no such link", 410: "the link has expired or was deleted", 403: "the link is not yours"}[status]
    return _error(status, "code", message, error.args[0])


async def _http_error(request: Request, error: HTTPException) -> Response:
    field = {401: "authorization", 405: "method"}.get(error.status_code, "path")
    value = {"authorization": None, "method": request.method, "path": request.url.path}[field]
    return _error(error.status_code, field, error.detail, value, dict(error.headers or {}))


async def _store_down(request: Request, error: Exception) -> Response:
    log.error("%s", error)
    return _error(503, "store", "does not answer; try again", None, {"retry-after": "1"})


async def _our_fault(request: Request, error: Exception) -> Response:
    return _error(500, "server", "failed; this is our fault", None)


_CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
