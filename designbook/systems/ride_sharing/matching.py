"""One round of dispatch: which waiting trips are offered to whom, which offers ran out, which riders are told no."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from designbook.blocks.geo_index import Near
from designbook.systems.ride_sharing import trips
from designbook.systems.ride_sharing.rules import Rules
from designbook.systems.ride_sharing.trips import Place, Seconds, State, Trip

NearDrivers = Callable[[Place], Iterable[Near]]
"""The drivers near a place, nearest first."""
FreeDrivers = Callable[[Trip], Iterable[Near]]
"""The drivers whom a trip may be offered to, nearest first."""
Pairing = Callable[[Sequence[Trip], FreeDrivers], Mapping[str, str]]
"""Who is asked for which of the waiting trips: drivers by trip, nobody twice."""


def in_turn(waiting: Sequence[Trip], free: FreeDrivers) -> Mapping[str, str]:
    """The nearest driver to each trip in turn, of those that are left."""
    asked: dict[str, str] = {}
    taken = set[str]()
    for trip in waiting:
        driver = next((near.id for near in free(trip) if near.id not in taken), None)
        if driver is not None:
            asked[trip.id] = driver
            taken.add(driver)
    return asked


def plan(
    live: Iterable[Trip], near: NearDrivers, now: Seconds, rules: Rules, pair: Pairing = in_turn
) -> Iterator[Trip]:
    """The changes of a round, each a trip as it is to be stored.

    `pair` is handed what waits in the order of `live`. A driver is asked one thing at a time: nobody is offered a trip
    who at the beginning of the round was on one or considered one, nor anybody a second one. A trip is changed once a
    round: a second change would be made from a version that may never be stored.
    """
    live = list(live)
    taken = {trip.driver for trip in live if trip.driver}

    def free(trip: Trip) -> Iterator[Near]:
        return (each for each in near(trip.pickup) if each.id not in taken and each.id not in trip.passed)

    asked = pair([trip for trip in live if trip.state is State.REQUESTED], free)
    for trip in live:
        if trip.id in asked:
            yield trips.offer(trip, asked[trip.id], now + rules.offered_for, now)
        elif trip.state is State.OFFERED and now > trip.offered_until:
            yield trips.withdraw(trip, now)
        elif trip.state is State.REQUESTED and now > trip.since + rules.patience:
            yield trips.give_up(trip, now)
