"""A chat client: the device's state machine on a real WebSocket, which comes back by itself; and one for a terminal."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from random import Random
from typing import Any, TypeVar
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from designbook.systems.chat.device import (
    Arrived,
    Connected,
    Device,
    Disconnected,
    Event,
    Keep,
    Kept,
    Patience,
    Reconnect,
    Report,
    Saw,
    Show,
    Tick,
    Transmit,
    Wrote,
)
from designbook.systems.chat.messages import (
    LARGEST_PAGE,
    NAME,
    Accepted,
    BrokenFrame,
    Create,
    Created,
    DeviceFrame,
    History,
    Page,
    Presence,
    Receipts,
    Refused,
    ServerFrame,
    Typed,
    Typing,
    Watch,
    Welcome,
    encode,
    from_server,
)
from designbook.systems.chat.protocol import REPLACED
from designbook.systems.chat.stores import Message

LARGEST_FRAME = 2**22
STANDARD_INPUT = 0  # the file itself: a thread that waits in `sys.stdin` would hold up the end of the program


T = TypeVar("T")


class Rejected(Exception):
    """The server does not want this client, and would not a second time; the message says why."""


class ChatClient:
    """One device, connected to any of several servers for as long as `run` runs.

    It keeps drafts and cursors in memory: they survive every connection and no restart of the client.
    """

    def __init__(
        self,
        user: str,
        device: str,
        urls: Sequence[str],
        *,
        tail: int = 1_000_000_000,
        patience: Patience | None = None,
        rng: Random | None = None,
    ) -> None:
        """Raises ValueError for a name that no server would take."""
        for field, name in (("user", user), ("device", device)):
            if not NAME.fullmatch(name):
                raise ValueError(f"{field} {name!r} is not 1 to 64 of the characters A-Z, a-z, 0-9, _ and -")
        self.urls = list(urls)
        self.device = Device(user, device, tail=tail, patience=patience)
        self.on_message: Callable[[Message], None] = lambda message: None
        self.on_report: Callable[[ServerFrame], None] = lambda frame: None
        self.on_connection: Callable[[str, str], None] = lambda url, problem: None
        self._rng = rng or Random()
        self._connection: ClientConnection | None = None
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._stopped = False

    async def run(self, *, give_up_at_once: bool = False) -> None:
        """Connect, and again whenever the connection is lost, until `stop`.

        Waits between two tries twice as long each time, up to 5 s, with jitter: else all clients of a dead server come
        to the next one in the same moment. Raises Rejected, and with `give_up_at_once` OSError if the first try fails.
        """
        ticking = asyncio.create_task(self._tick())
        wait, turn = 0.1, 0
        try:
            while not self._stopped:
                url = self.urls[turn % len(self.urls)]
                began = time.monotonic()
                try:
                    await self._talk(url)
                    problem = "the server ended the connection"
                except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
                    if give_up_at_once and turn == 0:
                        raise
                    problem = str(error) or type(error).__name__
                if self._stopped:
                    return
                self.on_connection(url, problem)
                turn += 1
                wait = 0.1 if time.monotonic() - began > 5 else min(5.0, 2 * wait)
                await asyncio.sleep(wait * self._rng.uniform(0.5, 1.0))
        finally:
            ticking.cancel()

    async def _talk(self, url: str) -> None:
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "proxy": None, "close_timeout": 1}
        async with connect(url, max_size=LARGEST_FRAME, open_timeout=5, **options) as connection:
            self._connection, self._outgoing = connection, asyncio.Queue()
            self.on_connection(url, "")
            sending = asyncio.create_task(self._send_all(connection, self._outgoing))
            try:
                self._handle(Connected())
                async for text in connection:
                    with contextlib.suppress(BrokenFrame):
                        self._handle(Arrived(from_server(text)))
            except ConnectionClosed:
                pass
            finally:
                sending.cancel()
                self._connection = None
                self._handle(Disconnected())
        if connection.close_code == REPLACED:
            raise Rejected(f"{self.device.user}'s device {self.device.device!r} has connected a second time elsewhere")

    async def _send_all(self, connection: ClientConnection, outgoing: "asyncio.Queue[str]") -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send(await outgoing.get())

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            self._handle(Tick())

    def _handle(self, event: Event) -> None:
        for effect in self.device.handle(time.monotonic(), event):
            match effect:
                case Transmit(frame):
                    self.transmit(frame)
                case Keep(key, _):
                    self._handle(Kept(key))
                case Show(message):
                    self.on_message(message)
                case Report(frame):
                    self.on_report(frame)
                case Reconnect():
                    if self._connection is not None:
                        self._connection.transport.abort()

    # -- what the user does

    def send(self, conversation: str, text: str) -> str:
        """Send a text, now or as soon as there is a connection; its client id, which `Accepted` will name."""
        client_id = uuid4().hex
        self._handle(Wrote(conversation, client_id, text))
        return client_id

    def saw(self, conversation: str, sequence: int) -> None:
        """The user has read up to there."""
        self._handle(Saw(conversation, sequence))

    def transmit(self, frame: DeviceFrame) -> None:
        """Send a frame if there is a connection; it is not sent again."""
        if self._connection is not None:
            self._outgoing.put_nowait(encode(frame))

    async def stop(self) -> None:
        """Close the connection and let `run` return."""
        self._stopped = True
        if self._connection is not None:
            await self._connection.close()


HELP = """\
/new NAME USER ...  start a conversation        /join NAME     look at another
/history [COUNT]    older messages of this one  /who           who is there
/typing             tell the others             /quit          leave
Anything else is said in the conversation that you look at."""


class Terminal:
    """A person at a terminal: lines in, lines out."""

    def __init__(self, client: ChatClient, say: Callable[[str], None]) -> None:
        self._client, self._say = client, say
        self._user = client.device.user
        self._current = ""
        self._conversations: dict[str, None] = {}
        self._last: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._receipts: dict[tuple[str, str], tuple[int, int]] = {}
        self._creating: Create | None = None
        self._held: list[str] = []
        self._lost = False
        self.welcomed = asyncio.Event()
        client.on_message, client.on_report = self._on_message, self._on_report
        client.on_connection = self._on_connection

    # -- what the network says

    def _on_connection(self, url: str, problem: str) -> None:
        if problem and not self._lost:
            self._say(f"* the connection to {url} is lost ({problem}); trying again")
        self._lost = bool(problem)

    def _on_message(self, message: Message) -> None:
        conversation = message.conversation
        self._conversations[conversation] = None
        self._last[conversation] = message.sequence
        self._first.setdefault(conversation, message.sequence)
        self._say(self._line(message))
        if conversation == self._current:
            self._client.saw(conversation, message.sequence)

    def _line(self, message: Message) -> str:
        clock = datetime.fromtimestamp(message.time).strftime("%H:%M")
        return f"[{message.conversation} {message.sequence}, {clock}] {message.sender}: {message.text}"

    def _on_report(self, frame: ServerFrame) -> None:
        match frame:
            case Welcome(cursors):
                self.welcomed.set()
                self._conversations |= dict.fromkeys(conversation for conversation, _ in cursors)
                for conversation, sequence in cursors:
                    self._last.setdefault(conversation, sequence)
                known = ", ".join(self._conversations) or "none yet; /new NAME USER ... starts one"
                self._say(f"* connected as {self._user}; conversations: {known}")
                if not self._current and len(self._conversations) == 1:
                    self._join(next(iter(self._conversations)))
                elif self._current:
                    self._client.transmit(Watch(self._current))
                if self._creating:
                    self._client.transmit(self._creating)
            case Created(conversation, members):
                if conversation not in self._conversations:
                    self._conversations[conversation] = None
                    self._say(f"* conversation {conversation}: {', '.join(members)}")
                if self._creating and self._creating.conversation == conversation:
                    self._join(conversation)
                    held, self._creating, self._held = self._held, None, []
                    for line in held:
                        self._client.send(conversation, line)
                elif not self._current and not self._creating:
                    self._join(conversation)
            case Accepted(conversation, _, sequence):
                self._say(f"* sent: {conversation} {sequence}")
            case Receipts(conversation, receipts):
                for user, delivered, read in receipts:
                    if user != self._user and self._receipts.get((conversation, user)) != (delivered, read):
                        self._receipts[conversation, user] = delivered, read
                        self._say(f"* {conversation}: {user} received up to {delivered}, read up to {read}")
            case Presence(user, online, last_seen):
                if user != self._user:
                    clock = datetime.fromtimestamp(last_seen).strftime("%H:%M")
                    away = f"was last here at {clock}" if last_seen else "is not here"
                    self._say(f"* {user} {'is here' if online else away}")
            case Typed(conversation, user):
                self._say(f"* {user} is typing in {conversation}")
            case History(conversation, before, messages):
                if not messages:
                    self._say(f"* {conversation} begins here")
                for message in messages:
                    self._say(self._line(message))
                self._first[conversation] = min([before, *(message.sequence for message in messages)])
            case Refused(field, reason, conversation, client_id):
                self._say(f"* refused: {f'{conversation}: ' if conversation else ''}{field} {reason}")
                if self._creating and conversation in ("", self._creating.conversation) and not client_id:
                    self._creating, self._held = None, []
            case _:
                pass

    # -- what the person types

    def is_done(self) -> bool:
        """Whether all that was written is accepted."""
        return not self._creating and not self._client.device.unsent()

    def line(self, line: str) -> bool:
        """Do what a line says; False if it says to leave."""
        command, *words = line.split() or [""]
        match command:
            case "":
                pass
            case "/quit":
                return False
            case "/help":
                self._say(HELP)
            case "/new" if words:
                self._creating = Create(words[0], tuple(sorted({self._user, *words[1:]})))
                self._send(self._creating)
            case "/join" if len(words) == 1:
                self._join(words[0])
            case "/history" if self._current and len(words) < 2:
                before = self._first.get(self._current, self._last.get(self._current, 0) + 1)
                count = int(words[0]) if words and words[0].isdecimal() else 20
                self._send(Page(self._current, before, max(1, min(count, LARGEST_PAGE))))
            case "/who" if self._current:
                self._send(Watch(self._current))
            case "/typing" if self._current:
                self._send(Typing(self._current))
            case _ if command.startswith("/"):
                problem = "no conversation yet" if command in ("/history", "/who", "/typing") else "not understood"
                self._say(f"* {command}: {problem}\n{HELP}")
            case _ if self._creating:
                self._held.append(line)  # it is said there as soon as there is a there
            case _ if self._current:
                self._client.send(self._current, line)
            case _:
                self._say("* no conversation yet: /new NAME USER ... starts one, /join NAME looks at one")
        return True

    def _send(self, frame: DeviceFrame) -> None:
        if not self._client.device.welcome:
            self._say("* not connected at the moment; try again")
        self._client.transmit(frame)

    def _join(self, conversation: str) -> None:
        self._current = conversation
        self._say(f"* you look at {conversation}")
        self._client.saw(conversation, self._last.get(conversation, 0))
        self._client.transmit(Watch(conversation))


async def chat(user: str, device: str, urls: Sequence[str], *, tail: int) -> None:
    """Chat at this terminal until the person leaves. Raises Rejected, ValueError, OSError if nobody answers."""
    client = ChatClient(user, device, urls, tail=tail)
    terminal = Terminal(client, lambda line: print(line, flush=True))
    running = asyncio.create_task(client.run(give_up_at_once=True))
    try:
        await _first(running, terminal.welcomed.wait())  # what is piped in waits until it can be done
        lines = _lines()
        while not running.done():
            line = await _first(running, lines.get())
            if not running.done() and (line is None or not terminal.line(line)):
                return await _finish(client, terminal)
        return running.result()
    finally:
        running.cancel()


async def _first(running: asyncio.Task[None], wanted: Coroutine[Any, Any, T]) -> T | None:
    """What is waited for, or None if the client ends before it comes."""
    waiting = asyncio.create_task(wanted)
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    if waiting.done():
        return waiting.result()
    waiting.cancel()
    return None


async def _finish(client: ChatClient, terminal: Terminal) -> None:
    """Wait a moment for what was written to be accepted, then leave."""
    for _ in range(50):
        if terminal.is_done():
            break
        await asyncio.sleep(0.1)
    await client.stop()


def _lines() -> "asyncio.Queue[str | None]":
    """The lines of the standard input, then None. Read in a thread, which a waiting read does not keep from ending."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        rest = b""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            while data := os.read(STANDARD_INPUT, 65_536):
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace"))
            loop.call_soon_threadsafe(lines.put_nowait, rest.decode(errors="replace"))
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True).start()
    return lines
