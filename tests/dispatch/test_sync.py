"""The blocking faces: the same surface for code that cannot await."""

import asyncio
import threading
from dataclasses import dataclass

import pytest

from twofold.dispatch import CommandBus, Dispatcher, EventBus, Portal, QueryBus
from twofold.errors import WiringError
from twofold.messages import Command, Event, Query
from twofold.result import Success


@dataclass(frozen=True, kw_only=True)
class Do(Command[int]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Ask(Query[int]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    """An event."""


async def answer(message: object) -> int:
    """After a turn of the loop."""
    await asyncio.sleep(0)
    return 1


def test_every_bus_has_one() -> None:
    """With the answers that one would have awaited."""
    commands, queries, events, dispatcher = CommandBus(), QueryBus(), EventBus(), Dispatcher()
    commands.register(Do, answer)
    queries.register(Ask, answer)
    events.register(Happened, answer)
    dispatcher.register_command(Do, answer)
    assert commands.sync.execute(Do()) == Success(1)
    assert queries.sync.execute(Ask()) == Success(1)
    assert events.sync.publish(Happened()) == Success()
    assert dispatcher.sync.dispatch(Do()) == Success(1)


def test_a_bug_propagates() -> None:
    """To the one who called."""

    def crash(command: Do) -> int:
        raise KeyError("x")

    bus = CommandBus()
    bus.register(Do, crash)
    with pytest.raises(KeyError):
        bus.sync.execute(Do())


@pytest.mark.anyio
async def test_where_a_loop_is_running_it_refuses() -> None:
    """It would wait for itself for ever."""
    bus = CommandBus()
    bus.register(Do, answer)
    with pytest.raises(WiringError, match="await"):
        bus.sync.execute(Do())


@pytest.mark.anyio
async def test_a_thread_reaches_the_loop_that_was_lent() -> None:
    """Work runs where the application runs."""
    portal, home = Portal(), asyncio.get_running_loop()
    portal.adopt(home)

    async def where() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert await asyncio.to_thread(portal.run, where) is home


def test_closing_ends_the_loop_of_its_own() -> None:
    """And the next call makes another; closing twice is harmless."""
    portal = Portal()

    async def thread() -> threading.Thread:
        return threading.current_thread()

    first = portal.run(thread)
    portal.close()
    portal.close()
    first.join(timeout=5)
    assert not first.is_alive()
    second = portal.run(thread)
    assert second is not first
    portal.close()
    second.join(timeout=5)
