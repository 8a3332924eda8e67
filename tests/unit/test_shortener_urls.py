"""What may be shortened, and under which spelling it is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.data import urls
from designbook.systems.url_shortener.errors import URLRefused
from designbook.systems.url_shortener.urls import LONGEST, normalise


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("http://Example.COM", "http://example.com/"),
        ("HTTPS://example.com:443/", "https://example.com/"),
        ("http://example.com:80", "http://example.com/"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("http://example.com./", "http://example.com/"),
        ("  https://example.com/  ", "https://example.com/"),
        ("https://example.com/a/./b/../c", "https://example.com/a/c"),
        ("https://example.com/../..", "https://example.com/"),
        ("https://example.com/a/%2E%2e/b", "https://example.com/b"),
        ("https://example.com/%7euser/%c3%a4", "https://example.com/~user/%C3%A4"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/ä?q=ö#ü", "https://example.com/%C3%A4?q=%C3%B6#%C3%BC"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ("https://example.com/%%341", "https://example.com/%2541"),
        ("https://example.com?b=2&a=1", "https://example.com/?b=2&a=1"),
        ("https://example.com/?q=a%2Fb", "https://example.com/?q=a%2Fb"),
        ("https://example.com/#top", "https://example.com/#top"),
        ("https://example.com/a\\b", "https://example.com/a%5Cb"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://xn--BCHER-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://日本語。jp/", "https://xn--wgv71a119e.jp/"),
        ("https://ｅｘａｍｐｌｅ.com/", "https://example.com/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("http://[2001:DB8::0:1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://localhost:8888/", "http://localhost:8888/"),
        ("http://under_score.example/", "http://under_score.example/"),
        ("https://volans-.github.io/", "https://volans-.github.io/"),
    ],
)
def test_urls_that_browsers_treat_alike_get_one_spelling(given_, stored):
    assert normalise(given_) == stored


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        ("", "missing"),
        ("   ", "missing"),
        (None, "missing"),
        (7, "missing"),
        ("javascript:alert(1)", "begins with javascript:"),
        ("JavaScript://example.com/%0aalert(1)", "begins with javascript:"),
        (" javascript:alert(1)", "begins with javascript:"),
        ("data:text/html,<script>", "begins with data:"),
        ("file:///etc/passwd", "begins with file:"),
        ("ftp://example.com/", "begins with ftp:"),
        ("example.com", "no scheme"),
        ("//example.com/", "no scheme"),
        ("/path", "no scheme"),
        ("http:", "no host"),
        ("http://", "no host"),
        ("https:///path", "no host"),
        ("https:/\\evil.example", "no host"),
        ("http://:80/", "no host"),
        ("http://?q", "no host"),
        ("http://./", "no host"),
        ("http://example.com/\n", "control character"),
        ("java\tscript:alert(1)", "control character"),
        ("http://exa\x00mple.com/", "control character"),
        ("http://example.com/\x7f", "control character"),
        ("http://example.com/\x85", "control character"),
        ("http://example.com/\r\nSet-Cookie: a=b", "control character"),
        ("https://user@example.com/", "user name"),
        ("https://bank.example:x@evil.example/", "user name"),
        ("https://bank.example\\@evil.example/", "user name"),
        ("https://exa mple.com/", "valid name"),
        ("https://example..com/", "valid name"),
        ("https://.example.com/", "valid name"),
        ("https://" + "a" * 64 + ".example/", "valid name"),
        ("https://" + "a." * 127 + "example/", "valid name"),
        ("https://ex%61mple.com/", "valid name"),
        ("https://example.com\\.evil.example/", "valid name"),
        ("https://a\u202eb.example/", "valid name"),
        ("https://xn--a.example/", "valid name"),
        ("http://1.2.3.4.5/", "valid name"),
        ("http://1.2.3.256/", "valid name"),
        ("http://[::1", "cannot be read"),
        ("http://[1.2.3.4]/", "cannot be read|valid name"),
        ("http://[fe80::1%25eth0]/", "cannot be read|valid name"),
        ("http://example.com:0/", "port"),
        ("http://example.com:65536/", "port"),
        ("http://example.com:http/", "port"),
        ("http://example.com:-1/", "port"),
        ("http://example.com/\ud800", "surrogate"),
        ("http://\ud800.example/", "valid name"),
        ("http://example.com/" + "x" * LONGEST, "2,067 characters"),
        ("http://example.com/" + "ä" * 700, "once it is escaped"),
    ],
)
def test_what_nobody_should_be_sent_to_is_refused_and_the_reason_named(refused, why):
    with pytest.raises(URLRefused, match=why) as error:
        normalise(refused)
    assert error.value.field == "url"
    assert error.value.value == refused


def test_a_url_of_exactly_2048_characters_is_kept_and_one_more_is_not():
    longest = "http://example.com/" + "x" * (LONGEST - 19)
    assert normalise(longest) == longest
    with pytest.raises(URLRefused):
        normalise(longest + "x")


@pytest.mark.parametrize(
    "itself",
    [
        "https://sho.example/abc",
        "http://SHO.example",
        "https://sho.example:8443/abc",
        "http://127.0.0.1:8000/abc",
        "http://localhost:8000/abc",
        "http://[::1]:8000/",
        "http://0.0.0.0:8000/",
        "http://2130706433:8000/abc",
        "http://sho。example/abc",
    ],
)
def test_a_link_to_the_shortener_itself_is_refused_under_every_name_it_has(itself):
    own = {"sho.example", "127.0.0.1:8000", "localhost:8000"}
    assert normalise(itself)
    with pytest.raises(URLRefused, match="leads back"):
        normalise(itself, own)


def test_other_ports_and_names_that_only_look_alike_are_not_the_shortener():
    own = {"sho.example", "localhost:8000"}
    for other in ("http://localhost:9000/", "http://localhost/", "http://notsho.example/", "http://sho.example.com/"):
        assert normalise(other, own)


def test_every_real_web_url_is_accepted_and_normalising_again_changes_nothing():
    for url in urls():
        if url.startswith(("ftp:", "gopher:")):
            with pytest.raises(URLRefused):
                normalise(url)
            continue
        stored = normalise(url)
        assert normalise(stored) == stored
        assert stored.isascii()


parts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=30)


@given(
    host=st.from_regex(r"[a-zA-Z0-9äßдж]{1,9}(\.[a-z]{2,5})", fullmatch=True), path=parts, query=parts, fragment=parts
)
def test_normalising_is_idempotent_and_gives_a_header_safe_ascii_url(host, path, query, fragment):
    try:
        stored = normalise(f"HTTP://{host}/{path}?{query}#{fragment}")
    except URLRefused:
        return
    assert normalise(stored) == stored
    assert stored.isascii()
    assert stored.isprintable()
    assert " " not in stored
    assert stored.startswith("http://")


@given(st.sampled_from(["", "http:", "https://", "http://a.example/", "http://[", "http://a:"]), st.text())
def test_any_text_is_normalised_or_refused_and_nothing_else_happens(start, text):
    try:
        stored = normalise(start + text)
    except URLRefused:
        return
    assert normalise(stored) == stored
