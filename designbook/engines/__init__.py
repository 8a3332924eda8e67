"""Real databases and a message broker for a while: start, wait until it answers, hand over a URL, stop. No query layer.

>>> with valkey() as url:
...     client = valkey_client.from_url(url)

Nothing is left behind: not after an error, not after an interrupt, not after `kill -9` of the Python process.
"""

from collections.abc import Callable

from designbook.engines.broker import nats
from designbook.engines.engine import Engine, EngineFailed, EngineMissing
from designbook.engines.kinds import postgres, sqlite, valkey

__all__ = ["Engine", "EngineFailed", "EngineMissing", "available", "nats", "postgres", "sqlite", "valkey"]

_KINDS: dict[str, Callable[[], Engine]] = {"sqlite": sqlite, "valkey": valkey, "postgres": postgres, "nats": nats}


def available(name: str) -> bool:
    """Whether the engine `name` ("sqlite", "valkey", "postgres" or "nats") can run here. Starts nothing.

    Raises LookupError for another name.
    """
    if name not in _KINDS:
        raise LookupError(f"no engine is called {name!r}; there are {', '.join(_KINDS)}")
    try:
        _KINDS[name]()
    except EngineMissing:
        return False
    return True
