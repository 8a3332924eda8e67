"""The very large group: a message pushed to everybody, or fetched by who looks; copied into inboxes, or kept once.

`rate` is messages a second in the group, `members` how many belong to it, `online` the share who are connected and
`viewing` the share who have the group on their screen.
"""

from designbook.capacity import exp


def pushed(rate: float, members: float, online: float) -> float:
    """Frames a second when each message goes to each connected member: fan-out on write."""
    return rate * members * online


def fetched(rate: float, members: float, viewing: float, window: float) -> float:
    """Frames a second when who looks is told at most once in `window` seconds and fetches what is new: on read.

    A hint, a request and a page, for each viewer and each window in which something was said (Poisson: the share
    1 - exp(-rate window) of all windows). Who does not look costs nothing until the group is opened.
    """
    return 3 * members * viewing * (1 - exp(-rate * window)) / window
