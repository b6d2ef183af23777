"""Reliability as an application has it: where it is set, in which order it stands, and what it tells."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.reliability.virtual import LoopClock, run
from twofold import App, Command, Event, EventBus, Failure, Module, NotFound, Query, Success
from twofold.app import doctor
from twofold.app.explanation import explain
from twofold.clock import Clock, SystemClock
from twofold.dispatch import CommandBus, Dispatcher
from twofold.errors import BulkheadFull, CircuitOpen, RateLimited, TimedOut, VersionConflict, WiringError
from twofold.messages import Context, Kind, Origin
from twofold.reliability import (
    Bulkhead,
    Bulkheads,
    CircuitBreaker,
    Limiters,
    RateLimit,
    Retries,
    Retry,
    Timeout,
    Timeouts,
)
from twofold.store import UnitOfWork

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Find(Query[str]):
    name: str = "ada"


@dataclass(frozen=True, kw_only=True)
class Found(Event):
    n: int


class Numbers:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, str]] = []

    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None: ...

    def count(self, what: str, message: str) -> None:
        self.counted.append((what, message))


def app_of(find: Callable[..., Any], numbers: Numbers | None = None, clock: Clock | None = None, **options: Any) -> App:
    """An application with one query, and options of its handler."""
    module = Module("finding")
    module.register(Find, find, **options)
    app = App("finding", modules=[module], database="memory:", clock=clock or SystemClock())
    app.observe(meter=numbers or Numbers())
    return app


def counting(*endings: Any) -> tuple[list[Any], Callable[..., Any]]:
    """A handler that ends in one way after the other, the last of them for ever; and what it was sent."""
    calls: list[Any] = []

    async def find(query: Find) -> Any:
        ending = endings[min(len(calls), len(endings) - 1)]
        calls.append(query)
        if isinstance(ending, Exception):
            raise ending
        return ending

    return calls, find


class TestSettings:
    """Where each of them may be set, and which wins."""

    @pytest.fixture
    def module(self) -> Module:
        module = Module("finding", retry=2)
        module.register(Find, counting("x")[1])
        return module

    def settings(self, *modules: Module, **policies: Any) -> dict[str, tuple[str, str]]:
        """The settings of `Find` by part: what is set, and where."""
        (handler,) = explain(App("finding", modules=modules, database="memory:", **policies), "find").handlers
        return {one.part: (one.value, one.source) for one in handler.settings}

    def test_nothing_is_set_unless_somebody_says_so(self) -> None:
        """And then no stage is there."""
        module = Module("finding")
        module.register(Find, counting("x")[1])
        (handler,) = explain(App("finding", modules=[module], database="memory:"), "find").handlers
        assert handler.settings == ()
        assert handler.stages == ("logging", "validation", "read only")

    def test_the_nearest_wins(self, module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
        """Application, module, handler; and at each of them the environment is asked before the code."""

        def attempts(**policies: Any) -> tuple[int, str]:
            value, source = self.settings(module, **policies)["retry"]
            return int(value.removeprefix("Retry(attempts=").removesuffix(")")), source

        assert attempts(retry=5) == (2, "module finding")
        monkeypatch.setenv("TWOFOLD_RETRY_ATTEMPTS", "6")
        assert attempts(retry=5) == (2, "module finding, nearer than TWOFOLD_RETRY*")
        monkeypatch.setenv("TWOFOLD_FINDING__RETRY", "8")
        assert attempts(retry=5) == (8, "module finding, TWOFOLD_FINDING__RETRY")
        module.registrations.clear()
        module.register(Find, counting("x")[1], retry=4)
        assert attempts(retry=5)[0] == 4
        monkeypatch.setenv("TWOFOLD_FIND__RETRY", "7")
        assert attempts(retry=5) == (7, f"{__name__}.counting.<locals>.find, TWOFOLD_FIND__RETRY")

    def test_the_environment_wins_over_the_application(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who runs it has the last word on what holds for all of it."""
        module = Module("finding")
        module.register(Find, counting("x")[1])
        monkeypatch.setenv("TWOFOLD_TIMEOUT", "3")
        assert self.settings(module, timeout=2) == {
            "timeout": ("Timeout(seconds=3.0)", "the application, TWOFOLD_TIMEOUT")
        }

    @pytest.mark.parametrize(
        "said, name, text, value",
        [
            ({"retry": 7}, "RETRY_FIRST", "0.5", "Retry(attempts=7, first=0.5)"),
            ({"bulkhead": 20}, "BULKHEAD_WAITING", "1", "Bulkhead(concurrent=20, waiting=1)"),
            ({"bulkhead": 20}, "BULKHEAD", "50", "Bulkhead(concurrent=50, waiting=50)"),
            ({"circuit_breaker": 9}, "CIRCUIT_BREAKER_PROBES", "2", "CircuitBreaker(failures=9, probes=2)"),
            ({"rate_limit": "7/hour"}, "RATE_LIMIT_PER", "user", "RateLimit(rate=7/hour, per=user)"),
        ],
    )
    @pytest.mark.parametrize("level", ["", "FINDING__", "FIND__"])
    def test_a_variable_changes_only_what_it_names(
        self, level: str, said: dict[str, Any], name: str, text: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The rest is as the code says at the same place; both are told of."""
        module = Module("finding", **(said if level == "FINDING__" else {}))
        module.register(Find, counting("x")[1], **(said if level == "FIND__" else {}))
        monkeypatch.setenv(f"TWOFOLD_{level}{name}", text)
        ((told, source),) = self.settings(module, **({} if level else said)).values()
        assert told == value
        assert source.endswith(f", TWOFOLD_{level}{name}")

    def test_the_environment_switches_off(self, module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where it stands: for all that say nothing themselves, for a module, for a message."""
        monkeypatch.setenv("TWOFOLD_RETRY", "off")
        assert self.settings(module, retry=5)["retry"][0] == "Retry(attempts=2)"
        monkeypatch.setenv("TWOFOLD_FINDING__RETRY", "OFF")
        assert self.settings(module, retry=5)["retry"] == ("off", "TWOFOLD_FINDING__RETRY")
        monkeypatch.setenv("TWOFOLD_FIND__RETRY", "3")
        assert self.settings(module, retry=5)["retry"][1] == "TWOFOLD_FIND__RETRY"

    async def test_a_variable_that_is_passed_over_is_told_of(
        self, module: Module, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """At the start, by the doctor and where a message is explained; not where it reaches all, or says the same."""
        app = App("finding", modules=[module], database="memory:", timeout=5)
        monkeypatch.setenv("TWOFOLD_TIMEOUT", "3")
        monkeypatch.setenv("TWOFOLD_RETRY", "2")
        assert [one for one in doctor(app) if one.code == "passed_over"] == []
        monkeypatch.setenv("TWOFOLD_RETRY", "off")
        assert self.settings(module)["retry"][1] == "module finding, nearer than TWOFOLD_RETRY*"
        app = App("finding", modules=[module], database="memory:", timeout=5)
        (found,) = (one for one in doctor(app) if one.code == "passed_over")
        assert (found.where, found.text) == ("TWOFOLD_RETRY*", "does not reach what is set nearer, at module finding")
        async with app:
            pass
        told = [one.getMessage() for one in caplog.records if one.name == "twofold.settings"]
        assert told == ["TWOFOLD_RETRY* does not reach what is set nearer: module finding"]

    def test_none_switches_off(self, module: Module) -> None:
        """What holds for all others does not hold where the handler says None."""
        module.registrations.clear()
        module.register(Find, counting("x")[1], retry=None)
        assert self.settings(module, retry=5, timeout=2)["retry"][0] == "off"
        (handler,) = explain(App("finding", modules=[module], database="memory:", retry=5), "find").handlers
        assert "retry" not in handler.stages

    @pytest.mark.parametrize(
        "said, text",
        [
            ({"retry": 0}, "retry"),
            ({"timeout": "soon"}, "timeout"),
            ({"rate_limit": "often"}, "rate_limit"),
            ({"circuit_breaker": -1}, "circuit_breaker"),
            ({"bulkhead": 0.5}, "bulkhead"),
        ],
    )
    def test_what_makes_no_sense_is_a_fault(self, said: dict[str, Any], text: str) -> None:
        """Wherever it is said: all of them are told at the start."""
        module = Module("finding", **said)
        module.register(Find, counting("x")[1], **said)
        faults = App("finding", modules=[module], database="memory:", **said).check()
        assert [fault.code for fault in faults] == ["wrong_setting"] * 3
        assert {fault.where.split(".")[-1] for fault in faults} == {"the application", "module finding", "find"}
        assert all(text in str(fault) for fault in faults)

    def test_what_the_environment_gets_wrong_is_a_fault(self, module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
        """A value, a name, and a message or module that there is not; with what may have been meant."""
        monkeypatch.setenv("TWOFOLD_RETRY_ATEMPTS", "3")
        monkeypatch.setenv("TWOFOLD_FINDIN__TIMEOUT", "3")
        faults = list(map(str, App("finding", modules=[module], database="memory:").check()))
        assert len(faults) == 2
        assert any("TWOFOLD_RETRY_ATTEMPTS" in fault for fault in faults)
        assert any("'findin'" in fault and "did you mean finding?" in fault for fault in faults)

    @pytest.mark.parametrize(
        "name, meant",
        [
            ("TWOFOLD_BULKHED", "TWOFOLD_BULKHEAD"),
            ("TWOFOLD_RETRIES_ATTEMPTS", "TWOFOLD_RETRY"),
            ("TWOFOLD_FINDING__BULKHED", "TWOFOLD_FINDING__BULKHEAD"),
            ("TWOFOLD_FINDING__CIRCUITBREAKER_FAILURES", "TWOFOLD_FINDING__CIRCUIT_BREAKER"),
            ("TWOFOLD_FIND__TIMOUT_SECONDS", "TWOFOLD_FIND__TIMEOUT"),
            ("TWOFOLD_FINDING_TIMEOUT_SECONDS", "TWOFOLD_FINDING__TIMEOUT_SECONDS"),
            ("TWOFOLD_FIND__SOMETHING", "TWOFOLD_FIND__RETRY"),
        ],
    )
    def test_a_misspelt_variable_is_a_fault(
        self, name: str, meant: str, module: Module, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It would leave unprotected what somebody believes to be protected."""
        monkeypatch.setenv(name, "3")
        (fault,) = App("finding", modules=[module], database="memory:").check()
        assert name in fault.text
        assert meant in fault.hint

    @pytest.mark.parametrize(
        "said, name, meant",
        [
            (partial(App, "finding"), "databse", "database"),
            (partial(App, "finding"), "ratelimit", "rate_limit"),
            (partial(Module, "finding"), "authorise", "authorize"),
            (Module("finding").handler, "blockng", "blocking"),
            (partial(Module("finding").register, Find, counting("x")[1]), "pth", "path"),
        ],
    )
    def test_what_was_meant_may_be_another_parameter(self, said: Callable[..., Any], name: str, meant: str) -> None:
        """What is near to a name is sought among all that may be said there."""
        with pytest.raises(WiringError, match=f"there is no option '{name}': did you mean {meant}[?]"):
            said(**{name: 1})

    def test_what_is_not_ours_is_left_alone(self, module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
        """A variable that looks like none of these may be anybody's."""
        monkeypatch.setenv("TWOFOLD_HOME", "/srv")
        monkeypatch.setenv("TWOFOLD_OTHER__THING", "1")
        assert App("finding", modules=[module], database="memory:").check() == []

    def test_there_is_no_other(self) -> None:
        """An application and a module refuse what they do not know."""
        nonsense: Any = {"retries": 3}
        with pytest.raises(WiringError, match="did you mean retry"):
            App("finding", **nonsense)
        with pytest.raises(WiringError, match="did you mean retry"):
            Module("finding", **nonsense)

    def test_what_is_for_all_is_not_for_reactions(self) -> None:
        """They are tried again by themselves; one that says it itself is told so."""
        module = Module("finding", retry=2, timeout=1)
        module.register(Find, counting("x")[1])

        @module.on(Found)
        async def react(event: Found) -> None: ...

        app = App("finding", modules=[module], database="memory:")
        assert app.check() == []
        (handler,) = explain(app, "found").handlers
        assert handler.settings == ()

    def test_nobody_can_end_a_def_in_the_event_loop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A timeout of its own is a fault, wherever it is set; one that holds for all passes it over."""
        module = Module("finding", timeout=1)
        module.register(Find, lambda query: "x")
        assert self.settings(module) == {}
        module.registrations.clear()
        module.register(Find, lambda query: "x", timeout=1)
        (fault,) = App("finding", modules=[module], database="memory:").check()
        assert (fault.code, "blocking=True" in fault.hint) == ("endless", True)
        module.registrations.clear()
        module.register(Find, lambda query: "x")
        monkeypatch.setenv("TWOFOLD_FIND__TIMEOUT", "0.1")
        (fault,) = App("finding", modules=[module], database="memory:").check()
        assert (fault.code, "TWOFOLD_FIND__" in fault.text) == ("endless", True)


class TestParts:
    """Each of them, in its place."""

    async def test_a_rate_limit_refuses_before_anything_is_done(self) -> None:
        """By user of a tenant here; the refusal says when there is room again."""
        calls, find = counting("x")
        async with app_of(find, rate_limit=RateLimit("2/hour", per="user")) as app:
            ada, bob = app.caller(user_id="ada"), app.caller(user_id="bob")
            for caller in (ada, ada, bob):
                assert (await caller.execute(Find())).is_success
            refused = await ada.execute(Find())
        assert isinstance(refused.error, RateLimited)
        assert 0 < refused.error.retry_after <= 3600
        assert len(calls) == 3

    async def test_an_open_breaker_calls_nothing_and_is_told_of(self, caplog: pytest.LogCaptureFixture) -> None:
        """In the log and the numbers; refusals are answers and do not count, and a bug says nothing."""
        caplog.set_level(logging.INFO, "twofold.breaker")
        numbers = Numbers()
        refusal = Failure(NotFound("x"))
        calls, find = counting(ConnectionError(), refusal, ConnectionError(), KeyError("x"), ConnectionError(), "x")
        async with app_of(find, numbers, circuit_breaker=2) as app:
            for _ in range(3):
                await app.execute(Find())
            with pytest.raises(KeyError):
                await app.execute(Find())
            await app.execute(Find())
            shut = await app.execute(Find())
        assert isinstance(shut.error, CircuitOpen)
        assert len(calls) == 5
        lines = [record for record in caplog.records if record.name == "twofold.breaker"]
        assert [(record.levelname, record.getMessage()[-12:]) for record in lines] == [("WARNING", "find is open")]
        assert [what for what, _ in numbers.counted] == ["circuits_opened"]

    async def test_a_retry_counts_its_attempts(self) -> None:
        """Only what is unavailable is tried again, so many times in all."""
        numbers = Numbers()
        calls, find = counting(ConnectionError())
        async with app_of(find, numbers, retry=Retry(attempts=3, first=0.001)) as app:
            result = await app.execute(Find())
        assert isinstance(result.error, ConnectionError)
        assert (len(calls), numbers.counted) == (3, [("retries", "find")] * 2)

    def test_what_is_too_late_is_cancelled(self) -> None:
        """At whatever it awaits; its caller is told, and a cancellation from outside stays one."""
        cancelled: list[str] = []

        async def slow(query: Find) -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(query.name)
                raise
            return "never"

        async def main() -> None:
            async with app_of(slow, clock=LoopClock(), timeout=1) as app:
                assert isinstance((await app.execute(Find())).error, TimedOut)
                task = asyncio.ensure_future(app.execute(Find(name="bob")))
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        run(main())
        assert cancelled == ["ada", "bob"]

    async def test_a_bulkhead_is_full(self) -> None:
        """One is handled, one waits, the third is refused; and the breaker does not count that."""
        go_on, begun = asyncio.Event(), list[str]()

        async def slow(query: Find) -> str:
            begun.append(query.name)
            await go_on.wait()
            return query.name

        async with app_of(slow, bulkhead=1, circuit_breaker=1) as app:
            tasks = [asyncio.ensure_future(app.execute(Find(name=name))) for name in "abc"]
            (done,), _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            assert isinstance(done.result().error, BulkheadFull)
            assert begun == ["a"]
            go_on.set()
            assert [(await task).value for task in tasks[:2]] == ["a", "b"]

    def test_retries_share_a_deadline(self) -> None:
        """It is that of the message, however often it is tried; a pause never goes past it."""
        calls, find = counting(ConnectionError())
        retry = Retry(attempts=50, first=0.15, jitter=0)

        async def main() -> Any:
            async with app_of(find, clock=LoopClock(), timeout=0.2, retry=retry) as app:
                return await app.execute(Find())

        assert isinstance(run(main()).error, ConnectionError)
        assert len(calls) == 2

    async def test_they_are_dependencies(self) -> None:
        """A team or a test puts its own in their place."""
        asked: list[type] = []
        deadlines: list[float | None] = []

        class Own:
            def of(self, message_type: type) -> Any:
                asked.append(message_type)
                return self

            async def admit(self, key: str, deadline: float | None = None) -> None: ...

            async def enter(self, deadline: float | None = None) -> None: ...

            def leave(self) -> None: ...

            async def again(self, first: Any, call: Any, *, deadline: float | None = None) -> Any:
                return Success("mine")

            def within(self, deadline: float | None) -> AbstractContextManager[None]:
                deadlines.append(deadline)
                return nullcontext()

        app = app_of(counting(ConnectionError())[1], rate_limit="1/hour", bulkhead=1, timeout=1e-9, retry=2)
        for wanted in (Limiters, Bulkheads, Retries, Timeouts):
            app.override(wanted, Own())
        async with app:
            assert [await app.execute(Find()) for _ in range(2)] == [Success("mine")] * 2
        assert asked == [Find] * 5  # those that may need an extra at the start, too
        assert len(deadlines) == 2
        assert None not in deadlines

    def test_values_say_it_too(self) -> None:
        """Shorthand or settings, as one likes."""
        app = app_of(counting("x")[1], circuit_breaker=CircuitBreaker(failures=1), timeout=Timeout(seconds=1))
        assert app.check() == []

    def test_what_a_shorthand_says_needs_no_name(self) -> None:
        """And all that is said beside it does."""
        assert (Bulkhead(2), CircuitBreaker(3), Retry(4), Timeout(5)) == (
            Bulkhead(concurrent=2),
            CircuitBreaker(failures=3),
            Retry(attempts=4),
            Timeout(seconds=5),
        )
        with pytest.raises(TypeError):
            Bulkhead(2, 3)  # type: ignore[call-arg]  # what is shown


class TestCommands:
    """What is written, and what is told of it."""

    async def test_a_part_of_a_command_is_not_tried_again_by_itself(self) -> None:
        """It holds what the whole has written: the whole is tried again."""
        inner, outer = list[int](), list[int]()

        @dataclass(frozen=True, kw_only=True)
        class Inner(Command[None]):
            pass

        @dataclass(frozen=True, kw_only=True)
        class Outer(Command[None]):
            pass

        async def do_inner(command: Inner) -> None:
            inner.append(1)
            if len(inner) == 1:
                raise ConnectionError

        async def do_outer(command: Outer, bus: CommandBus, events: EventBus) -> Any:
            outer.append(1)
            await events.publish(Found(n=len(outer)))
            return await bus.execute(Inner())

        module = Module("nested", retry=Retry(attempts=3, first=0.001))
        module.register(Find, counting("x")[1])
        module.register(Inner, do_inner)
        module.register(Outer, do_outer)
        module.events(Found)
        async with App("nested", modules=[module], database="memory:") as app:
            assert (await app.execute(Outer())).is_success
            log = await app.store.log.read(0, until=await app.store.log.head(), limit=10)
            assert [event.data for event in log] == [b'{"n":2}']
        assert (len(inner), len(outer)) == (2, 2)

    @pytest.mark.parametrize(
        "options, tries",
        [
            ({}, 30),
            ({"retry": None}, 1),
            ({"retry": Retry(attempts=3)}, 3),
            ({"retry": Retry(attempts=3, on="unavailable")}, 1),
        ],
    )
    async def test_a_conflict_is_decided_again(self, options: dict[str, Any], tries: int) -> None:
        """Thirty times in all, where nothing is said of retries; else as often as that says, and after what it says.

        Every attempt is in a unit of its own.
        """
        units: list[int] = []

        @dataclass(frozen=True, kw_only=True)
        class Move(Command[None]):
            pass

        async def move(command: Move, unit: UnitOfWork) -> None:
            units.append(id(unit))
            raise VersionConflict(stream="x", expected=1)

        module = Module("moving")
        module.register(Find, counting("x")[1])
        module.register(Move, move, **options)
        async with App("moving", modules=[module], database="memory:") as app:
            assert isinstance((await app.execute(Move())).error, VersionConflict)
        assert len(units) == tries

    def test_the_deadline_holds_in_the_line_of_the_overtaken(self) -> None:
        """Who stands there when it comes is told so, and holds up nobody who comes later."""
        inside, leave = asyncio.Event(), asyncio.Event()
        tries = list[str]()

        @dataclass(frozen=True, kw_only=True)
        class Move(Command[None]):
            who: str

        @dataclass(frozen=True, kw_only=True)
        class Hurry(Command[None]):
            pass

        async def move(command: Move) -> None:
            tries.append(command.who)
            if tries.count(command.who) == 1:
                raise VersionConflict(stream="x", expected=1)
            inside.set()
            await leave.wait()

        async def hurry(command: Hurry) -> None:
            tries.append("hurried")
            raise VersionConflict(stream="x", expected=1)

        module = Module("moving")
        module.register(Move, move)
        module.register(Hurry, hurry, timeout=1)
        module.register(Find, counting("x")[1])

        async def main() -> None:
            async with App("moving", modules=[module], database="memory:", clock=LoopClock()) as app:
                first = asyncio.create_task(app.execute(Move(who="first")))
                await inside.wait()
                assert isinstance((await app.execute(Hurry())).error, TimedOut)
                leave.set()
                assert (await app.execute(Move(who="last"))).is_success
                assert (await first).is_success

        run(main())
        assert tries == ["first", "first", "hurried", "last", "last"]

    async def test_a_nested_message_has_the_deadline_of_the_whole(self) -> None:
        """A longer timeout of its own does not prolong it."""
        deadlines: list[float | None] = []

        @dataclass(frozen=True, kw_only=True)
        class Outer(Command[None]):
            pass

        async def find(query: Find, context: Context) -> str:
            deadlines.append(context.deadline)
            return "x"

        async def outer(command: Outer, dispatcher: Dispatcher, context: Context) -> None:
            deadlines.append(context.deadline)
            await dispatcher.dispatch(Find())

        module = Module("nested")
        module.register(Find, find, timeout=1000)
        module.register(Outer, outer, timeout=1)
        async with App("nested", modules=[module], database="memory:") as app:
            assert (await app.execute(Outer(), origin=Origin())).is_success
        assert deadlines[0] is not None
        assert deadlines == [deadlines[0]] * 2


async def test_a_part_of_a_message_is_called_like_it() -> None:
    """In what callers are told and in numbers, and not by where its class is."""
    app = app_of(counting("x")[1], rate_limit="1/hour")
    async with app:
        await app.execute(Find())
        refused = await app.execute(Find())
    assert isinstance(refused.error, RateLimited)
    assert refused.error.detail == "find is limited to 1/hour"
    numbers = Numbers()
    app = app_of(counting(ConnectionError("away"))[1], numbers, circuit_breaker=1)
    async with app:
        await app.execute(Find())
    assert ("circuits_opened", "find") in numbers.counted


async def test_why_something_is_away_is_in_the_log_for_who_wants_to_know(caplog: pytest.LogCaptureFixture) -> None:
    """Each further try is told with its code; texts of errors, which may say anything, at DEBUG alone."""
    app = app_of(counting(ConnectionError("insurer.example:443 refused"), "x")[1], retry=Retry(attempts=2, first=0.001))
    async with app:
        with caplog.at_level(logging.INFO):
            await app.execute(Find())
        assert "query find is tried again: ConnectionError" in caplog.text
        assert "insurer" not in caplog.text
    app = app_of(counting(ConnectionError("insurer.example:443 refused"))[1])
    async with app:
        with caplog.at_level(logging.DEBUG):
            await app.execute(Find())
    assert "insurer.example:443 refused" in caplog.text
