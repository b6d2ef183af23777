"""Lines in front of what many commands decide on at once: who was overtaken waits there, and then decides again alone.

Side by side all but one of them would be overtaken again, however often they try. Only who has been overtaken stands in
a line, where it holds neither a connection nor a turn. Other processes have lines of their own and still race.
"""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import Final, final
from weakref import WeakValueDictionary

_PATIENCE: Final = 5.0


@final
class Lines:
    """A line for each thing that is decided on, for as long as somebody stands in it.

    Args:
        patience: How long anybody waits for their turn, in seconds.
    """

    __slots__ = ("_patience", "_turns")

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def behind(self, thing: Hashable | None) -> AsyncGenerator[None]:
        """A block for one at a time, in the order in which they came.

        Who has waited for too long enters beside the others: whoever is inside may be waiting for what the waiting one
        holds, a place of a bulkhead say, and a store finds out by itself who was overtaken.

        Args:
            thing: What is decided on; None for what nobody was overtaken on, which nobody waits for.
        """
        if thing is None:
            yield
            return
        turn = self._turns.setdefault(thing, asyncio.Lock())
        mine = False
        try:
            async with asyncio.timeout(self._patience):
                mine = await turn.acquire()
        except TimeoutError:
            pass
        try:
            yield
        finally:
            if mine:
                turn.release()
