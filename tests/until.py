"""Waiting for what nobody tells of: a table, a file of another process, a thread's queue."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from twofold import App


async def until(holds: Callable[[], bool | Awaitable[bool]], *, within: float = 10) -> None:
    """Return once something holds.

    Args:
        holds: Looked at again and again, with pauses: reads without any keep the thread that writes waiting.
        within: The most that this may take, in seconds.

    Raises:
        TimeoutError: It does not hold by then.
    """
    async with asyncio.timeout(within):
        while True:
            found = holds()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.005)


async def none_parked(app: App, *, within: float = 10) -> None:
    """Return once nothing is parked any more."""

    async def is_so() -> bool:
        return not await app.parked.list()

    await until(is_so, within=within)
