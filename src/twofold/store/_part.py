"""The parts of a unit of work that can be undone alone.

Parts nest, and never overlap: of commands that a handler sends side by side, each waits for the one before it.
"""

import asyncio
from contextvars import ContextVar
from typing import NamedTuple

from twofold.messages import Context
from twofold.store._participants import EventSource, Participant
from twofold.store._pending import Mark


class Part(NamedTuple):
    """A unit of work as it stood when a part of it began.

    Args:
        mark: How much it had taken.
        traced: How many commands had been sent and answered in it.
        sources: Every source it knew, with its state.
        session: Its session, when it had one.
        context: The message it served.
    """

    mark: Mark
    traced: int
    sources: dict[str, tuple[EventSource, object]]
    session: Participant | None
    context: Context


class _Place(NamedTuple):
    """Where a task stands.

    Args:
        turns: Those of the unit in whose parts it is.
        depth: In how many of them.
        outer: Where it stands once it has left the innermost.
    """

    turns: "Turns"
    depth: int
    outer: "_Place | None"


_place: ContextVar[_Place | None] = ContextVar("twofold_place", default=None)


class Turns:
    """Lets one part at a time be open at each depth of a unit of work."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: list[asyncio.Lock] = []

    async def enter(self) -> None:
        """Wait until no other part is open where this task stands, and go one deeper."""
        outer = _place.get()
        depth = outer.depth if outer is not None and outer.turns is self else 0
        if depth == len(self._locks):
            self._locks.append(asyncio.Lock())
        await self._locks[depth].acquire()
        _place.set(_Place(self, depth + 1, outer))

    def leave(self) -> None:
        """Come back up, and let the next one in."""
        place = _place.get()
        assert place is not None
        _place.set(place.outer)
        self._locks[place.depth - 1].release()
