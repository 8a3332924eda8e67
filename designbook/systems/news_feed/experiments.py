"""What a chapter on the news feed tries out: posts that wait in the fan-out's queue behind those of large accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from designbook.simulation.queueing import mg1_mean_wait

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from a post until its fan-out begins, over drawn posts, and the mean that theory expects.

    `late` is the part of all pushed posts whose last follower had them more than five seconds after the post.
    """

    posts: int
    mean: float
    expected: float
    median: float
    p999: float
    worst: float
    late: float


def fan_out_waits(
    degrees: NDArray[Any],
    runs: Sequence[np.random.Generator],
    *,
    posts: int,
    posts_per_second: float,
    deliveries_per_second: float,
    threshold: float = inf,
) -> list[Waits]:
    """For each run, let so many posts by authors drawn from `degrees` go through one queue, first come first served.

    Posts come at random. Each takes its author's followers over the rate of deliveries; those of authors above the
    threshold are left to the readers and do not enter. The expected mean is that of Pollaczek and Khinchine for these
    very authors. Raises ValueError if the queue would grow without end.
    """
    import numpy as np

    from designbook.simulation.queue_simulation import single_server_waits

    pushed = degrees[degrees <= threshold]
    rate = posts_per_second * len(pushed) / len(degrees)
    mean = float(pushed.mean())
    pushed = pushed.astype(np.int64, copy=False)
    spread = float(pushed @ pushed) / len(pushed) / mean**2 - 1
    expected = mg1_mean_wait(rate, mean / deliveries_per_second, spread)
    found = []
    for rng in runs:
        services = pushed[rng.integers(len(pushed), size=posts)] / deliveries_per_second
        waits = single_server_waits(np.cumsum(rng.exponential(1 / rate, posts)), services)
        found.append(
            Waits(
                posts,
                float(waits.mean()),
                expected,
                float(np.median(waits)),
                float(np.quantile(waits, 0.999)),
                float(waits.max()),
                float((waits + services > 5).mean()),
            )
        )
    return found
