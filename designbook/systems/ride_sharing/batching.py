"""All who wait at once: a round of dispatch whose pairs are one assignment, with NumPy and SciPy."""

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np

from designbook.systems.ride_sharing.dispatch import batched
from designbook.systems.ride_sharing.matching import FreeDrivers
from designbook.systems.ride_sharing.trips import Trip


def in_a_batch(waiting: Sequence[Trip], free: FreeDrivers) -> Mapping[str, str]:
    """As many pairs as can be, and of all such choices one with the least metres in total.

    Of each trip's drivers as many are looked at as there are trips: the others of the best choice leave it one of them.
    """
    near = [list(islice(free(trip), len(waiting))) for trip in waiting]
    drivers = sorted({each.id for those in near for each in those})
    column = {driver: number for number, driver in enumerate(drivers)}
    metres = np.full((len(waiting), len(drivers)), np.inf)
    for row, those in enumerate(near):
        for each in those:
            metres[row, column[each.id]] = each.metres
    return {waiting[row].id: drivers[chosen] for row, chosen in zip(*batched(metres), strict=True)}
