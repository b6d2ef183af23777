"""What takes part in a unit of work, and the parts of one that can be undone alone.

Parts nest, and never overlap: of commands that a handler sends side by side, each waits for the one before it.
"""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar, Token
from typing import NamedTuple, Protocol

from twofold.messages import Context


class EventSource(Protocol):
    """Something that collects events until the unit of work commits; an aggregate's repository, say."""

    def drain(self) -> tuple[str, int, Sequence[object]] | None:
        """Its stream, the version that was loaded, and its new events; None when there are none."""
        ...

    def mark(self) -> object:
        """Its state now, for `revert`."""
        ...

    def revert(self, mark: object) -> None:
        """Go back to a state that `mark` gave."""
        ...


class Participant(Protocol):
    """A session that writes in the unit's transaction."""

    async def flush(self) -> None:
        """Send what is pending, before the unit commits."""
        ...

    async def savepoint(self) -> None:
        """Begin a part that can be undone alone."""
        ...

    async def release(self) -> None:
        """Keep the innermost part."""
        ...

    async def undo(self) -> None:
        """Undo the innermost part."""
        ...

    async def close(self) -> None:
        """Let go of everything; the unit has ended."""
        ...


class Part(NamedTuple):
    """A unit of work as it stood when a part of it began.

    Args:
        facts: How many events it had.
        rows: How many row changes it had.
        moves: How many moves it had.
        conditions: How many conditions it had.
        conclusions: How many events it had that come after all others.
        undone: How many events it had for the case that it does not commit.
        enlisted: How many sources it had.
        traced: How many commands had been sent and answered in it.
        sources: Every source it knew, with its state.
        participant: Its session, when it had one.
        context: The message it served.
    """

    facts: int
    rows: int
    moves: int
    conditions: int
    conclusions: int
    undone: int
    enlisted: int
    traced: int
    sources: dict[str, tuple[EventSource, object]]
    participant: Participant | None
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


def enter_top_level() -> Token[int]:
    """A new unit of work is the current one: this task is in no part of it yet."""
    return _depth.set(0)


def leave_top_level(token: Token[int]) -> None:
    """The unit of work around it is the current one again."""
    _depth.reset(token)
