"""Positions on the sphere: distances, boxes around a circle, unit vectors; right at the poles and at the date line.

Degrees as floats, metres on a sphere. Haversine: Sinnott, *Virtues of the Haversine*, Sky and Telescope, 1984.
"""

from __future__ import annotations

from math import asin, atan2, cos, degrees, fabs, pi, radians, sin, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

EARTH_RADIUS = 6_371_008.8
"""Metres: the mean radius, 6,371,008.7714 in Moritz, *Geodetic Reference System 1980*, Journal of Geodesy 74, 2000."""
HALF_EARTH = pi * EARTH_RADIUS
"""Metres to the point on the other side; no two points are farther apart."""
ROUNDING = 1.0
"""Metres by which a bound gives way, so that rounding loses nobody: near the antipode a haversine is off by 0.2."""


class Box(NamedTuple):
    """All points from `south` to `north` and from `west` to `east`, borders included; west <= east."""

    south: float
    west: float
    north: float
    east: float


def position(lat: float, lon: float) -> tuple[float, float]:
    """The one pair of degrees that stands for a point: 180 becomes -180, and a pole has the longitude 0.

    Raises ValueError, which names the field, if one is out of range or not a number.
    """
    if not -90 <= lat <= 90:
        raise ValueError(f"lat lies between -90 and 90 degrees, not at {lat}")
    if not -180 <= lon <= 180:
        raise ValueError(f"lon lies between -180 and 180 degrees, not at {lon}")
    if fabs(lat) == 90:
        return float(lat), 0.0
    return float(lat), -180.0 if lon == 180 else float(lon)


def distance(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Metres between two points along the sphere, by haversines: exact to 1e-9 m close by, to 0.2 m at the antipode."""
    north, east = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    squared = sin(north) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(east) ** 2
    return 2 * EARTH_RADIUS * asin(sqrt(min(1.0, squared)))


def boxes(lat: float, lon: float, metres: float) -> list[Box]:
    """One box, or two where the date line cuts it, that hold every point within `metres` of a point.

    A circle around a pole spans every longitude; any other touches its two outermost meridians north or south of its
    centre, where sin(difference of longitude) = sin(radius) / cos(latitude).
    """
    angle = (metres + ROUNDING) / EARTH_RADIUS
    south, north = lat - degrees(angle), lat + degrees(angle)
    if south <= -90 or north >= 90:
        return [Box(max(south, -90.0), -180.0, min(north, 90.0), 180.0)]
    side = degrees(asin(min(1.0, sin(angle) / cos(radians(lat)))))
    west, east = lon - side, lon + side
    if west < -180:
        return [Box(south, west + 360, north, 180.0), Box(south, -180.0, north, east)]
    if east > 180:
        return [Box(south, west, north, 180.0), Box(south, -180.0, north, east - 360)]
    return [Box(south, west, north, east)]


def least_distance(lat: float, lon: float, box: Box) -> float:
    """Metres to the nearest point of a box, less `ROUNDING`: nothing in the box is nearer than this. 0 inside.

    North and south of the box the nearest point lies on the same meridian; else it lies on one of the box's two.
    """
    if box.west <= lon <= box.east:
        found = EARTH_RADIUS * radians(max(box.south - lat, 0.0, lat - box.north))
    else:
        found = min(_distance_to_meridian(lat, lon, side, box.south, box.north) for side in (box.west, box.east))
    return max(0.0, found - ROUNDING)


def _distance_to_meridian(lat: float, lon: float, side: float, south: float, north: float) -> float:
    """Metres to the piece of a meridian between two latitudes: its ends, or the foot of the perpendicular."""
    foot = degrees(atan2(sin(radians(lat)), cos(radians(lat)) * cos(radians(side - lon))))
    ends = [south, north, foot] if south <= foot <= north else [south, north]
    return min(distance(lat, lon, end, side) for end in ends)


# -- the same for many points at once, with NumPy


def positions(lats: Any, lons: Any) -> tuple[Floats, Floats]:
    """Two arrays of degrees, each pair as `position` gives it. Raises ValueError, which names field and place."""
    import numpy as np

    lats, lons = np.asarray(lats, float), np.asarray(lons, float)
    if lats.ndim != 1 or lats.shape != lons.shape:
        raise ValueError(f"lats and lons are two lists of one length, not of the shapes {lats.shape} and {lons.shape}")
    for field, degrees_of, most in (("lat", lats, 90), ("lon", lons, 180)):
        wrong = np.flatnonzero(~(np.abs(degrees_of) <= most))
        if len(wrong):
            place, value = wrong[0], degrees_of[wrong[0]]
            raise ValueError(f"{field} lies between -{most} and {most} degrees, not at {value} (number {place})")
    return lats, np.where(np.abs(lats) == 90, 0.0, np.where(lons == 180, -180.0, lons))


def distances(lat: float, lon: float, lats: Floats, lons: Floats) -> Floats:
    """`distance` from one point to many, in metres."""
    import numpy as np

    north, east = np.radians(lats - lat) / 2, np.radians(lons - lon) / 2
    squared = np.sin(north) ** 2 + cos(radians(lat)) * np.cos(np.radians(lats)) * np.sin(east) ** 2
    found: Floats = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(1.0, squared)))
    return found


def unit_vectors(lats: Floats, lons: Floats) -> Floats:
    """Points of the sphere of radius 1, an array of shape (3, n): x through 0 east, y through 90 east, z north.

    The straight line between two of them grows with their distance, and there is no pole and no date line in space.
    """
    import numpy as np

    north, east = np.radians(lats), np.radians(lons)
    level = np.cos(north)
    return np.stack([level * np.cos(east), level * np.sin(east), np.sin(north)])


def chord(metres: float) -> float:
    """The straight line, on the sphere of radius 1, that belongs to a distance along the Earth."""
    return 2 * sin(min(metres, HALF_EARTH) / (2 * EARTH_RADIUS))


def arcs(chords: Floats) -> Floats:
    """Metres along the Earth that belong to straight lines on the sphere of radius 1: the reverse of `chord`."""
    import numpy as np

    found: Floats = 2 * EARTH_RADIUS * np.arcsin(np.minimum(chords, 2.0) / 2)
    return found
