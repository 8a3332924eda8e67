"""Consistent hashing: which node owns a key, when nodes come and go.

Karger et al., *Consistent Hashing and Random Trees*, STOC 1997.
"""

from bisect import bisect
from collections.abc import Callable, Hashable, Iterable
from operator import itemgetter
from typing import Generic, TypeVar

from designbook.blocks.hashing import blake64

Node = TypeVar("Node", bound=Hashable)


class HashRing(Generic[Node]):
    """A ring of `replicas` points a node; a key belongs to the next point clockwise.

    Adding a node to `n` nodes moves 1/(n+1) of the keys on average, and no key between old nodes. One node's share
    of the keys strays from 1/n by about 1/sqrt(replicas) of it.
    """

    def __init__(
        self, nodes: Iterable[Node] = (), *, replicas: int = 100, hash: Callable[[str], int] = blake64
    ) -> None:
        """`hash` gives a place from 0 to 2^64 - 1, in every process the same. Raises ValueError if `replicas` < 1."""
        if replicas < 1:
            raise ValueError(f"a node has 1 point or more on the ring, not {replicas}")
        self.replicas = replicas
        self._hash = hash
        self._points: list[tuple[int, str, Node]] = []
        self._nodes: dict[str, Node] = {}
        for node in nodes:
            self._join(node)
        self._arrange()

    def add(self, node: Node) -> None:
        """Put `node` on the ring, in O(points). Raises ValueError if it, or one with its name, is there already."""
        self._join(node)
        self._arrange()

    def remove(self, node: Node) -> None:
        """Take `node` off the ring, in O(points). Raises LookupError if it is not there."""
        name = str(node)
        if self._nodes.get(name) != node:
            raise LookupError(f"{node!r} is not on the ring")
        del self._nodes[name]
        self._points = [point for point in self._points if point[1] != name]
        self._arrange()

    def owner(self, key: str) -> Node:
        """The node that owns `key`, in O(1) for most keys, O(log points) for the rest. LookupError on an empty ring."""
        place = self._hash(key)
        index = self._arcs[place >> self._shift]
        if index < 0:
            index = bisect(self._ring, place)
        try:
            return self._owners[index]
        except IndexError:
            raise LookupError("the ring has no node yet") from None

    def owners(self, key: str, count: int) -> list[Node]:
        """The `count` different nodes that hold copies of `key`: its owner, then onwards clockwise.

        Raises LookupError if the ring has fewer nodes.
        """
        if not 0 <= count <= len(self._nodes):
            raise LookupError(f"{count} different nodes are wanted, and the ring has {len(self._nodes)}")
        start = bisect(self._ring, self._hash(key))
        found: dict[Node, None] = {}
        for index in range(start, start + len(self._ring)):
            if len(found) == count:
                break
            found[self._owners[index % len(self._ring)]] = None
        return list(found)

    @property
    def nodes(self) -> list[Node]:
        """The nodes, in the order in which they came."""
        return list(self._nodes.values())

    def _join(self, node: Node) -> None:
        name = str(node)
        if name in self._nodes:
            raise ValueError(f"{node!r} is on the ring already")
        points = [(self._hash(f"{name}-{replica}"), name, node) for replica in range(self.replicas)]
        if not 0 <= min(points)[0] <= max(points)[0] < 1 << 64:
            raise ValueError(f"a place on the ring is from 0 to 2^64 - 1, and the hash puts {node!r} outside")
        self._nodes[name] = node
        self._points += points

    def _arrange(self) -> None:
        self._points.sort(key=itemgetter(0, 1))  # by name where two nodes share a place, whoever came first
        self._ring = [place for place, _, _ in self._points]
        self._owners = [node for _, _, node in self._points]
        self._owners += self._owners[:1]  # past the last point, the first one owns
        self._arcs, self._shift = _arcs(self._ring)


def _arcs(ring: list[int]) -> tuple[list[int], int]:
    """Cut the circle into equal arcs, 8 or more a point: for each, the index of its owner, or -1 if a point lies in it.

    So most keys need no binary search. `place >> shift` is the arc of a place.
    """
    bits = (8 * len(ring)).bit_length()
    shift = 64 - bits
    arcs: list[int] = []
    for index, place in enumerate(ring):
        arc = place >> shift
        arcs += [index] * (arc - len(arcs))
        if len(arcs) == arc:
            arcs.append(-1)
    arcs += [len(ring)] * ((1 << bits) - len(arcs))
    return arcs, shift
