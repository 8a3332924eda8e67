"""Real engines run on Linux and macOS; elsewhere what needs one is skipped, and the rest is tested."""

import pytest

from designbook.engines import available


def want(engine: str) -> None:
    """Skip the test unless the engine of that name can run here."""
    if not available(engine):
        pytest.skip(f"{engine} cannot run here")
