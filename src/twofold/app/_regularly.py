"""Work of an application that comes round again: done, waited for, and done once more when the application stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import final

from twofold.errors import Classifier, Family, line_of


@final
class Regularly:
    """Does something again and again until stopped. Made where an event loop is running.

    Args:
        work: What to do; it answers whether there is more to do at once.
        every: How long to wait in between, in seconds.
        name: What the task is called.
        logger: Told when it fails, once until it works again.
        trouble: What it is told.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[bool | None]],
        *,
        every: float,
        name: str,
        logger: logging.Logger,
        trouble: str,
    ) -> None:
        self._work = work
        self._every = every
        self._logger = logger
        self._trouble = trouble
        self._troubled = False
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=name)

    async def stop(self) -> None:
        """Do it once more, and end."""
        self._stopping.set()
        await self._task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            if await self._done():
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()
        await self._done()

    async def _done(self) -> bool:
        try:
            more = await self._work()
        except Exception as error:  # noqa: BLE001  # what is not done now is done later; nobody waits for it
            if not self._troubled:
                self._tell(error)
            self._troubled = True
            return False
        self._troubled = False
        return bool(more)

    def _tell(self, error: Exception) -> None:
        category = Classifier().of_exception(error)
        if category is not None and category.family is Family.UNAVAILABLE:
            self._logger.warning("%s: %s", self._trouble, line_of(error))
            self._logger.debug("because of this", exc_info=error)
        else:
            self._logger.error(self._trouble, exc_info=error)
