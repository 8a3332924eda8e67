"""What a ride costs: base, distance, time and surge, in whole cents; and quotes that a client cannot change."""

import hmac
from dataclasses import astuple, dataclass, replace
from hashlib import blake2b

from designbook.systems.ride_sharing.errors import Refused
from designbook.systems.ride_sharing.trips import Place, Seconds

SURGE_STEP = 100
"""Surge is counted in hundredths, so that every price is a whole number of cents on every machine."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices of an example city, in cents; none of a real company.

    A ride of `metres` and `seconds` costs the three parts added up, times surge, and `least` at the least.
    """

    base: int = 250
    per_km: int = 150
    per_minute: int = 35
    least: int = 600

    def cents(self, metres: int, seconds: int, surge_percent: int = SURGE_STEP) -> int:
        """The fare, rounded once, half a cent up. Raises Refused for what is negative, or a surge below 100."""
        for field, value, low in (("metres", metres, 0), ("seconds", seconds, 0), ("surge", surge_percent, SURGE_STEP)):
            if value < low:
                raise Refused(field, f"must be at least {low}", value)
        sixty_thousandths = self.base * 60_000 + self.per_km * 60 * metres + self.per_minute * 1_000 * seconds
        whole = 60_000 * SURGE_STEP
        return max(self.least, (2 * sixty_thousandths * surge_percent + whole) // (2 * whole))


@dataclass(frozen=True, slots=True)
class Quote:
    """A price for a rider and a route, good `until` then (Unix seconds); `seal` shows that it was made here."""

    rider: str
    city: str
    pickup: Place
    dropoff: Place
    metres: int
    seconds: int
    surge_percent: int
    cents: int
    until: Seconds
    seal: str = ""


def seal(quote: Quote, key: bytes) -> Quote:
    """The quote with its seal, a keyed hash (BLAKE2b, RFC 7693) of all that it says."""
    return replace(quote, seal=_seal(quote, key))


def check_seal(quote: Quote, key: bytes) -> None:
    """Raises Refused unless the quote is as it was sealed: a client does not set its own price."""
    if not hmac.compare_digest(quote.seal.encode(errors="replace"), _seal(quote, key).encode()):
        raise Refused("quote", "was changed, or not made here", quote.cents)


def _seal(quote: Quote, key: bytes) -> str:
    said = repr(astuple(replace(quote, seal=""))).encode()
    return blake2b(said, key=key, digest_size=16).hexdigest()
