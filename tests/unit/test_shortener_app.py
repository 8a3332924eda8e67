"""The HTTP face, as curl and a browser meet it."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from designbook.systems.url_shortener import __main__ as command
from designbook.systems.url_shortener.app import Settings, create_app
from designbook.systems.url_shortener.clicks import ClickLog, count_clicks
from designbook.systems.url_shortener.errors import Refused
from designbook.systems.url_shortener.ids import random_codes
from designbook.systems.url_shortener.requests import LONGEST_BODY, parse_new_link
from designbook.systems.url_shortener.service import Shortener
from designbook.systems.url_shortener.stores import MemoryStore, StoreDown, open_store

URL = "https://example.com/a"
ANN = {"authorization": "Bearer ann-ann-ann-ann-ann"}
BOB = {"authorization": "Bearer bob-bob-bob-bob-bob"}


class Clock:
    now = 1_800_000_000.0  # 2027-01-15T08:00:00Z

    def __call__(self) -> float:
        return self.now


class Face:
    """The application over a memory store, with its clock and a client."""

    def __init__(self, folder, **settings):
        self.store, self.clock = MemoryStore(), Clock()
        self.service = Shortener(self.store, random_codes(random.Random(1)), clock=self.clock)
        settings = {"creations_per_second": 1e6, "creations_at_once": 1e6, "count_every": 0.01} | settings
        self.app = create_app(self.service, ClickLog(folder), Settings(**settings))
        self.client = TestClient(self.app, base_url="http://sho.example", follow_redirects=False)

    def post(self, body, **options):
        body = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post("/api/links", content=body, **options)


@pytest.fixture
def face(tmp_path):
    made = Face(tmp_path)
    with made.client:
        yield made


def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


# -- the good path


def test_a_link_is_made_followed_counted_shown_and_deleted(face):
    made = face.post({"url": "HTTPS://Bücher.example/ä", "alias": "books"}, headers=ANN)
    assert made.status_code == 201
    assert made.headers["location"] == "/api/links/books"
    shown = {"code": "books", "short_url": "http://sho.example/books", "expires": None}
    shown["url"] = "https://xn--bcher-kva.example/%C3%A4"
    assert made.json() == shown

    followed = face.client.get("/books")
    assert (followed.status_code, followed.headers["location"]) == (302, shown["url"])
    assert until(lambda: face.client.get("/api/links/books", headers=ANN).json() == shown | {"clicks": 1})

    assert face.client.delete("/api/links/books", headers=ANN).status_code == 204
    for path in ("/books", "/api/links/books"):
        assert face.client.get(path).status_code == 410
    assert face.client.delete("/api/links/books", headers=ANN).status_code == 410


def test_an_expiry_is_taken_and_shown_with_its_time_zone(face):
    made = face.post({"url": URL, "expires": "2027-01-15T10:00:10+02:00"}).json()
    assert made["expires"] == "2027-01-15T08:00:10+00:00"
    assert face.client.get(f"/{made['code']}").status_code == 302
    face.clock.now += 10
    assert face.client.get(f"/{made['code']}").status_code == 410


def test_head_does_what_get_does_and_is_no_click(face):
    face.post({"url": URL, "alias": "abc"})
    answer = face.client.head("/abc")
    assert (answer.status_code, answer.headers["location"], answer.content) == (302, URL, b"")
    face.client.get("/abc")
    assert until(lambda: face.store.clicks("abc") == 1)


@pytest.mark.parametrize(
    ("status", "caching"), [(301, "private, max-age=3600"), (302, "no-store"), (307, "no-store")], ids=str
)
def test_the_status_of_a_redirect_says_what_a_browser_may_remember(tmp_path, status, caching):
    face = Face(tmp_path, redirect=status)
    face.post({"url": URL, "alias": "abc"})
    answer = face.client.get("/abc")
    assert (answer.status_code, answer.headers["cache-control"]) == (status, caching)


def test_a_permanent_redirect_is_not_remembered_beyond_its_expiry(tmp_path):
    face = Face(tmp_path, redirect=301)
    face.post({"url": URL, "alias": "abc", "expires": "2027-01-15T08:01:30Z"})
    assert face.client.get("/abc").headers["cache-control"] == "private, max-age=90"


def test_clicks_of_the_last_moment_are_counted_at_shutdown(tmp_path):
    face = Face(tmp_path, count_every=1000)
    with face.client:
        face.post({"url": URL, "alias": "abc"})
        for _ in range(7):
            face.client.get("/abc")
        assert face.store.clicks("abc") == 0
    assert face.store.clicks("abc") == 7


def test_clicks_wait_for_a_store_that_is_down(face, monkeypatch):
    def down(*_):
        raise StoreDown("gone")

    face.post({"url": URL, "alias": "abc"})
    face.client.get("/abc")
    monkeypatch.setattr(face.store, "count", down)
    face.client.get("/abc")
    time.sleep(0.05)
    monkeypatch.undo()
    assert until(lambda: face.store.clicks("abc") == 2)


def test_the_page_for_people_loads_nothing_from_elsewhere(face):
    page = face.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(r"(src|href)=\"?(https?:)?//", page.text)
    assert "<label>" in page.text


# -- what is refused


def refused(answer, status, field):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"field", "message", "value"}
    assert error["field"] == field
    assert error["message"]
    return error


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"url": "javascript:alert(1)"}, 422, "url"),
        ({"url": "data:text/html,hello"}, 422, "url"),
        ({"url": "file:///etc/passwd"}, 422, "url"),
        ({"url": "http://"}, 422, "url"),
        ({"url": "https://example.com/\n"}, 422, "url"),
        ({"url": "https://example.com/\x00"}, 422, "url"),
        ({"url": "https://example.com/\ud800"}, 422, "url"),
        ({"url": "https://example.com/" + "x" * 2048}, 422, "url"),
        ({"url": "http://sho.example/abc"}, 422, "url"),
        ({"url": "https://SHO.example:443/"}, 422, "url"),
        ({"url": ""}, 422, "url"),
        ({"url": None}, 422, "url"),
        ({"url": 7}, 422, "url"),
        ({"url": float("nan")}, 422, "url"),
        ({"url": URL, "\ud800": 1}, 422, "?"),
        ({"url": [URL]}, 422, "url"),
        ({}, 422, "url"),
        ({"url": URL, "alias": "taken"}, 409, "alias"),
        ({"url": URL, "alias": "API"}, 422, "alias"),
        ({"url": URL, "alias": "a/b"}, 422, "alias"),
        ({"url": URL, "alias": ""}, 422, "alias"),
        ({"url": URL, "alias": True}, 422, "alias"),
        ({"url": URL, "expires": "tomorrow"}, 422, "expires"),
        ({"url": URL, "expires": "2030-01-01"}, 422, "expires"),
        ({"url": URL, "expires": "2020-01-01T00:00:00Z"}, 422, "expires"),
        ({"url": URL, "expires": "0001-01-01T00:00:00+23:59"}, 422, "expires"),
        ({"url": URL, "expires": "9999-12-31T23:59:59-23:59"}, 422, "expires"),
        ({"url": URL, "expires": 1e9}, 422, "expires"),
        ({"url": URL, "owner": "bob"}, 422, "owner"),
        ("", 400, "body"),
        ("{", 400, "body"),
        ('{"url": "https://example.com/"', 400, "body"),
        ("[]", 400, "body"),
        ('"https://example.com/"', 400, "body"),
        ("null", 400, "body"),
        ('{"url": "https://a.example", "url": "https://b.example"}', 400, "body"),
        (b"\xff\xfe", 400, "body"),
        ("[" * 10_000, 400, "body"),
        ("1" * 10_000, 400, "body"),
        ('{"url": "' + "x" * LONGEST_BODY + '"}', 413, "body"),
    ],
    ids=lambda value: None if isinstance(value, int) else str(value)[:30],
)
def test_bad_input_gets_a_status_and_the_name_of_the_field_and_stores_nothing(face, body, status, field):
    face.post({"url": "https://other.example/", "alias": "taken"})
    error = refused(face.post(body), status, field)
    assert len(str(error["value"])) <= 200
    assert len(face.store._links) == 1


def test_the_longest_url_fits_into_the_longest_body_even_when_every_character_is_escaped(face):
    url = "https://example.com/" + "x" * 2028
    escaped = "".join(f"\\u{ord(character):04x}" for character in url)
    assert face.post(f'{{"url": "{escaped}"}}').status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("GET", "/nothing", 404, "code"),
        ("GET", "/%00", 404, "code"),
        ("GET", "/%C3%A4%C3%A4%C3%A4", 404, "code"),
        ("GET", "/" + "x" * 5000, 404, "code"),
        ("GET", "/favicon.ico", 404, "code"),
        ("GET", "/a/b/c", 404, "path"),
        ("GET", "/api/links/nothing", 404, "code"),
        ("POST", "/abc", 405, "method"),
        ("DELETE", "/abc", 405, "method"),
        ("GET", "/api/links", 405, "method"),
        ("PUT", "/api/links/abc", 405, "method"),
        ("POST", "/", 405, "method"),
    ],
)
def test_what_is_not_there_is_a_json_error_too(face, method, path, status, field):
    answer = face.client.request(method, path)
    refused(answer, status, field)
    if status == 405:
        assert answer.headers["allow"]


def test_a_public_link_is_everyones_to_see_and_nobodys_to_delete(face):
    code = face.post({"url": URL}).json()["code"]
    assert face.client.get(f"/api/links/{code}", headers=ANN).status_code == 200
    answer = face.client.delete(f"/api/links/{code}")
    refused(answer, 401, "authorization")
    assert answer.headers["www-authenticate"] == "Bearer"
    refused(face.client.delete(f"/api/links/{code}", headers=ANN), 403, "code")


def test_an_owners_link_is_followed_by_all_and_shown_and_deleted_by_the_owner(face):
    code = face.post({"url": URL}, headers=ANN).json()["code"]
    assert face.client.get(f"/{code}").status_code == 302
    for headers in ({}, BOB):
        refused(face.client.get(f"/api/links/{code}", headers=headers), 403, "code")
    refused(face.client.delete(f"/api/links/{code}", headers=BOB), 403, "code")
    assert face.client.delete(f"/api/links/{code}", headers=ANN).status_code == 204


def test_the_token_itself_is_stored_nowhere(face):
    code = face.post({"url": URL}, headers=ANN).json()["code"]
    assert "ann" not in face.store.get(code).owner


@pytest.mark.parametrize("header", ["Bearer short", "Basic YW5uOmFubg==", "Bearer", "x"])
def test_an_unusable_authorization_is_refused_rather_than_taken_for_none(face, header):
    refused(face.post({"url": URL}, headers={"authorization": header}), 401, "authorization")
    assert not face.store._links


def test_a_client_that_makes_too_many_links_is_told_when_to_come_back(tmp_path):
    face = Face(tmp_path, creations_per_second=0.5, creations_at_once=3)
    assert [face.post({"url": URL}).status_code for _ in range(5)] == [201, 201, 201, 429, 429]
    answer = face.post({"url": URL}, headers=ANN)
    refused(answer, 429, "client")
    assert 1 <= int(answer.headers["retry-after"]) <= 2
    neighbour = TestClient(face.app, client=("192.0.2.7", 1))
    assert neighbour.post("/api/links", json={"url": URL}).status_code == 201


def test_an_ipv6_home_counts_as_one_client(tmp_path):
    face = Face(tmp_path, creations_per_second=0.001, creations_at_once=1)
    statuses = [
        TestClient(face.app, client=(host, 1)).post("/api/links", json={"url": URL}).status_code
        for host in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    ]
    assert statuses == [201, 429, 201]


def test_a_store_that_is_down_is_a_503_with_a_time_to_try_again(face, monkeypatch):
    def down(*_):
        raise StoreDown("gone")

    monkeypatch.setattr(face.store, "add", down)
    answer = face.post({"url": URL})
    refused(answer, 503, "store")
    assert answer.headers["retry-after"] == "1"


def test_our_own_fault_is_a_json_error_without_details(face, monkeypatch):
    monkeypatch.setattr(face.store, "add", lambda *_: 1 / 0)
    client = TestClient(face.app, raise_server_exceptions=False)
    answer = client.post("/api/links", json={"url": URL})
    refused(answer, 500, "server")
    assert "division" not in answer.text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary(max_size=60)
    | json_values.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({"url": json_values}, optional={"alias": json_values, "expires": json_values}).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_any_body_is_parsed_or_refused_by_name(body):
    try:
        new = parse_new_link(body)
    except Refused:
        return
    assert isinstance(new.url, str)


# -- the command


@pytest.fixture
def served(tmp_path):
    """Starts the command with the arguments given; ends what is left."""
    running = []

    def serve(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "designbook.systems.url_shortener", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
        )
        running.append(process)
        line = process.stdout.readline()
        return process, re.search(r"http://[\d.]+:\d+", line)[0]

    yield serve
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_command_serves_keeps_its_links_and_ends_with_every_click_counted(served, tmp_path, name):
    process, address = served("--store", "sqlite:///links.db")
    with httpx.Client(base_url=address) as client:
        assert client.post("/api/links", json={"url": URL, "alias": "abc"}).status_code == 201
        assert client.post("/api/links", json={"url": f"{address}/abc"}).status_code == 422
        for _ in range(20):
            assert client.get("/abc").headers["location"] == URL
    process.send_signal(getattr(signal, name))
    assert process.wait(10) == 0
    assert process.stdout.read() == ""
    store = open_store(f"sqlite:///{tmp_path}/links.db")
    assert store.clicks("abc") == 20
    store.close()
    _, address = served("--store", "sqlite:///links.db", "--redirect", "307")
    assert httpx.get(f"{address}/abc").status_code == 307


def test_a_click_that_was_answered_is_counted_once_even_if_the_server_is_killed(served, tmp_path):
    answered = 0
    for round_ in range(3):
        process, address = served("--store", "sqlite:///links.db")
        with httpx.Client(base_url=address) as client:
            if round_ == 0:
                client.post("/api/links", json={"url": URL, "alias": "abc"})
            deadline = time.monotonic() + 1.1  # into the first count, perhaps through it
            while time.monotonic() < deadline:
                answered += client.get("/abc").status_code == 302
        process.send_signal(signal.SIGKILL)
        process.wait()
    store, log = open_store(f"sqlite:///{tmp_path}/links.db"), ClickLog(tmp_path / "links.db-clicks")
    count_clicks(log, store)
    assert store.clicks("abc") == answered > 0
    store.close()
    log.close()


def test_a_port_in_use_is_one_clear_line(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert command.main(["--port", str(port)]) == 1
    said = capsys.readouterr()
    assert said.err == f"Port {port} is in use: end what listens there, or choose another with --port\n"
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "mysql://x"], "'mysql://x' is no store"),
        (["--store", "sqlite:////no/such/folder/x.db"], "SQLite cannot use"),
        (["--store", "valkey://127.0.0.1:1"], "Valkey does not answer"),
        (["--host", "192.0.2.1"], "Cannot listen at 192.0.2.1"),
        (["--port", "70000"], "port must be 0-65535"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(capsys, arguments, said):
    assert command.main(["--port", "0", *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_shortener_knows_its_own_names():
    assert command._own_hosts("https://sho.example") == {"sho.example"}
    assert command._own_hosts("http://127.0.0.1:8000") == {"127.0.0.1:8000", "localhost:8000"}
    assert os.name != "posix" or command._own_hosts("http://[::1]:80") == {"::1:80", "localhost:80"}
