"""Keeps the audit trail of a running application: seals it, takes old entries away, and writes what limits refuse.

Every worker seals and takes away. No lease says which: a block or a cut follows the last one or is refused by the
store, so those who come second have lost a look, and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Final, final

from twofold.app._auditing import Auditing, audit_keys
from twofold.app._regularly import Regularly
from twofold.app._role import Role
from twofold.clock import Clock
from twofold.store import AuditKeys, AuditTrail, Refusals, Store, prune, seal

_LOGGER: Final = logging.getLogger("twofold.audit")
_PAUSE: Final = 1.0
_PATIENCE: Final = 2.0
_WINDOW: Final = 60.0
_BETWEEN_CUTS: Final = 3600.0


def keep_trail(
    auditing: Auditing, store: Store, refusals: Refusals, role: Role, *, clock: Clock, closing: AsyncExitStack
) -> None:
    """Keep an audit trail until everything is closed.

    Args:
        auditing: What is said of it.
        store: Where it is; open.
        refusals: What limits have refused.
        role: Which part of the application runs.
        clock: Tells the time.
        closing: Closes everything, the last first; what is written while it closes is sealed.

    Raises:
        WiringError: The keys cannot be read.
    """

    def keep(work: Callable[[], Awaitable[bool | None]], every: float, name: str, trouble: str) -> None:
        regularly = Regularly(work, every=every, name=f"twofold {name}", logger=_LOGGER, trouble=trouble)
        closing.push_async_callback(regularly.stop)

    if role.works:
        keys = audit_keys()
        keep(Sealer(store.audit, clock, keys).look, _PAUSE, "audit", "the audit trail cannot be sealed")
        if auditing.keep is not None:
            pruner = Pruner(store.audit, clock, keys, auditing.keep)
            trouble = "old entries cannot be taken out of the audit trail"
            keep(pruner.look, _BETWEEN_CUTS, "audit retention", trouble)
    if role.writes:
        closing.push_async_callback(refusals.give_up)
        trouble = "what limits have refused cannot be written to the audit trail"
        keep(refusals.write, _WINDOW, "audit refusals", trouble)


@final
class Sealer:
    """Seals a trail when it has grown.

    Args:
        trail: The trail.
        clock: Tells the time.
        keys: What it is sealed with.
    """

    def __init__(self, trail: AuditTrail, clock: Clock, keys: AuditKeys) -> None:
        self._trail = trail
        self._clock = clock
        self._keys = keys
        self._seen = -1

    async def look(self) -> None:
        """Seal what has come since the last look."""
        async with asyncio.timeout(_PATIENCE):
            bound = await self._trail.bound()
            if bound != self._seen:
                await seal(self._trail, self._clock.now(), self._keys)
                self._seen = bound


@final
class Pruner:
    """Takes entries that are old out of a trail.

    Args:
        trail: The trail.
        clock: Tells the time.
        keys: What the record of it is sealed with.
        keep: How long entries are kept after they were sealed.
    """

    def __init__(self, trail: AuditTrail, clock: Clock, keys: AuditKeys, keep: timedelta) -> None:
        self._trail = trail
        self._clock = clock
        self._keys = keys
        self._keep = keep

    async def look(self) -> bool:
        """Take away some of what is old, and tell whether there may be more."""
        now = self._clock.now()
        return bool(await prune(self._trail, now - self._keep, rule=f"keep={self._keep}", now=now, keys=self._keys))
