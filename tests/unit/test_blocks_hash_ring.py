"""Hash ring: only the keys of the node that comes or goes move, as many as theory says, and uhashring agrees."""

from bisect import bisect

import pytest
import uhashring
from hypothesis import given, settings
from hypothesis import strategies as st

from designbook.blocks.hash_ring import HashRing
from designbook.blocks.hashing import blake64

node_sets = st.sets(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=8)
keys = [f"user:{number}" for number in range(2_000)]


@settings(max_examples=50)
@given(node_sets, st.integers(1, 30))
def test_owners_are_those_of_uhashring_with_the_same_hash(nodes, replicas):
    ours = HashRing(sorted(nodes), replicas=replicas)
    peer = uhashring.HashRing(sorted(nodes), vnodes=replicas, hash_fn=blake64)
    assert [ours.owner(key) for key in keys[:300]] == [peer.get_node(key) for key in keys[:300]]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=40), st.lists(st.integers(0, 2**64 - 1), max_size=40))
def test_a_key_belongs_to_the_next_point_clockwise_wherever_the_points_lie(points, places):
    # A hash that reads the place from the text: each node has the one point of its name.
    nodes = sorted(set(points))
    ring = HashRing(nodes, replicas=1, hash=lambda text: int(text.removesuffix("-0")))
    places += [place + step for place in points for step in (-1, 0, 1) if 0 <= place + step < 2**64]
    for place in places:
        assert ring.owner(str(place)) == nodes[bisect(nodes, place) % len(nodes)]


@settings(max_examples=50)
@given(node_sets, st.text("xyz", min_size=1, max_size=3))
def test_a_new_node_takes_keys_and_no_key_moves_between_old_nodes(nodes, new):
    ring = HashRing(nodes, replicas=20)
    before = [ring.owner(key) for key in keys]
    ring.add(new)
    after = [ring.owner(key) for key in keys]
    assert all(now in (was, new) for was, now in zip(before, after, strict=True))
    ring.remove(new)
    assert [ring.owner(key) for key in keys] == before


@settings(max_examples=30)
@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_the_order_in_which_nodes_came_changes_no_owner(order):
    ring = HashRing(replicas=10)
    for node in order:
        ring.add(node)
    assert [ring.owner(key) for key in keys[:300]] == [HashRing("abcde", replicas=10).owner(key) for key in keys[:300]]


@pytest.mark.parametrize("nodes", [1, 4, 9])
def test_a_new_node_moves_its_share_of_the_keys(nodes):
    trials, replicas, moved = 30, 50, 0
    for trial in range(trials):
        ring = HashRing([f"{trial}/{node}" for node in range(nodes)], replicas=replicas)
        before = [ring.owner(key) for key in keys]
        ring.add(f"{trial}/new")
        moved += sum(ring.owner(key) != was for key, was in zip(keys, before, strict=True))
    share = 1 / (nodes + 1)
    # A share's relative deviation is sqrt((1 - share) / replicas) by the ring, and the keys add theirs; four of them.
    deviation = (share**2 * (1 - share) / replicas + share * (1 - share) / len(keys)) ** 0.5 / trials**0.5
    assert abs(moved / trials / len(keys) - share) < 4 * deviation


@pytest.mark.parametrize("replicas", [10, 100])
def test_a_nodes_share_strays_by_one_over_the_root_of_the_replicas(replicas):
    nodes, trials, squares = 10, 12, 0.0
    for trial in range(trials):
        ring = HashRing([f"{trial}/{node}" for node in range(nodes)], replicas=replicas)
        gaps = dict.fromkeys(ring.nodes, 0)
        for index, place in enumerate(ring._ring):
            gaps[ring._owners[index]] += (place - ring._ring[index - 1]) % 2**64
        squares += sum((gap / 2**64 * nodes - 1) ** 2 for gap in gaps.values()) / nodes
    # Shares are Dirichlet: the squared coefficient of variation is (n - 1) / (n r + 1). It is averaged over
    # trials * (n - 1) nearly independent squares, each with a relative deviation of sqrt(2); four standard errors.
    theory = (nodes - 1) / (nodes * replicas + 1)
    assert squares / trials == pytest.approx(theory, rel=4 * (2 / (trials * (nodes - 1))) ** 0.5)


@given(node_sets, st.data())
def test_copies_go_to_different_nodes_the_owner_first_and_fewer_copies_are_a_prefix(nodes, data):
    ring = HashRing(nodes, replicas=5)
    count = data.draw(st.integers(0, len(nodes)))
    for key in keys[:20]:
        owners = ring.owners(key, count)
        assert len(set(owners)) == len(owners) == count
        assert owners[:1] == [ring.owner(key)][:count]
        assert ring.owners(key, len(nodes))[:count] == owners


@given(node_sets)
def test_when_the_owner_goes_the_next_copy_owns(nodes):
    ring = HashRing(nodes | {"x"}, replicas=5)
    for key in keys[:10]:
        first, second = ring.owners(key, 2)
        ring.remove(first)
        assert ring.owner(key) == second
        ring.add(first)


def test_misuse_is_named():
    ring = HashRing(["a"])
    with pytest.raises(ValueError, match="'a' is on the ring already"):
        ring.add("a")
    with pytest.raises(LookupError, match="'b' is not on the ring"):
        ring.remove("b")
    with pytest.raises(LookupError, match="2 different nodes are wanted, and the ring has 1"):
        ring.owners("key", 2)
    with pytest.raises(LookupError, match="no node"):
        HashRing().owner("key")
    with pytest.raises(ValueError, match="not 0"):
        HashRing(replicas=0)
    with pytest.raises(ValueError, match="place"):
        HashRing(["a"], hash=lambda text: -5)
    assert ring.nodes == ["a"]
