"""One round of dispatch: which waiting trips are offered to whom, which offers ran out, which riders are told no."""

from collections.abc import Callable, Iterable, Iterator

from designbook.blocks.geo_index import Near
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.rules import Rules
from designbook.systems.ride_sharing.trips import Place, Seconds, State, Trip

NearDrivers = Callable[[Place], Iterable[Near]]
"""The drivers near a place, nearest first."""


def plan(live: Iterable[Trip], near: NearDrivers, now: Seconds, rules: Rules) -> Iterator[Trip]:
    """The changes of a round, each a trip as it is to be stored.

    Trips are served in the order of `live`. A driver is asked one thing at a time: nobody is offered a trip who at the
    beginning of the round was on one or considered one, nor anybody a second one. A trip is changed once a round: a
    second change would be made from a version that may never be stored.
    """
    live = list(live)
    taken = {trip.driver for trip in live if trip.driver}
    for trip in live:
        if trip.state is State.OFFERED and now > trip.offered_until:
            yield trips.withdraw(trip, now)
        elif trip.state is State.REQUESTED:
            free = (each.id for each in near(trip.pickup) if each.id not in taken and each.id not in trip.passed)
            driver = next(free, None)
            if driver is not None:
                taken.add(driver)
                yield trips.offer(trip, driver, now + rules.offered_for, now)
            elif now > trip.since + rules.patience:
                yield trips.give_up(trip, now)
