"""What the leaderboard refuses, and why: each error names the field."""


class Refused(ValueError):
    """A request that cannot be carried out as it stands; nothing was stored."""

    def __init__(self, field: str, message: str, value: object) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.value = value


class NotRanked(LookupError):
    """The player has no score on this board."""

    def __init__(self, player: str, board: str) -> None:
        super().__init__(f"{player} has no score on {board}")
        self.player = player
        self.board = board


class StoreDown(ConnectionError):
    """The database does not answer; what was asked may or may not have happened, and may safely be asked again."""
