"""What may be registered as a handler: functions, classes, instances, methods, and whatever else can be called."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from twofold.dispatch import (
    CommandBus,
    CommandHandler,
    Dispatcher,
    EventBus,
    EventHandler,
    HandlerConfig,
    QueryBus,
    QueryHandler,
)
from twofold.errors import DuplicateHandlerError, WiringError
from twofold.messages import Command, Event, Kind, Query
from twofold.result import Result, Success

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Double(Command[int]):
    """A command."""

    n: int


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A class that knows nothing of twofold."""

    n: int


async def in_async_def(command: Double) -> Result[int]:
    """A Result from a coroutine."""
    return Success(command.n * 2)


def in_def(command: Double) -> int:
    """A bare value, at once."""
    return command.n * 2


@functools.wraps(in_async_def)
def wrapped(command: Double) -> Any:
    """A decorated coroutine function: a plain `def` that gives a coroutine."""
    return in_async_def(command)


async def with_factor(command: Double, factor: int) -> int:
    """Takes more than the message."""
    return command.n * factor


class WithHandle:
    """A class of the user's own."""

    async def handle(self, command: Double) -> int:
        """Handle it."""
        return command.n * 2

    def by_method(self, command: Double) -> int:
        """Handle it as well."""
        return command.n * 2


class Static:
    """A class whose `handle` has no need of it."""

    @staticmethod
    def handle(command: Double) -> int:
        """Handle it."""
        return command.n * 2


class OfClass:
    """A class that handles the messages itself."""

    factor = 2

    @classmethod
    async def handle(cls, command: Double) -> int:
        """Handle it."""
        return command.n * cls.factor


class CanBeCalled:
    """An object that can be called."""

    async def __call__(self, command: Double) -> int:
        """Handle it."""
        return command.n * 2


class Derived(CommandHandler[Double, int]):
    """The class of those who want the tools."""

    async def handle(self, message: Double) -> Result[int]:
        """Handle it."""
        return Success(message.n * 2)


class Unwritten(CommandHandler[Double, int]):
    """Has forgotten what it is for."""


class Named:
    """Has a `config` that is none of twofold's business."""

    config = "mine"

    def handle(self, command: Double) -> int:
        """Handle it."""
        return command.n * 2


@pytest.mark.parametrize(
    "handler",
    [
        in_async_def,
        in_def,
        wrapped,
        functools.partial(with_factor, factor=2),
        lambda command: command.n * 2,
        WithHandle,
        WithHandle(),
        WithHandle().by_method,
        Static,
        Static(),
        OfClass,
        OfClass(),
        CanBeCalled(),
        Derived,
        Derived(),
        Derived().handle,
        Named,
        Named(),
    ],
)
async def test_anything_that_can_handle_a_message_is_a_handler(handler: Callable[..., Any]) -> None:
    """And no coroutine is ever given back un-awaited."""
    bus = CommandBus()
    bus.register(Double, handler)
    assert await bus.execute(Double(n=21)) == Success(42)


async def test_a_blocking_handler_may_give_a_coroutine_too() -> None:
    """It is awaited in the loop, after the thread."""
    bus = CommandBus()
    bus.register(Double, wrapped, blocking=True)
    assert await bus.execute(Double(n=21)) == Success(42)


async def test_a_second_handler_is_refused_and_the_first_one_stays() -> None:
    """Which of two would run is never a matter of order."""
    for bus in (CommandBus(), Dispatcher().commands):
        bus.register(Double, in_def)
        with pytest.raises(DuplicateHandlerError, match=r"Double is handled by .*in_def; .*Derived is one too many"):
            bus.register(Double, Derived)
        assert await bus.execute(Double(n=1)) == Success(2)


async def test_a_plain_class_is_what_it_is_registered_as() -> None:
    """Nothing needs a base of twofold."""
    dispatcher = Dispatcher()
    dispatcher.register_command(Plain, lambda command: command.n)
    assert await dispatcher.dispatch(Plain(n=1)) == Success(1)
    with pytest.raises(WiringError, match="as a command and as a query"):
        dispatcher.register_query(Plain, lambda query: query.n)


def test_a_plain_class_that_nobody_says_the_kind_of_is_refused() -> None:
    """It is not guessed."""
    with pytest.raises(WiringError, match="Plain"):
        Dispatcher().register_handler(Plain, lambda message: message.n)


@pytest.mark.parametrize(
    "base, kind", [(CommandHandler, Kind.COMMAND), (QueryHandler, Kind.QUERY), (EventHandler, Kind.EVENT)]
)
async def test_the_base_class_of_a_handler_says_the_kind(base: Any, kind: Kind) -> None:
    """So does its config, for a handler of one's own."""

    class Handles(base[Plain, int] if base is not EventHandler else base[Plain]):  # type: ignore[misc]  # the base is a parameter of the test
        async def handle(self, message: Plain) -> int:
            return message.n

    class Configured:
        config = HandlerConfig(kind=kind)

        def handle(self, message: Plain) -> int:
            return message.n

    for handler in (Handles, Configured):
        dispatcher = Dispatcher()
        dispatcher.register_handler(Plain, handler)
        expected = Success(None) if kind is Kind.EVENT else Success(7)
        assert await dispatcher.dispatch(Plain(n=7)) == expected


@pytest.mark.parametrize(
    "handler, fault",
    [
        (lambda: None, "message"),
        (object, "handle"),
        (Unwritten, "Unwritten has no method handle"),
        (Unwritten(), "Unwritten has no method handle"),
        (object(), "object has no method handle"),
        (in_async_def, "blocking"),
        (lambda message, other: None, "'other'"),
        (with_factor, "factor"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(handler: Callable[..., Any], fault: str) -> None:
    """When it is registered, and not when the first message comes."""
    bus = CommandBus()
    with pytest.raises(WiringError, match=fault):
        bus.register(Double, handler, blocking=handler is in_async_def)


@dataclass(frozen=True, kw_only=True)
class Halve(Command[int]):
    """Another command."""

    n: int


@dataclass(frozen=True, kw_only=True)
class DoubleTwice(Double):
    """More of the first."""


async def of_either(command: Double | Halve) -> int:
    """Takes two."""
    return command.n


async def of_both(command: Command[int]) -> int:
    """Takes what both of them are."""
    return 1


async def of_anything(command: Any) -> int:
    """Takes what comes."""
    return 1


async def of_an_object(command: object) -> int:
    """Takes what comes, and does not care."""
    return 1


@pytest.mark.parametrize("handler", [in_async_def, WithHandle, WithHandle(), Derived, Derived(), Derived().handle])
def test_a_handler_of_another_message_is_refused(handler: Callable[..., Any]) -> None:
    """It would be given what it knows nothing of."""
    with pytest.raises(WiringError, match="handles Double, and is registered for Halve"):
        CommandBus().register(Halve, handler)


def test_a_handler_that_says_two_messages_is_refused() -> None:
    """Its base names one, and its `handle` another one."""

    class Torn(CommandHandler[Double, int]):
        async def handle(self, message: Halve) -> int:  # type: ignore[override]  # the mistake
            return message.n

    with pytest.raises(WiringError, match="handles Halve, and is registered for Double"):
        CommandBus().register(Double, Torn)


@pytest.mark.parametrize("message", [Double, DoubleTwice, Halve])
@pytest.mark.parametrize("handler", [of_either, of_both, of_anything, of_an_object, lambda command: command.n])
def test_a_handler_of_more_than_one_message_takes_each_of_them(handler: Callable[..., Any], message: type) -> None:
    """A union, a base class, or nothing said at all."""
    CommandBus().register(message, handler)


async def test_what_adapts_a_handler_takes_what_it_adapts() -> None:
    """A decorator bears the annotations of what it wraps, which is given another message by it."""

    @functools.wraps(in_async_def)
    async def adapted(command: Any) -> Result[int]:
        return await in_async_def(Double(n=command.n + 1))

    bus = CommandBus()
    bus.register(Halve, adapted)
    assert await bus.execute(Halve(n=1)) == Success(4)


def test_a_handler_of_any_event_takes_one_that_derives_from_nothing() -> None:
    """The base class says what it is for, and not what it takes."""

    class Plain:
        """An event of somebody who does not know twofold."""

    async def note(event: Event) -> None:
        """Would note it."""

    EventBus().register(Plain, note)


def test_a_handler_takes_what_derives_from_its_message() -> None:
    """As any function does."""
    for handler in (in_async_def, WithHandle, Derived):
        CommandBus().register(DoubleTwice, handler)


def test_an_annotation_that_leads_nowhere_is_named() -> None:
    """A name that was never imported."""

    def handle(command: Double, mail: "Mail") -> None:  # type: ignore[name-defined]  # noqa: F821  # a name that is nowhere
        """Would be handled."""

    with pytest.raises(WiringError, match="'Mail'"):
        CommandBus().register(Double, handle)


def test_a_query_bus_takes_no_command_for_a_query() -> None:
    """The base class has said what it is."""

    @dataclass(frozen=True)
    class Ask(Query[int]):
        pass

    class Happened(Event):
        pass

    queries = QueryBus()
    queries.register(Ask, lambda query: 1)
    with pytest.raises(WiringError):
        queries.register(Ask, lambda query: 2)
