"""The clock of an interview: what is still in reach when a phase has taken longer than planned.

The rule is an assumption, and a plain one: what a phase can show grows evenly with its minutes, up to those planned.
Plain Python that translates to JavaScript.
"""


def in_reach(minutes: float, planned: float, points: float) -> float:
    """Points of a phase that gets so many minutes instead of those planned."""
    if minutes >= planned:
        return points
    return points * minutes / planned if minutes > 0 else 0.0


def in_order(left: float, dive: float, failure: float, dive_points: float, failure_points: float) -> float:
    """Points of the deep dive and the failure if they come in order until the minutes that are left are over."""
    return in_reach(left, dive, dive_points) + in_reach(left - dive, failure, failure_points)


def failure_kept(left: float, dive: float, failure: float, dive_points: float, failure_points: float) -> float:
    """The same if the minutes of the failure are kept, and the deep dive gets what is left."""
    return in_reach(left, failure, failure_points) + in_reach(left - failure, dive, dive_points)
