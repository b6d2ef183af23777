"""The audit trail in memory."""

from collections.abc import Iterable, Sequence
from itertools import islice
from threading import RLock
from typing import final

from twofold.store._audit import AuditEntry, AuditSearch
from twofold.store._audit_block import AuditBlock
from twofold.store._audit_cut import AuditCut


@final
class MemoryAudit:
    """The audit trail of a `MemoryStore`.

    Args:
        lock: The lock of the store, which several event loops may use.
    """

    __slots__ = ("_blocks", "_cut", "_entries", "_lock")

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._entries: list[AuditEntry] = []
        self._blocks: list[AuditBlock] = []
        self._cut: AuditCut | None = None

    async def find(
        self, search: AuditSearch, *, after: int = 0, until: int | None = None, newest: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Entries, by number."""
        with self._lock:
            gone = 0 if self._cut is None else self._cut.entry
            end = None if until is None else max(0, until - gone)
            meant = [entry for entry in self._entries[max(0, after - gone) : end] if entry in search]
        return list(islice(reversed(meant) if newest else meant, limit))

    async def texts(self, *, after: int, until: int, limit: int) -> Sequence[tuple[int, str]]:
        """What entries say, as the texts that are sealed."""
        entries = await self.find(AuditSearch(), after=after, until=until, limit=limit)
        return [(entry.number, entry.canonical) for entry in entries]

    async def bound(self) -> int:
        """The number up to which the trail is final."""
        with self._lock:
            return self._entries[-1].number if self._entries else 0

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Blocks, in the order of the chain."""
        with self._lock:
            gone = 0 if self._cut is None else self._cut.block
            begin = max(0, after - gone)
            return self._blocks[begin : begin + limit]

    async def last_block(self) -> AuditBlock | None:
        """The last block."""
        return self._blocks[-1] if self._blocks else None

    async def seal(self, block: AuditBlock) -> bool:
        """Add a block to the chain."""
        with self._lock:
            follows = block.number == (self._blocks[-1].number if self._blocks else 0) + 1
            if follows:
                self._blocks.append(block)
            return follows

    async def last_cut(self) -> AuditCut | None:
        """The last cut."""
        return self._cut

    async def cut(self, cut: AuditCut, entry: AuditEntry) -> bool:
        """Take away what a cut says, and add the entry that tells of it."""
        with self._lock:
            blocks, behind = self._blocks, self._cut
            count = cut.block - (behind.block if behind else 0)
            follows = cut.number == (behind.number if behind else 0) + 1
            if not follows or not 0 < count < len(blocks) or not _is_behind(cut, blocks[count - 1]):
                return False
            del self._entries[: cut.entry - (behind.entry if behind else 0)]
            del blocks[:count]
            self._cut = cut
            self.add((entry,), 0)
            return True

    def add(self, entries: Iterable[AuditEntry], position: int) -> None:
        """Add entries of a batch that appended up to a position."""
        for number, entry in enumerate(entries, 1 + (self._entries[-1].number if self._entries else 0)):
            self._entries.append(entry._replace(number=number, position=position))


def _is_behind(cut: AuditCut, block: AuditBlock) -> bool:
    """Whether a cut is one behind this block."""
    return (block.last, block.hash) == (cut.entry, cut.previous) and block.time < cut.before
