"""Ranked scores: players in the order of their scores, where a rank, a page and a change each cost a few microseconds.

A list of sorted chunks, as in `sortedcontainers`, of packed keys: the score, turned round, in the high bits of one
64-bit integer, and the time that breaks ties in the low bits. So a comparison is one of machine integers, and a player
takes 20 bytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Integers = np.ndarray[Any, np.dtype[np.int64]]

MAX_SCORE = (1 << 31) - 1
MAX_TIME = (1 << 32) - 1
MAX_PLAYER = (1 << 31) - 1
TIME_BITS = 32
ABSENT = -1
CHUNK = 1024
"""A chunk is cut in two when it has more than twice as many players, and joined to a neighbour below a quarter."""
FULL = 1536
"""Players in a chunk after all have been put in order at once; half way to being cut in two."""
GROUP_BITS = 5
"""2^5 chunks make a group, whose players are counted, so that a rank adds up two short lists and not one long one."""
FEW = 400
"""A batch of less than one in so many players is put in one by one."""

Row = tuple[int, int, int]
"""Player, score, and the time at which it was reached."""


class RankedScores:
    """One score a player, ranked: the higher score first; of equal scores the earlier time; of those the lower name.

    So every player has a place of their own (ordinal ranking, 1 2 3 4); `ahead` gives the ranking in which equals share
    a place (competition ranking, 1 2 2 4). Players are numbers from 0, given out one after another: the structure takes
    8 bytes for each number up to the highest, and 12 more for each that has a score. Scores are integers from 0 to
    `max_score`, times from 0 to 2^32 - 1.

    An update costs O(log n + chunk), a rank O(log n + sqrt(n / chunk)), a page O(count). Nothing is deferred or cached.
    """

    def __init__(self, max_score: int = MAX_SCORE, *, name: Callable[[int], Any] | None = None) -> None:
        """`name` says what a player goes by in the last tie-break; by default, the number itself.

        Raises ValueError if `max_score` is not in 0..2^31 - 1.
        """
        if not 0 <= max_score <= MAX_SCORE:
            raise ValueError(f"max_score lies between 0 and {MAX_SCORE}, not at {max_score}")
        self.max_score = max_score
        self._name = name
        self._key = array("q")  # by player
        self._keys: list[array[int]] = [array("q")]  # each chunk's keys in order,
        self._players: list[array[int]] = [array("i")]  # and whose they are
        self._last: list[int] = [ABSENT]  # each chunk's last key
        self._sizes = [0]
        self._groups = [0]
        self._size = 0

    def __len__(self) -> int:
        """How many players have a score."""
        return self._size

    def __contains__(self, player: object) -> bool:
        """Whether `player` has a score."""
        return isinstance(player, int) and 0 <= player < len(self._key) and self._key[player] >= 0

    def score(self, player: int) -> int:
        """The score of `player`. Raises LookupError if there is none."""
        return self.max_score - (self._held(player) >> TIME_BITS)

    def time(self, player: int) -> int:
        """When `player` reached their score. Raises LookupError if there is none."""
        return self._held(player) & MAX_TIME

    def update(self, player: int, score: int, time: int = 0) -> None:
        """Give `player` this score, reached at `time`, in place of the present one.

        Raises ValueError, and changes nothing, if one of the three lies outside its bounds.
        """
        if not 0 <= score <= self.max_score or not 0 <= time <= MAX_TIME:
            raise self._outside(score, time)
        key = self.max_score - score << TIME_BITS | time
        try:
            old = self._key[player]
        except IndexError:
            self._make_room(player)
            old = ABSENT
        if player < 0:
            raise ValueError(f"a player is a number from 0 to {MAX_PLAYER}, not {player}")
        if old == key:
            return
        if old >= 0:
            self._take_out(player, old)
        self._put_in(player, key)
        self._key[player] = key

    def remove(self, player: int) -> bool:
        """Take `player` off; False if they had no score."""
        if player not in self:
            return False
        self._take_out(player, self._key[player])
        self._key[player] = ABSENT
        return True

    def rank(self, player: int) -> int:
        """The place of `player`, from 1. Raises LookupError if they have no score."""
        chunk, position = self._find(player, self._held(player))
        group = chunk >> GROUP_BITS
        return sum(self._groups[:group]) + sum(self._sizes[group << GROUP_BITS : chunk]) + position + 1

    def ahead(self, score: int, time: int = 0, name: Any = None) -> int:
        """How many players stand before one with this score, time and name, whether there is one or not.

        Without a name: before all with this score and time. So 1 + `ahead(score)` is the place that all players with
        this score share. Any integer may be asked for.
        """
        if score > self.max_score:
            return 0
        if score < 0:
            return self._size
        key = (self.max_score - score << TIME_BITS) + max(0, min(time, MAX_TIME + 1))
        if name is not None:
            chunk, position = self._locate(key, name)
            return self._before(chunk) + position
        chunk = bisect_left(self._last, key)
        if chunk == len(self._last):
            return self._size
        return self._before(chunk) + bisect_left(self._keys[chunk], key)

    def page(self, first: int, count: int) -> list[Row]:
        """The players in places `first` + 1 to `first` + `count`, fewer at the end. O(count).

        Raises ValueError if either is negative.
        """
        if first < 0 or count < 0:
            raise ValueError(f"a page begins at 0 or later and has 0 rows or more, not {first} and {count}")
        if first >= self._size:
            return []
        chunk, position = self._at(first)
        return self._rows(chunk, position, count)

    def top(self, count: int) -> list[Row]:
        """The first `count` players."""
        return self.page(0, count)

    def around(self, player: int, each_side: int) -> tuple[int, list[Row]]:
        """The place of the first row, and the rows: `player` with `each_side` others before and after, if there are.

        Raises LookupError if `player` has no score, ValueError if `each_side` is negative.
        """
        if each_side < 0:
            raise ValueError(f"there are 0 rows or more on each side, not {each_side}")
        chunk, position = self._find(player, self._held(player))
        if position >= each_side:
            place = self._before(chunk) + position - each_side
            return place + 1, self._rows(chunk, position - each_side, 2 * each_side + 1)
        place = self._before(chunk) + position
        first = max(0, place - each_side)
        return first + 1, self.page(first, place - first + each_side + 1)

    def __iter__(self) -> Iterator[Row]:
        """All rows in order."""
        for keys, players in zip(self._keys, self._players, strict=True):
            yield from self._decode(keys, players)

    def update_many(self, players: Sequence[int] | Integers, scores: Sequence[int] | Integers, time: int = 0) -> None:
        """`update` for a batch that came at one time; of a player's several scores, the last one holds.

        With NumPy. A batch that is small beside the players is put in one by one; otherwise everything is merged in one
        pass over all players, so that an update costs nanoseconds for each player there is, divided by the batch.
        Raises ValueError, and changes nothing, if anything lies outside its bounds or the lengths differ.
        """
        import numpy as np

        whose, points = np.asarray(players, np.int64), np.asarray(scores, np.int64)
        if whose.shape != points.shape or whose.ndim != 1:
            raise ValueError(f"each player has one score, and there are {whose.shape} and {points.shape}")
        if not len(whose):
            return
        for extreme in (int(points.min()), int(points.max())):
            if not 0 <= extreme <= self.max_score or not 0 <= time <= MAX_TIME:
                raise self._outside(extreme, time)
        self._make_room(int(whose.min()))
        self._make_room(int(whose.max()))
        if len(whose) * FEW < self._size:
            for player, score in zip(whose.tolist(), points.tolist(), strict=True):
                self.update(player, score, time)
            return
        self._merge(np, whose, (self.max_score - points << TIME_BITS) | time)

    def _merge(self, np: Any, whose: Integers, keys: Integers) -> None:
        """Take the rows of `whose` out and put them in again under `keys`, in one pass."""
        held = np.frombuffer(self._key, np.int64)
        all_keys = np.frombuffer(b"".join(self._keys), np.int64)
        all_players = np.frombuffer(b"".join(self._players), np.int32)
        held[whose] = keys  # of several, the last one stays
        stays = np.ones(len(held), np.bool_)
        stays[whose] = False
        whose = np.flatnonzero(~stays).astype(np.int32)
        left = stays.take(all_players)
        all_keys, all_players = all_keys[left], all_players[left]
        keys = held[whose]
        if self._name is None:
            order = np.argsort(keys, kind="stable")  # equal keys stay in the order of the players
        else:
            names = list(map(self._name, whose.tolist()))
            order = np.asarray(sorted(range(len(names)), key=lambda i: (int(keys[i]), names[i])), np.int64)
        whose, keys = whose[order], keys[order]
        places = np.searchsorted(all_keys, keys)
        ends = np.searchsorted(all_keys, keys, "right")
        for i in np.flatnonzero(places != ends).tolist():  # ties with rows that stay: their names decide
            player = int(whose[i])
            name = player if self._name is None else self._name(player)
            places[i] = bisect_left(all_players, name, int(places[i]), int(ends[i]), key=self._name)
        self._fill(np.insert(all_keys, places, keys), np.insert(all_players, places, whose))

    def _fill(self, keys: Integers, players: Integers) -> None:
        """Cut sorted rows, one or more, into chunks."""
        size = len(keys)
        cuts = range(0, size, FULL)
        key_bytes, player_bytes = keys.data.cast("B"), players.data.cast("B")
        self._keys = [_array("q", key_bytes[8 * cut : 8 * (cut + FULL)]) for cut in cuts]
        self._players = [_array("i", player_bytes[4 * cut : 4 * (cut + FULL)]) for cut in cuts]
        self._last = [chunk[-1] if chunk else ABSENT for chunk in self._keys]
        self._sizes = list(map(len, self._keys))
        self._size = size
        self._count_groups()

    # -- rows by key and name

    def _held(self, player: int) -> int:
        try:
            key = self._key[player]
        except IndexError:
            key = ABSENT
        if key < 0 or player < 0:
            raise LookupError(f"player {player} has no score")
        return key

    def _find(self, player: int, key: int) -> tuple[int, int]:
        """Chunk and position of `player`, who is there under `key`."""
        chunk = bisect_left(self._last, key)
        position = bisect_left(self._keys[chunk], key)
        if self._players[chunk][position] == player:
            return chunk, position
        return self._locate(key, player if self._name is None else self._name(player))

    def _locate(self, key: int, name: Any) -> tuple[int, int]:
        """Chunk and position where a row with this key and name stands or would stand."""
        last = self._last
        chunk = bisect_left(last, key)
        if chunk < len(last) and last[chunk] == key:  # the equal keys may go on in the next chunks
            past = bisect_right(last, key, chunk)
            chunk = bisect_left(range(past), name, chunk, key=self._last_name)
        if chunk == len(last):
            return chunk - 1, self._sizes[chunk - 1]
        keys = self._keys[chunk]
        position = bisect_left(keys, key)
        if position < len(keys) and keys[position] == key:
            past = bisect_right(keys, key, position)
            position = bisect_left(self._players[chunk], name, position, past, key=self._name)
        return chunk, position

    def _last_name(self, chunk: int) -> Any:
        player = self._players[chunk][-1]
        return player if self._name is None else self._name(player)

    def _put_in(self, player: int, key: int) -> None:
        chunk, position = self._locate(key, player if self._name is None else self._name(player))
        self._keys[chunk].insert(position, key)
        self._players[chunk].insert(position, player)
        if key > self._last[chunk]:
            self._last[chunk] = key
        self._sizes[chunk] += 1
        self._groups[chunk >> GROUP_BITS] += 1
        self._size += 1
        if self._sizes[chunk] > 2 * CHUNK:
            self._cut(chunk)

    def _take_out(self, player: int, key: int) -> None:
        chunk, position = self._find(player, key)
        keys = self._keys[chunk]
        del keys[position], self._players[chunk][position]
        self._sizes[chunk] -= 1
        self._groups[chunk >> GROUP_BITS] -= 1
        self._size -= 1
        if self._last[chunk] == key:
            self._last[chunk] = keys[-1] if keys else ABSENT
        if self._sizes[chunk] < CHUNK // 4 and len(self._keys) > 1:
            self._join(chunk)

    def _cut(self, chunk: int) -> None:
        """Make two chunks of one."""
        keys, players = self._keys[chunk], self._players[chunk]
        half = len(keys) // 2
        self._keys[chunk : chunk + 1] = [keys[:half], keys[half:]]
        self._players[chunk : chunk + 1] = [players[:half], players[half:]]
        self._last.insert(chunk, keys[half - 1])
        self._sizes[chunk : chunk + 1] = [half, len(keys) - half]
        self._count_groups()

    def _join(self, chunk: int) -> None:
        """Make one chunk of this and a neighbour."""
        left = max(0, chunk - 1)
        self._keys[left] += self._keys.pop(left + 1)
        self._players[left] += self._players.pop(left + 1)
        self._sizes[left] += self._sizes.pop(left + 1)
        self._last[left : left + 2] = [self._keys[left][-1]]
        if self._sizes[left] > 2 * CHUNK:
            self._cut(left)
        else:
            self._count_groups()

    def _make_room(self, player: int) -> None:
        if not 0 <= player <= MAX_PLAYER:
            raise ValueError(f"a player is a number from 0 to {MAX_PLAYER}, not {player}")
        missing = player + 1 - len(self._key)
        if missing > 0:
            self._key.frombytes(b"\xff" * 8 * max(missing, len(self._key) // 8))  # all ones is ABSENT

    def _outside(self, score: int, time: int) -> ValueError:
        if not 0 <= score <= self.max_score:
            return ValueError(f"score lies between 0 and {self.max_score}, not at {score}")
        return ValueError(f"time lies between 0 and {MAX_TIME}, not at {time}")

    # -- rows by place

    def _count_groups(self) -> None:
        sizes, width = self._sizes, 1 << GROUP_BITS
        self._groups = [sum(sizes[first : first + width]) for first in range(0, len(sizes), width)]

    def _before(self, chunk: int) -> int:
        """How many players stand in the chunks before this one."""
        group = chunk >> GROUP_BITS
        return sum(self._groups[:group]) + sum(self._sizes[group << GROUP_BITS : chunk])

    def _at(self, place: int) -> tuple[int, int]:
        """Chunk and position of a place from 0, which there is."""
        group = 0
        while place >= self._groups[group]:
            place -= self._groups[group]
            group += 1
        chunk = group << GROUP_BITS
        while place >= self._sizes[chunk]:
            place -= self._sizes[chunk]
            chunk += 1
        return chunk, place

    def _rows(self, chunk: int, position: int, count: int) -> list[Row]:
        rows: list[Row] = []
        while count > 0 and chunk < len(self._keys):
            keys = self._keys[chunk][position : position + count]
            rows += self._decode(keys, self._players[chunk][position : position + count])
            count -= len(keys)
            chunk, position = chunk + 1, 0
        return rows

    def _decode(self, keys: array[int], players: array[int]) -> list[Row]:
        best = self.max_score
        return [(player, best - (key >> 32), key & 0xFFFFFFFF) for player, key in zip(players, keys)]  # noqa: B905


def _array(kind: str, held: memoryview) -> array[int]:
    filled = array(kind)
    filled.frombytes(held)
    return filled
