"""Seals the audit trail in the background of a running application.

Every worker does: a block follows the last one or is refused by the store.
"""

import logging
from typing import Final, final

from twofold.app._rounds import Rounds
from twofold.clock import Clock
from twofold.store import AuditTrail, seal

_LOGGER: Final = logging.getLogger("twofold.audit")
_PAUSE: Final = 1.0


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
        # What is not sealed now is sealed later; the trail itself is written by the commits.
        self._rounds = Rounds(self._look, pause=_PAUSE, logger=_LOGGER, text="the audit trail cannot be sealed")

    async def stop(self) -> None:
        """Seal what is there, and end."""
        await self._rounds.stop()

    async def _look(self) -> None:
        bound = await self._trail.bound()
        if bound != self._seen:
            await seal(self._trail, self._clock.now())
            self._seen = bound
