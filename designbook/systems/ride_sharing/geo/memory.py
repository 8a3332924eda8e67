"""Drivers in the process's own memory, in any index of positions."""

from threading import Lock

from designbook.blocks.geo_index import GeoIndex, Near


class MemoryLocations:
    """An index, and beside it the time and the sequence of each driver's ping; under one lock."""

    def __init__(self, index: GeoIndex) -> None:
        self._index = index
        self._pings: dict[str, tuple[float, int]] = {}
        self._lock = Lock()

    def put(self, driver: str, lat: float, lon: float, time: float, sequence: int) -> bool:
        """The driver was there at `time`, unless a ping as new is kept."""
        with self._lock:
            if driver in self._pings and self._pings[driver][1] >= sequence:
                return False
            self._index.put(driver, lat, lon)
            self._pings[driver] = time, sequence
            return True

    def nearby(self, lat: float, lon: float, k: int, at_most: float, since: float) -> list[Near]:
        """The `k` nearest within `at_most` metres, heard of `since`; more are looked up for each that was not."""
        with self._lock:
            asked = k
            while True:
                found = self._index.nearest(lat, lon, asked, at_most)
                heard = [near for near in found if self._pings[near.id][0] >= since]
                if len(heard) >= k or len(found) < asked:
                    return heard[:k]
                asked *= 2

    def remove(self, driver: str) -> bool:
        """Forget a driver; False if they were not there."""
        with self._lock:
            self._pings.pop(driver, None)
            return self._index.remove(driver)

    def forget(self, before: float) -> list[str]:
        """Remove all whose ping is from before that time. O(drivers)."""
        with self._lock:
            silent = [driver for driver, (time, _) in self._pings.items() if time < before]
            for driver in silent:
                del self._pings[driver]
                self._index.remove(driver)
            return silent

    def size(self) -> int:
        """How many drivers are kept."""
        return len(self._pings)

    def close(self) -> None:
        """Nothing to give back."""
