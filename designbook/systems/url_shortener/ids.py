"""Four ways to a new code, behind one signature: call it, and get a code that is probably free.

Whether it *is* free is for the store to say, in the same step that takes it: an alias may sit on it already.
"""

import time
from collections.abc import Callable
from random import Random, SystemRandom

from designbook.blocks.base62 import encode_fixed, width_for
from designbook.blocks.id_ranges import RangeAllocator
from designbook.blocks.permutation import Permutation
from designbook.blocks.snowflake import Snowflake
from designbook.systems.url_shortener.stores import Store

SEVEN_CHARACTERS = 62**7
SNOWFLAKES = 2**63

NextCode = Callable[[], str]


def shuffled(next_id: Callable[[], int], key: bytes, space: int = SEVEN_CHARACTERS) -> NextCode:
    """Codes for ids below `space`: the id in base 62 after a keyed shuffle, so that no code tells the next one."""
    permutation, width = Permutation(space, key), width_for(space)
    return lambda: encode_fixed(permutation.apply(next_id()), width)


def counter_codes(store: Store, key: bytes) -> NextCode:
    """One trip to the store for each code; no id is lost but by a crash."""
    return shuffled(lambda: store.reserve(1), key)


def range_codes(store: Store, key: bytes, size: int = 1000) -> NextCode:
    """One trip to the store for `size` codes; a crash loses the rest of a range."""
    return shuffled(RangeAllocator(store.reserve, size).next_id, key)


def snowflake_codes(worker: int, key: bytes, clock: Callable[[], float] = time.time) -> NextCode:
    """No trip at all, but 11 characters, and a worker number that no other server has."""
    return shuffled(Snowflake(worker, clock).next_id, key, SNOWFLAKES)


def random_codes(rng: Random | None = None) -> NextCode:
    """No trip and no state; drawn again whenever the store finds the code in use."""
    draw, width = rng or SystemRandom(), width_for(SEVEN_CHARACTERS)
    return lambda: encode_fixed(draw.randrange(SEVEN_CHARACTERS), width)
