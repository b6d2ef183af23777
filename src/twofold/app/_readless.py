"""The read database of a process that takes commands: it is opened when it is there, and done without while it is not.

Commands need the database that they write to. Only the proof that no projection has come farther than the log may keep
them from being taken, at the start or as soon as it can be had.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, final

from twofold.app._stores import Stores
from twofold.errors import Unavailable, line_of
from twofold.subscriptions import LogReplaced

_LOGGER: Final = logging.getLogger("twofold.app")
_PAUSE: Final = 1.0


@final
class Readless:
    """Opens the read database, now or later. Made where an event loop is running.

    Args:
        stores: The stores; that of the write side is open.
        prove: Sees that a worker has prepared the read database.
    """

    def __init__(self, stores: Stores, prove: Callable[[], Awaitable[None]]) -> None:
        self._stores = stores
        self._prove = prove
        self._open = False
        self._told = ""
        self._task: asyncio.Task[None] | None = None
        self.overtaken = False
        """Whether the read database was found to be ahead of the log, so that nothing must be recorded."""

    async def begin(self) -> None:
        """Open it; where that cannot be now, go on trying, and tell so in the log.

        Raises:
            LogReplaced: It has come farther than the log: what is recorded now would take positions again.
        """
        if await self._try():
            return
        self._task = asyncio.create_task(self._go_on(), name="twofold read database")

    async def stop(self) -> None:
        """Close it, and try no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._open:
            self._open = False
            await self._stores.read.stop()

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                if await self._try():
                    self.overtaken = False
                    _LOGGER.info("the read database is open")
                    return
            except LogReplaced as error:
                self.overtaken = True
                self._tell(logging.ERROR, f"this process is not ready: {line_of(error)}; {error.hint}", error)

    async def _try(self) -> bool:
        """Whether it is open, and all that can be proved is proved."""
        try:
            await self._stores.read.start()
            try:
                await self._stores.prove_whole()
                await self._prove()
            except BaseException:
                await self._stores.read.stop()
                raise
        except LogReplaced:
            raise
        except Exception as error:  # noqa: BLE001  # told, and tried again: commands go on without it
            level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
            self._tell(level, f"the read database is away, and commands are taken without it: {line_of(error)}", error)
            return False
        self._open = True
        return True

    def _tell(self, level: int, text: str, error: Exception) -> None:
        """One line for each reason."""
        reason = type(error).__qualname__
        if self._told != reason:
            self._told = reason
            _LOGGER.log(level, "%s", text, extra={"twofold": {"error": reason}})
        _LOGGER.debug("because of this", exc_info=error, extra={"twofold": {"error": reason}})
