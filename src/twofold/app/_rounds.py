"""Looks after something again and again in the background of a running application, until stopped.

For what any number of processes may do at the same time: no lease says which, for the store lets one of them do each
step, and those who come second have lost a look, and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, final

_PATIENCE: Final = 2.0


@final
class Rounds:
    """Looks again and again. Made where an event loop is running.

    Args:
        look: Does what there is to do. What it has not done when it fails, it does at another look.
        pause: The pause between two looks, in seconds.
        logger: Told of the first of several looks in a row that fail.
        text: What it is told.
    """

    def __init__(self, look: Callable[[], Awaitable[None]], *, pause: float, logger: logging.Logger, text: str) -> None:
        self._look = look
        self._pause = pause
        self._logger = logger
        self._text = text
        self._troubled = False
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=logger.name.replace(".", " "))

    async def stop(self) -> None:
        """Look a last time, and end."""
        self._stopping.set()
        await self._task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self._try()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._stopping.wait()
        await self._try()

    async def _try(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._look()
        except Exception:
            if not self._troubled:
                self._logger.exception(self._text)
            self._troubled = True
        else:
            self._troubled = False
