"""The chat server and a device, event by event, without a network: what they promise at each step."""

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from designbook.systems.chat import device as devices
from designbook.systems.chat import protocol
from designbook.systems.chat.device import Device, Kept, Report, Show, Transmit, Wrote
from designbook.systems.chat.messages import (
    Accepted,
    Ack,
    BrokenFrame,
    Create,
    Created,
    Delivery,
    Hello,
    History,
    Moved,
    Page,
    Ping,
    Pong,
    Posted,
    Presence,
    Receipts,
    Refused,
    Resend,
    Send,
    Typed,
    Typing,
    Watch,
    Welcome,
)
from designbook.systems.chat.protocol import (
    FLOOD,
    GONE,
    REPLACED,
    Answered,
    Append,
    Arrived,
    Ask,
    ChatServer,
    Close,
    Closed,
    Heads,
    Heard,
    Publish,
    Settings,
    Subscribe,
    Tell,
    Tick,
    Unsubscribe,
    carry_out,
)
from designbook.systems.chat.stores import Cursor, Draft, MemoryLog, Message


@dataclass
class World:
    """Servers that share a log in memory; hints go at once, unless they are cut off."""

    servers: list[ChatServer] = field(default_factory=lambda: [ChatServer(), ChatServer()])
    log: MemoryLog = field(default_factory=MemoryLog)
    now: float = 1_000.0
    cut: bool = False
    log_down: bool = False

    def __post_init__(self):
        self.events = deque()
        self.told = defaultdict(list)
        self.closed = {}
        self.topics = [set() for _ in self.servers]
        self.requests = []
        self.unanswered = []

    def do(self, server, event):
        """Let a server handle an event, then whatever that leads to, one after the other."""
        self.events.append((server, event))
        if len(self.events) == 1:
            while self.events:
                self._do(*self.events[0])
                self.events.popleft()

    def _do(self, server, event):
        for effect in self.servers[server].handle(self.now, event):
            match effect:
                case Tell(connections, frame):
                    for connection in connections:
                        self.told[connection].append(frame)
                case Close(connection, code):
                    self.closed[connection] = code
                case Publish(topic, hint):
                    for other, topics in enumerate(self.topics):
                        if other != server and topic in topics and not self.cut:
                            self.do(other, Heard(topic, hint))
                case Subscribe(topic):
                    self.topics[server].add(topic)
                case Unsubscribe(topic):
                    self.topics[server].remove(topic)
                case Ask(number, request):
                    self.requests.append(request)
                    if self.log_down:
                        self.unanswered.append((server, number, request))
                    else:
                        self.do(server, Answered(number, carry_out(self.log, request)))

    def frame(self, connection, *frames, server=0):
        for each in frames:
            self.do(server, Arrived(connection, each))

    def connect(self, connection, user, *, server=0, **hello):
        self.frame(connection, Hello(user, connection, **hello), server=server)

    def pass_time(self, seconds, step=0.5):
        for _ in range(round(seconds / step)):
            self.now += step
            for server in range(len(self.servers)):
                self.do(server, Tick())

    def got(self, connection, kind):
        return [frame for frame in self.told[connection] if isinstance(frame, kind)]

    def delivered(self, connection):
        return [frame.message.sequence for frame in self.got(connection, Delivery)]


def world(*conversations, **options):
    made = World(**options)
    for name, members in conversations or [("lunch", ("ann", "bob"))]:
        made.log.create(name, members)
    return made


def say(number, text="hi"):
    return Send("lunch", f"m{number}", text)


# -- sending and delivering


def test_a_message_is_accepted_in_its_place_and_delivered_to_every_device_of_every_member():
    chat = world()
    for connection, user, server in [("phone", "ann", 0), ("laptop", "ann", 1), ("bobs", "bob", 1)]:
        chat.connect(connection, user, server=server)
    chat.frame("phone", say(1), say(2))
    assert [(each.client_id, each.sequence) for each in chat.got("phone", Accepted)] == [("m1", 1), ("m2", 2)]
    for connection in ("phone", "laptop", "bobs"):
        assert chat.delivered(connection) == [1, 2]
    assert not chat.got("laptop", Accepted)


def test_nothing_is_accepted_or_delivered_before_the_log_has_it():
    chat = world()
    chat.connect("phone", "ann")
    chat.log_down = True
    chat.frame("phone", say(1))
    assert not chat.got("phone", Accepted)
    assert not chat.delivered("phone")
    ((server, number, request),) = chat.unanswered
    chat.log_down = False
    chat.do(server, Answered(number, carry_out(chat.log, request)))
    assert chat.got("phone", Accepted)
    assert chat.delivered("phone") == [1]


def test_drafts_that_come_while_the_log_writes_are_appended_together():
    chat = world()
    chat.connect("phone", "ann")
    chat.log_down = True
    chat.frame("phone", *(say(number) for number in range(5)))
    (first,) = chat.unanswered
    chat.log_down = False
    chat.do(first[0], Answered(first[1], carry_out(chat.log, first[2])))
    appends = [len(request.drafts) for request in chat.requests if isinstance(request, Append)]
    assert appends == [1, 4]
    assert [each.sequence for each in chat.got("phone", Accepted)] == [1, 2, 3, 4, 5]


def test_the_same_draft_again_is_accepted_in_the_same_place():
    chat = world()
    chat.connect("phone", "ann")
    chat.frame("phone", say(1), say(2), say(1))
    assert [each.sequence for each in chat.got("phone", Accepted)] == [1, 2, 1]
    assert chat.delivered("phone") == [1, 2]


def test_a_log_that_fails_accepts_nothing_and_the_next_try_works():
    chat = world()
    chat.connect("phone", "ann")
    chat.log_down = True
    chat.frame("phone", say(1))
    (server, number, _), chat.log_down = chat.unanswered.pop(), False
    chat.do(server, Answered(number, None))
    assert not chat.got("phone", Accepted)
    chat.frame("phone", say(1))
    assert chat.delivered("phone") == [1]


def test_a_hint_that_leaves_a_gap_makes_the_server_read_the_log_and_deliver_in_order():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob", server=1)
    chat.cut = True
    chat.frame("phone", say(1), say(2))
    assert chat.delivered("bobs") == []
    chat.cut = False
    chat.frame("phone", say(3))
    assert chat.delivered("bobs") == [1, 2, 3]


@given(st.permutations(range(1, 9)), st.lists(st.integers(1, 8), max_size=8))
def test_hints_in_any_order_and_any_number_are_delivered_once_and_in_order(order, again):
    chat = world()
    chat.connect("bobs", "bob", server=1)
    messages = chat.log.append([Draft("lunch", "ann", f"m{number}", "hi", 0.0) for number in range(8)])
    chat.log_down = True  # so that no gap is read
    for sequence in [*order, *again]:
        chat.do(1, Heard("conversation.lunch", Posted((messages[sequence - 1],))))
    assert chat.delivered("bobs") == list(range(1, 9))


def test_the_loss_of_the_last_hint_is_repaired_within_the_time_stated():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob", server=1)
    chat.pass_time(1)
    chat.cut = True
    chat.frame("phone", say(1))
    chat.pass_time(Settings().repair_every + 0.5)
    assert chat.delivered("bobs") == [1]


def test_what_is_posted_while_a_device_is_being_welcomed_reaches_it_at_the_next_tick():
    chat = world()
    chat.log_down = True
    chat.connect("phone", "ann")
    ((server, number, request),) = chat.unanswered
    heads = carry_out(chat.log, request)
    chat.log.append([Draft("lunch", "bob", "b1", "hi", 0.0)])  # another server posts it: no hint comes here yet
    chat.log_down = False
    chat.do(server, Answered(number, heads))
    assert chat.delivered("phone") == []
    chat.pass_time(0.5)
    assert chat.delivered("phone") == [1]


def test_nothing_is_told_to_a_connection_that_has_left():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob")
    chat.frame("bobs", Send("lunch", "b1", "one"))
    chat.do(0, Closed("phone"))
    chat.frame("bobs", Send("lunch", "b2", "two"))
    assert chat.delivered("phone") == [1]
    assert chat.delivered("bobs") == [1, 2]


# -- cursors


def test_a_device_that_comes_back_gets_what_comes_after_its_cursor_and_nothing_else():
    chat = world()
    chat.log.append([Draft("lunch", "ann", f"m{number}", "hi", 0.0) for number in range(400)])
    chat.connect("bobs", "bob", cursors=(("lunch", 250),))
    for _ in range(10):
        if chat.delivered("bobs"):
            chat.frame("bobs", Ack("lunch", chat.delivered("bobs")[-1]))
    assert chat.delivered("bobs") == list(range(251, 401))


def test_a_device_that_catches_up_is_sent_no_more_than_a_window_ahead_of_its_acknowledgements():
    chat = world()
    chat.log.append([Draft("lunch", "ann", f"m{number}", "hi", 0.0) for number in range(1_000)])
    chat.connect("bobs", "bob")
    settings = Settings()
    assert settings.window <= len(chat.delivered("bobs")) < settings.window + settings.page
    chat.frame("bobs", Ack("lunch", 30))
    assert settings.window + 30 <= len(chat.delivered("bobs")) < settings.window + 30 + settings.page


def test_a_new_device_may_begin_near_the_end():
    chat = world()
    chat.log.append([Draft("lunch", "ann", f"m{number}", "hi", 0.0) for number in range(100)])
    chat.connect("bobs", "bob", tail=5)
    assert chat.got("bobs", Welcome) == [Welcome((("lunch", 95),))]
    assert chat.delivered("bobs") == [96, 97, 98, 99, 100]


def test_what_is_not_acknowledged_is_sent_again_and_what_is_acknowledged_is_not():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob")
    chat.frame("phone", say(1), say(2), say(3), Ack("lunch", 3))
    chat.frame("bobs", Ack("lunch", 1))
    chat.pass_time(Settings().resend_after + 2)
    assert chat.delivered("bobs") == [1, 2, 3, 2, 3]
    assert chat.delivered("phone") == [1, 2, 3]


def test_a_device_that_misses_something_gets_it_at_once():
    chat = world()
    chat.connect("phone", "ann")
    chat.frame("phone", say(1), say(2), say(3), Resend("lunch", 1))
    assert chat.delivered("phone") == [1, 2, 3, 2, 3]


def test_cursors_are_saved_and_those_who_wrote_get_receipts_on_any_server():
    chat = world(("lunch", ("ann", "bob", "cyd")))
    for connection, user, server in [("anns", "ann", 0), ("bobs", "bob", 1), ("cyds", "cyd", 1)]:
        chat.connect(connection, user, server=server)
    chat.frame("anns", say(1), say(2))
    chat.frame("bobs", Ack("lunch", 2, 1), server=1)
    chat.pass_time(1)
    assert chat.got("anns", Receipts)[-1] == Receipts("lunch", (("bob", 2, 1),))
    assert not chat.got("cyds", Receipts)  # who wrote nothing needs none
    assert chat.log.cursors("lunch") == (Cursor("lunch", "bob", "bobs", 2, 1),)


def test_a_cursor_never_moves_back_nor_past_what_was_said():
    chat = world()
    chat.connect("phone", "ann")
    chat.frame("phone", say(1), say(2), Ack("lunch", 2, 2), Ack("lunch", 1, 1), Ack("lunch", 99, 99))
    chat.pass_time(1)
    assert chat.log.cursors("lunch") == (Cursor("lunch", "ann", "phone", 2, 2),)


def test_an_acknowledgement_that_comes_late_moves_what_was_read_and_leaves_what_was_delivered():
    chat = world()
    chat.connect("phone", "ann")
    chat.frame("phone", say(1), say(2), Ack("lunch", 2, 0), Ack("lunch", 1, 1))
    chat.pass_time(1)
    assert chat.log.cursors("lunch") == (Cursor("lunch", "ann", "phone", 2, 1),)


def test_receipts_that_other_servers_tell_late_take_nothing_back():
    chat = world()
    chat.connect("anns", "ann")
    for cursors in [(2, 1), (1, 2), (1, 1)]:
        chat.do(0, Heard("conversation.lunch", Moved("lunch", (("bob", *cursors),))))
    chat.connect("laptop", "ann")
    assert chat.got("laptop", Receipts) == [Receipts("lunch", (("bob", 2, 2),))]


# -- conversations, history, typing, presence


def test_a_new_conversation_reaches_its_members_devices_on_other_servers_and_creating_it_twice_does_no_harm():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob", server=1)
    chat.frame("phone", Create("tea", ("ann", "bob")), Create("tea", ("ann", "bob")))
    assert Created("tea", ("ann", "bob")) in chat.got("bobs", Created)
    chat.frame("bobs", Send("tea", "b1", "yes"), server=1)
    assert [frame.message.text for frame in chat.got("phone", Delivery)] == ["yes"]


def test_a_conversation_whose_invitation_was_lost_is_found_within_the_time_stated():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob", server=1)
    chat.pass_time(1)
    chat.cut = True
    chat.frame("phone", Create("tea", ("ann", "bob")), Send("tea", "a1", "tea?"))
    chat.pass_time(Settings().repair_every + 1)
    assert [frame.message.text for frame in chat.got("bobs", Delivery)] == ["tea?"]


def test_history_comes_by_page_down_to_the_beginning():
    chat = world()
    chat.log.append([Draft("lunch", "ann", f"m{number}", "hi", 0.0) for number in range(25)])
    chat.connect("bobs", "bob", tail=0)
    before, seen = 26, []
    while True:
        chat.frame("bobs", Page("lunch", before, 10))
        page = chat.got("bobs", History)[-1].messages
        if not page:
            break
        seen = [message.sequence for message in page] + seen
        before = page[0].sequence
    assert seen == list(range(1, 26))


def test_typing_is_told_to_the_others_and_kept_nowhere():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("laptop", "ann")
    chat.connect("bobs", "bob", server=1)
    asked = len(chat.requests)
    chat.frame("phone", Typing("lunch"))
    assert chat.got("bobs", Typed) == [Typed("lunch", "ann")]
    assert not chat.got("laptop", Typed)
    assert len(chat.requests) == asked


def test_presence_is_told_to_who_watches_across_servers_and_when_a_server_falls_silent():
    chat = world()
    chat.connect("bobs", "bob", server=1)
    chat.frame("bobs", Watch("lunch"), server=1)
    assert chat.got("bobs", Presence)[-2:] == [Presence("ann", False, 0.0), Presence("bob", True, chat.now)]
    chat.connect("phone", "ann")
    assert chat.got("bobs", Presence)[-1] == Presence("ann", True, chat.now)
    chat.do(0, Closed("phone"))
    assert chat.got("bobs", Presence)[-1] == Presence("ann", False, chat.now)
    chat.connect("phone", "ann")
    chat.cut, last_heard = True, chat.now
    for _ in range(5):
        chat.pass_time(20)
        chat.frame("bobs", Ping(), server=1)
    gone = chat.got("bobs", Presence)[-1]
    assert (gone.user, gone.online, gone.last_seen) == ("ann", False, last_heard)


def test_somebody_with_a_device_elsewhere_stays_online():
    chat = world()
    chat.connect("bobs", "bob")
    chat.frame("bobs", Watch("lunch"))
    chat.connect("phone", "ann")
    chat.connect("laptop", "ann", server=1)
    chat.do(0, Closed("phone"))
    assert [each.online for each in chat.got("bobs", Presence) if each.user == "ann"][-1]


# -- what is refused


@pytest.mark.parametrize(
    ("frame", "field", "reason"),
    [
        (Send("tea", "m1", "hi"), "conversation", "not a member"),
        (Page("tea", 5), "conversation", "not a member"),
        (Watch("tea"), "conversation", "not a member"),
        (Typing("tea"), "conversation", "not a member"),
        (Send("nonesuch", "m1", "hi"), "conversation", "no such conversation"),
        (Create("tea", ("ann", "cyd")), "conversation", "taken"),
        (Create("new", ("bob", "cyd")), "members", "lack 'ann'"),
        (BrokenFrame("text", "is too long"), "text", "too long"),
        (Hello("bob", "phone"), "user", "another"),
    ],
)
def test_what_may_not_be_is_refused_by_name_and_changes_nothing(frame, field, reason):
    chat = world(("lunch", ("ann", "bob")), ("tea", ("bob", "cyd")))
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob")
    before = len(chat.told["bobs"])
    chat.frame("phone", frame)
    (refused,) = chat.got("phone", Refused)
    assert refused.field == field
    assert reason in refused.reason
    assert refused.retry_after == 0
    assert refused.conversation == getattr(frame, "conversation", "")
    assert refused.client_id == getattr(frame, "client_id", "")
    assert len(chat.told["bobs"]) == before
    assert not chat.log.after("tea", 0, 9)
    assert not chat.closed


def test_a_connection_that_does_not_begin_with_hello_is_closed():
    chat = world()
    chat.frame("phone", say(1))
    assert chat.got("phone", Refused)[0].field == "hello"
    assert chat.closed == {"phone": FLOOD}


def test_a_flood_is_refused_with_the_time_to_wait_then_closed_and_others_go_on():
    chat = world()
    settings = Settings()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob")
    burst = int(settings.burst)
    chat.frame("phone", *(say(number) for number in range(burst + 1)))
    refused = chat.got("phone", Refused)[-1]
    assert (refused.field, refused.client_id) == ("rate", f"m{burst}")
    assert 0 < refused.retry_after <= 1 / settings.rate
    assert chat.delivered("bobs") == list(range(1, burst + 1))
    chat.now += refused.retry_after + 0.001
    chat.frame("phone", say(burst))
    assert chat.delivered("bobs")[-1] == burst + 1
    chat.frame("phone", *(say(number) for number in range(1_000, 1_000 + burst + 5)))
    assert chat.closed == {"phone": FLOOD}
    chat.frame("bobs", Send("lunch", "b1", "still here"))
    assert chat.got("bobs", Accepted)


def test_who_listens_to_a_no_may_be_told_so_more_often_than_a_burst():
    chat = world(servers=[ChatServer(Settings(rate=1.0, burst=10.0))])
    chat.connect("phone", "ann")
    chat.frame("phone", *(say(number) for number in range(10)))
    for _ in range(3):
        chat.frame("phone", *(say(100 + number) for number in range(9)))
        chat.now += 1.001
        chat.frame("phone", say(200 + int(chat.now)))
    assert len(chat.got("phone", Refused)) == 27
    assert not chat.closed


def test_who_comes_back_after_a_flood_has_no_new_burst():
    chat = world()
    chat.connect("phone", "ann")
    chat.frame("phone", *(say(number) for number in range(300)))
    chat.told.clear()
    chat.connect("phone again", "ann")
    chat.frame("phone again", say(500))
    assert [each.field for each in chat.got("phone again", Refused)] == ["rate"]


def test_a_silent_connection_is_closed_and_one_that_pings_is_not():
    chat = world()
    chat.connect("phone", "ann")
    chat.connect("bobs", "bob")
    for _ in range(4):
        chat.pass_time(25)
        chat.frame("bobs", Ping())
    assert chat.closed == {"phone": GONE}
    assert chat.got("bobs", Pong)


def test_a_device_that_connects_again_replaces_its_old_connection():
    chat = world()
    chat.connect("old", "ann")
    chat.frame("new", Hello("ann", "old"))
    assert chat.closed == {"old": REPLACED}
    chat.frame("new", say(1))
    assert chat.delivered("new") == [1]
    assert chat.delivered("old") == []


def test_a_device_whose_conversations_could_not_be_read_is_looked_up_until_they_are():
    chat = world()
    chat.log_down = True
    chat.connect("phone", "ann")
    chat.pass_time(30)
    chat.log_down = False
    chat.pass_time(Settings().log_timeout + 1)
    assert chat.got("phone", Welcome) == [Welcome((("lunch", 0),))]


def test_a_server_forgets_who_has_left():
    chat = world()
    for number in range(50):
        chat.connect(f"c{number}", f"user{number}")
        chat.connect(f"d{number}", "ann")
        chat.frame(f"d{number}", Watch("lunch"), say(number))
        chat.do(0, Closed(f"c{number}"))
        chat.do(0, Closed(f"d{number}"))
    chat.pass_time(60)
    server = chat.servers[0]
    held = {name: value for name, value in vars(server).items() if isinstance(value, dict) and value}
    assert not held
    assert not chat.topics[0]


# -- the device


def open_device(**options):
    mine = Device("ann", "phone", **options)
    mine.handle(0, devices.Connected())
    mine.handle(0, devices.Arrived(Welcome((("lunch", 0),))))
    return mine


def receive(device, *sequences, now=1.0):
    """The sequences that the device shows, with every write kept at once, and the frames that it sends."""
    shown, sent = [], []
    for sequence in sequences:
        message = Message("lunch", sequence, "bob", f"m{sequence}", f"text {sequence}", 0.0)
        queue = device.handle(now, devices.Arrived(Delivery(message)))
        while queue:
            match queue.pop(0):
                case devices.Keep(key):
                    queue += device.handle(now, Kept(key))
                case Show(message):
                    shown.append(message.sequence)
                case Transmit(frame):
                    sent.append(frame)
    return shown, sent


@given(st.permutations(range(1, 10)), st.lists(st.integers(1, 9)), st.randoms())
@settings(max_examples=50)
def test_deliveries_in_any_order_and_any_number_are_shown_once_and_in_order(order, again, random):
    arriving = [*order, *again]
    random.shuffle(arriving)
    assert receive(open_device(), *arriving)[0] == list(range(1, 10))


def test_a_device_asks_for_what_was_left_out_and_not_more_than_once_a_moment():
    mine = open_device()
    _, sent = receive(mine, 1, 3, 4, 5)
    assert sent == [Resend("lunch", 1)]
    assert receive(mine, 6, now=3.0)[1] == [Resend("lunch", 1)]


def test_a_device_acknowledges_what_it_has_kept_and_not_what_it_has_received():
    mine = open_device()
    message = Message("lunch", 1, "bob", "m1", "hi", 0.0)
    (keep,) = mine.handle(1, devices.Arrived(Delivery(message)))
    assert Transmit(Ack("lunch", 1, 0)) not in mine.handle(2, devices.Tick())
    assert mine.handle(3, Kept(keep.key)) == [Show(message)]
    assert Transmit(Ack("lunch", 1, 0)) in mine.handle(4, devices.Tick())
    assert Transmit(Ack("lunch", 1, 0)) not in mine.handle(5, devices.Tick())


def test_a_delivery_that_comes_again_is_acknowledged_again():
    mine = open_device()
    receive(mine, 1)
    mine.handle(2, devices.Tick())
    assert receive(mine, 1)[0] == []
    assert Transmit(Ack("lunch", 1, 0)) in mine.handle(3, devices.Tick())


def test_a_draft_is_kept_before_it_is_sent_and_sent_until_it_is_accepted():
    mine = open_device()
    draft = Send("lunch", "a1", "hi")
    assert mine.handle(1, Wrote("lunch", "a1", "hi")) == [devices.Keep(("draft", "a1"), draft)]
    assert mine.handle(1, Kept(("draft", "a1"))) == [Transmit(draft)]
    assert Transmit(draft) not in mine.handle(3, devices.Tick())
    assert Transmit(draft) in mine.handle(7, devices.Tick())
    again = Device("ann", "phone", {("draft", "a1"): draft})
    again.handle(8, devices.Connected())
    assert Transmit(draft) in again.handle(8, devices.Arrived(Welcome(())))
    accepted = Accepted("lunch", "a1", 1, 0.0)
    assert again.handle(9, devices.Arrived(accepted)) == [devices.Keep(("draft", "a1"), None), Report(accepted)]
    assert again.unsent() == []


def test_a_device_tells_its_user_what_was_refused_and_what_was_created():
    mine = open_device()
    for frame in (Refused("members", "are too many", "all"), Created("dinner", ("ann", "bob"))):
        assert mine.handle(1, devices.Arrived(frame)) == [Report(frame)]


def test_a_refused_draft_is_given_up_unless_it_may_be_sent_later():
    mine = open_device()
    for client_id in ("a1", "a2"):
        mine.handle(1, Wrote("lunch", client_id, "hi"))
        mine.handle(1, Kept(("draft", client_id)))
    mine.handle(2, devices.Arrived(Refused("conversation", "is unknown", "lunch", "a1")))
    mine.handle(2, devices.Arrived(Refused("rate", "wait", "lunch", "a2", retry_after=0.5)))
    assert [draft.client_id for draft in mine.unsent()] == ["a2"]
    assert Transmit(Send("lunch", "a2", "hi")) not in mine.handle(2.4, devices.Tick())
    assert Transmit(Send("lunch", "a2", "hi")) in mine.handle(2.6, devices.Tick())


def test_a_device_names_its_cursors_when_it_comes_back_also_after_a_restart():
    mine = open_device()
    receive(mine, 1, 2)
    mine.handle(2, devices.Disconnected())
    assert mine.handle(3, devices.Connected()) == [Transmit(replace(Hello("ann", "phone"), cursors=(("lunch", 2),)))]
    kept = {("message", "lunch", 2): None, ("message", "lunch", 1): None, ("start", "tea"): 40}
    hello = Device("ann", "phone", kept).handle(1, devices.Connected())[0].frame
    assert hello.cursors == (("lunch", 2), ("tea", 40))


def test_a_server_that_falls_silent_is_left():
    mine, patience = open_device(), devices.Patience()
    assert devices.Reconnect() not in mine.handle(patience.silence - 1, devices.Tick())
    assert devices.Reconnect() in mine.handle(patience.silence, devices.Tick())
    waiting = Device("ann", "phone")
    waiting.handle(0, devices.Connected())
    assert waiting.handle(patience.hello, devices.Tick()) == [devices.Reconnect()]


def test_the_log_is_asked_for_a_users_heads_once_a_period_and_not_at_every_tick():
    chat = world()
    chat.connect("phone", "ann")
    chat.pass_time(Settings().repair_every * 3)
    assert 4 <= sum(isinstance(request, Heads) for request in chat.requests) <= 6


def test_a_server_never_asks_the_log_for_what_no_log_answers():
    log = MemoryLog()
    assert carry_out(log, protocol.Members("nonesuch")) == ()
    assert carry_out(log, protocol.CreateIt("tea", ("ann", "bob"))) == ("ann", "bob")
    assert carry_out(log, protocol.CreateIt("tea", ("ann", "cyd"))) == ("ann", "bob")
