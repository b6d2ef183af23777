"""Seals the audit trail in the background of a running application.

Every worker does. No lease says which: a block follows the last one or is refused by the store, so those who come
second have lost a look, and nothing else.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final, final

from twofold.clock import Clock
from twofold.store import AuditTrail, seal

_LOGGER: Final = logging.getLogger("twofold.audit")
_PAUSE: Final = 1.0
_PATIENCE: Final = 2.0


@final
class Sealer:
    """Seals a trail until stopped. Made where an event loop is running.

    Args:
        trail: The trail.
        clock: Tells the time.
    """

    def __init__(self, trail: AuditTrail, clock: Clock) -> None:
        self._trail = trail
        self._clock = clock
        self._seen = -1
        self._troubled = False
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name="twofold audit")

    async def stop(self) -> None:
        """Seal what is there, and end."""
        self._stopping.set()
        await self._task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE):
                    await self._stopping.wait()
        await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                bound = await self._trail.bound()
                if bound != self._seen:
                    await seal(self._trail, self._clock.now())
                    self._seen = bound
        except Exception:
            # What is not sealed now is sealed later; the trail itself is written by the commits.
            if not self._troubled:
                _LOGGER.exception("the audit trail cannot be sealed")
            self._troubled = True
        else:
            self._troubled = False
