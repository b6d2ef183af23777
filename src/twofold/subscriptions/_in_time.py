"""Asking where subscriptions stand, for whoever has to answer all the same: a probe, or a scrape of the numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from twofold.errors import TwofoldError

T = TypeVar("T")

_PATIENCE: Final = 5.0
"""How long the database is waited for, in seconds: whoever probes or scrapes does not wait for much longer."""


async def in_time(ask: Callable[[], Awaitable[T]], patience: float = _PATIENCE) -> T | None:
    """What is told; None where that cannot be found out in time.

    Args:
        ask: Asks where subscriptions stand: `app.progress`.
        patience: How long it may take, in seconds.
    """
    try:
        async with asyncio.timeout(patience):
            return await ask()
    except (TwofoldError, TimeoutError):
        return None
