"""The rules of a city's rides: what a client may send, what a ride costs, how drivers are asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from designbook.blocks.sphere import position
from designbook.systems.ride_sharing.errors import Refused
from designbook.systems.ride_sharing.fares import Tariff
from designbook.systems.ride_sharing.trips import Cancellation, Place, Seconds

NAME = re.compile(r"[!-~]{1,64}")
LIMITS: Mapping[str, float] = {"lat": 90.0, "lon": 180.0}


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds in a city; all times in seconds, all distances in metres.

    - A driver who was silent for a `lease` is no longer offered anything; a ping may be `early` ahead of our clock.
    - A quote is good for `quoted_for`; a ride is as long as the straight line times `detour`, driven at `speed` (m/s),
      and its straight line is `longest` at the most.
    - A driver within `radius` of the pickup has `offered_for` to answer an offer; a rider is told no after `patience`
      during which nobody was left to ask.
    """

    tariff: Tariff = field(default_factory=Tariff)
    cancellation: Cancellation = field(default_factory=Cancellation)
    lease: Seconds = 30.0
    early: Seconds = 5.0
    quoted_for: Seconds = 300.0
    detour: float = 1.3
    speed: float = 25 / 3.6
    longest: float = 200_000.0
    radius: float = 5_000.0
    offered_for: Seconds = 15.0
    patience: Seconds = 120.0


def check_name(of: str, name: str) -> None:
    """Raises Refused, naming the field `of`, unless `name` is 1 to 64 printable ASCII characters without a space."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Refused(of, "must be 1 to 64 printable ASCII characters without a space", name)


def check_place(of: str, lat: float, lon: float) -> Place:
    """The point as `sphere.position` writes it. Raises Refused, which names `of` with lat or lon, if it is none."""
    for axis, degrees in (("lat", lat), ("lon", lon)):
        if not is_finite(degrees) or abs(degrees) > LIMITS[axis]:
            raise Refused(f"{of}{axis}", f"must be a number from {-LIMITS[axis]:g} to {LIMITS[axis]:g}", degrees)
    return Place(*position(lat, lon))


def is_finite(value: object) -> bool:
    """Whether `value` is a number; True, NaN and infinity are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
