"""The unit of work of the message that this task handles, and what it settles of the log that is followed."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TypeAlias, final

from twofold.messages import Catalogue, Context
from twofold.store._batch import Batch
from twofold.store._unit import UnitOfWork

_unit: ContextVar[UnitOfWork | None] = ContextVar("twofold_unit", default=None)
_carried: ContextVar[tuple[Batch, UnitOfWork | None] | None] = ContextVar("twofold_carried", default=None)
"""What is settled, and the unit around it."""


def current_unit(catalogue: Catalogue | None = None) -> UnitOfWork | None:
    """The unit of work of the command being handled in this task; None outside any, and once it has ended.

    A task that a handler leaves behind outlives the handler's unit: what it sends later gets one of its own.

    Args:
        catalogue: Whose application's unit is meant, where another application's handler may be running.
    """
    unit = _unit.get()
    if unit is None or not unit.open or (catalogue is not None and unit.catalogue is not catalogue):
        return None
    return unit


def carried() -> Batch | None:
    """What the unit of work settles that this task begins now, or None; those inside it settle nothing."""
    found = _carried.get()
    return found[0] if found is not None and found[1] is _unit.get() else None


@contextmanager
def carrying(settled: Batch) -> Generator[None]:
    """Have the next unit of work of this task settle an event: a reaction and its checkpoint commit together."""
    token = _carried.set((settled, _unit.get()))
    try:
        yield
    finally:
        _carried.reset(token)


enter_unit = _unit.set
leave_unit = _unit.reset


@final
class working:  # noqa: N801  # reads as the block that it is; a generator would cost every reaction 4 µs
    """Make a unit the current one for a block, and end it afterwards; an error or cancellation rolls it back.

    Args:
        unit: The unit of work.
    """

    __slots__ = ("_outer", "_unit")

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit

    async def __aenter__(self) -> UnitOfWork:
        self._outer = enter_unit(self._unit)
        return self._unit

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            await undo(self._unit, self._outer)
        else:
            leave_unit(self._outer)
            await self._unit.end()


async def undo(unit: UnitOfWork, outer: Token[UnitOfWork | None]) -> None:
    """Roll a unit back that is the current one, and end it.

    Args:
        unit: The unit of work.
        outer: What `enter_unit` has given.
    """
    try:
        await unit.rollback()
    finally:
        leave_unit(outer)
        await unit.end()


UnitFactory: TypeAlias = Callable[[Context], UnitOfWork]
"""Makes the unit of work of a message."""
