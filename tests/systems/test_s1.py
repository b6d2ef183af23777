"""S1, as its users write it: a typed handler under one `execute`, a dispatcher, and tools at no ceremony."""

import asyncio
import copy
import logging
import pickle  # noqa: TID251  # results are values, for whoever sends them between processes
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import AsyncMock
from uuid import UUID

import pytest
from dishka import Provider, Scope, make_async_container
from pydantic import BaseModel

from tests.cli.forked import finished
from twofold import (
    App,
    Command,
    CommandBus,
    CommandHandler,
    Dispatcher,
    Err,
    Event,
    EventBus,
    EventHandler,
    Failure,
    HandlerConfig,
    Invalid,
    Module,
    NotFound,
    Ok,
    Query,
    QueryBus,
    QueryHandler,
    Refused,
    Result,
    Success,
    TwofoldError,
)
from twofold.app.description import describe
from twofold.clock import new_id
from twofold.dispatch import Handler, bound_facts
from twofold.errors import Category, DuplicateHandlerError, Family, HandlerNotFoundError, WiringError
from twofold.messages import Kind, Origin

pytestmark = pytest.mark.anyio


class Users(Protocol):
    """What the handlers of this file depend on; it stands for a domain service that answers Results."""

    async def reserve(self, name: str) -> Result[str, Refused]: ...

    async def create(self, name: str) -> Result[UUID, Refused]: ...


@dataclass(frozen=True, kw_only=True)
class CreateUser(Command[UUID]):
    name: str


@dataclass(frozen=True, kw_only=True)
class FindUser(Query[str]):
    name: str


@dataclass(frozen=True, kw_only=True)
class UserCreated(Event):
    name: str


class Create(CommandHandler[CreateUser, UUID]):
    """A handler that does not call `super().__init__()`."""

    def __init__(self, users: Users) -> None:
        self.users = users
        self.seen: list[str] = []

    def validate(self, message: CreateUser) -> Result[None, Invalid]:
        self.seen.append("validate")
        return Failure(Invalid("must not be empty", field="name")) if not message.name else Success()

    async def handle(self, message: CreateUser) -> Result[UUID, Refused]:
        self.seen.append("handle")
        with self.track("create"):
            reserved = await self.users.reserve(message.name)
            return reserved if isinstance(reserved, Failure) else await self.users.create(reserved.value)


def _users(answer: UUID) -> AsyncMock:
    users = AsyncMock(spec=Users)
    users.reserve.side_effect = lambda name: Success(name.lower())
    users.create.return_value = Success(answer)
    return users


class TestHandlerAlone:
    """A handler is an object with `execute`; it needs no bus, no application and no container."""

    async def test_execute_validates_and_then_handles(self) -> None:
        """`execute` is `validate`, then `handle`, and answers what `handle` answers."""
        answer = new_id()
        handler = Create(_users(answer))
        assert await handler.execute(CreateUser(name="Ada")) == Success(answer)
        assert handler.seen == ["validate", "handle"]

    async def test_the_first_failure_stops(self) -> None:
        """What `validate` refuses is never handled."""
        handler = Create(_users(new_id()))
        result = await handler.execute(CreateUser(name=""))
        assert isinstance(result.error, Invalid)
        assert result.error.findings[0].field == "name"
        assert handler.seen == ["validate"]
        handler.users.create.assert_not_called()  # type: ignore[attr-defined]  # a mock stands there

    async def test_the_failure_of_a_domain_service_is_the_answer(self) -> None:
        """A Failure that a service answers travels through the handler as it is."""
        users = _users(new_id())
        refusal = Failure(Refused("taken"))
        users.reserve.side_effect = None
        users.reserve.return_value = refusal
        assert await Create(users).execute(CreateUser(name="Ada")) is refusal
        users.create.assert_not_called()

    @pytest.mark.parametrize("verdict", [None, True, Success()])
    async def test_validate_may_pass_in_three_ways(self, verdict: object) -> None:
        """None, True and a Success let the message pass."""
        assert await _judging(verdict).execute(CreateUser(name="Ada")) == Success("handled")

    @pytest.mark.parametrize("verdict", [False, Failure("no")])
    async def test_validate_may_refuse_by_its_answer(self, verdict: object) -> None:
        """False and a Failure stop the message."""
        result = await _judging(verdict).execute(CreateUser(name="Ada"))
        assert result.is_failure
        assert result.error == "no" or isinstance(result.error, Invalid)

    async def test_validate_may_raise(self) -> None:
        """Dispatched, an error that `validate` raises is a Failure."""

        class Strict(CommandHandler[CreateUser, str]):
            async def validate(self, message: CreateUser) -> None:
                raise Invalid("not today", field="name")

            async def handle(self, message: CreateUser) -> str:
                return "handled"

        bus = CommandBus()
        bus.register(CreateUser, Strict())
        result = await bus.execute(CreateUser(name="Ada"))
        assert isinstance(result.error, Invalid)

    async def test_config_names_a_handler(self) -> None:
        """A config given to the constructor says what the handler is called and what kind it handles."""

        class Plain(BaseModel):
            name: str

        class Configured(CommandHandler[Plain, str]):
            async def handle(self, message: Plain) -> str:
                return message.name

        target = Configured(config=HandlerConfig(id="h-1", name="greeter", kind=Kind.COMMAND))
        handler = Handler.of(target)
        assert (handler.id, handler.name, handler.kind) == ("h-1", "greeter", Kind.COMMAND)
        assert target.logger.name == "twofold.handler.greeter"

    async def test_config_may_tell_the_kind_of_a_plain_class(self) -> None:
        """For a handler without a base class, the kind in its config is enough."""

        class Handles:
            config = HandlerConfig(kind=Kind.QUERY)

            async def handle(self, message: BaseModel) -> str:
                return "handled"

        class Plain(BaseModel):
            name: str

        dispatcher = Dispatcher()
        dispatcher.register_handler(Plain, Handles())
        assert await dispatcher.dispatch(Plain(name="x")) == Success("handled")


def _judging(verdict: object) -> CommandHandler[CreateUser, str]:
    class Judging(CommandHandler[CreateUser, str]):
        def validate(self, message: CreateUser) -> object:
            return verdict

        async def handle(self, message: CreateUser) -> str:
            return "handled"

    return Judging()


def _app(find: Any = lambda query: query.name, **options: Any) -> App:
    """An application of all messages of this file; the options are those of the handler of `FindUser`."""
    module: Any = Module("users")
    module.register(CreateUser, Create)
    module.register(FindUser, find, **options)
    module.provide(Users, lambda: _users(new_id()), scope="app")
    return App("s1", modules=[module], database="memory:")


class TestTools:
    """Metrics, a context stack, `track` and a logger, for a handler that asked for none of them."""

    async def test_metrics_add_up(self) -> None:
        """`record` adds, `get` knows 0.0 for what was never recorded, and `all` is a copy."""
        handler = Create(_users(new_id()))
        handler.metrics.record("hits", 2)
        handler.metrics.record("hits", 3)
        assert handler.metrics.get("hits") == 5
        assert handler.metrics.get("nothing") == 0.0
        handler.metrics.all()["hits"] = 0
        assert handler.metrics.all() == {"hits": 5}

    async def test_context_is_a_stack(self) -> None:
        """`push` lays facts over those below, `pop` gives them back, and None when there are none."""
        context = Create(_users(new_id())).context
        context.push({"user": "ada", "step": 1})
        context.push({"step": 2})
        assert context.current() == {"user": "ada", "step": 2}
        assert context.pop() == {"step": 2}
        assert context.current() == {"user": "ada", "step": 1}
        context.pop()
        assert context.pop() is None
        assert context.current() == {}

    async def test_context_belongs_to_the_task(self) -> None:
        """Two tasks that share a handler do not see each other's facts, and what is not popped is dropped."""
        both = asyncio.Event()
        waiting = 0

        class Push(CommandHandler[CreateUser, dict[str, Any]]):
            async def handle(self, message: CreateUser) -> dict[str, Any]:
                nonlocal waiting
                self.context.push({"name": message.name})
                waiting += 1
                if waiting == 2:
                    both.set()
                await both.wait()
                return self.context.current()

        bus, handler = CommandBus(), Push()
        bus.register(CreateUser, handler)
        results = await asyncio.gather(*(bus.execute(CreateUser(name=name)) for name in ("ada", "bob")))
        assert results == [Success({"name": "ada"}), Success({"name": "bob"})]
        assert handler.context.current() == {}

    async def test_log_lines_carry_the_facts(self) -> None:
        """What a handler pushes is bound into every log line of its task, until it has run."""
        bound: list[dict[str, Any]] = []

        class Push(QueryHandler[FindUser, None]):
            async def handle(self, message: FindUser) -> None:
                self.context.push({"name": message.name})
                bound.append(bound_facts())

        bus = QueryBus()
        bus.register(FindUser, Push())
        await bus.execute(FindUser(name="Ada"))
        assert [*bound, bound_facts()] == [{"name": "Ada"}, {}]

    async def test_track_counts_and_times(self) -> None:
        """A tracked block counts its runs, its failures and its seconds."""
        handler = Create(_users(new_id()))
        with handler.track("work"):
            pass
        with pytest.raises(RuntimeError), handler.track("work"):
            raise RuntimeError
        assert handler.metrics.get("work.count") == 2
        assert handler.metrics.get("work.failures") == 1
        assert handler.metrics.get("work.seconds") > 0

    async def test_the_logger_is_the_handlers_own(self, caplog: pytest.LogCaptureFixture) -> None:
        """Every handler has a logger of its own name."""
        handler = Create(_users(new_id()))
        with caplog.at_level(logging.INFO):
            handler.logger.info("hello")
        assert [(record.name, record.message) for record in caplog.records] == [("twofold.handler.create", "hello")]

    async def test_message_metadata_is_not_the_context_stack(self) -> None:
        """`message_context` has the id and correlation of the message, and is None outside a dispatch."""

        class Who(QueryHandler[FindUser, str]):
            async def handle(self, message: FindUser) -> str:
                assert self.message_context is not None
                return self.message_context.correlation_id

        handler, bus = Who(), QueryBus()
        assert handler.message_context is None
        bus.register(FindUser, handler)
        origin = Origin(correlation_id="c-1")
        assert await bus.execute(FindUser(name="Ada"), origin=origin) == Success("c-1")

    async def test_numbers_outlive_handlers_made_per_message(self) -> None:
        """A handler class that is made anew for each message keeps one set of numbers."""
        seen: list[float] = []

        class Counting(QueryHandler[FindUser, Any]):
            async def handle(self, message: FindUser) -> Any:
                self.metrics.record("handled")
                seen.append(self.metrics.get("handled"))

        async with _app(find=Counting) as app:
            await app.execute(FindUser(name="Ada"))
            await app.execute(FindUser(name="Ada"))
        assert seen == [1, 2]

    async def test_the_pipeline_itself_logs(self, caplog: pytest.LogCaptureFixture) -> None:
        """Start, outcome and duration of every message are logged with its correlation id, and no payload."""
        with caplog.at_level(logging.INFO, logger="twofold.message"):
            async with _app() as app:
                await app.caller(correlation_id="c-1").execute(FindUser(name="secret"))
        lines = [vars(record)["twofold"] for record in caplog.records if record.name == "twofold.message"]
        assert [line["step"] for line in lines] == ["started", "succeeded"]
        assert {line["correlation_id"] for line in lines} == {"c-1"}
        assert lines[-1]["duration"] >= 0
        assert "secret" not in caplog.text

    async def test_the_pipeline_itself_measures(self) -> None:
        """Every message is counted and timed by its outcome, for whoever keeps the numbers."""
        noted: list[tuple[Kind, str, str]] = []

        class Keeping:
            def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
                noted.append((kind, message, outcome))

        app = _app()
        app.observe(meter=Keeping())
        async with app:
            await app.execute(FindUser(name="Ada"))
            await app.execute(CreateUser(name=""))
        assert noted == [(Kind.QUERY, "find_user", "success"), (Kind.COMMAND, "create_user", "invalid")]


class TestDispatcher:
    """One door for the three kinds."""

    async def test_registration_by_explicit_kind(self) -> None:
        """`register_command`, `register_query` and `register_event` take classes that know nothing of twofold."""

        class Make(BaseModel):
            name: str

        class Look(BaseModel):
            name: str

        class Made(BaseModel):
            name: str

        heard: list[str] = []

        async def on_made(event: Made) -> None:
            heard.append(event.name)

        dispatcher = Dispatcher()
        dispatcher.register_command(Make, lambda message: Success(f"made {message.name}"))
        dispatcher.register_query(Look, lambda message: f"saw {message.name}")
        dispatcher.register_event(Made, on_made)
        assert await dispatcher.dispatch(Make(name="x")) == Success("made x")
        assert await dispatcher.dispatch(Look(name="x")) == Success("saw x")
        assert await dispatcher.dispatch(Made(name="x")) == Success()
        assert heard == ["x"]

    async def test_registration_by_message_type(self) -> None:
        """`register_handler` reads the kind off the message."""
        dispatcher = Dispatcher()
        answer = new_id()
        dispatcher.register_handler(CreateUser, Create(_users(answer)))
        assert await dispatcher.dispatch(CreateUser(name="Ada")) == Success(answer)

    async def test_bases_tell_the_kind_too(self) -> None:
        """The kind of a plain message may come from the handler's base class."""

        class Plain(BaseModel):
            pass

        class Ask(QueryHandler[Plain, int]):
            async def handle(self, message: Plain) -> int:
                return 7

        assert Handler.of(Ask).kind is Kind.QUERY
        dispatcher = Dispatcher()
        dispatcher.register_handler(Plain, Ask())
        assert await dispatcher.queries.execute(Plain()) == Success(7)

    async def test_without_any_kind_it_is_a_wiring_mistake(self) -> None:
        """A plain class that nothing gives a kind is refused when it is registered, and the handler is named."""

        class Plain(BaseModel):
            pass

        async def take(message: Plain) -> None: ...

        with pytest.raises(WiringError, match="take"):
            Dispatcher().register_handler(Plain, take)

    async def test_a_second_handler_is_refused(self) -> None:
        """Commands and queries have one handler; the refusal is raised, is wiring, and a ValueError."""
        dispatcher = Dispatcher()
        dispatcher.register_command(CreateUser, Create(_users(new_id())))
        with pytest.raises(DuplicateHandlerError) as caught:
            dispatcher.register_command(CreateUser, Create(_users(new_id())))
        assert isinstance(caught.value, ValueError)
        assert caught.value.family is Family.WIRING

    async def test_events_have_many_handlers(self) -> None:
        """Every handler of an event is given it."""
        heard: list[str] = []

        class First(EventHandler[UserCreated]):
            async def handle(self, message: UserCreated) -> None:
                heard.append("first")

        dispatcher = Dispatcher()
        dispatcher.register_event(UserCreated, First())
        dispatcher.register_event(UserCreated, lambda event: heard.append("second"))
        assert (await dispatcher.dispatch(UserCreated(name="Ada"))).is_success
        assert sorted(heard) == ["first", "second"]

    async def test_no_handler_is_raised(self) -> None:
        """A message without a handler is never a Failure: it is raised, is wiring, and a ValueError."""
        with pytest.raises(HandlerNotFoundError) as caught:
            await Dispatcher().dispatch(FindUser(name="Ada"))
        assert isinstance(caught.value, ValueError)
        assert caught.value.category is Category.WIRING

    async def test_a_missing_handler_hints_at_near_names(self) -> None:
        """The error tells which registered messages look like the one that was sent."""

        class CreateUsers(Command[None]):
            pass

        dispatcher = Dispatcher()
        dispatcher.register_command(CreateUser, Create(_users(new_id())))
        with pytest.raises(HandlerNotFoundError, match="did you mean CreateUser"):
            await dispatcher.dispatch(CreateUsers())

    async def test_key_errors_inside_a_handler_are_not_mistaken(self) -> None:
        """A KeyError that a handler raises is its own bug, and propagates as it is."""
        dispatcher = Dispatcher()

        async def broken(message: FindUser) -> str:
            return dict[str, str]()[message.name]

        dispatcher.register_query(FindUser, broken)
        with pytest.raises(KeyError, match="Ada"):
            await dispatcher.dispatch(FindUser(name="Ada"))

    async def test_dependencies_come_from_a_container(self) -> None:
        """Alone, a dispatcher takes a dishka container, and fills class handlers from it."""
        answer = new_id()
        provider = Provider(scope=Scope.APP)
        provider.provide(lambda: _users(answer), provides=Users)
        container = make_async_container(provider)
        dispatcher = Dispatcher(container=container)
        dispatcher.register_command(CreateUser, Create)
        assert await dispatcher.dispatch(CreateUser(name="Ada")) == Success(answer)
        await container.close()

    async def test_def_and_async_def_are_equals(self) -> None:
        """Functions, bound methods and handlers that block in a thread all answer a Result."""
        main_thread = asyncio.get_running_loop()

        class Desk:
            def find(self, query: FindUser) -> str:
                return f"found {query.name}"

        def blocking(command: CreateUser) -> bool:
            try:
                return asyncio.get_running_loop() is not main_thread
            except RuntimeError:
                return True

        dispatcher = Dispatcher()
        dispatcher.register_query(FindUser, Desk().find)
        dispatcher.register_command(CreateUser, blocking, blocking=True)
        assert await dispatcher.dispatch(FindUser(name="Ada")) == Success("found Ada")
        assert await dispatcher.dispatch(CreateUser(name="Ada")) == Success(True)

    async def test_no_coroutine_is_returned_unawaited(self) -> None:
        """A `def` that answers a coroutine is awaited like an `async def`."""

        async def later(message: FindUser) -> str:
            return message.name

        def lazily(message: FindUser) -> Awaitable[str]:
            return later(message)

        dispatcher = Dispatcher()
        dispatcher.register_query(FindUser, lazily)
        assert await dispatcher.dispatch(FindUser(name="Ada")) == Success("Ada")

    def test_sync_is_the_same_surface(self) -> None:
        """Code that cannot await uses `.sync` of the dispatcher, of each bus, and of the application."""
        dispatcher, commands, queries, events = Dispatcher(), CommandBus(), QueryBus(), EventBus()
        heard: list[str] = []
        dispatcher.register_query(FindUser, lambda message: message.name)
        commands.register(CreateUser, lambda message: len(message.name))
        queries.register(FindUser, lambda message: message.name)
        events.register(UserCreated, lambda event: heard.append(event.name))
        assert dispatcher.sync.dispatch(FindUser(name="Ada")) == Success("Ada")
        assert commands.sync.execute(CreateUser(name="Ada")) == Success(3)
        assert queries.sync.execute(FindUser(name="Ada")) == Success("Ada")
        assert events.sync.publish(UserCreated(name="Ada")) == Success()
        assert heard == ["Ada"]
        with _app().sync as app:
            assert app.execute(FindUser(name="Ada")) == Success("Ada")

    async def test_sync_inside_a_loop_is_a_mistake(self) -> None:
        """`.sync` where one can await would deadlock, so it is refused."""
        dispatcher = Dispatcher()
        dispatcher.register_query(FindUser, lambda message: message.name)
        with pytest.raises(WiringError, match="await"):
            dispatcher.sync.dispatch(FindUser(name="Ada"))


class TestRailway:
    """Results are values with two tracks."""

    def test_success_and_failure_are_values(self) -> None:
        """They compare, hash, copy and pickle, also when made as `Success[int](1)`."""
        for result in (Success[int](1), Failure[str]("no"), Success()):
            assert copy.copy(result) == copy.deepcopy(result) == pickle.loads(pickle.dumps(result)) == result
            assert hash(copy.copy(result)) == hash(result)
        assert Success(1) != Failure(1)

    def test_the_short_names_are_the_same_classes(self) -> None:
        """`Ok` and `Err` are `Success` and `Failure`, and match by position."""
        assert Ok is Success
        assert Err is Failure
        match Err(NotFound("no such user")):
            case Err(NotFound() as error):
                assert error.detail == "no such user"

    def test_what_each_track_knows(self) -> None:
        """A Success has a value and no error; a Failure has an error, and its value raises."""
        good, bad = Success(1), Failure("no")
        assert (good.is_success, good.is_failure, good.value, good.error) == (True, False, 1, None)
        assert (bad.is_success, bad.is_failure, bad.error) == (False, True, "no")
        with pytest.raises(ValueError, match="no"):
            _ = bad.value

    def test_steps_run_until_the_first_failure(self) -> None:
        """`and_then` and `map` go on from a Success and pass a Failure through."""
        seen: list[int] = []

        def half(number: int) -> Result[int, str]:
            seen.append(number)
            return Success(number // 2) if number % 2 == 0 else Failure(f"{number} is odd")

        assert half(8).and_then(half).and_then(half).map(str) == Success("1")
        seen.clear()
        assert half(6).and_then(half).and_then(half) == Failure("3 is odd")
        assert seen == [6, 3]

    def test_the_other_track(self) -> None:
        """`map_error` changes an error, `or_else` recovers, `unwrap_or` has a value ready."""
        failed: Result[int, str] = Failure("no")
        assert failed.map_error(len) == Failure(2)
        assert failed.or_else(lambda error: Success(len(error))) == Success(2)
        assert failed.unwrap_or(7) == 7
        assert Success(1).or_else(lambda _: Success(2)).map_error(str).unwrap_or(7) == 1

    def test_unwrap_raises_the_very_error(self) -> None:
        """For those who prefer exceptions: the error itself when it is one."""
        error = NotFound("no such user")
        with pytest.raises(NotFound) as caught:
            Failure(error).unwrap()
        assert caught.value is error
        assert Success(1).unwrap() == 1


class TestReliability:
    """Rate limiter, breaker, timeout and retry around every handler."""

    def test_the_parts_stand_in_order(self) -> None:
        """Outermost first: rate limit, breaker, timeout, retry; for the message type that asks for them."""
        app = _app(rate_limit="10/second", circuit_breaker=3, timeout=1.0, retry=3, blocking=True)
        stages = next(one.stages for one in describe(app).handlers if one.message == "find_user")
        parts = ("rate limit", "breaker", "timeout", "retry")
        assert tuple(stage for stage in stages if stage in parts) == parts

    def test_the_parts_are_set_by_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`circuit_breaker_*`, `rate_limit_*`, `retry_*` and `timeout_*` come from the environment too."""
        monkeypatch.setenv("TWOFOLD_RETRY_ATTEMPTS", "3")
        assert all("retry" in handler.stages for handler in describe(_app()).handlers)

    async def test_a_test_puts_in_its_own_breaker(self) -> None:
        """A breaker of one's own takes the place of the built-in one, and is told of the outcome."""
        from twofold.reliability import Breakers

        breakers = AsyncMock(spec=Breakers)
        app = _app(circuit_breaker=3)
        app.override(Breakers, breakers)
        async with app:
            await app.execute(FindUser(name="Ada"))
        breakers.of.assert_called_with(FindUser)

    async def test_an_open_breaker_calls_nothing(self) -> None:
        """Once open, the handler is not called, and the answer is a typed Failure of the family unavailable."""
        calls: list[str] = []

        async def down(query: FindUser) -> str:
            calls.append(query.name)
            raise ConnectionError

        async with _app(find=down, circuit_breaker=1) as app:
            await app.execute(FindUser(name="Ada"))
            result = await app.execute(FindUser(name="Bob"))
        assert calls == ["Ada"]
        assert isinstance(result.error, TwofoldError)
        assert result.error.family is Family.UNAVAILABLE

    async def test_only_what_is_unavailable_is_retried(self) -> None:
        """A connection that fails once is tried again; a refusal is not."""
        answers = iter([ConnectionError(), "Ada", Refused("no")])
        calls: list[str] = []

        async def flaky(query: FindUser) -> object:
            calls.append(query.name)
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async with _app(find=flaky, retry=3) as app:
            assert await app.execute(FindUser(name="Ada")) == Success("Ada")
            assert (await app.execute(FindUser(name="Bob"))).is_failure
        assert calls == ["Ada", "Ada", "Bob"]

    def test_a_timeout_on_an_inline_def_is_a_fault(self) -> None:
        """A `def` that runs inline cannot be timed out: the application refuses to start, and says what mends it."""
        assert any("blocking=True" in str(fault) for fault in _app(timeout=1.0).check())
        assert _app(timeout=1.0, blocking=True).check() == []


class TestConvention:
    """Less to write by hand."""

    def test_handlers_are_discovered(self) -> None:
        """`discover` mounts every module of a package."""
        app = App("s1", database="memory:")
        app.discover("examples.accounts")
        assert {module.name for module in app.modules} >= {"accounts.commands", "accounts.queries"}

    def test_a_generated_handler_needs_no_edits(self, tmp_path: Path) -> None:
        """`twofold new command` writes a command, its handler and a test that passes untouched."""

        def run(*words: str, folder: Path) -> int:
            return finished("-m", *words, where=folder).returncode

        assert run("twofold", "new", "project", "shop", folder=tmp_path) == 0
        assert run("twofold", "new", "command", "PlaceOrder", folder=tmp_path / "shop") == 0
        assert run("pytest", "-q", folder=tmp_path / "shop") == 0
