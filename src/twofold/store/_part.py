"""The parts of a unit of work that can be undone alone.

Parts nest, and never overlap: of commands that a handler sends side by side, each waits for the one before it.
"""

import asyncio
from contextvars import ContextVar
from typing import NamedTuple

from twofold.messages import Context
from twofold.store._participants import Participant
from twofold.store._pending import Mark
from twofold.store._sources import Standing


class Place(NamedTuple):
    """Where a task stands among the parts of a unit of work.

    Args:
        turns: The locks of the unit, one for each depth.
        depth: In how many parts of it.
        outer: Where the task stands once it has left the innermost.
    """

    turns: list[asyncio.Lock]
    depth: int
    outer: "Place | None"

    def leave(self) -> None:
        """Come back up, and let the next one in."""
        _place.set(self.outer)
        self.turns[self.depth - 1].release()


_place: ContextVar[Place | None] = ContextVar("twofold_place", default=None)


async def enter(turns: list[asyncio.Lock]) -> Place:
    """Wait until no other part of a unit is open where this task stands, and go one deeper.

    Args:
        turns: The locks of the unit; it gets one more where nobody was so deep.
    """
    outer = _place.get()
    depth = outer.depth if outer is not None and outer.turns is turns else 0
    if depth == len(turns):
        turns.append(asyncio.Lock())
    await turns[depth].acquire()
    place = Place(turns, depth + 1, outer)
    _place.set(place)
    return place


class Part(NamedTuple):
    """A unit of work as it stood when a part of it began.

    Args:
        place: Where its task stands.
        mark: How much the unit had taken.
        traced: How many commands had been sent and answered in it.
        sources: Its aggregates as they were.
        session: Its session, when it had one.
        context: The message it served.
    """

    place: Place
    mark: Mark
    traced: int
    sources: Standing
    session: Participant | None
    context: Context
