"""What the ride service asks of a database, whichever it is."""

from typing import Literal, Protocol

from designbook.systems.ride_sharing.trips import Trip

Role = Literal["rider", "driver"]


class TripStore(Protocol):
    """Each call happens as a whole or not at all, also among several processes at once.

    Whatever it raises has changed nothing, but for StoreDown, which any call may raise: then nobody knows, and the same
    call may safely be sent again. What a call did is kept through a crash of the process, memory excepted.
    """

    def enroll(self, role: Role, person: str) -> bool:
        """Make somebody known. False, and no change, if they were."""

    def enrolled(self, role: Role, person: str) -> bool:
        """Whether somebody is known."""

    def add(self, trip: Trip) -> Trip:
        """Keep a new trip; or the trip that is kept under its id, if that asks the same.

        Raises RequestReused if it asks for something else, Busy if the rider is on another live trip.
        """

    def get(self, trip: str) -> Trip:
        """The trip as it is. Raises Unknown."""

    def change(self, after: Trip, token: int | None = None) -> None:
        """Put `after` in the place of the version before it: compare and set. No change if `after` stands there.

        `after` is what one step of `trips` made of a trip as it was read. A dispatcher's change carries its token.
        Raises Fenced if the city has seen a higher one, Changed if the trip is not at the version before, Busy if it
        would put a driver on a second trip.
        """

    def claim(self, city: str, token: int) -> list[Trip]:
        """From now on refuse lower tokens in the city; the live trips, oldest request first, as they are then.

        Raises Fenced if a higher token was seen; the same one may claim again.
        """

    def current(self, role: Role, person: str) -> Trip | None:
        """The live trip of a rider, or the one that a driver is on or was offered first."""

    def close(self) -> None:
        """Give the connections back."""
