"""What the news feed refuses, and why: each error names the field."""


class Refused(ValueError):
    """A request that cannot be carried out as it stands; nothing was stored."""

    def __init__(self, field: str, message: str, value: object) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.value = value


class UnknownPost(LookupError):
    """There is no such post, or its reader may not see it."""

    def __init__(self, post: int) -> None:
        super().__init__(f"there is no post {post} to see")
        self.post = post


class IdTaken(RuntimeError):
    """Another post has this id: two servers make ids with one worker number."""

    def __init__(self, post: int) -> None:
        super().__init__(f"post {post} exists already: does another server make ids with the same worker number?")
        self.post = post


class StoreDown(ConnectionError):
    """The database does not answer; what was asked may or may not have happened, and may safely be asked again."""
