"""Presence at scale: how many updates a second the green dots cost, and who is told.

All rates are a second, over all users. `changes` is how often one user comes or goes, `contacts` how many people have
that user in their list, `online` the share of people who are connected.
"""

from collections.abc import Sequence
from random import Random

from designbook.capacity import exp


def told_to_contacts(users: float, changes: float, contacts: float, online: float) -> float:
    """Updates a second when each change is told to all contacts who are connected: it grows with the size of lists."""
    return users * changes * contacts * online


def told_to_screens(users: float, changes: float, shown: float, online: float) -> float:
    """Updates a second when each connected device subscribes only to the `shown` people on its screen.

    Each user is then watched by `shown * online` devices on average, whoever they are, since every subscription has two
    ends.
    """
    return users * changes * shown * online


def told_after_grace(changes: float, gap: float, grace: float) -> float:
    """Changes a second that are told if "gone" waits `grace` seconds, and gaps last `gap` seconds on average.

    A gap (exponentially distributed) that ends within the grace is told to nobody; the others are told late.
    """
    return changes * exp(-grace / gap)


def simulated_updates(
    rng: Random, lists: Sequence[Sequence[int]], online: float, changes: int, shown: int | None = None
) -> float:
    """Updates for each change in a network of contacts, counted one by one.

    `lists[user]` are the contacts of a user. With `shown`, a connected user looks at that many of its list.
    """
    connected = [rng.random() < online for _ in lists]
    watched: list[list[int]] = [[] for _ in lists]
    for user, contacts in enumerate(lists):
        if connected[user]:
            for contact in contacts if shown is None else rng.sample(list(contacts), min(shown, len(contacts))):
                watched[contact].append(user)
    return sum(len(watched[rng.randrange(len(lists))]) for _ in range(changes)) / changes
