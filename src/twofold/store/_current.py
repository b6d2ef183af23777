"""The unit of work of the message that this task handles, and the checkpoint that moves with it."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from twofold.messages import Catalogue, Context
from twofold.store._checkpoint import Move
from twofold.store._part import top_level
from twofold.store._unit import UnitOfWork

_unit: ContextVar[UnitOfWork | None] = ContextVar("twofold_unit", default=None)
_carried: ContextVar[Move | None] = ContextVar("twofold_carried_move", default=None)


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


carried_move = _carried.get
"""The checkpoint that the next unit of work of this task moves, or None; never inside a unit."""


@contextmanager
def carrying(move: Move) -> Generator[None]:
    """Have the next unit of work of this task move a checkpoint: a reaction and its checkpoint commit together."""
    token = _carried.set(move)
    try:
        yield
    finally:
        _carried.reset(token)


@asynccontextmanager
async def working(unit: UnitOfWork) -> AsyncGenerator[UnitOfWork]:
    """Make a unit the current one for a block, and end it afterwards; an error or cancellation rolls it back."""
    token = _unit.set(unit)
    carried = _carried.set(None)
    try:
        with top_level():
            yield unit
    except BaseException:
        await unit.rollback()
        raise
    finally:
        _carried.reset(carried)
        _unit.reset(token)
        await unit.end()


UnitFactory: TypeAlias = Callable[[Context], UnitOfWork]
"""Makes the unit of work of a message."""
