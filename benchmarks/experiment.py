"""Full-size experiments: functions of their size, registered under their names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A registered experiment: `run(say)` gives its results, and calls `say` with a line of progress now and then."""

    name: str
    run: Callable[..., dict[str, Any]]
    code: Sequence[str]
    versions: Sequence[str]


EXPERIMENTS: dict[str, Experiment] = {}


def experiment(
    *, code: Sequence[str], versions: Sequence[str] = ()
) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., dict[str, Any]]]:
    """Register a function under its own name, which is also the name of the measurement.

    `code` are the source files that it measures, relative to the package: when one changes, the measurement is stale.
    `versions` are the distributions on which the results depend.
    """

    def register(run: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        EXPERIMENTS[run.__name__] = Experiment(run.__name__, run, code, versions)
        return run

    return register
