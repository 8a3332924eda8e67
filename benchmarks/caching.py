"""Experiments on caches."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.blocks import theine_hit_ratio
from benchmarks.experiment import Say, experiment
from designbook.blocks.cache import hit_ratio
from designbook.blocks.lru import LRUCache
from designbook.blocks.s3_fifo import S3FIFOCache
from designbook.simulation.workloads import Zipf
from designbook.simulation.zipf import top_share


@experiment(
    code=["blocks/cache.py", "blocks/lru.py", "blocks/s3_fifo.py", "simulation/workloads.py"],
    versions=["numpy", "theine", "theine_core"],
)
def cache_hit_ratio(
    say: Say,
    keys: int = 1_000_000,
    requests: int = 2_000_000,
    exponents: Sequence[float] = (0.7, 0.99, 1.2),
    shares: Sequence[float] = (0.001, 0.01, 0.1),
    seed: int = 1,
) -> dict[str, Any]:
    """Hit ratios of LRU, S3-FIFO and theine's W-TinyLFU on Zipf requests, and of the best cache that never changes.

    A point is an exponent and a cache's share of the keys. Caches start empty and every request counts, so a real
    cache may lie below `best_fixed` for that alone. LRU and S3-FIFO are the same in every run; theine is not quite.
    """
    points = []
    for exponent in exponents:
        trace = zipf_trace(keys, exponent, requests, seed)
        for share in shares:
            capacity = round(keys * share)
            point = {"exponent": exponent, "share": share, "capacity": capacity}
            point["lru"] = hit_ratio(LRUCache(capacity), trace)
            point["s3_fifo"] = hit_ratio(S3FIFOCache(capacity), trace)
            point["theine"] = theine_hit_ratio(capacity, trace)
            point["best_fixed"] = top_share(keys, exponent, capacity)
            points.append(point)
            say(", ".join(f"{name} {value:.4g}" for name, value in point.items()))
    return {"keys": keys, "requests": requests, "seed": seed, "points": points}


def zipf_trace(keys: int, exponent: float, requests: int, seed: int) -> list[int]:
    """The requests of `cache_hit_ratio`: the same list for the same arguments."""
    drawn: list[int] = Zipf(keys, exponent).draw(np.random.default_rng(seed), requests).tolist()
    return drawn
