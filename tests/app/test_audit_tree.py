"""What one request has caused, as a tree that goes on behind the events that reactions are called with."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.app.test_audit import Open, Opened, bank
from twofold import App, CommandBus, Event, EventBus, Module
from twofold.cli._audit_entry import request_lines
from twofold.store import Store

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Told(Event):
    """Somebody was told of an account."""


async def test_what_a_reaction_sends_is_below_the_command_of_its_event(shared: Callable[[], Store]) -> None:
    """However many events that command has recorded, and beside those of other requests at the same time."""
    module = Module("follow")

    @module.on(Opened)
    async def follow(event: Opened, bus: CommandBus) -> None:
        (await bus.execute(Open(count=0))).unwrap()

    async with App("bank", modules=[bank(), module], database=shared()) as app:
        first, second = app.caller(correlation_id="c-1"), app.caller(correlation_id="c-2")
        await asyncio.gather(first.execute(Open(count=40)), *(second.execute(Open()) for _ in range(40)))
        await app.settle()
        (root,) = await app.audit.tree("c-1")
        others = await app.audit.tree("c-2")
    assert (len(root.caused), [len(one.caused) for one in others]) == (40, [1] * 40)
    assert {one.entry.payload[9] for one in root.caused} == {"0"}


async def test_a_chain_of_any_length_is_a_tree() -> None:
    """As a reaction makes it that sends the next command each time."""
    module = Module("chain")

    @module.on(Opened)
    async def go_on(event: Opened, bus: CommandBus) -> None:
        if next(left, None) is not None:
            (await bus.execute(Open())).unwrap()

    left = iter(range(1200))
    async with App("bank", modules=[bank(), module], database="memory:") as app:
        await app.caller(correlation_id="c-1").execute(Open())
        await app.settle(timeout=60)
        tree, depth = await app.audit.tree("c-1"), 0
        branches = tree
        while branches:
            (branch,) = branches
            branches, depth = branch.caused, depth + 1
    assert depth == 1201
    assert len(list(request_lines(tree))) == 1202


async def test_an_event_that_came_of_an_event_is_passed() -> None:
    """Also where a reaction has published it, with no command between, and near what came of it."""
    module = Module("relayed")

    @module.on(Opened)
    async def tell(event: Opened, events: EventBus) -> None:
        if next(once, None) is not None:
            (await events.publish(Told())).unwrap()

    @module.on(Told)
    async def follow(event: Told, bus: CommandBus) -> None:
        (await bus.execute(Open())).unwrap()

    once = iter([True])
    async with App("bank", modules=[bank(), module], database="memory:") as app:
        await app.caller(correlation_id="c-1").execute(Open())
        await app.settle()
        (root,) = await app.audit.tree("c-1")
    assert [one.entry.message for one in root.caused] == ["open"]
