"""Who picks up whom: the nearest driver to each rider in turn, or the best assignment of a whole batch.

Both take seconds to the pickup, one row a rider and one column a driver, with infinity where a pair is not allowed.
The batch is an assignment problem (H. W. Kuhn, *The Hungarian method for the assignment problem*, Naval Research
Logistics Quarterly 2, 1955), which SciPy solves by D. F. Crouse's variant of it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Pairs = tuple[Integers, Integers]
"""Riders (rows) in ascending order, and the driver (column) of each."""

Match = Callable[[Floats], Pairs]


def nearest_first(seconds: Floats) -> Pairs:
    """Each rider in turn takes the nearest driver that is left: O(riders · drivers).

    `seconds` has the shape (riders, drivers), riders in the order in which they are served; it is not changed. Of two
    drivers equally near the first is taken. Raises ValueError for a negative or missing time.
    """
    left = _checked(seconds).copy()
    riders, drivers = [], []
    for rider, row in enumerate(left):
        driver = int(row.argmin()) if row.size else 0
        if row.size and np.isfinite(row[driver]):
            riders.append(rider)
            drivers.append(driver)
            left[rider + 1 :, driver] = np.inf
    return np.array(riders, dtype=np.int64), np.array(drivers, dtype=np.int64)


def batched(seconds: Floats) -> Pairs:
    """As many pairs as can be, and of all such choices one with the least total: O(riders² · drivers).

    Takes and raises what `nearest_first` does. With as many pairs, the total is never more than nearest first's.
    """
    seconds = shortlisted(_checked(seconds))
    reachable = np.flatnonzero(np.isfinite(seconds).any(axis=0))
    if not reachable.size:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    dense = seconds[:, reachable]
    allowed = np.isfinite(dense)
    # Leaving one more rider without a car costs more than any choice among the others could save.
    refused = 1.0 + min(dense.shape) * float(dense[allowed].max())
    riders, columns = linear_sum_assignment(np.where(allowed, dense, refused))
    kept = allowed[riders, columns]
    return riders[kept].astype(np.int64), reachable[columns[kept]]


def shortlisted(seconds: Floats) -> Floats:
    """The same times with infinity for all but each rider's nearest drivers, as many as there are riders.

    No best assignment is lost: if a rider had a driver beyond them, one of the nearest would be free, and nearer.
    """
    riders, drivers = seconds.shape
    if riders >= drivers or riders == 0:
        return seconds
    nearest = np.argpartition(seconds, riders - 1, axis=1)[:, :riders]
    kept = np.full_like(seconds, np.inf)
    np.put_along_axis(kept, nearest, np.take_along_axis(seconds, nearest, axis=1), axis=1)
    return kept


def _checked(seconds: Floats) -> Floats:
    if seconds.ndim != 2:
        raise ValueError(f"seconds must have the shape (riders, drivers), not {seconds.shape}")
    wrong = seconds[~(seconds >= 0)]
    if wrong.size:
        raise ValueError(f"seconds must be at least 0, got {wrong[0]}")
    return seconds
