"""Order by timestamps, presence and very large groups: the formulas beside simulations that count one by one."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.capacity import translate
from designbook.systems.chat import large_group, ordering, presence


def closed_form(rate, skew, devices):
    a = rate * skew * math.sqrt(2)
    return (1 - 1 / devices) * (0.5 - math.exp(a * a / 2) * math.erfc(a / math.sqrt(2)) / 2)


@given(st.floats(1e-3, 100), st.floats(0, 0.25), st.integers(2, 1_000))
def test_wrong_pairs_are_what_the_closed_form_gives(rate, skew, devices):
    assert ordering.wrong_pairs(rate, skew, devices) == pytest.approx(closed_form(rate, skew, devices), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("rate", "skew", "devices"), [(1, 0.05, 2), (1, 1, 2), (5, 0.2, 10), (0.2, 3, 4)])
def test_wrong_pairs_are_what_conversations_with_skewed_clocks_show(seed, rate, skew, devices):
    pairs = 40_000
    expected = ordering.wrong_pairs(rate, skew, devices)
    counted = ordering.simulated_wrong_pairs(random.Random(seed), rate, skew, devices, pairs)
    # Ten messages share their clocks, so the pairs are not independent: allow for it.
    assert abs(counted - expected) < 4 * math.sqrt(9 * expected * (1 - expected) / pairs)


@given(st.floats(1e-3, 10), st.floats(1e-4, 0.1), st.integers(2, 100))
def test_more_skew_or_more_messages_never_mean_fewer_wrong_pairs(rate, skew, devices):
    share = ordering.wrong_pairs(rate, skew, devices)
    assert 0 <= share <= ordering.wrong_pairs(2 * rate, skew, devices) + 1e-9
    assert share <= ordering.wrong_pairs(rate, 2 * skew, devices) + 1e-9
    assert share <= 0.5 * (1 - 1 / devices)
    assert share <= ordering.few_wrong_pairs(rate, skew, devices) + 1e-9


def test_one_device_or_perfect_clocks_make_no_wrong_pair():
    assert ordering.wrong_pairs(10, 5, 1) == 0
    assert ordering.wrong_pairs(10, 0, 5) == pytest.approx(0)


def mutual_lists(rng, users, contacts):
    """Lists of contacts in which whoever is in mine has me in theirs; a few have many."""
    lists = [set() for _ in range(users)]
    weights = [1 / (1 + user) ** 0.5 for user in range(users)]
    while sum(map(len, lists)) < users * contacts:
        one, other = rng.choices(range(users), weights, k=2)
        if one != other:
            lists[one].add(other)
            lists[other].add(one)
    return [sorted(each) for each in lists]


@pytest.mark.parametrize("seed", range(3))
def test_presence_costs_what_a_network_of_contacts_shows(seed):
    rng = random.Random(seed)
    lists = mutual_lists(rng, 600, 40)

    def mean_updates(shown=None):
        return sum(presence.simulated_updates(rng, lists, 0.3, 3_000, shown) for _ in range(8)) / 8

    everybody = mean_updates()
    assert everybody == pytest.approx(presence.told_to_contacts(1, 1, 40, 0.3), rel=0.1)
    screens = mean_updates(shown=8)
    assert screens == pytest.approx(presence.told_to_screens(1, 1, 8, 0.3), rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_a_grace_hides_the_gaps_that_end_within_it(seed):
    rng = random.Random(seed)
    gaps = [rng.expovariate(1 / 20) for _ in range(20_000)]
    assert sum(gap > 30 for gap in gaps) / len(gaps) == pytest.approx(presence.told_after_grace(1, 20, 30), rel=0.05)
    assert presence.told_after_grace(5, 20, 0) == 5


@given(st.floats(1, 1e6), st.floats(1e-6, 1), st.integers(1, 5_000), st.floats(0.01, 1))
def test_screens_cost_less_than_contact_lists_as_soon_as_lists_are_longer_than_screens(
    users, changes, contacts, online
):
    shown = min(10, contacts)
    on_screen = presence.told_to_screens(users, changes, shown, online)
    assert on_screen <= presence.told_to_contacts(users, changes, contacts, online)


@pytest.mark.parametrize("seed", range(3))
def test_fetching_costs_what_viewers_who_are_told_once_a_window_send(seed):
    rng, rate, window, seconds = random.Random(seed), 0.7, 2.0, 20_000.0
    told, now, next_window = 0, rng.expovariate(rate), 0.0
    while now < seconds:
        index = math.floor(now / window)
        if index >= next_window:
            told, next_window = told + 1, index + 1
        now += rng.expovariate(rate)
    assert 3 * 50 * told / seconds == pytest.approx(large_group.fetched(rate, 500, 0.1, window), rel=0.03)


@given(st.floats(0.001, 1e4), st.floats(1, 1e6), st.floats(0.001, 1), st.floats(0.1, 60))
def test_pushing_grows_with_every_message_and_fetching_is_bounded_by_the_viewers(rate, members, share, window):
    assert large_group.pushed(2 * rate, members, share) == pytest.approx(2 * large_group.pushed(rate, members, share))
    assert large_group.fetched(rate, members, share, window) <= 3 * members * share / window * (1 + 1e-9)
    assert large_group.fetched(rate, members, share, window) <= 3 * large_group.pushed(rate, members, share) * (
        1 + 1e-9
    )


def test_the_formulas_run_on_the_page():
    for function in (ordering.wrong_pairs, presence.told_to_contacts, large_group.fetched):
        assert translate(function)
