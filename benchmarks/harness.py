"""Duels: the same work done by ours and by a peer, in turns, on one machine and in one run.

A benchmark is a generator of rows: `Contest`s, which are timed here, and `Reading`s of anything else (a hit ratio, a
share of false positives, megabytes). Every row becomes a `Result`, which holds both figures and their ratio.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

from designbook.quantities import human

INFINITE = float("inf")


@dataclass(frozen=True, slots=True)
class Contest:
    """Work to be timed: `ours` and `peer` do the same `operations`, counted in `unit`, each time they are called.

    `wanted` is the range in which the ratio of the rates, ours to the peer's, should lie. `clock` counts this process's
    CPU time, so that other work on a shared machine does not; where ours or the peer waits, it must be a wall clock.
    """

    name: str
    unit: str
    operations: int
    ours: Callable[[], object]
    peer: Callable[[], object]
    against: str
    wanted: tuple[float, float] = (0, INFINITE)
    clock: Callable[[], float] = process_time


@dataclass(frozen=True, slots=True)
class Reading:
    """Two figures that are not times: ours and the peer's, or what theory or a budget says."""

    name: str
    unit: str
    ours: float
    peer: float
    against: str
    wanted: tuple[float, float] = (0, INFINITE)


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the table. `ours` and `peer` are rates (operations a second) or the figures of a reading.

    `ratio` is ours to the peer's; of a contest, the median over the rounds, of which half lie in `low` to `high`.
    """

    name: str
    unit: str
    ours: float
    peer: float
    against: str
    ratio: float
    low: float
    high: float
    least: float | None
    most: float | None

    @property
    def reached(self) -> bool | None:
        """Whether the ratio is as wanted; None if nothing was."""
        if self.least is None and self.most is None:
            return None
        return (self.least or 0) <= self.ratio <= (INFINITE if self.most is None else self.most)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A registered benchmark: `run(size)` yields its rows; `code` and `versions` are what `data.record` stores."""

    name: str
    run: Callable[..., Iterator[Contest | Reading]]
    code: Sequence[str]
    versions: Sequence[str]


BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(
    *, code: Sequence[str], versions: Sequence[str] = ()
) -> Callable[[Callable[..., Iterator[Contest | Reading]]], Callable[..., Iterator[Contest | Reading]]]:
    """Register a generator of rows under its own name.

    `code` are the source files that it measures, relative to the package; `versions` the distributions beside them.
    Its one parameter is the size of the work, with the full size as its default: tests run it small.
    """

    def register(run: Callable[..., Iterator[Contest | Reading]]) -> Callable[..., Iterator[Contest | Reading]]:
        BENCHMARKS[run.__name__] = Benchmark(run.__name__, run, code, versions)
        return run

    return register


def results(rows: Iterable[Contest | Reading], repeats: int = 11) -> Iterator[Result]:
    """Measure each row as it comes, so that one row's setup is gone before the next one's."""
    for row in rows:
        yield duel(row, repeats) if isinstance(row, Contest) else read(row)


def duel(contest: Contest, repeats: int = 11) -> Result:
    """Time ours, peer, ours, peer ... after one round of each that does not count.

    A round's ratio compares two neighbours in time, so that a machine that slows down for a while slows both. Garbage
    is collected between the turns and not during them. Raises ValueError if `repeats` is less than 1.
    """
    if repeats < 1:
        raise ValueError(f"a duel has 1 round or more, not {repeats}")
    turns = (contest.ours, contest.peer)
    rounds = [[_time(work, contest.clock) for work in turns] for _ in range(repeats + 1)][1:]
    ratios = sorted(peer / ours for ours, peer in rounds)
    quarter = len(ratios) // 4
    return _result(
        contest,
        contest.operations / median(ours for ours, _ in rounds),
        contest.operations / median(peer for _, peer in rounds),
        (median(ratios), ratios[quarter], ratios[-1 - quarter]),
    )


def read(reading: Reading) -> Result:
    """The row of a reading. Raises ValueError where the peer's figure is 0, for then there is no ratio."""
    if not reading.peer:
        raise ValueError(f"{reading.name}: {reading.against} gave 0, and a ratio to it says nothing")
    ratio = reading.ours / reading.peer
    return _result(reading, reading.ours, reading.peer, (ratio, ratio, ratio))


def _result(row: Contest | Reading, ours: float, peer: float, ratio: tuple[float, float, float]) -> Result:
    least, most = row.wanted
    unit = f"{row.unit}/s" if isinstance(row, Contest) else row.unit
    bounds = (least or None, None if most == INFINITE else most)
    return Result(row.name, unit, ours, peer, row.against, *ratio, *bounds)


def _time(work: Callable[[], object], clock: Callable[[], float]) -> float:
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        start = clock()
        work()
        return clock() - start
    finally:
        if enabled:
            gc.enable()


HEADER = ("", "ours", "peer", "", "ratio", "half of the rounds", "wanted", "")


def cells(result: Result) -> tuple[str, ...]:
    """A result as the texts of a row of the table."""
    spread = f"{result.low:.2f} to {result.high:.2f}" if result.low != result.high else ""
    least, most = (None if bound is None else f"{bound:g}" for bound in (result.least, result.most))
    if least and most:
        wanted = f"{least} to {most}"
    else:
        wanted = f"at least {least}" if least else f"at most {most}" if most else ""
    verdict = {None: "", True: "reached", False: "MISSED"}[result.reached]
    figures = [f"{human(figure, '')} {result.unit}".strip() for figure in (result.ours, result.peer)]
    return (result.name, *figures, result.against, f"{result.ratio:.2f}", spread, wanted, verdict)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of texts in columns, under the header."""
    lines = [HEADER, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
