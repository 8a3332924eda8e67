"""Where the drivers are: a stream of pings that come late, twice and out of order, and a lease for who sends them.

What is kept is soft: it is lost with its node, and full again after one interval between pings.
"""

import time as wall
from collections.abc import Callable, Iterator

from designbook.blocks.geo_index import Near
from designbook.systems.ride_sharing.errors import Refused
from designbook.systems.ride_sharing.geo.port import Locations
from designbook.systems.ride_sharing.rules import Rules, check_name, check_place, is_finite
from designbook.systems.ride_sharing.trips import Place


class LocationStream:
    """Takes pings, and knows who is near a place and was heard of within the lease."""

    def __init__(self, kept: Locations, rules: Rules, *, clock: Callable[[], float] = wall.time) -> None:
        self.kept = kept
        self.rules = rules
        self.clock = clock

    def ping(self, driver: str, lat: float, lon: float, time: float, sequence: int) -> bool:
        """A driver was there at `time` (Unix seconds, by the phone's clock). False: too late to tell anything new.

        `sequence` grows with every ping of a driver, also when the phone starts anew; the same ping again, one that a
        later one overtook, and one that is older than the lease change nothing. Raises Refused, naming the field.
        """
        check_name("driver", driver)
        place = check_place("", lat, lon)
        if not is_finite(time):
            raise Refused("time", "must be a finite number", time)
        if not isinstance(sequence, int) or isinstance(sequence, bool) or not 0 <= sequence < 1 << 53:
            raise Refused("sequence", "must be a whole number from 0 to 2^53 - 1", sequence)
        now = self.clock()
        if time > now + self.rules.early:
            raise Refused("time", f"must be at most {self.rules.early:g} s in the future, at {now:.3f}", time)
        if time < now - self.rules.lease:
            return False
        return self.kept.put(driver, *place, time, sequence)

    def near(self, place: Place) -> Iterator[Near]:
        """Drivers within the radius and heard of within the lease, nearest first, looked up as far as they are read."""
        since, count, given = self.clock() - self.rules.lease, 8, 0
        while True:
            found = self.kept.nearby(*place, count, self.rules.radius, since)
            yield from found[given:]
            if len(found) < count:
                return
            given, count = count, 2 * count

    def leave(self, driver: str) -> None:
        """The driver goes home. A ping that was under way brings them back until the lease runs out."""
        self.kept.remove(driver)

    def drop_silent(self) -> list[str]:
        """Forget those whose lease ran out, and say who they were. Now and then, not with every search."""
        return self.kept.forget(self.clock() - self.rules.lease)
