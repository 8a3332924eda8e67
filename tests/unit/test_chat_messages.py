"""Frames: what is sent is what arrives, and whatever else arrives is refused by the name of its field."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.systems.chat import messages
from designbook.systems.chat.messages import (
    LONGEST_TEXT,
    Accepted,
    Ack,
    BrokenFrame,
    Create,
    Created,
    Delivery,
    Hello,
    History,
    Invited,
    Moved,
    Page,
    Ping,
    Pong,
    Posted,
    Presence,
    Receipts,
    Refused,
    Resend,
    Seen,
    Send,
    Sought,
    Typed,
    Typing,
    Watch,
    Welcome,
    encode,
    from_device,
    from_peer,
    from_server,
)
from designbook.systems.chat.stores import Message

names = st.from_regex(messages.NAME, fullmatch=True)
counts = st.integers(0, 2**53 - 1)
times = st.floats(0, 4e9)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=999)
cursors = st.dictionaries(names, counts, max_size=4).map(lambda each: tuple(sorted(each.items())))
members = st.sets(names, min_size=1, max_size=4).map(lambda each: tuple(sorted(each)))
stored = st.builds(Message, names, counts, names, names, texts, times)
several = st.lists(stored, max_size=3).map(tuple)
receipts = st.lists(st.tuples(names, counts, counts), max_size=3).map(tuple)

devices = st.one_of(
    st.builds(Hello, names, names, cursors, counts),
    st.builds(Create, names, members),
    st.builds(Send, names, names, texts),
    st.builds(Ack, names, counts, counts),
    st.builds(Resend, names, counts),
    st.builds(Page, names, counts, st.integers(1, messages.LARGEST_PAGE)),
    st.builds(Typing, names),
    st.builds(Watch, names),
    st.just(Ping()),
)
servers = st.one_of(
    st.builds(Welcome, cursors),
    st.builds(Created, names, members),
    st.builds(Accepted, names, names, counts, times),
    st.builds(Delivery, stored),
    st.builds(History, names, counts, several),
    st.builds(Receipts, names, receipts),
    st.builds(Typed, names, names),
    st.builds(Presence, names, st.booleans(), times),
    st.just(Pong()),
    st.builds(Refused, texts, texts, names, names, times),
    st.builds(Refused, texts, texts),
)
peers = st.one_of(
    st.builds(Posted, several),
    st.builds(Moved, names, receipts),
    st.builds(Typed, names, names),
    st.builds(Invited, names, names),
    st.builds(Sought, names),
    st.builds(Seen, names, st.booleans(), times),
)


@given(devices)
def test_a_server_reads_what_a_device_wrote(frame):
    assert from_device(encode(frame)) == frame


@given(servers)
def test_a_device_reads_what_a_server_wrote(frame):
    assert from_server(encode(frame)) == frame


@given(peers)
def test_a_server_reads_what_another_server_wrote(hint):
    assert from_peer(encode(hint)) == hint


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "é" * (LONGEST_TEXT // 2 + 1)}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": 7}, "text"),
        ({"conversation": "a b"}, "conversation"),
        ({"conversation": "a.b"}, "conversation"),
        ({"conversation": ""}, "conversation"),
        ({"conversation": "x" * 65}, "conversation"),
        ({"client_id": None}, "client_id"),
        ({"colour": "red"}, "colour"),
        ({"type": "sing"}, "type"),
        ({"type": ["send"]}, "type"),
    ],
)
def test_a_frame_that_breaks_a_rule_is_refused_by_the_name_of_its_field(change, field):
    good = {"type": "send", "conversation": "lunch", "client_id": "m1", "text": "é" * (LONGEST_TEXT // 2)}
    assert from_device(json.dumps(good)) == Send("lunch", "m1", good["text"])
    with pytest.raises(BrokenFrame) as broken:
        from_device(json.dumps(good | change))
    assert field in broken.value.field


def test_a_field_that_is_left_out_is_named_unless_it_has_a_default():
    with pytest.raises(BrokenFrame, match="client_id: is missing in send"):
        from_device('{"type":"send","conversation":"lunch","text":"hi"}')
    assert from_device('{"type":"ack","conversation":"lunch","delivered":3}') == Ack("lunch", 3, 0)


def test_half_a_surrogate_pair_is_refused_although_it_is_valid_json():
    with pytest.raises(BrokenFrame, match="text: holds half a surrogate pair"):
        from_device('{"type":"send","conversation":"lunch","client_id":"m1","text":"\\ud83d"}')


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DEVICE_FRAMES = [Hello, Create, Send, Ack, Resend, Page, Typing, Watch, Ping]
nearly = st.builds(
    lambda kind, rest: json.dumps({"type": kind} | rest),
    st.sampled_from([kind.__name__.lower() for kind in [*DEVICE_FRAMES, Delivery, Receipts]]),
    st.dictionaries(
        st.sampled_from(
            sorted({field.name for kind in [*DEVICE_FRAMES, Delivery, Receipts] for field in fields(kind)}),
        ),
        json_values,
        max_size=5,
    ),
)


@given(st.one_of(st.binary(max_size=50), st.text(max_size=50), nearly, st.just("[" * 100_000)))
def test_whatever_arrives_is_a_frame_or_refused_and_nothing_else_is_raised(text):
    for read in (from_device, from_server, from_peer):
        try:
            frame = read(text)
        except BrokenFrame as error:
            said = str(error)
        else:
            said = ""
            assert read(encode(frame)) == frame
        assert len(said) < 300
