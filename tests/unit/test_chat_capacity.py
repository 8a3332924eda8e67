"""The chat's capacity model says what a day of traffic, drawn message by message, adds up to."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import check_dimensions, to_javascript
from designbook.data import fact, measurement
from designbook.page import interview
from designbook.systems.chat.capacity import ChatCapacity
from designbook.systems.chat.ordering import wrong_pairs
from designbook.systems.chat.transports import poll_requests

LINES = ("server_cost", "log_cost", "disk_cost", "archive_cost", "delivery_cost", "background_cost")


def test_every_formula_has_the_dimension_that_it_promises_and_runs_on_the_page():
    check_dimensions(ChatCapacity)
    assert "servers_for_memory" in to_javascript(ChatCapacity)


def test_copies_are_what_messages_drawn_one_by_one_reach():
    """A message to a pair or a group reaches all devices but the one that sent it."""
    rng, reached, messages = random.Random(1), 0, 50_000
    model = ChatCapacity(group_share=30, group_size=12, devices=2)
    for _ in range(messages):
        members = rng.choice([6, 12, 18]) if rng.random() < 0.3 else 2
        reached += sum(2 for _ in range(members)) - 1
    assert model.copies == pytest.approx(reached / messages, rel=0.03)


def test_with_one_device_each_and_pairs_only_a_message_is_delivered_once():
    model = ChatCapacity(group_share=0, devices=1)
    assert (model.fan_out, model.copies) == (1, 1)
    assert model.deliveries == pytest.approx(model.messages)


def test_heartbeats_do_not_depend_on_what_people_say():
    silent, chatty = ChatCapacity(messages_per_user=1), ChatCapacity(messages_per_user=500)
    assert silent.heartbeats == chatty.heartbeats == pytest.approx(10e6 * 1.5 * 0.3 / 30)
    assert silent.background_share > 100 > 10 > chatty.background_share


@given(st.floats(0.2, 5), st.sampled_from(["messages", "deliveries", "heartbeats", "presence", "receipts", "archive"]))
def test_traffic_and_storage_grow_with_the_number_of_people(factor, name):
    one, more = ChatCapacity(daily_users=1e6), ChatCapacity(daily_users=1e6 * factor)
    assert getattr(more, name) == pytest.approx(factor * getattr(one, name))


def test_servers_are_enough_for_memory_and_for_frames_and_one_may_fail():
    for model in (ChatCapacity(connection_memory=500), ChatCapacity(connection_memory=2)):
        left = model.servers - 1
        assert left * model.server_memory * model.utilisation >= model.memory
        frames = model.peak_messages + model.peak_deliveries + model.background
        assert left * model.server_rate * model.utilisation >= frames
        assert left - 1 < max(model.servers_for_memory, model.servers_for_frames)
    assert ChatCapacity(connection_memory=500).servers > ChatCapacity(connection_memory=2).servers


def test_messages_buy_shards_of_the_log_and_the_storm_buys_copies_of_each():
    calm, storm = ChatCapacity(back_within=7200), ChatCapacity(back_within=60)
    assert calm.log_shards == storm.log_shards == -(-calm.peak_messages // calm.log_rate)
    assert (calm.log_copies, storm.log_copies) == (3, -(-storm.logins // storm.login_rate))
    assert storm.log_copies > 3
    assert storm.log_servers == storm.log_shards * storm.log_copies
    assert storm.hot_log == calm.hot_log


def test_a_login_visits_nearly_every_shard_and_so_shards_do_not_divide_the_storm():
    """Of three shards by the hash of the conversation, a user of ten conversations misses one in 58 times."""
    rng, shards, users = random.Random(2), 3, 20_000
    visited = sum(len({rng.randrange(shards) for _ in range(10)}) for _ in range(users)) / users
    assert visited / shards == pytest.approx(1 - (1 - 1 / shards) ** 10, abs=0.005)
    assert visited / shards > 0.97
    many = ChatCapacity(daily_users=1e8)
    assert many.log_shards > 10
    assert many.log_copies * many.login_rate >= many.logins


def test_each_delivery_moves_a_cursor_and_each_device_subscribes_to_its_conversations():
    model = ChatCapacity()
    assert (model.cursor_servers - 1) * model.log_rate < model.peak_deliveries <= model.cursor_servers * model.log_rate
    assert model.subscriptions == pytest.approx(10e6 * 1.5 * 0.3 * 10)
    assert model.but(conversations=1).subscriptions == pytest.approx(model.subscriptions / 10)


def test_the_bill_is_the_sum_of_its_lines():
    model = ChatCapacity()
    assert model.cost == pytest.approx(sum(getattr(model, line) for line in LINES))
    assert all(getattr(model, line) > 0 for line in LINES)
    assert model.value("cost_per_message", "USD/megamessage") == pytest.approx(
        model.value("cost", "USD/month") / (10e6 * 40 * 365.25 / 12 / 1e6)
    )


def test_a_day_of_the_archive_is_a_day_of_messages():
    model = ChatCapacity(kept=1, record=1_000)
    assert model.archive == pytest.approx(10e6 * 40 * 365.25 * 1_000)


def test_at_whatsapps_size_of_2014_the_model_gives_what_whatsapp_published():
    model = ChatCapacity(
        daily_users=fact("whatsapp-users-2014").value,
        messages_per_user=fact("whatsapp-in-per-day-2014").value / fact("whatsapp-users-2014").value,
        peak_to_mean=fact("whatsapp-in-peak-to-mean").value,
        devices=1,
        online=100 * fact("whatsapp-connections-2014").value / fact("whatsapp-users-2014").value,
    )
    assert model.deliveries == pytest.approx(fact("whatsapp-out-per-day-2014").base, rel=0.1)
    assert model.peak_deliveries == pytest.approx(fact("whatsapp-peak-out-2014").base, rel=0.1)
    assert model.logins == pytest.approx(fact("whatsapp-peak-logins-2014").base, rel=0.1)


def test_limits_are_what_was_measured_here():
    parts = measurement("chat_parts", stale=True).results
    log = parts["logs"]["postgresql"]
    limits = ChatCapacity.limits
    assert limits["one_log_writes"].value == pytest.approx(log["appended_100"], rel=0.05)
    assert limits["one_log_logins"].value == pytest.approx(log["logins"], rel=0.05)
    assert limits["one_broker"].value == pytest.approx(parts["broker_messages_per_second"], rel=0.05)
    everything = measurement("chat_promises", stale=True).results["costs"][-1]
    assert limits["one_server_burst"].value == pytest.approx(everything["rate"], rel=0.05)
    assert ChatCapacity().record == pytest.approx(log["bytes_per_message"], rel=0.05)


def test_a_small_chat_passes_no_limit_and_each_limit_can_be_passed():
    assert ChatCapacity(daily_users=1e5).verdict().ratio < 1
    busy, calm = {"daily_users": 3e9, "messages_per_user": 500, "back_within": 7200}, {"daily_users": 1e4}
    assert ChatCapacity(**busy).verdict().limit.name == "one_log_writes"
    assert ChatCapacity(daily_users=1e7, back_within=5).verdict().limit.name == "one_log_logins"
    assert ChatCapacity(**calm, largest_group=1e6).verdict().limit.name == "one_server_burst"


def test_the_quiz_asks_at_other_settings_than_the_chapter_and_its_answers_are_the_models():
    answers = [item["answer"]["value"] for item in interview.load("chat").content["quiz"] if "answer" in item]
    few = ChatCapacity(daily_users=4e6, messages_per_user=25, peak_to_mean=3)
    more = ChatCapacity(daily_users=6e6, devices=2, online=20, heartbeat_every=45)
    expected = [few.peak_messages, more.heartbeats, 3e5 * poll_requests(4), 100 * wrong_pairs(1, 0.1, 1e12)]
    assert answers == pytest.approx(expected, rel=0.01)
