"""The base classes of handlers: validate then handle, and tools at no ceremony."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock

import pytest

from twofold.dispatch import CommandBus, CommandHandler, EventHandler, HandlerConfig, QueryHandler, bound_facts
from twofold.errors import Invalid, Refused, WiringError
from twofold.messages import Command, Context
from twofold.result import Failure, Result, Success

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Open(Command[int]):
    """A command."""

    owner: str = "ada"


class Judge(CommandHandler[Open, int]):
    """Validates as it is told, and never calls `super().__init__()`."""

    def __init__(self, verdict: Any) -> None:
        self.verdict = verdict
        self.handled = 0

    def validate(self, message: Open) -> Any:
        """Give the verdict, or raise it."""
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def handle(self, message: Open) -> int:
        """Count."""
        self.handled += 1
        return self.handled


class AsyncJudge(Judge):
    """The same, but one has to wait for the verdict."""

    async def validate(self, message: Open) -> Any:
        """Give the verdict later."""
        await asyncio.sleep(0)
        return super().validate(message)


@pytest.mark.parametrize("kind", [Judge, AsyncJudge])
@pytest.mark.parametrize("verdict", [None, True, Success(), Success("fine")])
async def test_a_message_that_passes_is_handled(kind: type[Judge], verdict: object) -> None:
    """By itself, and on a bus."""
    handler, bus = kind(verdict), CommandBus()
    bus.register(Open, handler)
    assert await handler.execute(Open()) == Success(1)
    assert await bus.execute(Open()) == Success(2)


@pytest.mark.parametrize("kind", [Judge, AsyncJudge])
@pytest.mark.parametrize("verdict", [Failure("no"), Failure(Refused("no"))])
async def test_the_first_failure_stops(kind: type[Judge], verdict: Failure[Any]) -> None:
    """`handle` never sees the message."""
    handler, bus = kind(verdict), CommandBus()
    bus.register(Open, handler)
    assert await handler.execute(Open()) == await bus.execute(Open()) == verdict
    assert handler.handled == 0


@pytest.mark.parametrize("kind", [Judge, AsyncJudge])
async def test_false_is_a_refusal(kind: type[Judge]) -> None:
    """A validator that only says no makes the message invalid."""
    for verdict in (False, Success(False)):
        handler, bus = kind(verdict), CommandBus()
        bus.register(Open, handler)
        for result in (await handler.execute(Open()), await bus.execute(Open())):
            assert isinstance(result.error, Invalid)


@pytest.mark.parametrize("kind", [Judge, AsyncJudge])
@pytest.mark.parametrize("verdict", [Invalid("bad"), ["bad"], "bad", {}, 0, 1], ids=repr)
async def test_what_is_no_verdict_lets_nothing_pass(kind: type[Judge], verdict: object) -> None:
    """An error that no Failure was made of would otherwise switch the validation off."""
    handler, bus = kind(None), CommandBus()
    bus.register(Open, handler)
    vars(handler)["validate"] = AsyncMock(return_value=verdict) if kind is AsyncJudge else lambda message: verdict
    for execute in (handler.execute, bus.execute):
        with pytest.raises(WiringError, match=rf"the validate of .*{kind.__name__} answered .*: it answers a bool"):
            await execute(Open())
    assert handler.handled == 0
    assert handler.handled == 0


@pytest.mark.parametrize("kind", [Judge, AsyncJudge])
async def test_a_failure_of_a_class_is_no_verdict(kind: type[Judge]) -> None:
    """Whoever writes it has forgotten to make the error."""
    handler, bus = kind(Failure(Refused)), CommandBus()
    bus.register(Open, handler)
    for execute in (handler.execute, bus.execute):
        with pytest.raises(WiringError, match=rf"the validate of .*{kind.__name__} answered a Failure of the class"):
            await execute(Open())
    assert handler.handled == 0


@pytest.mark.parametrize("kind", [Judge, AsyncJudge])
async def test_a_refusal_that_is_raised_is_a_failure_on_a_bus(kind: type[Judge]) -> None:
    """Whoever prefers to raise may."""
    error, bus = Invalid("no"), CommandBus()
    handler = kind(error)
    bus.register(Open, handler)
    result: Result[Any, Any] = await bus.execute(Open())
    assert result.error is error
    assert handler.handled == 0


async def test_a_handle_that_is_a_plain_def_is_executed_as_well() -> None:
    """And may answer with a Result or a bare value."""

    class Sync(QueryHandler[Open, int]):
        def handle(self, message: Open) -> Any:
            return Failure("no") if message.owner == "eve" else 1

    assert await Sync().execute(Open()) == Success(1)
    assert await Sync().execute(Open(owner="eve")) == Failure("no")


async def test_a_handler_that_handles_nothing_says_so() -> None:
    """By its name."""

    class Idle(EventHandler[Open]):
        pass

    with pytest.raises(TypeError, match="Idle has no handle"):
        await Idle().execute(Open())


async def test_the_tools_are_there_without_ceremony() -> None:
    """No constructor, no application, and mocks for dependencies."""
    repository = AsyncMock()
    handler = Judge(repository)
    handler.metrics.record("accounts")
    handler.metrics.record("accounts", 2)
    assert (handler.metrics.get("accounts"), handler.metrics.get("unknown")) == (3.0, 0.0)
    assert handler.logger.name == "twofold.handler.judge"
    assert handler.message_context is None
    copy = handler.metrics.all()
    copy["accounts"] = 0.0
    assert handler.metrics.get("accounts") == 3.0


async def test_a_block_is_counted_and_timed_even_when_it_fails() -> None:
    """`track` tells the two apart."""
    handler = Judge(None)
    with handler.track("open"):
        pass
    with pytest.raises(KeyError), handler.track("open"):
        raise KeyError
    assert handler.metrics.get("open.count") == 2.0
    assert handler.metrics.get("open.failures") == 1.0
    assert handler.metrics.get("open.seconds") > 0.0


async def test_facts_belong_to_the_task_and_not_to_the_handler() -> None:
    """Two messages at once do not see each other's, and nothing is left behind."""
    both = asyncio.Barrier(2)

    class Notes(CommandHandler[Open, Any]):
        async def handle(self, message: Open) -> Any:
            self.context.push({"owner": message.owner, "step": 1})
            self.context.push({"step": 2})
            await both.wait()
            return self.context.current()

    bus = CommandBus()
    bus.register(Open, Notes())
    ada, bob = await asyncio.gather(bus.execute(Open(owner="ada")), bus.execute(Open(owner="bob")))
    facts: list[Any] = [ada.unwrap(), bob.unwrap()]
    assert facts == [{"owner": "ada", "step": 2}, {"owner": "bob", "step": 2}]

    async def after() -> dict[str, Any]:
        await bus.execute(Open(owner="eve"))
        return bound_facts()

    both = asyncio.Barrier(1)
    assert await after() == {}


async def test_facts_are_a_stack() -> None:
    """What was pushed last is popped first; an empty one gives None."""
    stack = Judge(None).context
    mine = {"a": 1}
    stack.push(mine)
    mine["a"] = 2
    stack.push({"b": 2})
    assert stack.current() == {"a": 1, "b": 2}
    assert (stack.pop(), stack.pop(), stack.pop()) == ({"b": 2}, {"a": 1}, None)


async def test_a_config_names_the_handler() -> None:
    """Its logger and its id."""

    class Configured(CommandHandler[Open, int]):
        async def handle(self, message: Open) -> int:
            return 1

    handler = Configured(config=HandlerConfig(id="accounts.open", name="open"))
    assert handler.logger.name == "twofold.handler.open"
    assert Configured(config=None).logger.name == "twofold.handler.configured"


async def test_the_numbers_of_a_class_outlive_its_instances() -> None:
    """The container makes an instance per message; they count together."""

    class Counts(CommandHandler[Open, float]):
        async def handle(self, message: Open) -> float:
            self.metrics.record("handled")
            return self.metrics.get("handled")

    bus = CommandBus()
    bus.register(Open, Counts)
    assert [await bus.execute(Open()) for _ in range(3)] == [Success(1.0), Success(2.0), Success(3.0)]


async def test_a_handler_knows_the_message_it_handles_and_its_logger(caplog: pytest.LogCaptureFixture) -> None:
    """Function handlers ask for both by type."""

    class Asks(CommandHandler[Open, Context]):
        async def handle(self, message: Open) -> Any:
            return self.message_context

    async def logs(command: Open, log: logging.Logger, context: Context) -> Context:
        log.warning("here")
        return context

    for handler in (Asks, logs):
        bus = CommandBus()
        bus.register(Open, handler)
        result: Result[Any, Any] = await bus.execute(Open())
        assert isinstance(result.value, Context)
    assert [record.name for record in caplog.records] == ["twofold.handler.logs"]
