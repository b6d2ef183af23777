"""An event bus alone: every handler runs, side by side, and none disturbs another."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from twofold.dispatch import Dispatcher, EventBus
from twofold.errors import HandlersFailed, Refused, WiringError
from twofold.messages import Command, Event, Query, event
from twofold.result import Failure, Success

pytestmark = pytest.mark.anyio


@event(name="order-placed")
@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    """An event."""


async def test_an_event_reaches_every_handler() -> None:
    """Those registered by its class, and those by its name."""
    seen: list[str] = []
    bus = EventBus()
    bus.register(OrderPlaced, lambda event: seen.append("register"))
    bus.subscribe(OrderPlaced, lambda event: seen.append("by class"))
    bus.subscribe("order-placed", lambda event: seen.append("by name"))
    bus.subscribe("order-paid", lambda event: seen.append("another"))
    assert await bus.publish(OrderPlaced()) == Success()
    assert sorted(seen) == ["by class", "by name", "register"]


async def test_an_event_that_nobody_handles_is_fine() -> None:
    """On the bus and through the dispatcher."""
    assert await EventBus().publish(OrderPlaced()) == Success()
    assert await Dispatcher().dispatch(OrderPlaced()) == Success()


async def test_a_dispatcher_reaches_those_who_subscribed_by_name() -> None:
    """It need not know the class beforehand."""
    seen: list[object] = []
    dispatcher = Dispatcher()
    dispatcher.events.subscribe("order-placed", seen.append)
    await dispatcher.dispatch(OrderPlaced())
    assert seen == [OrderPlaced()]


async def test_handlers_run_side_by_side() -> None:
    """Each waits for the other; one after the other they would wait for ever."""
    both = asyncio.Barrier(2)

    async def meet(event: OrderPlaced) -> None:
        await both.wait()

    bus = EventBus()
    bus.register(OrderPlaced, meet)
    bus.register(OrderPlaced, meet)
    async with asyncio.timeout(5):
        assert await bus.publish(OrderPlaced()) == Success()


async def test_a_failing_handler_is_seen_and_disturbs_no_other() -> None:
    """The failure is in the answer, by the handler's id, and never only in a log."""
    seen: list[object] = []

    async def refuse(event: OrderPlaced) -> Failure[Refused]:
        return Failure(Refused("no"))

    bus = EventBus()
    bus.register(OrderPlaced, refuse)
    bus.register(OrderPlaced, seen.append)
    result = await bus.publish(OrderPlaced())
    assert seen == [OrderPlaced()]
    assert isinstance(result.error, HandlersFailed)
    ((name, error),) = result.error.errors.items()
    assert name.endswith("refuse")
    assert str(error) == "no"


async def test_a_bug_in_a_handler_propagates_after_the_others_ran() -> None:
    """One as itself, several together."""
    seen: list[object] = []

    def crash(event: OrderPlaced) -> None:
        raise KeyError("x")

    def fall(event: OrderPlaced) -> None:
        raise ZeroDivisionError

    bus = EventBus()
    bus.register(OrderPlaced, crash)
    bus.register(OrderPlaced, seen.append)
    with pytest.raises(KeyError):
        await bus.publish(OrderPlaced())
    bus.register(OrderPlaced, fall)
    with pytest.raises(BaseExceptionGroup) as raised:
        await bus.publish(OrderPlaced())
    assert {type(bug) for bug in raised.value.exceptions} == {KeyError, ZeroDivisionError}
    assert len(seen) == 2


async def test_outliving_a_roll_back_needs_a_store() -> None:
    """A bus alone has nothing that is rolled back, so it says so."""
    with pytest.raises(WiringError, match="survive=True"):
        await EventBus().publish(OrderPlaced(), survive=True)


async def test_commands_and_queries_are_not_published() -> None:
    """Nobody would hear of them, and whoever mistakes the bus is told; one without a base class as it is registered."""

    class Order(Command[None]): ...

    class Orders(Query[int]): ...

    class Plain: ...

    dispatcher = Dispatcher()
    dispatcher.register_command(Plain, lambda command: None)
    cases: list[tuple[Any, str]] = [(Order(), "command"), (Orders(), "query"), (Plain(), "command")]
    for message, kind in cases:
        with pytest.raises(WiringError, match=f"is published, and it is a {kind}: only events are; execute it"):
            await dispatcher.events.publish(message)
