"""Push or pull: what an author's posts cost if they are written to every follower's feed, or read by each of them.

Pushing costs a write for each post and follower. Pulling costs each load of a follower a merge of one more list, and a
fetch of that list unless the server answering has it: servers keep a list for a short lifetime, so the list of an
author whom many follow is fetched once a lifetime and server, and that of one whom few follow at nearly every load.
Both costs grow with the followers, but only the fetches stop growing. So there is a number of followers above which
pulling is the cheaper, and it has a closed form.

Costs are seconds of work, rates are a second; `posts` is an author's rate and `loads` that of one follower. Plain
functions of numbers, so that they run on a page as JavaScript. `simulate` holds them against drawn posts and loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from designbook.simulation.graphs import smallest_degree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AUTHORS = 100  # simulated at a time, to bound memory
_STEPS = 60  # stretches of the degree distribution that `cost_of_pulling` adds up, even on a logarithmic scale


def push_cost(followers: float, posts: float, push: float) -> float:
    """Work a second to write one author's posts into the feeds of the followers; `push` is the work of one write."""
    return followers * posts * push


def pull_cost(followers: float, loads: float, fetch: float, merge: float, servers: float, lifetime: float) -> float:
    """Work a second to read one author's list whenever a follower loads a feed.

    The loads are spread over `servers`, each of which fetches the list at a load and then has it for `lifetime`.
    """
    asked = followers * loads
    return asked / (1 + asked * lifetime / servers) * fetch + asked * merge


def best_threshold(
    posts: float, loads: float, push: float, fetch: float, merge: float, servers: float, lifetime: float
) -> float:
    """The followers above which pulling an author costs less than pushing: 0 if always, infinity if never."""
    saved = posts * push - loads * merge
    if saved <= 0:
        return inf
    return max(0.0, servers / (loads * lifetime) * (loads * fetch / saved - 1))


def cost_of_pushing(threshold: float, mean: float, largest: float, tail: float, posts: float, push: float) -> float:
    """Work a second and account to push the posts of all authors with at most `threshold` followers."""
    smallest, bend = smallest_degree(mean, largest, tail), 1 - tail
    ends = smallest**bend - largest**bend
    up_to = min(max(threshold, smallest), largest)
    pushed: float = mean * (smallest**bend - up_to**bend) / ends
    return pushed * posts * push


def cost_of_pulling(
    threshold: float,
    mean: float,
    largest: float,
    tail: float,
    loads: float,
    fetch: float,
    merge: float,
    servers: float,
    lifetime: float,
) -> float:
    """Work a second and account to pull all authors with more than `threshold` followers."""
    smallest = smallest_degree(mean, largest, tail)
    low = min(max(threshold, smallest), largest)
    ends = smallest**-tail - largest**-tail
    ratio = (largest / low) ** (1 / _STEPS)
    total = 0.0
    for _ in range(_STEPS):
        accounts = (low**-tail - (low * ratio) ** -tail) / ends
        total += accounts * pull_cost(low * ratio**0.5, loads, fetch, merge, servers, lifetime)
        low *= ratio
    return total


@dataclass(frozen=True, slots=True)
class Work:
    """What a second of posts and loads costs: an author's posts and a follower's loads, and the work of each step."""

    posts: float
    loads: float
    push: float
    fetch: float
    merge: float
    servers: int
    lifetime: float

    @property
    def threshold(self) -> float:
        """The followers above which pulling costs less."""
        return best_threshold(self.posts, self.loads, self.push, self.fetch, self.merge, self.servers, self.lifetime)

    def expected(self, degrees: NDArray[Any], threshold: float) -> float:
        """Work a second for authors with these numbers of followers, if those above `threshold` are pulled."""
        rest = (self.loads, self.fetch, self.merge, self.servers, self.lifetime)
        pushed = push_cost(float(degrees[degrees <= threshold].sum()), self.posts, self.push)
        return pushed + sum(pull_cost(followers, *rest) for followers in degrees[degrees > threshold].tolist())


def simulate(
    work: Work, degrees: NDArray[Any], threshold: float, rng: np.random.Generator, seconds: float = 60.0
) -> float:
    """Work a second over so many seconds of drawn posts and loads: what `Work.expected` says, but for chance.

    Posts come at random, and each of an author below the threshold costs a write for each follower. Loads of the
    others' followers come at random too, each at a random server, which looks whether it still has the list. Servers
    were started, without any list, at random moments of the last twenty lifetimes.
    """
    pushed, pulled = degrees[degrees <= threshold], degrees[degrees > threshold]
    posts = rng.poisson(work.posts * seconds * len(pushed)) if len(pushed) else 0
    done = float(pushed[rng.integers(max(1, len(pushed)), size=posts)].sum()) * work.push
    for some in (pulled[start : start + _AUTHORS] for start in range(0, len(pulled), _AUTHORS)):
        loads, fetches = _loads_and_fetches(work, some, rng, seconds)
        done += loads * work.merge + fetches * work.fetch
    return done / seconds


def _loads_and_fetches(
    work: Work, followers: NDArray[Any], rng: np.random.Generator, seconds: float
) -> tuple[int, int]:
    """Loads of these authors' lists in the time that counts, and how many of them found no fresh list."""
    import numpy as np

    before = 20 * work.lifetime
    drawn = rng.poisson(followers * work.loads * (seconds + before)).astype(np.intp)
    times = rng.uniform(-before, seconds, drawn.sum())
    cache = np.repeat(np.arange(len(followers)) * work.servers, drawn) + rng.integers(work.servers, size=len(times))
    started = rng.uniform(-before, 0, len(followers) * work.servers)
    times, cache = times[times >= started[cache]], cache[times >= started[cache]]
    # Caches one after the other on one line, so that a search in it looks into one cache only.
    line = np.sort(cache * (seconds + 2 * before) + times + before)
    first = np.arange(len(started)) * (seconds + 2 * before)
    ends = line.searchsorted(first + seconds + before)
    at, fetches = line.searchsorted(first), 0
    while (left := at < ends).any():
        at, ends, first = at[left], ends[left], first[left]
        fetches += int((line[at] - first >= before).sum())
        at = line.searchsorted(line[at] + work.lifetime)
    return int((times >= 0).sum()), fetches
