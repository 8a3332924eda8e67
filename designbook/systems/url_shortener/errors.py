"""What the shortener refuses, and why: each error names the field, so that the HTTP face can."""


class Refused(ValueError):
    """A request that cannot be carried out as it stands; nothing was stored."""

    def __init__(self, field: str, message: str, value: object) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
        self.value = value


class URLRefused(Refused):
    """The URL is not one that we shorten."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__("url", message, value)


class AliasRefused(Refused):
    """The alias is malformed or reserved."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__("alias", message, value)


class AliasTaken(Refused):
    """The alias leads, or once led, somewhere else."""

    def __init__(self, alias: str) -> None:
        super().__init__("alias", "is taken", alias)


class ExpiryRefused(Refused):
    """The expiry is not in the future."""

    def __init__(self, message: str, value: object) -> None:
        super().__init__("expires", message, value)


class LinkUnknown(LookupError):
    """No link was ever made with this code (404)."""


class LinkGone(LookupError):
    """The link existed and has expired or was deleted (410)."""


class NotYourLink(PermissionError):
    """The link belongs to another owner (403)."""
