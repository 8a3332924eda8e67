"""Single flight: of all who want the same key at the same time, one loads it and the others wait for that load.

The cure for a cache stampede: when a hot key expires, the store sees one query instead of thousands.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Flight(Generic[V]):
    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[V]) -> None:
        self.task, self.waiting = task, 0


class SingleFlight(Generic[K, V]):
    """One load a key at a time in an event loop; its result, or its error, goes to all who wait for it.

    A caller that is cancelled leaves the load to the others, whoever began it; when the last one leaves, it is
    cancelled. Nothing is remembered: who comes after the load has ended starts the next one.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[V]] = {}

    async def do(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """What `load` gives, run now or under way already. `load` must not ask for the same key."""
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            flight = self._flights[key] = _Flight(asyncio.create_task(_run(load)))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]


async def _run(load: Callable[[], Awaitable[V]]) -> V:
    return await load()


class ThreadSingleFlight(Generic[K, V]):
    """One load a key at a time among threads: the first caller's thread runs it, the others block until it ends."""

    def __init__(self) -> None:
        self._flights: dict[K, Future[V]] = {}
        self._lock = Lock()

    def do(self, key: K, load: Callable[[], V]) -> V:
        """What `load` gives, run now or under way already. `load` must not ask for the same key."""
        with self._lock:
            flight = self._flights.get(key)
            if flight is None:
                mine = self._flights[key] = Future[V]()
        if flight is not None:
            return flight.result()
        try:
            value = load()
        except BaseException as error:
            self._land(key)
            mine.set_exception(error)
            raise
        self._land(key)
        mine.set_result(value)
        return value

    def _land(self, key: K) -> None:
        with self._lock:
            del self._flights[key]
