"""Drawn scores have the properties that they are drawn for; the real ones are what the data say."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from designbook.data import dataset
from designbook.simulation.zipf import top_share
from designbook.systems.leaderboard.rules import MAX_SCORE, Rules
from designbook.systems.leaderboard.windows import SEASON
from designbook.systems.leaderboard.workload import Game, postseason

DAY = 86_400


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_seed_gives_the_same_scores_and_another_one_others() -> None:
    game = Game(1_000)
    first, again, other = (game.draw(rng(seed), 500) for seed in (1, 1, 2))
    for name in ("players", "scores", "times", "regions"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.scores, other.scores)


def test_few_players_make_most_of_the_scores_as_zipf_s_law_says() -> None:
    players = Game(10_000, exponent=0.8).draw(rng(), 100_000).players
    share = float(np.mean(players < 100))
    expected = top_share(10_000, 0.8, 100)
    assert share == pytest.approx(expected, abs=4 * (expected / 100_000) ** 0.5)


def test_the_evening_s_busiest_hour_is_as_busy_as_was_asked_for() -> None:
    times = Game(10, peak_to_mean=3, peak_at=20 * 3600).draw(rng(), 100_000, starts=5 * DAY, days=2).times
    assert np.all(np.diff(times) >= 0)
    assert times[0] >= 5 * DAY
    assert times[-1] < 7 * DAY
    hours = np.bincount(times % DAY // 3600, minlength=24) / (len(times) / 24)
    assert hours.argmax() in (19, 20)
    assert hours.max() == pytest.approx(3, rel=0.06)
    assert hours.min() < 0.2


def test_scores_have_a_long_tail_around_the_typical_one() -> None:
    scores = Game(200_000).one_each(rng())
    assert np.median(scores) == pytest.approx(1_000, rel=0.02)
    # The spreads add up as squares do: 0.8 and 0.6 make 1, so one player in 100 has 2.33 of them, e^2.33 the score.
    assert np.quantile(scores, 0.99) == pytest.approx(1_000 * np.exp(2.326), rel=0.04)


def test_a_player_s_skill_stays_theirs_from_game_to_game() -> None:
    game = Game(20_000)
    first, second = (np.log1p(game.one_each(rng(seed))) for seed in (1, 2))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.8**2, abs=0.02)  # of a variance of 1, skill is 0.64


def test_every_region_has_its_players_and_a_player_one_region() -> None:
    drawn = Game(5_000, regions=4).draw(rng(), 20_000)
    assert set(drawn.regions.tolist()) == {0, 1, 2, 3}
    assert len(set(zip(drawn.players.tolist(), drawn.regions.tolist(), strict=True))) == len(
        set(drawn.players.tolist())
    )


@given(st.integers(1, 10**9), st.integers(0, 200), st.integers(0, MAX_SCORE), st.integers(1, 20))
def test_whatever_is_drawn_a_leaderboard_accepts(players: int, size: int, most: int, regions: int) -> None:
    drawn = Game(players, max_score=most, regions=regions).draw(rng(), size)
    events = list(drawn.events())
    assert len(events) == size
    assert len({event.event for event in events}) == size
    rules = Rules(max_score=most)
    for event in events:
        assert rules.event(event.event, event.player, event.score, event.region, event.time, event.time) == event


@pytest.mark.parametrize("wrong", [{"players": 0}, {"regions": 0}, {"luck": -1}, {"skill": float("nan")}])
def test_a_game_that_cannot_be_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least"):
        Game(**{"players": 10, **wrong})  # type: ignore[arg-type]


def test_the_real_scores_are_those_of_the_file_in_its_order() -> None:
    events = postseason(starts=1_000)
    rows = [line.split(",") for line in dataset("baseball_postseason").read_text("ascii").splitlines()[1:]]
    assert [(f"{row[0]}-{row[1]}-{row[2]}", row[2], row[4].lower()) for row in rows] == [
        (event.event, event.player, event.region) for event in events
    ]
    assert len({event.event for event in events}) == len(events) == 15_460
    times = [event.time for event in events]
    assert times == sorted(times)
    assert len(set(times)) == 358
    assert times[0] == 1_000


def test_the_real_scores_fit_into_one_season() -> None:
    start = SEASON.board(0, "world").ends
    events = postseason(start)
    assert {SEASON.board(event.time, "world") for event in events} == {SEASON.board(start, "world")}


def test_the_real_scores_add_up_to_the_known_record() -> None:
    bases = Counter[str]()
    for event in postseason():
        bases[event.player] += event.score
    # Derek Jeter's 302 total bases are the record; Manny Ramirez and Bernie Williams share the second place.
    assert bases.most_common(3) == [("jeterde01", 302), ("ramirma02", 223), ("willibe02", 223)]
    assert sum(total == 0 for total in bases.values()) == 2_159
