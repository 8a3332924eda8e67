"""Many threads that do something at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def at_once(number: int, call: Callable[[int], Any]) -> list[Any]:
    """`call(i)` for each i below `number`, all released together; results and errors in order."""
    barrier = threading.Barrier(number)

    def attempt(i: int) -> Any:
        barrier.wait(60)
        try:
            return call(i)
        except Exception as error:
            return error

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(attempt, range(number)))
