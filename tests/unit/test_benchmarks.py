"""The benchmarks' own promises: fair turns, honest verdicts, and stored points that can be computed again."""

import json
from itertools import count

import pytest

from benchmarks import __main__ as command
from benchmarks import harness, measurements
from benchmarks.caching import cache_hit_ratio, zipf_trace
from benchmarks.experiment import EXPERIMENTS
from benchmarks.harness import BENCHMARKS, INFINITE, Contest, Reading, cells, duel, read
from designbook import data
from designbook.blocks.cache import hit_ratio
from designbook.blocks.lru import LRUCache
from designbook.blocks.s3_fifo import S3FIFOCache


class Runner:
    """Work that takes given seconds, one after the other, on a clock of its own."""

    now = 0.0

    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log = name, iter(seconds), log

    def __call__(self):
        self.log.append(self.name)
        Runner.now += next(self.seconds)


def contest(ours, peer, wanted=(0, INFINITE)):
    log = []
    turns = Runner("ours", ours, log), Runner("peer", peer, log)
    return Contest("work", "things", 60, *turns, "them", wanted, clock=lambda: Runner.now), log


def test_ours_and_the_peer_take_turns_and_the_first_round_does_not_count():
    work, log = contest([9, 2, 3, 4], [1, 4, 6, 8])
    result = duel(work, repeats=3)
    assert log == ["ours", "peer"] * 4
    assert (result.ours, result.peer, result.ratio) == (60 / 3, 60 / 6, 2)
    assert result.unit == "things/s"


def test_a_machine_that_slows_down_for_a_while_does_not_change_the_ratio():
    slowed, _ = contest([1, 1, 5, 5, 1], [3, 3, 15, 15, 3])
    assert duel(slowed, repeats=4).ratio == 3


@pytest.mark.parametrize(
    ("wanted", "reached", "shown"),
    [
        ((1.5, INFINITE), True, "at least 1.5"),
        ((2.5, INFINITE), False, "at least 2.5"),
        ((0, 1), False, "at most 1"),
        ((1.9, 2.1), True, "1.9 to 2.1"),
        ((0, INFINITE), None, ""),
    ],
)
def test_a_verdict_says_whether_the_ratio_is_as_wanted(wanted, reached, shown):
    work, _ = contest([1, 1], [2, 2], wanted)
    for result in (duel(work, repeats=1), read(Reading("figure", "", 4, 2, "them", wanted))):
        assert result.reached is reached
        assert cells(result)[-2:] == (shown, {True: "reached", False: "MISSED", None: ""}[reached])


def test_what_has_no_ratio_is_refused():
    with pytest.raises(ValueError, match="false positives: theory gave 0"):
        read(Reading("false positives", "", 0.1, 0, "theory"))
    with pytest.raises(ValueError, match="not 0"):
        duel(contest([], [])[0], repeats=0)


@pytest.mark.parametrize("name", ["base62", "bloom", "hash_ring", "lru", "s3_fifo", "token_bucket"])
def test_every_block_is_measured_beside_a_peer_that_does_the_same(name):
    rows = list(BENCHMARKS[name].run(600))
    assert rows
    for row in rows:
        if isinstance(row, Contest):
            ours, theirs = row.ours(), row.peer()
            if row.against in ("pybase62", "uhashring", "cachetools") or name == "s3_fifo":
                assert ours == (pytest.approx(theirs, abs=0.2) if name == "s3_fifo" else theirs)
        assert row.against


def test_a_benchmark_is_stored_with_its_verdicts(monkeypatch, capsys):
    stored = {}
    monkeypatch.setattr(data, "record", lambda name, results, code, versions: stored.update({name: results}))
    run = iter([Reading("figure", "", 4, 2, "them", (1.5, INFINITE))])
    chosen = harness.Benchmark("trial", lambda: run, ["blocks/lru.py"], ["cachetools"])
    monkeypatch.setitem(BENCHMARKS, "trial", chosen)
    assert command.main(["trial", "--repeats", "1"]) == 0
    row = json.loads(json.dumps(stored["bench_trial"]))["rows"][0]
    assert (row["ratio"], row["reached"], row["against"]) == (2, True, "them")
    assert "reached" in capsys.readouterr().out


@pytest.mark.parametrize(("main", "known"), [(command.main, "base62"), (measurements.main, "cache_hit_ratio")])
def test_an_unknown_name_is_told_those_that_there_are(main, known, capsys):
    assert main(["nonesuch"]) == 1
    error = capsys.readouterr().err
    assert "nonesuch" in error
    assert known in error


@pytest.mark.parametrize("registered", [*BENCHMARKS.values(), *EXPERIMENTS.values()], ids=lambda each: each.name)
def test_what_is_measured_names_source_files_that_exist(registered):
    assert registered.code
    assert all((data.PACKAGE / name).is_file() for name in registered.code)


# -- cache_hit_ratio


def test_the_cache_experiment_runs_small_and_says_how_far_it_is():
    lines = count()
    found = cache_hit_ratio(
        lambda line: next(lines), keys=1000, requests=20_000, exponents=(0.99,), shares=(0.01, 0.1), seed=3
    )
    assert next(lines) == 2
    small, large = found["points"]
    for cache in ("lru", "s3_fifo", "theine", "best_fixed"):
        assert 0 < small[cache] < large[cache] < 1
    assert small["lru"] < small["s3_fifo"] < small["best_fixed"]


def test_a_point_of_the_stored_cache_experiment_comes_out_the_same_again():
    stored = data.measurement("cache_hit_ratio").results
    point = next(each for each in stored["points"] if (each["exponent"], each["share"]) == (1.2, 0.001))
    trace = zipf_trace(stored["keys"], point["exponent"], stored["requests"], stored["seed"])
    again = {"lru": LRUCache(point["capacity"]), "s3_fifo": S3FIFOCache(point["capacity"])}
    for name, cache in again.items():
        assert hit_ratio(cache, trace) == pytest.approx(point[name], abs=1e-4)
