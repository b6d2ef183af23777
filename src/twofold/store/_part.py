"""The parts of a unit of work that can be undone alone.

Parts nest, and never overlap: of commands that a handler sends side by side, each waits for the one before it.
"""

import asyncio
from contextvars import ContextVar
from functools import partial
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


_depth: ContextVar[int] = ContextVar("twofold_part_depth", default=0)


class Turns:
    """Lets one part at a time be open at each depth of a unit of work."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: list[asyncio.Lock] = []

    async def enter(self) -> None:
        """Wait until no other part is open where this task stands, and go one deeper."""
        depth = _depth.get()
        if depth == len(self._locks):
            self._locks.append(asyncio.Lock())
        await self._locks[depth].acquire()
        _depth.set(depth + 1)

    def leave(self) -> None:
        """Come back up, and let the next one in."""
        depth = _depth.get() - 1
        _depth.set(depth)
        self._locks[depth].release()


enter_top_level = partial(_depth.set, 0)
"""A new unit of work is the current one: this task is in no part of it yet."""

leave_top_level = _depth.reset
"""The unit of work around it is the current one again."""
