"""Proving an audit trail while others change it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from twofold.store import AuditBlock, AuditTrail, Batch, MemoryStore, prune, seal, verify
from twofold.testing._store_audit import entry

NOW = datetime(2030, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)


class CutMeanwhile:
    """A trail that loses its beginning when its blocks are read for the first time."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail
        self.cuts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._trail, name)

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Read them, a moment later."""
        if not self.cuts:
            self.cuts = (await prune(self._trail, NOW + 2 * DAY, rule="keep a day", now=NOW + 3 * DAY)).blocks
        return await self._trail.blocks(after=after, limit=limit)


@pytest.mark.anyio
async def test_what_is_cut_while_it_is_read_is_no_flaw() -> None:
    """The proof begins anew, and tells of what is there then."""
    store = MemoryStore()
    await store.start()
    for day in range(3):
        await store.commit(Batch(audit=(entry(),)))
        await seal(store.audit, NOW + day * DAY)
    trail = CutMeanwhile(store.audit)
    verdict = await verify(cast("AuditTrail", trail))
    assert (trail.cuts, verdict.entries, verdict.cut, verdict.flaw) == (2, 1, await store.audit.last_cut(), None)
