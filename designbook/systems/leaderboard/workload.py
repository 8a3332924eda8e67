"""Scores to feed a leaderboard with: real ones, from 124 years of baseball, and drawn ones, as many as you like.

The drawn ones have what makes a leaderboard hard: few players make most of the scores, scores have a long tail, most of
a day's come in the evening, and many are equal.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from designbook.data import dataset
from designbook.simulation.workloads import DAY, Diurnal, Zipf
from designbook.systems.leaderboard.rules import MAX_SCORE, ScoreEvent

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def postseason(starts: int = 0, apart: int = 6 * 3600) -> list[ScoreEvent]:
    """What 4,672 players of Major League Baseball did in 358 postseason series, 1884 to 2020: 15,460 scores.

    A score is the bases that a player's hits were worth in one series: 1 for a single to 4 for a home run. The region
    is his league. The data give years and no dates, so one series follows the other, `apart` seconds later, in the
    order in which they were played: at six hours, all of them fit into one season of 13 weeks. `starts` is in Unix
    seconds.
    """
    found: list[ScoreEvent] = []
    series: dict[tuple[str, str], int] = {}
    with dataset("baseball_postseason").open(encoding="ascii", newline="") as file:
        for row in csv.DictReader(file):
            number = series.setdefault((row["year"], row["round"]), len(series))
            bases = int(row["hits"]) + int(row["doubles"]) + 2 * int(row["triples"]) + 3 * int(row["home_runs"])
            event = f"{row['year']}-{row['round']}-{row['player']}"
            found.append(ScoreEvent(event, row["player"], bases, starts + number * apart, row["league"].lower()))
    return found


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores in the order of their times (Unix seconds), one array for each field; players and regions are numbers."""

    players: Integers
    scores: Integers
    times: Integers
    regions: Integers

    def events(self, prefix: str = "e") -> Iterator[ScoreEvent]:
        """The same as events, of players p0, p1 ... in regions r0, r1 ...; ids are `prefix` and a number."""
        columns = (column.tolist() for column in (self.players, self.scores, self.times, self.regions))
        for number, (player, score, time, region) in enumerate(zip(*columns, strict=True)):
            yield ScoreEvent(f"{prefix}{number}", f"p{player}", score, time, f"r{region}")


@dataclass(frozen=True)
class Game:
    """A game of `players` whose scores are drawn.

    Activity follows Zipf's law with `exponent`, player 0 being the most active. The logarithm of a score is normal
    around that of `typical`: `skill` is its spread from player to player, `luck` that from game to game, and 1 is a
    factor of 2.7. The day's busiest second, at `peak_at` seconds after midnight, sees `peak_to_mean` times the mean.
    Skill and region belong to the player's number and `seed`, so they are the same in every draw. Raises ValueError for
    fewer than one player or region, or a spread or typical score that is negative.
    """

    players: int
    exponent: float = 0.8
    typical: float = 1_000.0
    skill: float = 0.8
    luck: float = 0.6
    max_score: int = MAX_SCORE
    peak_to_mean: float = 3.0
    peak_at: float = 20 * 3600.0
    regions: int = 10
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("players", "regions"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("typical", "skill", "luck"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")

    def draw(self, rng: np.random.Generator, size: int, starts: int = 0, days: int = 1) -> Scores:
        """`size` scores over `days` days from `starts` (a midnight, in Unix seconds), about a million a second."""
        players = Zipf(self.players, self.exponent).draw(rng, size)
        times = self._times(rng, size, days) + starts
        return Scores(players, self.scores_of(players, rng), times, self.region(players))

    def one_each(self, rng: np.random.Generator) -> Integers:
        """One score for every player, shape (players,)."""
        return self.scores_of(np.arange(self.players, dtype=np.int64), rng)

    def scores_of(self, players: Integers, rng: np.random.Generator) -> Integers:
        """One score for each of the numbered players, from 0 to `max_score`; the same shape."""
        spread = self.skill * _normal(players, self.seed) + self.luck * rng.standard_normal(players.shape)
        return np.minimum(self.typical * np.exp(spread), self.max_score).astype(np.int64)

    def region(self, players: Integers) -> Integers:
        """The region of each of the numbered players, from 0 to `regions` - 1."""
        return (_hash(players, self.seed + 2) % np.uint64(self.regions)).astype(np.int64)

    def _times(self, rng: np.random.Generator, size: int, days: int) -> Integers:
        """Given their number, arrivals are independent, with the day's rate as their density: by rejection."""
        rate = Diurnal(1.0, self.peak_to_mean, self.peak_at)
        times = np.empty(0)
        while times.size < size:
            tried = rng.uniform(0.0, days * DAY, int(self.peak_to_mean * size) + 100)
            times = np.append(times, tried[rng.uniform(0.0, rate.peak, tried.size) < rate(tried)])
        times = times[:size]
        times.sort()
        return times.astype(np.int64)


def _hash(numbers: Integers, seed: int) -> NDArray[np.uint64]:
    """64 bits that depend on all bits of a number (Steele et al., *Fast splittable pseudorandom number generators*)."""
    mixed = (numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(1 << 40)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _normal(numbers: Integers, seed: int) -> Floats:
    """A standard normal variate that belongs to each number, by Box and Muller."""
    first, second = ((_hash(numbers, seed + k) >> np.uint64(11)) * 2.0**-53 for k in (0, 1))
    result: Floats = np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)
    return result
