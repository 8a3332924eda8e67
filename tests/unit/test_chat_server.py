"""The real server: sockets, processes, NATS, a database, and a `kill -9`."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from functools import partial

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from designbook.engines import nats, postgres, sqlite
from designbook.systems.chat import __main__ as command
from designbook.systems.chat import server as network
from designbook.systems.chat.client import ChatClient, Rejected
from designbook.systems.chat.device import Patience
from designbook.systems.chat.experiments import (
    bare_broadcast,
    chat_server,
    cost_of_promises,
    kill_a_server,
    latency,
    memory_of_idle_connections,
)
from designbook.systems.chat.load import Order, load
from designbook.systems.chat.messages import (
    Accepted,
    Ack,
    Create,
    Created,
    Delivery,
    Hello,
    Receipts,
    Refused,
    Send,
    Typed,
    Typing,
    Welcome,
    encode,
    from_server,
)
from designbook.systems.chat.protocol import FLOOD, TOO_SLOW, Settings
from designbook.systems.chat.stores import MemoryLog, open_log


class Peer:
    """A device by hand: frames out, frames in."""

    def __init__(self, connection):
        self.connection = connection

    async def send(self, *frames):
        for frame in frames:
            await self.connection.send(frame if isinstance(frame, str) else encode(frame))

    async def next(self, kind):
        """The next frame of that kind; others are passed over."""
        async with asyncio.timeout(10):
            while True:
                frame = from_server(await self.connection.recv())
                if isinstance(frame, kind):
                    return frame

    async def close_code(self):
        await asyncio.wait_for(self.connection.wait_closed(), 15)
        return self.connection.close_code

    async def deliveries(self):
        """The sequences that come until the server closes the connection."""
        with suppress(ConnectionClosed):
            while True:
                yield (await self.next(Delivery)).message.sequence


class Here:
    """A server in this process, on a free port, and the peers connected to it."""

    def __init__(self, settings=None, members=("ann", "bob")):
        self.log = MemoryLog()
        self.log.create("lunch", members)
        self.service = network.ChatService(self.log, None, settings)

    async def __aenter__(self):
        self._stop = asyncio.Event()
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{listening.getsockname()[1]}"
        self._serving = asyncio.create_task(self.service.serve(listening, self._stop))
        self._peers = []
        return self

    async def __aexit__(self, *error):
        for peer in self._peers:
            peer.connection.transport.abort()
        self._stop.set()
        await asyncio.wait_for(self._serving, 15)

    async def join(self, user, *, hello=True, **options):
        connection = await connect(self.url, proxy=None, compression=None, **options)
        peer = Peer(connection)
        self._peers.append(peer)
        if hello:
            await peer.send(Hello(user, "phone"))
            await peer.next(Welcome)
        return peer


def test_two_devices_talk_over_real_sockets():
    async def talk():
        async with Here() as here:
            ann, bob = await here.join("ann"), await here.join("bob")
            await ann.send(Typing("lunch"), Send("lunch", "m1", "héllo"))
            assert (await bob.next(Typed)).user == "ann"
            assert (await ann.next(Accepted)).sequence == 1
            assert (await bob.next(Delivery)).message.text == "héllo"
            await bob.send(Ack("lunch", 1, 1))
            assert (await ann.next(Receipts)).receipts == (("bob", 1, 1),)

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ("not json", "frame"),
        ("[]", "frame"),
        (json.dumps({"type": "sing"}), "type"),
        (json.dumps({"type": "send", "conversation": "lunch", "client_id": "m1", "text": "x" * 5_000}), "text"),
        (encode(Send("nonesuch", "m1", "hi")), "conversation"),
        (encode(Create("tea", ("bob", "cyd"))), "members"),
    ],
)
def test_a_bad_frame_is_refused_by_field_and_the_connection_goes_on(broken, field):
    async def talk():
        async with Here() as here:
            ann = await here.join("ann")
            await ann.send(broken)
            assert (await ann.next(Refused)).field == field
            await ann.send(Send("lunch", "m2", "still here"))
            assert (await ann.next(Accepted)).sequence == 1

    asyncio.run(talk())


@pytest.mark.parametrize("first", ["not json", encode(Send("lunch", "m1", "hi"))])
def test_a_connection_that_does_not_say_who_it_is_is_closed(first):
    async def talk():
        async with Here() as here:
            stranger = await here.join("", hello=False)
            await stranger.send(first)
            assert await stranger.close_code() == FLOOD

    asyncio.run(talk())


def test_a_connection_that_says_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(network, "HELLO_SECONDS", 0.05)

    async def talk():
        async with Here() as here:
            stranger = await here.join("", hello=False)
            assert await stranger.close_code() == 1000

    asyncio.run(talk())


def test_a_flood_is_told_to_wait_and_closed_if_it_does_not():
    async def talk():
        async with Here(Settings(rate=1, burst=5)) as here:
            ann, bob = await here.join("ann"), await here.join("bob")
            await ann.send(*(Send("lunch", f"m{number}", "hi") for number in range(30)))
            assert (await ann.next(Refused)).field == "rate"
            assert await ann.close_code() == FLOOD
            await bob.send(Send("lunch", "b1", "and now?"))
            assert (await bob.next(Accepted)).sequence == 6

    asyncio.run(talk())


def test_who_reads_too_slowly_is_disconnected_with_a_code_and_nothing_is_lost_for_anybody(monkeypatch):
    """Its bounded queue is full: the others get everything, and so does it when it comes back with its cursor."""
    monkeypatch.setattr(network, "QUEUE_BYTES", 50_000)
    texts = ["x" * 4_000] * 1_500

    async def talk():
        async with Here(Settings(rate=1e6, burst=1e6, resend_after=1e6)) as here:
            ann = await here.join("ann", max_queue=None)
            slow = await here.join("bob", max_queue=1)
            slow.connection.transport.pause_reading()
            for number, text in enumerate(texts):
                await ann.send(Send("lunch", f"m{number}", text))
                if number % 100 == 99:
                    await asyncio.sleep(0)
            for number in range(len(texts)):
                assert (await ann.next(Delivery)).message.sequence == number + 1
            slow.connection.transport.resume_reading()
            seen = [sequence async for sequence in slow.deliveries()]
            assert slow.connection.close_code == TOO_SLOW
            assert seen == list(range(1, len(seen) + 1))
            assert 0 < len(seen) < len(texts)
            back = await here.join("bob", hello=False, max_queue=None)
            await back.send(Hello("bob", "phone", (("lunch", seen[-1]),)))
            while seen[-1] < len(texts):
                seen.append((await back.next(Delivery)).message.sequence)
                if len(seen) % 20 == 0:
                    await back.send(Ack("lunch", seen[-1]))
            assert seen == list(range(1, len(texts) + 1))

    asyncio.run(talk())


def test_the_same_device_twice_ends_the_first_one_which_does_not_fight_back():
    async def talk():
        async with Here() as here:
            first, second = (ChatClient("ann", "phone", [here.url]) for _ in range(2))
            one = asyncio.create_task(first.run())
            while not first.device.welcome:
                await asyncio.sleep(0.01)
            two = asyncio.create_task(second.run())
            with pytest.raises(Rejected, match="connected a second time"):
                await asyncio.wait_for(one, 10)
            await second.stop()
            await two

    asyncio.run(talk())


# -- several processes


@pytest.mark.parametrize("engine", [sqlite, postgres], ids=["SQLite", "PostgreSQL"])
def test_the_promise_holds_on_every_device_when_one_of_two_servers_is_killed_under_traffic(engine):
    with engine() as log_url, nats() as hints:
        seen = kill_a_server(log_url, hints, messages=40, users=4)
        with closing(open_log(log_url)) as log:
            kept = log.after("all", 0, 1_000)
    assert [message.sequence for message in kept] == list(range(1, 42))
    assert len({message.client_id for message in kept}) == 41
    assert seen.accepted == 41
    assert seen.devices == 8
    assert (seen.lost, seen.repeated, seen.disordered) == (0, 0, 0)
    assert seen.reconnected >= 4  # the devices of the dead server


def test_messages_arrive_although_nats_dies_and_comes_back():
    """Without hints the log is compared once a period; no message waits longer than that."""

    async def talk(one, other, hints):
        received = []
        ann, bob = ChatClient("ann", "phone", [one]), ChatClient("bob", "phone", [other])
        bob.on_message = lambda message: received.append(message.text)
        running = [asyncio.create_task(client.run()) for client in (ann, bob)]
        made = asyncio.Event()
        ann.on_report = lambda frame: made.set() if isinstance(frame, Created) else None
        async with asyncio.timeout(20):
            while not (ann.device.welcome and bob.device.welcome):
                await asyncio.sleep(0.01)
            ann.transmit(Create("lunch", ("ann", "bob")))
            await made.wait()
            for text, what in (("before", None), ("without", hints.kill), ("after", hints.restart)):
                if what is not None:
                    await asyncio.get_running_loop().run_in_executor(None, what)
                ann.send("lunch", text)
                while text not in received:
                    await asyncio.sleep(0.01)
            await asyncio.gather(ann.stop(), bob.stop(), *running)
        return received

    hints = nats()
    with sqlite() as log, hints as url:
        options = ("--repair-every", "0.5")
        with chat_server(log, url, *options) as one, chat_server(log, url, *options) as other:
            assert asyncio.run(talk(one, other, hints)) == ["before", "without", "after"]


def test_a_server_told_to_end_says_goodbye_and_its_clients_go_to_the_other():
    async def talk(one, other):
        client = ChatClient("ann", "phone", [one.url, other.url], patience=Patience(hello=1.0))
        seen = []
        client.on_connection = lambda url, problem: seen.append((url, bool(problem)))
        running = asyncio.create_task(client.run())
        async with asyncio.timeout(20):
            while not client.device.welcome:
                await asyncio.sleep(0.01)
            first = one.url
            one._process.send_signal(signal.SIGTERM)
            while (other.url, False) not in seen or not client.device.welcome:
                await asyncio.sleep(0.01)
            await client.stop()
            await running
        assert seen == [(first, False), (first, True), (other.url, False)]
        assert one._process.wait(5) == 0

    one, other = chat_server("memory://"), chat_server("memory://")
    with one, other:
        asyncio.run(talk(one, other))


# -- the terminal


def terminal(url, user, *arguments):
    line = [sys.executable, "-m", "designbook.systems.chat", "client", "--as", user, "--url", url, *arguments]
    pipe = subprocess.PIPE
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a script's background job inherits it ignored
    return subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1, preexec_fn=hears)


def until(process, part):
    """Read lines up to one that holds `part`, and return that."""
    for line in process.stdout:
        if part in line:
            return line
    raise AssertionError(f"{part!r} never came: {process.stderr.read()}")


def test_two_terminals_talk():
    with chat_server("memory://") as url, terminal(url, "ann") as ann, terminal(url, "bob") as bob:
        until(ann, "connected as ann")
        until(bob, "connected as bob")
        print("/new lunch bob", file=ann.stdin)
        until(ann, "you look at lunch")
        until(bob, "you look at lunch")
        print("pizza?", file=ann.stdin)
        until(ann, "sent: lunch 1")
        assert "ann: pizza?" in until(bob, "[lunch 1")
        until(ann, "bob received up to 1, read up to 1")
        print("/typing", file=bob.stdin)
        until(ann, "bob is typing in lunch")
        print("/who", file=bob.stdin)
        until(bob, "ann is here")
        print("yes", file=bob.stdin)
        assert "bob: yes" in until(ann, "[lunch 2")
        print("/sing", file=ann.stdin)
        until(ann, "/sing: not understood")
        print("/quit", file=bob.stdin)
        assert bob.wait(60) == 0
        until(ann, "bob was last here")
        with terminal(url, "bob", "--device", "tablet", "--tail", "1") as tablet:
            assert "bob: yes" in until(tablet, "[lunch")
            print("/history", file=tablet.stdin)
            assert "ann: pizza?" in until(tablet, "[lunch 1")
            print("/history", file=tablet.stdin)
            until(tablet, "lunch begins here")
            tablet.send_signal(signal.SIGINT)
            assert tablet.wait(60) == 0
            assert tablet.stderr.read() == ""
        ann.stdin.close()
        assert ann.wait(60) == 0


def test_what_is_piped_into_a_terminal_is_said_before_it_leaves():
    with chat_server("memory://") as url, terminal(url, "ann") as ann:
        said, errors = ann.communicate("/new notes\nfirst\nsecond, without an end of line", timeout=20)
    assert "[notes 1" in said
    assert "ann: second, without an end of line" in said
    assert (ann.returncode, errors) == (0, "")


def test_a_terminal_comes_back_by_itself_and_sends_what_was_written_meanwhile():
    with sqlite() as log:
        first, second = chat_server(log), chat_server(log)
        with first as one, second as other, terminal(one, "ann", "--url", other) as ann:
            until(ann, "connected as ann")
            print("/new notes", file=ann.stdin)
            until(ann, "you look at notes")
            first.kill()
            print("written while nobody listens", file=ann.stdin)
            until(ann, "is lost")
            until(ann, "sent: notes 1")
            ann.stdin.close()
            assert ann.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["client", "--as", "ann", "--url", "ws://127.0.0.1:1"], "No chat server answers at ws://127.0.0.1:1"),
        (["client", "--as", "ann", "--url", "nowhere"], "No chat server answers at nowhere"),
        (["client", "--as", "two words"], "user 'two words' is not 1 to 64 of the characters"),
        (["server", "--log", "paper://"], "'paper://' is no message log"),
        (["server", "--log", "sqlite:////nonesuch/chat.db"], "cannot use /nonesuch/chat.db"),
        (["server", "--port", "99999"], "port must be 0-65535"),
        (["server", "--nats", "nats://127.0.0.1:1"], "need a shared log"),
    ],
)
def test_what_cannot_begin_says_so_in_one_line(arguments, problem, capsys):
    assert command.main(["server", "--port", "0", *arguments[1:]] if arguments[0] == "server" else arguments) == 1
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


def test_a_port_in_use_and_a_nats_server_that_is_not_there_are_told_apart(capsys, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert command.main(["server", "--port", str(taken.getsockname()[1])]) == 1
    assert "is in use" in capsys.readouterr().err
    shared = f"sqlite:///{tmp_path / 'chat.db'}"
    assert command.main(["server", "--port", "0", "--log", shared, "--nats", "nats://127.0.0.1:1"]) == 1
    assert "no NATS server answers at nats://127.0.0.1:1" in capsys.readouterr().err


# -- the experiments, small


def test_every_message_of_a_load_is_delivered_once_to_every_connection():
    with bare_broadcast() as bare, chat_server("memory://") as ours:
        for order in (Order(bare, 10, 20, users=False), Order(ours, 10, 20), Order(ours, 10, 20, rate=200.0)):
            seen = load(order)
            assert seen.deliveries == 200
            assert 0 < seen.median <= seen.p99


def test_a_load_on_a_server_that_is_gone_says_so():
    with bare_broadcast() as bare:
        pass
    with pytest.raises(RuntimeError, match="broke off"):
        load(Order(bare, 2, 2))


def test_the_promises_are_added_one_after_the_other_beside_a_bare_broadcast():
    costs = cost_of_promises(connections=10, messages=20, rounds=1)
    assert (costs[0].name, costs[0].ratio) == ("bare broadcast", 1)
    assert len(costs) == 5
    assert all(cost.rate > 0 and cost.ratio > 0 for cost in costs)


def test_latency_is_taken_at_a_rate_that_is_kept():
    seen = latency(connections=5, messages=20, rate=100.0)
    assert seen.deliveries == 100
    assert seen.rate < 600


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_idle_connection_takes_less_than_50_kilobytes():
    before, after = memory_of_idle_connections(200)
    assert 1_000 < (after - before) / 200 < 50_000
