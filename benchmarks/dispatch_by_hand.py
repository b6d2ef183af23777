"""What the figures of dispatch promise, by hand and without twofold: the floor under each of them.

A table, a context that knows its parent and makes its id when asked, and a context variable; then a clock, a count,
validation and a scope; then what bounds time and number. Nothing is configured, and nothing is left out that costs.
"""

import asyncio
import time
from bisect import bisect_left
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uuid_utils
from dishka import Provider, Scope, make_async_container
from pydantic import TypeAdapter

from benchmarks.renaming import Call, Ledger, Opened, Rename, ledger_awaited, rename, rename_in
from twofold import Failure, Result, Success

_BOUNDS = tuple(number / 10_000 for number in range(1, 60))


class _Known:
    """What is known of a message while it is handled."""

    __slots__ = ("_id", "deadline", "origin", "parent", "time")

    def __init__(self, parent: "_Known | None") -> None:
        self.parent = parent
        self.origin: str | None = None if parent is None else parent.origin
        self.deadline: float | None = None
        self.time: float | None = None
        self._id: UUID | None = None

    @property
    def id(self) -> UUID:
        """Its id."""
        if self._id is None:
            self._id = UUID(int=uuid_utils.uuid7().int)
        return self._id


_current: ContextVar[_Known | None] = ContextVar("benchmarks_current", default=None)


@dataclass(slots=True)
class _Bus:
    """Takes messages to whatever handles their type."""

    table: dict[type, Call]

    async def execute(self, message: Any) -> Result[Any]:
        """Handle one."""
        handle = self.table[type(message)]
        token = _current.set(_Known(_current.get()))
        try:
            answer = await handle(message)
            return answer if isinstance(answer, Success | Failure) else Success(answer)
        finally:
            _current.reset(token)


def bus(table: dict[type, Call]) -> Call:
    """A look-up, a context of its own for each message, and an answer that is a result whatever it was."""
    return _Bus(table).execute


def bus_with_id() -> Call:
    """The same, with a handler that asks for the id."""

    async def handle(message: Rename) -> Result[None]:
        known = _current.get()
        assert known is not None
        _made = known.id
        return await rename(message)

    return _Bus({Rename: handle}).execute


def pipeline(opened: Opened) -> Call:
    """The same, validated, timed, counted, and with a scope of dishka that opens and closes one generator."""
    return _Bus({Rename: _measured(_scoped(opened))}).execute


def bounded_pipeline(opened: Opened) -> Call:
    """The same, at most twenty at once and five seconds each, as asyncio bounds them."""
    handle, turn = _scoped(opened), asyncio.Semaphore(20)

    async def bounded(message: Rename) -> Any:
        async with turn, asyncio.timeout(5):
            return await handle(message)

    return _Bus({Rename: _measured(bounded)}).execute


def _scoped(opened: Opened) -> Call:
    provider = Provider()
    provider.provide(opened, provides=Ledger, scope=Scope.REQUEST)
    container, validate = make_async_container(provider), TypeAdapter(Rename).validator.validate_python

    async def handle(message: Rename) -> Any:
        message = validate(message)
        async with container() as scope:
            return await rename_in(message, scope.get_sync(Ledger))

    async def handle_awaiting(message: Rename) -> Any:
        message = validate(message)
        async with container() as scope:
            return await rename_in(message, await scope.get(Ledger))

    return handle_awaiting if opened is ledger_awaited else handle


def _measured(handle: Call) -> Call:
    counts = [0] * (len(_BOUNDS) + 1)

    async def timed(message: Any) -> Any:
        started = time.perf_counter()
        try:
            return await handle(message)
        finally:
            counts[bisect_left(_BOUNDS, time.perf_counter() - started)] += 1

    return timed
