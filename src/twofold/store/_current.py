"""The unit of work of the message that this task handles, and what it settles of the log that is followed."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from twofold.messages import Catalogue, Context
from twofold.store._batch import Batch
from twofold.store._part import top_level
from twofold.store._unit import UnitOfWork

_unit: ContextVar[UnitOfWork | None] = ContextVar("twofold_unit", default=None)
_carried: ContextVar[Batch | None] = ContextVar("twofold_carried", default=None)


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


carried = _carried.get
"""What the next unit of work of this task settles, or None; never inside a unit."""


@contextmanager
def carrying(settled: Batch) -> Generator[None]:
    """Have the next unit of work of this task settle an event: a reaction and its checkpoint commit together."""
    token = _carried.set(settled)
    try:
        yield
    finally:
        _carried.reset(token)


@asynccontextmanager
async def working(unit: UnitOfWork) -> AsyncGenerator[UnitOfWork]:
    """Make a unit the current one for a block, and end it afterwards; an error or cancellation rolls it back."""
    token = _unit.set(unit)
    outside = _carried.set(None)
    try:
        with top_level():
            yield unit
    except BaseException:
        await unit.rollback()
        raise
    finally:
        _carried.reset(outside)
        _unit.reset(token)
        await unit.end()


UnitFactory: TypeAlias = Callable[[Context], UnitOfWork]
"""Makes the unit of work of a message."""
