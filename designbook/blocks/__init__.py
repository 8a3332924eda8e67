"""Building blocks of distributed systems, one a file: pure, typed, and held against theory or a peer library.

No block does I/O. A clock is a `Callable[[], float]` in seconds and randomness an `rng`, both handed in.
"""
