"""Single flight: one load a key at a time; its result or error reaches all; a caller who leaves takes nothing along."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from designbook.blocks.single_flight import SingleFlight, ThreadSingleFlight


class Store:
    """A slow store that counts its loads, and fails or waits as it is told."""

    def __init__(self):
        self.loads, self.cancelled = 0, 0
        self.answer = asyncio.Event()
        self.error = None

    async def load(self):
        self.loads += 1
        number = self.loads
        try:
            await self.answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return number


async def crowd(flights, store, size, key="hot"):
    callers = [asyncio.create_task(flights.do(key, store.load)) for _ in range(size)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return callers


def run(scene):
    """In a thread of its own: a browser test before this one may have left an event loop running in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, scene()).result()


def test_a_thousand_callers_of_a_hot_key_cost_one_load():
    async def scene():
        flights, store = SingleFlight(), Store()
        callers = await crowd(flights, store, 1000)
        store.answer.set()
        assert set(await asyncio.gather(*callers)) == {1}
        assert store.loads == 1
        assert await flights.do("hot", store.load) == 2, "nothing is remembered once the load has ended"
        assert not flights._flights

    run(scene)


def test_different_keys_load_side_by_side():
    async def scene():
        flights, store = SingleFlight(), Store()
        callers = await crowd(flights, store, 3, "a") + await crowd(flights, store, 3, "b")
        assert store.loads == 2
        store.answer.set()
        await asyncio.gather(*callers)

    run(scene)


def test_an_error_reaches_all_who_wait_and_is_not_remembered():
    async def scene():
        flights, store = SingleFlight(), Store()
        store.error = ConnectionError("the store is down")
        callers = await crowd(flights, store, 5)
        store.answer.set()
        results = await asyncio.gather(*callers, return_exceptions=True)
        assert results == [store.error] * 5
        store.error = None
        assert await flights.do("hot", store.load) == 2

    run(scene)


@pytest.mark.parametrize("leaver", [0, 2])
def test_a_caller_who_is_cancelled_leaves_the_load_to_the_others(leaver):
    async def scene():
        flights, store = SingleFlight(), Store()
        callers = await crowd(flights, store, 3)
        callers[leaver].cancel()
        await asyncio.sleep(0)
        store.answer.set()
        results = await asyncio.gather(*callers, return_exceptions=True)
        assert isinstance(results.pop(leaver), asyncio.CancelledError)
        assert results == [1, 1]
        assert (store.loads, store.cancelled) == (1, 0)

    run(scene)


def test_when_the_last_caller_leaves_the_load_is_cancelled_and_the_next_caller_starts_anew():
    async def scene():
        flights, store = SingleFlight(), Store()
        for caller in await crowd(flights, store, 3):
            caller.cancel()
        await asyncio.sleep(0)
        late = await crowd(flights, store, 1)
        assert (store.loads, store.cancelled) == (2, 1)
        store.answer.set()
        assert await late[0] == 2
        assert not flights._flights

    run(scene)


# -- among threads


def in_threads(count, flights, load):
    """`count` threads ask for one key; the load ends only when all the others wait for it."""
    with ThreadPoolExecutor(count) as pool:
        return [pool.submit(flights.do, "hot", load) for _ in range(count)]


class Rendezvous:
    """A load that lasts until `others` threads wait for its flight."""

    def __init__(self, flights, others, error=None):
        self.flights, self.others, self.error, self.loads = flights, others, error, 0
        self.lock = threading.Lock()

    def __call__(self):
        with self.lock:
            self.loads += 1
        condition = self.flights._flights["hot"]._condition
        for _ in range(2000):
            with condition:
                if len(condition._waiters) >= self.others:
                    break
            threading.Event().wait(0.002)
        if self.error:
            raise self.error
        return self.loads


def test_threads_that_want_one_key_share_one_load():
    flights = ThreadSingleFlight()
    load = Rendezvous(flights, 7)
    assert {each.result() for each in in_threads(8, flights, load)} == {1}
    assert load.loads == 1
    assert flights.do("hot", lambda: "anew") == "anew"


def test_an_error_reaches_all_threads_that_wait():
    flights = ThreadSingleFlight()
    load = Rendezvous(flights, 7, ConnectionError("the store is down"))
    assert {each.exception() for each in in_threads(8, flights, load)} == {load.error}
    assert flights.do("hot", lambda: "anew") == "anew"
