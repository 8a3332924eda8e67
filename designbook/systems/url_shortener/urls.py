"""One spelling for each URL, and none that we do not want to send people to.

RFC 3986, sections 5.2.4 and 6.2.2 (normalisation); UTS 46 (host names in Unicode); WHATWG URL (what browsers do).
"""

import re
from collections.abc import Collection
from ipaddress import AddressValueError, IPv6Address
from socket import inet_aton, inet_ntoa
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from designbook.systems.url_shortener.errors import URLRefused

LONGEST = 2048
"""Characters; longer URLs fail in some browsers, proxies and crawlers."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")  # wider than the rules for host names: volans-.github.io is real
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = "%:@!$&'()*+,;=/"
_QUERY_SAFE = _PATH_SAFE + "?[]"


def normalise(url: str, own: Collection[str] = ()) -> str:
    """The one spelling under which `url` is stored, in ASCII; normalising it again changes nothing.

    Two URLs that RFC 3986 or a browser treats alike become equal: letter case of scheme and host, default ports,
    dot segments, escapes of letters, Unicode hosts. The query's order stays, for servers may mind it.

    `own` holds the shortener's own hosts as `host` or `host:port`. Raises URLRefused.
    """
    if not isinstance(url, str) or not url.strip(" "):
        raise URLRefused("is missing", url)
    if len(url) > LONGEST:
        raise URLRefused(f"has {len(url):,} characters; at most {LONGEST:,} are allowed", url)
    if _CONTROL.search(url):
        raise URLRefused("contains a control character", url)
    parts = _split(url)
    host, port = _host(parts, url), _port(parts, url)
    if own and _is_own(host, port or DEFAULT_PORTS[parts.scheme], own):
        raise URLRefused("leads back to this shortener", url)
    where = f"{host}:{port}" if port else host
    path = _without_dot_segments(_escape(parts.path, _PATH_SAFE, url)) or "/"
    query, fragment = _escape(parts.query, _QUERY_SAFE, url), _escape(parts.fragment, _QUERY_SAFE, url)
    result = urlunsplit((parts.scheme, where, path, query, fragment))
    if len(result) > LONGEST:
        raise URLRefused(f"has {len(result):,} characters once it is escaped; at most {LONGEST:,} are allowed", url)
    return result


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip(" "))
    except ValueError as error:
        raise URLRefused(f"cannot be read: {error}", url) from None
    if parts.scheme not in DEFAULT_PORTS:
        scheme = f"{parts.scheme}:" if parts.scheme else "no scheme"
        raise URLRefused(f"begins with {scheme}; only http:// and https:// are allowed", url)
    if not parts.netloc:
        raise URLRefused("has no host", url)
    if "@" in parts.netloc:  # https://bank.example@evil.example is how people are fooled, and passwords leak
        raise URLRefused("contains a user name or password before the host", url)
    return parts


def _host(parts: SplitResult, url: str) -> str:
    """The host in lower-case ASCII. Raises URLRefused where there is none or it is no name or address."""
    try:
        host = (parts.hostname or "").removesuffix(".")
    except ValueError as error:
        raise URLRefused(f"has a host that cannot be read: {error}", url) from None
    if not host:
        raise URLRefused("has no host", url)
    if parts.netloc.startswith("["):
        try:
            return f"[{IPv6Address(host)}]" if "%" not in host else _refuse_host(host, url)
        except AddressValueError:
            _refuse_host(host, url)
    if not host.isascii() or "xn--" in host:
        host = _idna(host, url)
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        _refuse_host(host, url)
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):  # a browser reads 2130706433 as 127.0.0.1
        try:
            return inet_ntoa(inet_aton(host))
        except OSError:
            _refuse_host(host, url)
    return host


def _idna(host: str, url: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode().lower().removesuffix(".")
    except (idna.IDNAError, UnicodeError):
        return _refuse_host(host, url)


def _refuse_host(host: str, url: str) -> str:
    raise URLRefused(f"has {host[:80]!r} for a host, which is no valid name or address", url) from None


def _port(parts: SplitResult, url: str) -> int | None:
    """The port, or None where it is the scheme's own."""
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise URLRefused("has a port that is not from 1 to 65535", url)
    return None if port == DEFAULT_PORTS[parts.scheme] else port


def _is_own(host: str, port: int, own: Collection[str]) -> bool:
    names = {host, "localhost" if host in ("127.0.0.1", "[::1]", "0.0.0.0") else host}
    return any(name in own or f"{name}:{port}" in own for name in names)


def _escape(text: str, safe: str, url: str) -> str:
    """`text` with every character escaped that needs it, and no letter or digit escaped."""
    if not text or text == "/":
        return text
    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)
    try:
        text = quote(text, safe)
    except UnicodeEncodeError:
        raise URLRefused("contains half of a surrogate pair", url) from None
    return _ESCAPE.sub(_shortest_escape, text)


def _shortest_escape(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dot_segments(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
