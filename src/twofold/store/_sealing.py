"""Sealing the audit trail behind the commits.

Commits stay concurrent, since none of them waits for the chain. Whoever seals looks how far the trail is final, and
adds one block; of several who do so at once, the store takes one.
"""

from datetime import datetime
from typing import Final

from twofold.store._audit_block import AuditBlock
from twofold.store._audit_keys import NO_KEYS, AuditKeys
from twofold.store._audit_trail import AuditTrail

_MOST: Final = 1000


async def seal(trail: AuditTrail, now: datetime, keys: AuditKeys = NO_KEYS) -> int:
    """Seal all entries that are final by now.

    Args:
        trail: The trail.
        now: The time, for the blocks.
        keys: What they are sealed with.

    Returns:
        How many entries it has sealed; those that somebody else sealed meanwhile do not count.

    Raises:
        AuditKeyMissing: The last block was sealed under a key, and none is given.
    """
    sealed, bound = 0, await trail.bound()
    while True:
        behind = await trail.last_block()
        texts = await trail.texts(after=0 if behind is None else behind.last, until=bound, limit=_MOST)
        if not texts:
            return sealed
        if await trail.seal(AuditBlock.of(texts, behind, now, keys)):
            sealed += len(texts)
