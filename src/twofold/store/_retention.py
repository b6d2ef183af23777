"""Taking old entries out of the audit trail, in whole blocks from its beginning, so that the rest can still be proved.

It takes the one way that the database leaves open: a cut is recorded, and what it names may go. The last block is never
taken away, for the next one follows it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from twofold.clock import new_id
from twofold.store._audit_block import AuditBlock
from twofold.store._audit_cut import AuditCut
from twofold.store._audit_keys import NO_KEYS, AuditKeys
from twofold.store._audit_trail import AuditTrail

_PAGE: Final = 100
_MOST: Final = 5_000
"""How many entries go in one transaction, give or take a block, since others wait for it to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was taken out of a trail, or would be.

    Args:
        blocks: How many blocks.
        entries: How many entries they seal.
        until: The number of the last such entry; 0 for none.
    """

    blocks: int = 0
    entries: int = 0
    until: int = 0

    def __bool__(self) -> bool:
        return self.blocks > 0

    def __add__(self, later: "Pruned") -> "Pruned":
        return Pruned(blocks=self.blocks + later.blocks, entries=self.entries + later.entries, until=later.until)


async def prunable(trail: AuditTrail, before: datetime) -> Pruned:
    """What `prune` would take away.

    Args:
        trail: The trail.
        before: Only what was sealed before this time.
    """
    found = Pruned()
    async for block in _old(trail, before):
        found += _all_of(block)
    return found


async def prune(
    trail: AuditTrail,
    before: datetime,
    *,
    rule: str,
    now: datetime,
    keys: AuditKeys = NO_KEYS,
    user_id: str | None = None,
) -> Pruned:
    """Take away the first blocks of a trail that were sealed before some time, a few thousand entries at most.

    Args:
        trail: The trail.
        before: Only what was sealed before this time.
        rule: What is the reason.
        now: The time.
        keys: What the record of it is sealed with.
        user_id: Who has asked for it; None for the application itself.

    Returns:
        What was taken away; nothing when there is nothing to take, or when somebody else does it.

    Raises:
        AuditKeyMissing: The chain is sealed under a key, and none is given.
    """
    behind, taken, last = await trail.last_cut(), Pruned(), None
    async for block in _old(trail, before):
        taken, last = taken + _all_of(block), block
        if taken.entries >= _MOST:
            break
    if last is None:
        return taken
    head = await trail.last_block()
    keys.go_on(last.key if head is None else head.key)
    cut = AuditCut.of(last, behind, before=before, rule=rule, time=now, keys=keys)
    return taken if await trail.cut(cut, cut.entry_of(user_id, new_id())) else Pruned()


def _all_of(block: AuditBlock) -> Pruned:
    return Pruned(blocks=1, entries=block.count, until=block.last)


async def _old(trail: AuditTrail, before: datetime) -> AsyncIterator[AuditBlock]:
    head, after = await trail.last_block(), 0
    while page := await trail.blocks(after=after, limit=_PAGE):
        for block in page:
            if head is None or block.number >= head.number or block.time >= before:
                return
            yield block
        after = page[-1].number
