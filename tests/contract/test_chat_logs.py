"""One contract, every message log of the chat."""

import itertools
import json
import random

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from designbook.engines import postgres, sqlite
from designbook.systems.chat.stores import Cursor, Draft, LogDown, MemoryLog, Message, UnknownConversation, open_log
from tests.engines_here import Child, address, until_down, want
from tests.together import at_once

ENGINES = {"sqlite": sqlite, "postgres": postgres}
EVERYTHING = 1_000_000


@pytest.fixture(scope="module", params=["memory", *ENGINES])
def log_url(request):
    """The address of each kind of log; one engine for all tests of this file."""
    yield from address(request.param, ENGINES)


@pytest.fixture
def log(log_url):
    wipe(log_url)
    opened = open_log(log_url)
    yield opened
    opened.close()


def wipe(url: str) -> None:
    if url.startswith("postgres"):
        with psycopg.connect(url) as database:
            database.execute("drop table if exists cursor, message, member, conversation")
    elif url.startswith("sqlite"):
        opened = open_log(url)
        with opened._file.transaction() as database:
            for table in ("cursor", "message", "member", "conversation"):
                database.execute(f"delete from {table}")
        opened.close()


def draft(conversation="c", sender="ann", client_id="1", text="hello", time=1e9) -> Draft:
    return Draft(conversation, sender, client_id, text, time)


def drafts(count: int, conversation="c", sender="ann") -> list[Draft]:
    return [draft(conversation, sender, str(i), f"text {i}", i / 4) for i in range(count)]


def content(message: Draft | Message) -> tuple[str, str, str, str, float]:
    return (message.conversation, message.sender, message.client_id, message.text, message.time)


# -- each call by itself


def test_a_conversation_is_created_once_and_keeps_its_first_members(log):
    assert log.create("c", ["ann", "bob", "ann"])
    assert not log.create("c", ["eve"])
    assert log.members("c") == {"ann", "bob"}
    assert log.create("nobody's", [])
    assert log.members("nobody's") == frozenset()
    assert log.heads("eve") == {}
    with pytest.raises(UnknownConversation, match="'d'"):
        log.members("d")


def test_a_user_sees_its_conversations_by_name_and_where_each_ends(log):
    for name in ("zebra", "Zoo", "\xe9", "a b"):
        log.create(name, ["ann", name])
    assert set(log.heads("ann")) == {"Zoo", "a b", "zebra", "\xe9"}
    log.append([draft("zebra", client_id="1"), draft("zebra", client_id="2"), draft("Zoo")])
    assert log.heads("ann") == {"zebra": 2, "Zoo": 1, "\xe9": 0, "a b": 0}
    assert log.heads("zebra") == {"zebra": 2}


def test_each_conversation_counts_from_one_without_gaps_in_the_order_of_the_drafts(log):
    log.create("c", ["ann"])
    log.create("d", ["ann"])
    mixed = [draft("c" if i % 3 else "d", client_id=str(i)) for i in range(10)]
    first, second = log.append(mixed[:4]), log.append(mixed[4:])
    assert [content(message) for message in first + second] == [content(one) for one in mixed]
    for name in ("c", "d"):
        assert [m.sequence for m in first + second if m.conversation == name] == [
            i + 1 for i in range(sum(one.conversation == name for one in mixed))
        ]
        assert log.after(name, 0, EVERYTHING) == [m for m in first + second if m.conversation == name]
    assert log.append([]) == []


def test_a_draft_sent_again_gives_the_message_that_it_became_first(log):
    log.create("c", ["ann"])
    (first,) = log.append([draft(text="as sent first")])
    again, new, new_again, last = log.append(
        [draft(text="sent again", time=2e9), draft(client_id="2"), draft(client_id="2"), draft(client_id="3")]
    )
    assert again == first
    assert (new.sequence, new_again, last.sequence) == (2, new, 3)
    assert log.after("c", 0, EVERYTHING) == [first, new, last]


def test_a_client_id_is_the_senders_own_and_holds_in_one_conversation(log):
    log.create("c", ["ann", "bob"])
    log.create("d", ["ann", "bob"])
    messages = log.append([draft("c", "ann"), draft("c", "bob"), draft("d", "ann")])
    assert [message.sequence for message in messages] == [1, 2, 1]


def test_a_batch_with_an_unknown_conversation_leaves_no_trace(log):
    log.create("c", ["ann"])
    with pytest.raises(UnknownConversation, match="'nowhere'"):
        log.append([draft("c"), draft("nowhere")])
    assert log.after("c", 0, EVERYTHING) == []
    assert log.after("nowhere", 0, EVERYTHING) == log.before("nowhere", 5, EVERYTHING) == []
    assert log.append([draft("c", client_id="2")])[0].sequence == 1


def test_any_text_comes_back_as_it_was_sent(log):
    texts = [
        "",
        " ",
        "it's \\ 100%s {x} $1",
        "two\nlines\r\n",
        "\U0001f9d1\u200d\U0001f680 \u202etxet",
        "x" * 20_000,
        '"',
    ]
    log.create("c", ["o'neill\\"])
    sent = [draft("c", "o'neill\\", f"{i}/\xe4", text, 1.0000000000000002e9) for i, text in enumerate(texts)]
    assert [content(message) for message in log.append(sent)] == [content(one) for one in sent]
    assert [content(message) for message in log.after("c", 0, EVERYTHING)] == [content(one) for one in sent]


@pytest.mark.parametrize("field", ["conversation", "sender", "client_id", "text"])
@pytest.mark.parametrize("wrong", ["a\0b", "half \ud83d of a pair"])
def test_a_draft_that_some_database_cannot_keep_is_refused_by_name(field, wrong):
    with pytest.raises(ValueError, match=field):
        draft(**{field: wrong})


@pytest.mark.parametrize("page", [1, 3, 7, 10, 11])
def test_pages_in_both_directions_cover_the_history_once(log, page):
    log.create("c", ["ann"])
    log.create("other", ["ann"])
    written = log.append(drafts(10))
    log.append(drafts(3, "other"))
    forward, at = [], 0
    while found := log.after("c", at, page):
        assert len(found) <= page
        forward, at = forward + found, found[-1].sequence
    backward, at = [], EVERYTHING
    while found := log.before("c", at, page):
        assert len(found) <= page
        backward, at = found + backward, found[0].sequence
    assert forward == backward == written
    assert log.after("c", 10, page) == log.before("c", 1, page) == []
    assert log.after("c", -5, 2) == written[:2]
    assert log.before("c", -5, 2) == log.after("c", 0, 0) == log.before("c", 5, 0) == []


def test_a_cursor_never_goes_back(log):
    log.create("c", ["ann", "bob"])
    log.save([Cursor("c", "bob", "phone", 3, 1), Cursor("c", "ann", "laptop", 5, 5), Cursor("c", "ann", "phone", 1, 0)])
    log.save([Cursor("c", "ann", "laptop", 4, 6), Cursor("c", "bob", "phone", 2, 2), Cursor("c", "bob", "phone", 4, 0)])
    log.save([])
    expected = (
        Cursor("c", "ann", "laptop", 5, 6),
        Cursor("c", "ann", "phone", 1, 0),
        Cursor("c", "bob", "phone", 4, 2),
    )
    assert log.cursors("c") == expected
    with pytest.raises(UnknownConversation):
        log.save([Cursor("c", "bob", "phone", 9, 9), Cursor("nowhere", "bob", "phone", 1, 1)])
    assert log.cursors("c") == expected
    assert log.cursors("nowhere") == ()


def test_two_clients_see_one_log(log, log_url):
    if log_url == "memory://":
        pytest.skip("memory is each client's own")
    other = open_log(log_url)
    assert log.create("c", ["ann"])
    assert not other.create("c", ["bob"])
    (first,) = log.append([draft()])
    again, second = other.append([draft(text="again"), draft(client_id="2")])
    assert (again, second.sequence) == (first, 2)
    other.save([Cursor("c", "ann", "phone", 2, 1)])
    assert log.cursors("c") == (Cursor("c", "ann", "phone", 2, 1),)
    other.close()


# -- many at once


def test_logs_that_are_opened_at_once_agree(log_url):
    wipe(log_url)
    logs = at_once(8, lambda i: open_log(log_url))
    assert not [error for error in logs if isinstance(error, Exception)]
    made = at_once(8, lambda i: logs[i].create("c", ["ann"]))
    assert log_url == "memory://" or sorted(made) == [False] * 7 + [True]
    for one in logs:
        one.close()


def test_the_same_draft_sent_by_many_at_once_becomes_one_message(log):
    log.create("c", ["ann"])
    answers = at_once(30, lambda i: log.append([draft(text=f"from {i}")]))
    assert all(answer == answers[0] for answer in answers)
    assert log.after("c", 0, EVERYTHING) == answers[0]


def test_cursors_moved_by_many_at_once_end_at_the_furthest(log):
    log.create("c", ["ann"])
    log.create("d", ["ann"])
    steps = [[Cursor(name, "ann", "phone", i, 20 - i) for name in ("cd" if i % 2 else "dc")] for i in range(20)]
    assert at_once(20, lambda i: log.save(steps[i])) == [None] * 20
    assert [log.cursors(name) for name in "cd"] == [(Cursor(name, "ann", "phone", 19, 20),) for name in "cd"]


def check_that_appends_are_whole(log, answers, batches):
    """No gap, no sequence twice, each sender's messages in its order, and what was answered is what is there."""
    kept = {name: log.after(name, 0, EVERYTHING) for name in "abc"}
    for messages in kept.values():
        assert [message.sequence for message in messages] == list(range(1, len(messages) + 1))
    sent = {content(one)[:3] for batch in batches for one in batch}
    assert sorted(content(message)[:3] for messages in kept.values() for message in messages) == sorted(sent)
    for answer in answers:
        for message in answer:
            assert kept[message.conversation][message.sequence - 1] == message
    for batch, answer in zip(batches, answers, strict=True):
        assert [content(message)[:3] for message in answer] == [content(one)[:3] for one in batch]
        for name in "abc":
            places = [m.sequence for m in answer if m.conversation == name]
            assert places == sorted(places)


def test_batches_over_the_same_conversations_at_once_leave_no_gap_and_never_wait_in_a_circle(log):
    for name in "abc":
        log.create(name, ["ann"])
    rng = random.Random(1)
    batches = [[draft(rng.choice("abc"), f"sender {i}", str(k)) for k in range(rng.randrange(1, 9))] for i in range(40)]
    answers = at_once(40, lambda i: log.append(batches[i]))
    assert all(isinstance(answer, list) for answer in answers), answers
    check_that_appends_are_whole(log, answers, batches)


APPENDER = """
import json, sys
from dataclasses import astuple
from designbook.systems.chat.stores import Draft, LogDown, open_log
log = open_log(sys.argv[1])
sender, batches, size = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
print("ready", flush=True)
sys.stdin.readline()
for i in range(batches):
    drafts = [Draft("abc"[(i + k) % 3], sender, f"{i}/{k}", "x", float(i)) for k in range(size)]
    try:
        answer = log.append(drafts)
    except LogDown:
        break
    print(json.dumps([astuple(message) for message in answer]), flush=True)
"""


def appender(url: str, sender: str, batches: int, size: int) -> Child:
    """A process that appends, and prints what it was answered; it begins when it is sent a line."""
    return Child(APPENDER, url, sender, batches, size)


def answered(lines: list[str]) -> list[list[Message]]:
    """What an appender printed."""
    return [[Message(*row) for row in json.loads(line)] for line in lines]


def test_processes_that_append_at_once_number_without_gap_and_answer_what_is_kept(log, log_url):
    if log_url == "memory://":
        pytest.skip("memory is each process's own")
    for name in "abc":
        log.create(name, ["ann"])
    processes = [appender(log_url, sender, 25, 4) for sender in ("ann", "bob", "ann")]  # two are one sender's devices
    for process in processes:
        assert process.lines(1) == ["ready\n"]
    for process in processes:
        process.go()
    answers = [answered(process.rest()) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert answers[0] == answers[2], "the same drafts from two processes are the same messages"
    sent = [
        [draft("abc"[(i + k) % 3], sender, f"{i}/{k}", "x", float(i)) for k in range(4)]
        for sender in ("ann", "bob")
        for i in range(25)
    ]
    check_that_appends_are_whole(log, answers[0] + answers[1], sent)


# -- any sequence of calls, beside the plainest log


def test_any_sequence_of_calls_gives_what_the_memory_log_gives(log, log_url):
    """The memory log is the model; memory itself is run beside a second one of its kind."""
    names, users = st.sampled_from(["c", "d", "never"]), st.sampled_from(["ann", "bob"])
    drawn = st.builds(
        Draft, names, users, st.sampled_from("123456"), st.sampled_from("xy"), st.sampled_from([1.0, 2.5])
    )
    places = st.integers(-1, 8)
    cursor = st.builds(Cursor, names, users, st.sampled_from(["phone", "laptop"]), st.integers(0, 9), st.integers(0, 9))

    class Beside(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            if log_url != "memory://":
                wipe(log_url)
            if log_url.startswith("postgres"):
                log.close()
                open_log(log_url).close()
            self.real, self.model = (log if log_url != "memory://" else MemoryLog()), MemoryLog()

        def both(self, call):
            answers = []
            for one in (self.real, self.model):
                try:
                    answers.append(call(one))
                except UnknownConversation:
                    answers.append("unknown")
            assert answers[0] == answers[1]

        @rule(name=st.sampled_from(["c", "d"]), members=st.lists(users))
        def create(self, name, members):
            self.both(lambda one: one.create(name, members))

        @rule(batch=st.lists(drawn, max_size=5))
        def append(self, batch):
            self.both(lambda one: one.append(batch))

        @rule(cursors=st.lists(cursor, max_size=4))
        def save(self, cursors):
            self.both(lambda one: one.save(cursors))

        @rule(name=names, sequence=places, limit=st.integers(0, 4))
        def page(self, name, sequence, limit):
            self.both(lambda one: (one.after(name, sequence, limit), one.before(name, sequence, limit)))

        @invariant()
        def all_is_equal(self):
            for name in ("c", "d", "never"):
                self.both(lambda one, name=name: one.members(name))
                self.both(lambda one, name=name: (one.after(name, 0, 99), one.cursors(name)))
            for user in ("ann", "bob"):
                self.both(lambda one, user=user: dict(one.heads(user)))

    run_state_machine_as_test(Beside, settings=settings(max_examples=15, stateful_step_count=20, deadline=None))


# -- crashes


@pytest.mark.parametrize("make", [sqlite, postgres], ids=["sqlite", "postgres"])
@pytest.mark.parametrize("victim", ["writer", "engine"])
def test_what_append_returned_is_there_after_kill_9_and_a_batch_is_there_as_a_whole_or_not_at_all(make, victim):
    """SQLite runs inside the writer, so there only the writer can be killed."""
    engine = make()
    want(engine.name)
    if victim == "engine" and make is sqlite:
        pytest.skip("SQLite has no process of its own")
    with engine as url:
        log = open_log(url)
        for name in "abc":
            log.create(name, ["ann"])
        writer = appender(url, "ann", 100_000, 3)
        assert writer.lines(1) == ["ready\n"]
        writer.go()
        lines = writer.lines(random.randint(30, 60))
        if victim == "engine":
            engine.kill()
        else:
            writer.kill()
        lines += writer.rest()
        log.close()
        engine.restart()
        log = open_log(url)
        kept = [log.after(name, 0, EVERYTHING) for name in "abc"]
        lengths = {len(messages) for messages in kept}
        assert len(lengths) == 1, "each batch has one message for each conversation"
        returned = answered(lines)
        assert len(returned) <= lengths.pop() <= len(returned) + 1  # the one in flight may be there, unanswered
        assert set(itertools.chain(*returned)) <= set(itertools.chain(*kept))
        retried = log.append(
            [draft("abc"[(i + k) % 3], "ann", f"{i}/{k}", "x") for i in [len(returned)] for k in range(3)]
        )
        assert {message.sequence for message in retried} == {len(returned) + 1}
        log.close()


def test_a_log_says_that_its_engine_is_down_and_works_again_when_it_is_back():
    want("postgres")
    engine = postgres()
    with engine as url:
        log = open_log(url)
        log.create("c", ["ann"])
        at_once(5, lambda i: log.members("c"))
        engine.kill()
        until_down(lambda: log.members("c"), LogDown)
        for call in (
            lambda: log.create("d", ["ann"]),
            lambda: log.members("c"),
            lambda: log.append([draft()]),
            lambda: log.after("c", 0, 1),
            lambda: log.before("c", 9, 1),
            lambda: log.heads("ann"),
            lambda: log.save([Cursor("c", "ann", "phone", 1, 1)]),
            lambda: log.cursors("c"),
            lambda: open_log(url),
        ):
            with pytest.raises(LogDown, match="PostgreSQL"):
                call()
        engine.restart()
        assert log.append([draft()])[0].sequence == 1
        log.close()


def test_memory_url_needs_no_engine_and_a_wrong_url_is_named(tmp_path):
    assert isinstance(open_log("memory://"), MemoryLog)
    for wrong in ("mysql://x", "chat.db", "sqlite://", "sqlite:///"):
        with pytest.raises(ValueError, match=r"expected memory|names no file"):
            open_log(wrong)
    with pytest.raises(LogDown, match="SQLite"):
        open_log(f"sqlite:///{tmp_path}/no/such/folder/chat.db")
    with pytest.raises(LogDown, match="PostgreSQL"):
        open_log("postgresql://localhost:1/x")
