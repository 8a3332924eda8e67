"""What the ride service refuses, and why: each error names the field, or the trip and what would have been possible."""

from collections.abc import Iterable


class Refused(ValueError):
    """A request that cannot be carried out as it stands; nothing was stored."""

    def __init__(self, field: str, message: str, value: object) -> None:
        super().__init__(f"{field}: {message}, got {value!r}")
        self.field = field
        self.message = message
        self.value = value


class Unknown(LookupError):
    """Nobody enrolled under this name, or no such trip; `field` is rider, driver or trip."""

    def __init__(self, field: str, name: str) -> None:
        super().__init__(f"{field}: there is no {field} {name!r}")
        self.field = field
        self.name = name


class IllegalTransition(ValueError):
    """The trip's state does not allow that; the message says what would be legal."""

    def __init__(self, trip: str, before: str, after: str, legal: Iterable[str]) -> None:
        self.trip, self.before, self.after, self.legal = trip, before, after, tuple(sorted(legal))
        possible = f"only to {', '.join(self.legal)}" if self.legal else "nowhere: it has ended"
        super().__init__(f"state: trip {trip} cannot go from {before} to {after}; from {before} it goes {possible}")


class Busy(ValueError):
    """The rider or driver is on another trip; `field` says which of the two."""

    def __init__(self, field: str, person: str) -> None:
        super().__init__(f"{field}: {person} is on another trip; end that one first")
        self.field = field
        self.person = person


class RequestReused(ValueError):
    """A request came under the id of another one that asked for something else."""

    def __init__(self, request: str) -> None:
        super().__init__(f"request: {request} was used for another request before; draw a new id")
        self.request = request


class Changed(RuntimeError):
    """Somebody else changed the trip first. Nothing happened: read it again and decide anew."""

    def __init__(self, trip: str) -> None:
        super().__init__(f"trip {trip} was changed by somebody else meanwhile; read it again")
        self.trip = trip


class Fenced(RuntimeError):
    """A dispatcher with a newer token has taken the city over. Nothing happened: whoever was told this must stop."""

    def __init__(self, city: str, token: int) -> None:
        super().__init__(f"token: {token} is out of date in {city}, where a newer one was seen; stop dispatching")
        self.city = city
        self.token = token


class StoreDown(ConnectionError):
    """The database does not answer; what was asked may or may not have happened, and may safely be asked again."""
