"""Boards in Valkey (or Redis): a sorted set each, one more for the ids of events, and a set with the boards' keys.

A sorted set ranks by a double, which holds 53 bits exactly: 30 of them are the score, 23 the seconds of the board's
period that were left when it was reached. The number is negative, so that ascending order is ours: a higher score
first, then an earlier second, and then the set's own rule for equal numbers, the bytes of the member.

A script runs alone on its server, so it is a transaction. It is on one primary; on a Valkey Cluster all keys of a shard
would share a hash tag.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import valkey
from valkey.client import Pipeline

from designbook.systems.leaderboard.errors import NotRanked, StoreDown
from designbook.systems.leaderboard.rules import MAX_SCORE, Policy, ScoreEvent
from designbook.systems.leaderboard.stores.port import Place, Standing
from designbook.systems.leaderboard.windows import Board

SECONDS = 1 << 23
"""A board's number is minus (score times 2^23 plus the seconds left, out of 2^23 - 1)."""

EVENTS, BOARDS = "leaderboard:events", "leaderboard:boards"

SUBMIT = """
local player, event, score, time, policy, seconds, most = unpack(ARGV, 1, 7)
score, time, seconds, most = tonumber(score), tonumber(time), tonumber(seconds), tonumber(most)
if redis.call('ZADD', KEYS[1], 'NX', time, event) == 0 then return 0 end
for i = 3, #KEYS do
    local second = time - tonumber(ARGV[5 + i])
    if policy == 'best' then
        redis.call('ZADD', KEYS[i], 'LT', string.format('%.0f', -(score * seconds + seconds - 1 - second)), player)
    else
        local old, total = redis.call('ZSCORE', KEYS[i], player), score
        if old then
            old = -tonumber(old)
            local old_score = math.floor(old / seconds)
            local old_second = seconds - 1 - (old - old_score * seconds)
            if policy == 'sum' then
                total, second = math.min(total + old_score, most), math.max(second, old_second)
            elseif old_second > second or (old_second == second and old_score > total) then
                total, second = old_score, old_second
            end
        end
        redis.call('ZADD', KEYS[i], string.format('%.0f', -(total * seconds + seconds - 1 - second)), player)
    end
    redis.call('SADD', KEYS[2], KEYS[i])
end
return 1
"""

AROUND = """
local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
if not rank then return false end
local first = math.max(0, rank - ARGV[2])
return {first, redis.call('ZRANGE', KEYS[1], first, rank + ARGV[2], 'WITHSCORES')}
"""

DELETE = """
local found = 0
for _, board in ipairs(redis.call('SMEMBERS', KEYS[1])) do found = found + redis.call('ZREM', board, ARGV[1]) end
return found
"""


class ValkeyStore:
    """What survives a crash is up to the server: nothing without its append-only file, all of it with `always`."""

    def __init__(self, url: str) -> None:
        """Connects to `url`: `valkey://host:port/database` or `unix:///path`. Raises StoreDown if nothing answers."""
        self._client = valkey.Valkey.from_url(url)
        self._submit = self._client.register_script(SUBMIT)
        self._around = self._client.register_script(AROUND)
        self._delete = self._client.register_script(DELETE)
        with _or_down():
            self._client.ping()

    def submit(self, event: ScoreEvent, boards: Sequence[Board], policy: Policy) -> bool:
        """Count the event on each board, unless its id was seen before; all in one script."""
        keys = [EVENTS, BOARDS, *(board.key for board in boards)]
        args: list[str | int] = [event.player, event.event, event.score, event.time, policy, SECONDS, MAX_SCORE]
        with _or_down():
            return bool(self._submit(keys=keys, args=[*args, *(board.starts for board in boards)]))

    def seen(self, event: str) -> bool:
        """Whether an event with this id was counted."""
        with _or_down():
            return self._client.zscore(EVENTS, event) is not None

    def standing(self, board: Board, player: str) -> Standing:
        """The player's row, with one ZRANK. Raises NotRanked."""
        with _or_down():
            found: Any = self._client.zrank(board.key, player, withscore=True)
        if found is None:
            raise NotRanked(player, board.key)
        return _standing(board, int(found[0]), player, found[1])

    def page(self, board: Board, first: int, count: int) -> list[Standing]:
        """The rows with the ranks `first` + 1 to `first` + `count`, with one ZRANGE."""
        if count == 0:
            return []
        with _or_down():
            rows: Any = self._client.zrange(board.key, first, first + count - 1, withscores=True)
        return [_standing(board, rank, player.decode(), number) for rank, (player, number) in enumerate(rows, first)]

    def around(self, board: Board, player: str, each_side: int) -> list[Standing]:
        """The player's row with `each_side` rows before and after it. Raises NotRanked."""
        with _or_down():
            found: Any = self._around(keys=[board.key], args=[player, each_side])
        if found is None:
            raise NotRanked(player, board.key)
        first, flat = found
        rows = zip(flat[::2], flat[1::2], strict=True)
        return [_standing(board, rank, name.decode(), number) for rank, (name, number) in enumerate(rows, first)]

    def ahead(self, board: Board, place: Place) -> int:
        """How many rows stand before `place`: those of a lower number, and of the same number those before by name."""
        lost, achieved, player = place
        number, name = _number(board, -lost, achieved), player.encode() if achieved >= board.starts else b""
        pipe = self._client.pipeline()
        pipe.zcount(board.key, "-inf", f"({number}")
        pipe.zrangebyscore(board.key, number, number)
        before, equal = _execute(pipe)
        return int(before) + sum(1 for other in equal if other < name)

    def counts(self, board: Board, edges: Sequence[int]) -> list[int]:
        """For each edge, how many rows have that score or a higher one."""
        pipe = self._client.pipeline(transaction=False)
        for edge in edges:
            pipe.zcount(board.key, "-inf", f"({-edge * SECONDS}")
        return [int(count) for count in _execute(pipe)]

    def size(self, board: Board) -> int:
        """How many players have a score on the board."""
        with _or_down():
            return _whole(self._client.zcard(board.key))

    def delete(self, player: str) -> bool:
        """Take the player off every board."""
        with _or_down():
            return bool(self._delete(keys=[BOARDS], args=[player]))

    def drop(self, board: Board) -> None:
        """Forget an old board; its memory is freed in the background."""
        pipe = self._client.pipeline()
        pipe.unlink(board.key)
        pipe.srem(BOARDS, board.key)
        _execute(pipe)

    def forget(self, before: int) -> None:
        """Forget the ids of events whose time is before `before`."""
        with _or_down():
            self._client.zremrangebyscore(EVENTS, "-inf", f"({before}")

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()  # type: ignore[no-untyped-call]


def _number(board: Board, score: int, achieved: int) -> int:
    """What a sorted set ranks a row by, ascending."""
    second = max(0, min(achieved - board.starts, SECONDS - 1))
    return -(score * SECONDS + SECONDS - 1 - second)


def _standing(board: Board, place: int, player: str, number: bytes | float) -> Standing:
    score, left = divmod(-int(float(number)), SECONDS)
    return Standing(place + 1, player, score, board.starts + SECONDS - 1 - left)


def _execute(pipe: Pipeline) -> list[Any]:
    with _or_down(), pipe:
        return list(pipe.execute())  # type: ignore[no-untyped-call]


def _whole(answer: Any) -> int:
    return int(answer)


@contextmanager
def _or_down() -> Iterator[None]:
    try:
        yield
    except (valkey.ConnectionError, valkey.TimeoutError, valkey.BusyLoadingError) as error:
        raise StoreDown(f"Valkey does not answer: {error}") from error
