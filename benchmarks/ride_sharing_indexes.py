"""Indexes of positions over a city at full size: what they scan and cost, and what a look into one cell misses."""

from collections.abc import Sequence
from typing import Any

from benchmarks.experiment import Say, experiment
from designbook.systems.ride_sharing.index_trial import compare_indexes, own_cell_misses


@experiment(
    code=[
        *(f"blocks/{name}.py" for name in ("geo_batch", "geo_grid", "geo_index", "geohash", "quadtree", "skip_list")),
        "blocks/sphere.py",
        "systems/ride_sharing/city.py",
        "systems/ride_sharing/index_trial.py",
    ],
    versions=["numpy", "h3"],
)
def ride_sharing_indexes(
    say: Say,
    sizes: Sequence[int] = (1_000, 10_000, 100_000),
    searches: int = 100,
    by_brute_force: int = 20,
    drivers: int = 10_000,
    riders: int = 10_000,
) -> dict[str, Any]:
    """Candidates, microseconds and wrong answers of each index, and whom those miss who look into one cell only."""
    trials, misses = [], []
    for size in sizes:
        for trial in compare_indexes(size, searches, by_brute_force):
            trials.append(trial._asdict())
            say(
                f"{trial.drivers:,} drivers, {trial.name}: {trial.candidates:.0f} candidates and {trial.search:.0f} us "
                f"a search, {trial.update:.1f} us an update, {trial.wrong} wrong"
            )
    for each in own_cell_misses(drivers, riders):
        misses.append(each._asdict())
        say(f"{each.cells}: misses {each.missed_nearest:.1%} of the nearest, {each.predicted:.1%} predicted")
    return {
        "searches": searches,
        "by_brute_force": by_brute_force,
        "trials": trials,
        "drivers": drivers,
        "riders": riders,
        "own_cell": misses,
    }
