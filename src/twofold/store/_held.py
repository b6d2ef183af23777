"""What of a unit of work runs in its store before it commits: a transaction that is held open, and a session in it.

The unit knows what was added to it, and undoes that by forgetting it; this is undone where it runs.
"""

from collections.abc import Callable
from datetime import datetime
from typing import final

from twofold.store._participants import Participant
from twofold.store._port import Transaction
from twofold.store._replies import Reply


@final
class HeldTransaction:
    """The transaction of a unit of work that does more than to add.

    Args:
        transaction: The store's.
    """

    __slots__ = ("_claimed", "_marked", "_session", "transaction")

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._session: Participant | None = None
        self._claimed = False
        self._marked = False

    def session(self, join: Callable[[Transaction], Participant]) -> Participant:
        """The session in it; made at the first call."""
        if self._session is None:
            self._session = join(self.transaction)
        return self._session

    async def flush(self) -> None:
        """Have the session send what is pending."""
        if self._session is not None:
            await self._session.flush()

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Begin with the claim of a key; None when it is ours."""
        found = await self.transaction.claim(key, now, wait)
        self._claimed = found is None
        return found

    async def mark(self) -> Participant | None:
        """Have a way back to where it is now; what is given is the session so far, for `undo`."""
        if self._session is not None:
            await self._session.savepoint()
        elif self._claimed and not self._marked:
            await self.transaction.mark()
            self._marked = True
        return self._session

    async def undo(self, session: Participant | None) -> bool:
        """Undo what has run since the innermost mark, which gave this session; False when that was all there is."""
        if session is not None:
            await session.undo()
        elif self._session is not None:
            # It was born since then, so all of the transaction is undone, but for a claim.
            await self._session.close()
            self._session = None
            if not self._marked:
                await self.transaction.rollback()
                return False
            await self.transaction.revert()
        return True

    async def close(self) -> None:
        """Let the session go: the unit has ended."""
        if self._session is not None:
            await self._session.close()
