"""The port of the audit trail: read, sealed and cut here; entries come with batches."""

from collections.abc import Sequence
from typing import Protocol

from twofold.store._audit import AuditEntry, AuditSearch
from twofold.store._audit_block import AuditBlock
from twofold.store._audit_cut import AuditCut


class AuditTrail(Protocol):
    """The audit trail of a store."""

    async def find(
        self, search: AuditSearch, *, after: int = 0, until: int | None = None, newest: bool = False, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Entries, by number.

        Args:
            search: Which.
            after: Only those behind this number.
            until: Only those up to this number; all unless given.
            newest: Whether the newest come first.
            limit: How many at most.
        """
        ...

    async def texts(self, *, after: int, until: int, limit: int) -> Sequence[tuple[int, str]]:
        """What entries say as the texts that are sealed, each behind its number; nobody has to make the entries.

        Args:
            after: Only those behind this number.
            until: Only those up to this number.
            limit: How many at most.
        """
        ...

    async def bound(self) -> int:
        """The number up to which the trail is final: what is written from now on comes behind it."""
        ...

    async def blocks(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditBlock]:
        """Blocks behind one of this number, in the order of the chain."""
        ...

    async def last_block(self) -> AuditBlock | None:
        """The last block; None when nothing is sealed yet."""
        ...

    async def seal(self, block: AuditBlock) -> bool:
        """Add a block to the chain.

        Returns:
            Whether it is in it; not when somebody else has sealed one of this number before.
        """
        ...

    async def last_cut(self) -> AuditCut | None:
        """The last cut; None when the chain begins with its first block."""
        ...

    async def cut(self, cut: AuditCut, entry: AuditEntry) -> bool:
        """Take away what a cut says, keep the cut, and add the entry that tells of it, in one transaction.

        Args:
            cut: The cut.
            entry: The entry.

        Returns:
            Whether it is done; not when the cut does not follow the last one, since somebody else has made one, or when
            the chain has no such block, or no other behind it.
        """
        ...
