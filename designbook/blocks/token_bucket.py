"""Token bucket: a steady rate with room for bursts, in two numbers of state.

The bucket fills at `rate` tokens a second up to `burst`; a request takes its cost in tokens or is refused.
"""

from collections.abc import Callable


class TokenBucket:
    """Admits at most burst + rate · t in any t seconds, and refuses only what would pass that.

    One bucket is one caller's; it is not thread-safe, and a clock that steps back adds and takes nothing.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        """`rate` in tokens a second, `burst` in tokens; starts full. Raises ValueError unless both are above 0."""
        if not (rate > 0 and burst > 0):
            raise ValueError(f"a bucket needs a rate and a burst above 0, not {rate} and {burst}")
        self.rate, self.burst = rate, burst
        self._clock = clock
        self._tokens = burst
        self._filled = clock()

    def allow(self, cost: float = 1) -> bool:
        """Take `cost` tokens if they are there; if not, take nothing. Raises ValueError if `cost` is negative."""
        if cost < 0:
            raise ValueError(f"a request costs 0 tokens or more, not {cost}")
        self._fill()
        if cost > self._tokens:
            return False
        self._tokens -= cost
        return True

    def wait(self, cost: float = 1) -> float:
        """Seconds until `cost` tokens are there (the Retry-After of HTTP 429). Raises ValueError if never."""
        if cost > self.burst:
            raise ValueError(f"a bucket of {self.burst} tokens never holds {cost}")
        self._fill()
        return max(0, (cost - self._tokens) / self.rate)

    def _fill(self) -> None:
        now = self._clock()
        if now > self._filled:
            self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
            self._filled = now
