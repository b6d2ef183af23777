"""The audit trail in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from threading import RLock
from typing import final

from twofold.store._audit import AuditBlock, AuditEntry, AuditSearch


@final
class MemoryAudit:
    """The audit trail of a `MemoryStore`.

    Args:
        lock: The lock of the store, which several event loops may use.
    """

    __slots__ = ("_blocks", "_entries", "_lock")

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._entries = list[AuditEntry]()
        self._blocks = list[AuditBlock]()

    async def find(
        self, search: AuditSearch, *, after: int = 0, until: int | None = None, newest: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Entries, by number."""
        with self._lock:
            meant = [entry for entry in self._entries[after:until] if entry in search]
        return list(islice(reversed(meant) if newest else meant, limit))

    async def bound(self) -> int:
        """The number up to which the trail is final."""
        return len(self._entries)

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Blocks, in the order of the chain."""
        return self._blocks[after : after + limit]

    async def last_block(self) -> AuditBlock | None:
        """The last block."""
        return self._blocks[-1] if self._blocks else None

    async def seal(self, block: AuditBlock) -> bool:
        """Add a block to the chain."""
        with self._lock:
            follows = block.number == len(self._blocks) + 1
            if follows:
                self._blocks.append(block)
            return follows

    def add(self, entries: Iterable[AuditEntry], position: int) -> None:
        """Add entries of a batch that appended up to a position."""
        for entry in entries:
            self._entries.append(replace(entry, number=len(self._entries) + 1, position=position))
