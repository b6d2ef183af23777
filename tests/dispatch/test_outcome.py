"""What becomes of what a handler returns or raises."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest

from twofold.dispatch import CommandBus, CommandHandler, Dispatcher, HandlerConfig, QueryBus
from twofold.errors import (
    HandlerNotFoundError,
    Invalid,
    NotFound,
    Refused,
    TwofoldError,
    WiringError,
    conflict,
    refused,
)
from twofold.messages import Command, Context, Query
from twofold.result import Failure, Result, Success

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Do(Command[int]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Ask(Query[int]):
    """A query."""


class OutOfStock(Exception):
    """An exception of somebody's domain."""


class Raises(CommandHandler[Do, int]):
    """The same with tools, which takes the longer way."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def handle(self, message: Do) -> int:
        """Raise it."""
        raise self.error


def raising(error: BaseException) -> list[Any]:
    """Handlers that raise an error, on both ways through the dispatch."""

    async def function(command: Do) -> int:
        raise error

    def plain(command: Do) -> int:
        raise error

    return [function, plain, Raises(error)]


@pytest.mark.parametrize("answer", [None, 1, "text", [], False])
async def test_a_bare_value_is_a_success(answer: object) -> None:
    """Whatever it is."""
    bus = CommandBus()
    bus.register(Do, lambda command: answer)
    assert await bus.execute(Do()) == Success(answer)


async def test_a_result_is_given_as_it_is() -> None:
    """Never a Success of a Failure."""
    answer = Failure("out of stock")
    bus = CommandBus()
    bus.register(Do, lambda command: answer)
    result: Result[Any, Any] = await bus.execute(Do())
    assert result is answer


class Later:
    """Something of somebody's that can be awaited."""

    def __await__(self) -> Generator[Any, None, int]:
        """Give a number."""
        yield from asyncio.sleep(0).__await__()
        return 1


async def number() -> int:
    """What a handler forgot to await."""
    return 1


def answering(make: Callable[[], Any]) -> list[Any]:
    """Handlers that answer what is made, on every way through the dispatch."""

    async def bare(command: Do) -> Any:
        return make()

    async def with_context(command: Do, context: Context) -> Any:
        return make()

    class WithTools(CommandHandler[Do, Any]):
        async def handle(self, message: Do) -> Any:
            return make()

    return [bare, with_context, WithTools]


@pytest.mark.parametrize(
    "make, told",
    [
        (number, "a coroutine: await it"),
        (Later, r"a \S*Later: await it"),
        (lambda: Success(number()), "a Success of a coroutine: await it"),
        (lambda: asyncio.get_running_loop().create_future(), "a Future: await it"),
        (lambda: NotFound("gone"), "a NotFound: raise it, or answer a Failure of it"),
        (lambda: KeyError("x"), "a KeyError: raise it, or answer a Failure of it"),
        (lambda: Success(Failure("no")), "a Success of a Failure: answer the inner one alone"),
        (lambda: Success(Success()), "a Success of a Success: answer the inner one alone"),
        (lambda: Failure(NotFound), r"a Failure of the class NotFound: make one: Failure\(NotFound\(\.\.\.\)\)"),
        (lambda: Failure(OutOfStock), r"a Failure of the class OutOfStock: make one: Failure\(OutOfStock\("),
    ],
    ids=range(10),
)
async def test_what_nobody_means_to_answer_is_a_mistake(make: Callable[[], Any], told: str) -> None:
    """Of whatever handler, which is named; and no coroutine of it is left behind, which pytest would warn of."""
    for handler in answering(make):
        bus = CommandBus()
        bus.register(Do, handler)
        with pytest.raises(WiringError, match=rf"the handler \S*{handler.__name__} answered {told}"):
            await bus.execute(Do())
    with pytest.raises(WiringError, match=rf"the handler \S*WithTools answered {told}"):
        await answering(make)[-1]().execute(Do())


async def test_a_function_that_is_called_otherwise_is_told_by_that() -> None:
    """Though it is one that takes the message alone."""

    async def bare(message: Do) -> Any:
        return KeyError("x")

    vars(bare)["config"] = HandlerConfig(id="the-one")
    bus = CommandBus()
    bus.register(Do, bare)
    with pytest.raises(WiringError, match="the handler the-one answered a KeyError"):
        await bus.execute(Do())


@pytest.mark.parametrize(
    "answer", [Success(KeyError("x")), Failure(KeyError("x")), Success(None), Success(Later())], ids=range(4)
)
async def test_what_is_said_to_be_an_answer_is_one(answer: Result[Any, Any]) -> None:
    """A Success of an exception, or of an object that can be awaited, is nothing that anybody writes by mistake."""
    for handler in answering(lambda: answer):
        bus = CommandBus()
        bus.register(Do, handler)
        assert await bus.execute(Do()) is answer


@pytest.mark.parametrize("error", [Refused("no"), NotFound("gone"), Invalid("bad"), ConnectionError(), TimeoutError()])
async def test_an_error_that_is_no_bug_becomes_a_failure(error: Exception) -> None:
    """The very error, with its facts."""
    for handler in raising(error):
        bus = CommandBus()
        bus.register(Do, handler)
        result: Result[int, TwofoldError] = await bus.execute(Do())
        assert result.error is error


async def test_a_classified_exception_becomes_a_failure() -> None:
    """A domain may raise what it likes, when somebody says what it means."""
    error = OutOfStock()
    for handler in raising(error):
        bus = CommandBus(errors={OutOfStock: conflict})
        bus.register(Do, handler)
        result: Result[Any, Any] = await bus.execute(Do())
        assert result.error is error


@pytest.mark.parametrize("bug", [KeyError("x"), OutOfStock(), ZeroDivisionError(), LookupError(), AttributeError("x")])
async def test_anything_else_is_a_bug_and_propagates(bug: Exception) -> None:
    """A KeyError inside a handler is not a missing handler, and no Failure either."""
    for handler in raising(bug):
        dispatcher = Dispatcher()
        dispatcher.register_command(Do, handler)
        with pytest.raises(type(bug)) as raised:
            await dispatcher.dispatch(Do())
        assert raised.value is bug


@pytest.mark.parametrize(
    "together, told",
    [
        ([ConnectionError()], ConnectionError),
        ([ConnectionError(), TimeoutError()], ConnectionError),
        ([ConnectionError(), OutOfStock(), Refused("no"), NotFound("gone")], Refused),
        ([ConnectionError(), ExceptionGroup("", [OutOfStock()])], OutOfStock),
    ],
)
async def test_of_errors_that_come_together_the_one_is_told_that_another_try_mends_least(
    together: list[Exception], told: type[Exception]
) -> None:
    """As the tasks of a group raise them: what is refused stays so, however often what is away is asked."""
    for handler in raising(ExceptionGroup("of tasks", together)):
        bus = CommandBus(errors={OutOfStock: conflict})
        bus.register(Do, handler)
        result: Result[Any, Any] = await bus.execute(Do())
        assert type(result.error) is told


@pytest.mark.parametrize("bug", [KeyError("x"), WiringError("wrong"), ExceptionGroup("", [KeyError("x")])])
async def test_a_bug_among_errors_that_come_together_is_a_bug(bug: Exception) -> None:
    """Nobody knows what became of the rest; the whole group is raised."""
    group = ExceptionGroup("of tasks", [Refused("no"), bug])
    for handler in raising(group):
        bus = CommandBus()
        bus.register(Do, handler)
        with pytest.raises(ExceptionGroup) as raised:
            await bus.execute(Do())
        assert raised.value is group


async def test_a_group_may_be_classified_itself() -> None:
    """Then that holds."""
    group = ExceptionGroup("of tasks", [KeyError("x")])
    bus = CommandBus(errors={ExceptionGroup: refused})
    bus.register(Do, raising(group)[0])
    result: Result[Any, Any] = await bus.execute(Do())
    assert result.error is group


async def test_a_wiring_mistake_is_never_a_failure() -> None:
    """A handler that sends a command nobody handles shows a mistake in the code, and not a refusal."""
    bus = CommandBus()

    class Unhandled(Command[None]):
        pass

    async def send(command: Do) -> Any:
        return await bus.execute(Unhandled())

    bus.register(Do, send)
    with pytest.raises(HandlerNotFoundError, match="Unhandled"):
        await bus.execute(Do())


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
async def test_an_order_to_stop_is_not_caught(raised: type[BaseException]) -> None:
    """Not by classification either."""
    bus = CommandBus(errors={BaseException: refused})
    bus.register(Do, raising(raised())[0])
    with pytest.raises(raised):
        await bus.execute(Do())


async def test_no_handler_is_raised_with_a_near_match() -> None:
    """On every bus, and also when the message belongs to another bus."""

    class Dou(Command[int]):
        pass

    dispatcher = Dispatcher()
    dispatcher.register_command(Do, lambda command: 1)
    with pytest.raises(HandlerNotFoundError) as raised:
        await dispatcher.dispatch(Dou())
    assert isinstance(raised.value, WiringError | ValueError)
    for bus in (CommandBus(), QueryBus(), dispatcher.queries):
        with pytest.raises(HandlerNotFoundError, match="mount its module"):
            await bus.execute(Do())


async def test_a_handler_of_a_base_class_does_not_get_the_derived_message() -> None:
    """Types are looked up as they are, so that a dispatch stays a look-up."""

    class Special(Do):
        pass

    bus = CommandBus()
    bus.register(Do, lambda command: 1)
    with pytest.raises(HandlerNotFoundError):
        await bus.execute(Special())


async def test_a_handler_sees_its_own_context() -> None:
    """By a parameter, wherever in the signature it stands."""
    seen: list[Context] = []

    async def handle(context_of_message: Do, where: Context) -> None:
        seen.append(where)

    bus = CommandBus()
    bus.register(Do, handle)
    await bus.execute(Do())
    await bus.execute(Do())
    assert seen[0].message_id != seen[1].message_id
