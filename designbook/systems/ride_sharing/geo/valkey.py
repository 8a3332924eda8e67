"""Drivers in Valkey (or Redis): a geo set, a sorted set of the times of their pings, and a hash of the sequences.

A geo set is a sorted set of geohashes of 52 bits, over latitudes up to 85.05112878 degrees. So a position is kept to 30
centimetres from east to west and half of that from north to south, and distances are taken on a sphere of 6,372.8 km,
0.03 % more than ours; what is told here is brought back to ours, and then off by 40 centimetres at most.

Circles of up to 100 km are right everywhere. Above 80 degrees, some of 500 km were seen to miss drivers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import valkey

from designbook.blocks.geo_index import Near, check_count, check_metres
from designbook.blocks.sphere import EARTH_RADIUS, HALF_EARTH, position
from designbook.systems.ride_sharing.errors import Refused, StoreDown
from designbook.systems.ride_sharing.geo.port import FIRST

PLACES, TIMES, SEQUENCES = "ride:places", "ride:times", "ride:sequences"
KEYS = [PLACES, TIMES, SEQUENCES]
MAX_LAT = 85.05112878
FINDABLE = 85.0511287
"""A centimetre south of that: what GEOADD takes at the limit itself, GEOSEARCH never finds again."""
RADIUS = 6_372_797.560856 / EARTH_RADIUS
"""A metre of ours in metres of Valkey."""

PUT = """
local driver, lat, lon, time, sequence = unpack(ARGV)
local kept = redis.call('HGET', KEYS[3], driver)
if kept and tonumber(kept) >= tonumber(sequence) then return 0 end
redis.call('GEOADD', KEYS[1], lon, lat, driver)
redis.call('ZADD', KEYS[2], time, driver)
redis.call('HSET', KEYS[3], driver, sequence)
return 1
"""

NEARBY = """
local lat, lon, since = ARGV[1], ARGV[2], tonumber(ARGV[6])
local count, reach, radius = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local asked = count
while true do
    reach = math.min(reach, radius)
    local found = redis.call(
        'GEOSEARCH', KEYS[1], 'FROMLONLAT', lon, lat, 'BYRADIUS', reach, 'm', 'ASC', 'COUNT', asked, 'WITHDIST')
    local heard = {}
    for _, near in ipairs(found) do
        if tonumber(redis.call('ZSCORE', KEYS[2], near[1])) >= since then heard[#heard + 1] = near end
    end
    if #heard >= count or (reach == radius and #found < asked) then return heard end
    reach, asked = 2 * reach, 2 * asked
end
"""
"""Valkey visits everybody within the circle for the ten nearest, so a small one comes first, and is doubled."""

FORGET = """
local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1])
for _, driver in ipairs(silent) do
    redis.call('ZREM', KEYS[1], driver)
    redis.call('HDEL', KEYS[3], driver)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1])
return silent
"""


class ValkeyLocations:
    """Every call but `size` is one script, and so a transaction; memory only, as the state is soft."""

    def __init__(self, url: str) -> None:
        """Connects to `url`: `valkey://host:port/database` or `unix:///path`. Raises StoreDown if nothing answers."""
        self._client = valkey.Valkey.from_url(url)
        self._put = self._client.register_script(PUT)
        self._nearby = self._client.register_script(NEARBY)
        self._forget = self._client.register_script(FORGET)
        with _or_down():
            self._client.ping()

    def put(self, driver: str, lat: float, lon: float, time: float, sequence: int) -> bool:
        """The driver was there at `time`, unless a ping as new is kept. Raises Refused near the poles."""
        lat, lon = _reachable(lat, lon)
        with _or_down():
            return bool(self._put(keys=KEYS, args=[driver, lat, lon, time, sequence]))

    def nearby(self, lat: float, lon: float, k: int, at_most: float, since: float) -> list[Near]:
        """The `k` nearest within `at_most` metres, heard of `since`. Raises Refused near the poles."""
        check_count(k)
        check_metres(at_most)
        lat, lon = _reachable(lat, lon)
        radii = FIRST * RADIUS, min(at_most, HALF_EARTH) * RADIUS
        with _or_down():
            found: Any = self._nearby(keys=KEYS, args=[lat, lon, k, *radii, since])
        return sorted(Near(float(metres) / RADIUS, driver.decode()) for driver, metres in found[:k])

    def remove(self, driver: str) -> bool:
        """Forget a driver; False if they were not there."""
        pipe = self._client.pipeline()
        pipe.zrem(PLACES, driver)
        pipe.zrem(TIMES, driver)
        pipe.hdel(SEQUENCES, driver)
        with _or_down(), pipe:
            return bool(pipe.execute()[0])  # type: ignore[no-untyped-call]

    def forget(self, before: float) -> list[str]:
        """Remove all whose ping is from before that time."""
        with _or_down():
            silent: Any = self._forget(keys=KEYS, args=[before])
        return [driver.decode() for driver in silent]

    def size(self) -> int:
        """How many drivers are kept."""
        with _or_down():
            kept: Any = self._client.zcard(PLACES)
        return int(kept)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()  # type: ignore[no-untyped-call]


def _reachable(lat: float, lon: float) -> tuple[float, float]:
    """The position as Valkey can keep it. Raises Refused beyond its latitudes."""
    lat, lon = position(lat, lon)
    if abs(lat) > MAX_LAT:
        raise Refused("lat", f"must lie between -{MAX_LAT} and {MAX_LAT} degrees, as far as Valkey's map goes", lat)
    return max(-FINDABLE, min(lat, FINDABLE)), lon


@contextmanager
def _or_down() -> Iterator[None]:
    try:
        yield
    except (valkey.ConnectionError, valkey.TimeoutError, valkey.BusyLoadingError) as error:
        raise StoreDown(f"Valkey does not answer: {error}") from error
