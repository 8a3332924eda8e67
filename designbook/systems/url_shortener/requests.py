"""What a client may send to make a link, and every way of getting it wrong."""

import json
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from designbook.systems.url_shortener.errors import ExpiryRefused, Refused

LONGEST_BODY = 16 * 1024
"""Bytes; the longest URL, each character escaped, fits."""

FIELDS = ("url", "alias", "expires")


class BodyRefused(Refused):
    """The body is not one JSON object."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__("body", message, value)


class BodyTooLarge(BodyRefused):
    """The body is longer than any sensible one (413)."""


@dataclass(frozen=True, slots=True)
class NewLink:
    """The body of `POST /api/links`; `expires` is in Unix seconds."""

    url: str
    alias: str | None
    expires: float | None


async def read_body(chunks: AsyncIterable[bytes]) -> bytes:
    """The whole body, as long as it stays within `LONGEST_BODY`. Raises BodyTooLarge as soon as it does not."""
    body = b""
    async for chunk in chunks:
        body += chunk
        if len(body) > LONGEST_BODY:
            raise BodyTooLarge(f"is longer than {LONGEST_BODY:,} bytes", None)
    return body


def parse_new_link(body: bytes) -> NewLink:
    """The request in `body`: `{"url": ..., "alias": ..., "expires": "2030-01-31T12:00:00Z"}`, the last two optional.

    Raises Refused, which names the field.
    """
    try:
        given = json.loads(body.decode(), object_pairs_hook=_without_repetition)
    except Refused:
        raise
    except (ValueError, RecursionError) as error:
        raise BodyRefused(f"is not JSON: {error}", body[:80].decode(errors="replace")) from None
    if not isinstance(given, dict):
        raise BodyRefused('is not a JSON object like {"url": "https://example.com/"}', given)
    for name in given:
        if name not in FIELDS:
            raise Refused(name, f"is no field of a link; there are {', '.join(FIELDS)}", given[name])
    if "url" not in given:
        raise Refused("url", "is missing", None)
    alias, expires = _text(given, "alias"), _text(given, "expires")
    return NewLink(_text(given, "url") or "", alias, None if expires is None else _moment(expires))


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise BodyRefused("names a field twice", [name for name, _ in pairs])
    return given


def _text(given: dict[str, Any], field: str) -> str | None:
    value = given.get(field)
    if value is not None and not isinstance(value, str):
        raise Refused(field, "is not a string", value)
    return value


def _moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ExpiryRefused("is not a time like 2030-01-31T12:00:00Z", text) from None
    if moment.tzinfo is None:
        raise ExpiryRefused("has no time zone; add Z or an offset like +02:00", text)
    return moment.timestamp()
