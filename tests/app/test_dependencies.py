"""What a handler of an application may ask for, and for how long it is good."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.app.bank import Announced, app_on, told
from twofold import Command, Context, EventBus, Module, UnitOfWork
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


class Session:
    """Something that is open while a message is handled."""

    def __init__(self) -> None:
        self.closed_after: list[str] | None = None


def module_with(handler: Any, *provided: tuple[Any, Any]) -> Module:
    """A module of one handler."""
    module = Module("more")
    module.handler(handler)
    for wanted, source in provided:
        module.provide(wanted, source)
    return module


async def test_a_dependency_is_closed_after_the_commit() -> None:
    """What the handler has written is in the log by then, and the handler has long ended."""

    @dataclass(frozen=True, kw_only=True)
    class Do(Command[None]):
        pass

    store, session = MemoryStore(), Session()

    async def open_session() -> AsyncIterator[Session]:
        yield session
        session.closed_after = [type_ for type_, _ in await told(store)]

    async def handle(command: Do, opened: Session, events: EventBus) -> None:
        await events.publish(Announced(text="x"))
        assert opened.closed_after is None

    async with app_on(store, module_with(handle, (Session, open_session))) as app:
        assert (await app.execute(Do())).is_success
        assert session.closed_after == ["announced"]


async def test_commands_at_once_share_neither_unit_nor_context() -> None:
    """By constructor and by parameter; both are those of the same message."""

    @dataclass(frozen=True, kw_only=True)
    class Do(Command[Any]):
        pass

    both = asyncio.Barrier(2)

    class Handler:
        def __init__(self, unit: UnitOfWork, context: Context) -> None:
            self.unit = unit
            self.context = context

        async def handle(self, command: Do, again: UnitOfWork, same: Context) -> Any:
            await both.wait()
            assert self.unit is again
            assert self.context is same
            return self.unit, self.context

    async with app_on(MemoryStore(), module_with(Handler)) as app:
        one, two = await asyncio.gather(app.execute(Do()), app.execute(Do()))
    assert one.unwrap()[0] is not two.unwrap()[0]
    assert one.unwrap()[1].message_id != two.unwrap()[1].message_id


async def test_a_handler_that_kept_its_unit_too_long_is_told() -> None:
    """What it adds after the end is an error and never lost in silence."""

    @dataclass(frozen=True, kw_only=True)
    class Do(Command[Any]):
        pass

    async def handle(command: Do, unit: UnitOfWork) -> UnitOfWork:
        return unit

    async with app_on(MemoryStore(), module_with(handle)) as app:
        unit = (await app.execute(Do())).unwrap()
        with pytest.raises(ValueError, match="after the unit of work had ended"):
            unit.record(Announced(text="late"))


async def test_a_blocking_handler_sends_into_its_own_transaction() -> None:
    """From its thread, through `.sync`; both commit together or not at all."""

    @dataclass(frozen=True, kw_only=True)
    class Do(Command[Any]):
        ending: str = ""

    store, module = MemoryStore(), Module("more")

    @module.handler(blocking=True)
    def handle(command: Do, events: EventBus) -> None:
        events.sync.publish(Announced(text="x"))
        if command.ending:
            raise KeyError(command.ending)

    async with app_on(store, module) as app:
        with pytest.raises(KeyError):
            await app.execute(Do(ending="bug"))
        assert await told(store) == []
        assert (await app.execute(Do())).is_success
        assert await told(store) == [("announced", b'{"text":"x"}')]
