"""A circuit breaker as an application has it: what is seen of it from outside, and who gives its place back."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.observability.test_meter import samples
from tests.reliability.virtual import LoopClock, run, settle, silent_redis
from twofold import App, Module, Query, QueryBus, Result, Success
from twofold.dispatch import Next
from twofold.errors import CircuitOpen, TimedOut
from twofold.messages import Context
from twofold.observability import PrometheusMeter
from twofold.reliability import CircuitBreaker, RateLimit, State, StateChange


@dataclass(frozen=True, kw_only=True)
class Find(Query[str]):
    """What is looked for elsewhere."""


@dataclass
class Elsewhere:
    """What stands behind a breaker that one failure opens, for five seconds."""

    ask: Callable[[], Coroutine[Any, Any, str]]
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)

    def app(self, **options: Any) -> App:
        module = Module("finding")
        module.register(Find, self.find, **{"circuit_breaker": CircuitBreaker(1, open_for=5), **options})
        app = App("finding", modules=[module], database="memory:", clock=LoopClock())
        app.observe(meter=self.meter)
        return app

    async def find(self, query: Find) -> str:
        return await self.ask()

    def states(self) -> dict[str, float]:
        """What the gauge shows, by the name of the breaker."""
        found = samples(self.meter.render()[0]).items()
        return {labels[-1]: value for labels, value in found if labels[0] == "cqrs_breaker_state"}


def test_the_gauge_shows_how_a_breaker_stands_from_the_start() -> None:
    """0 while it is closed, 2 once it is open, which the alert is about, and 1 while it is tried."""
    shown = list[float]()

    async def ask() -> str:
        shown.append(elsewhere.states()["find"])
        if len(shown) == 1:
            raise ConnectionError
        return "found"

    elsewhere = Elsewhere(ask)

    async def main() -> None:
        async with elsewhere.app() as app:
            assert elsewhere.states() == {"find": 0}
            await app.execute(Find())
            assert elsewhere.states() == {"find": 2}
            await asyncio.sleep(5)
            assert await app.execute(Find()) == Success("found")
            assert elsewhere.states() == {"find": 0}

    run(main())
    assert shown == [0, 1]


def test_so_does_that_of_the_store_of_limits() -> None:
    """Which is left alone after three questions that it did not answer."""

    async def ask() -> str:
        return "found"

    elsewhere = Elsewhere(ask)

    async def main() -> None:
        async with silent_redis() as address:
            async with elsewhere.app(rate_limit=RateLimit("9/minute", store=address)) as app:
                assert elsewhere.states() == {"find": 0, "the store of rate limits": 0}
                for _ in range(3):
                    assert await app.execute(Find()) == Success("found")
                assert elsewhere.states() == {"find": 0, "the store of rate limits": 2}

    run(main())


def test_who_listens_is_told_of_every_change() -> None:
    """It opens, is tried in vain, is tried again, and closes; each change says where it came from."""
    endings: list[Any] = [ConnectionError(), ConnectionError(), "found", "found"]
    changes = list[StateChange]()

    async def ask() -> str:
        ending = endings.pop(0)
        if isinstance(ending, Exception):
            raise ending
        return str(ending)

    async def main() -> None:
        app = Elsewhere(ask).app()
        app.observe(circuits=changes.append)
        async with app:
            assert changes == []
            for _ in range(3):
                await app.execute(Find())
                await asyncio.sleep(5)
            assert await app.execute(Find()) == Success("found")

    run(main())
    assert {change.breaker for change in changes} == {"find"}
    assert [(change.before, change.after) for change in changes] == [
        (State.CLOSED, State.OPEN),
        (State.OPEN, State.HALF_OPEN),
        (State.HALF_OPEN, State.OPEN),
        (State.OPEN, State.HALF_OPEN),
        (State.HALF_OPEN, State.CLOSED),
    ]


def test_a_listener_that_fails_disturbs_no_message(caplog: pytest.LogCaptureFixture) -> None:
    """Its error is in the log, for every change; messages are answered, and the gauge is right, as without it."""
    endings: list[Any] = [ConnectionError("away"), "found"]

    async def ask() -> str:
        ending = endings.pop(0)
        if isinstance(ending, Exception):
            raise ending
        return str(ending)

    def tell(change: StateChange) -> None:
        raise RuntimeError("nobody answers the pager")

    elsewhere = Elsewhere(ask)

    async def main() -> None:
        app = elsewhere.app()
        app.observe(circuits=tell)
        async with app:
            assert isinstance((await app.execute(Find())).error, ConnectionError)
            assert isinstance((await app.execute(Find())).error, CircuitOpen)
            assert elsewhere.states() == {"find": 2}
            await asyncio.sleep(5)
            assert await app.execute(Find()) == Success("found")
            assert elsewhere.states() == {"find": 0}

    run(main())
    failed = [one for one in caplog.records if one.name == "twofold.breaker" and one.levelno == logging.ERROR]
    assert [one.getMessage() for one in failed] == ["who listens to circuit breakers failed over find"] * 3
    assert all(one.exc_info and isinstance(one.exc_info[1], RuntimeError) for one in failed)


def test_whoever_was_to_listen_stays_when_others_are_added() -> None:
    """Who observes something else takes nobody's place."""
    app = App("finding")
    app.observe(circuits=print)
    app.observe(meter=PrometheusMeter())
    assert app.watching.circuits is print


def test_what_a_circuit_keeps_away_is_counted_as_that() -> None:
    """Beside the failures that opened it, which are unavailable too."""

    async def ask() -> str:
        raise ConnectionError

    elsewhere = Elsewhere(ask)

    async def main() -> None:
        async with elsewhere.app() as app:
            for _ in range(3):
                await app.execute(Find())

    run(main())
    found = samples(elsewhere.meter.render()[0])
    refusals = {key[1:]: value for key, value in found.items() if key[0] == "cqrs_refusals_total"}
    assert refusals == {("unavailable", "find"): 1, ("circuit_open", "find"): 2}


@pytest.mark.parametrize("bug", [False, True])
def test_a_probe_that_says_nothing_gives_its_place_back(bug: bool) -> None:
    """One that was cancelled, or ended in a bug: the next call is the probe instead, and nobody waits for its time."""
    endings: list[Any] = [ConnectionError(), KeyError("a bug") if bug else None, "found"]

    async def ask() -> str:
        ending = endings.pop(0)
        if ending is None:
            await asyncio.Event().wait()
        if isinstance(ending, Exception):
            raise ending
        return str(ending)

    async def main() -> None:
        async with Elsewhere(ask).app() as app:
            await app.execute(Find())
            await asyncio.sleep(5)
            probe = asyncio.create_task(app.execute(Find()))
            await settle()
            if not bug:
                assert isinstance((await app.execute(Find())).error, CircuitOpen)
                probe.cancel()
            with pytest.raises(KeyError if bug else asyncio.CancelledError):
                await probe
            assert await app.execute(Find()) == Success("found")

    run(main())


@pytest.mark.parametrize("counted", [True, False])
def test_what_hangs_inside_of_something_else_has_failed_at_the_deadline_of_the_whole(counted: bool) -> None:
    """Whoever sent it is cancelled first, since it is their deadline; the breaker is that of what did not answer.

    It counts where the breaker counts what is too late.
    """

    @dataclass(frozen=True, kw_only=True)
    class Ask(Query[str]):
        """What asks elsewhere."""

    async def hang() -> str:
        await asyncio.Event().wait()
        return "never"

    async def ask(query: Ask, queries: QueryBus) -> str:
        return str((await queries.execute(Find())).unwrap())

    async def main() -> None:
        on = "unavailable" if counted else "conflict"
        app = Elsewhere(hang).app(timeout=60, circuit_breaker=CircuitBreaker(1, open_for=5, on=on))
        asking = Module("asking")
        asking.register(Ask, ask, timeout=1)
        app.mount(asking)
        async with app:
            assert isinstance((await app.execute(Ask())).error, TimedOut)
            assert isinstance((await app.execute(Find())).error, CircuitOpen if counted else TimedOut)

    run(main())


def _slow(seconds: list[float]) -> Callable[..., Coroutine[Any, Any, Result[Any, Any]]]:
    """A middleware that takes its time before it passes a message on, so many seconds for each."""

    async def slow(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        await asyncio.sleep(seconds.pop(0))
        return await call_next(message, context)

    return slow


def test_what_came_too_late_says_nothing_of_what_was_not_called() -> None:
    """Its time was over before its handler could be called; the breaker stays closed."""
    calls = list[str]()

    async def ask() -> str:
        calls.append("find")
        return "found"

    async def main() -> None:
        app = Elsewhere(ask).app(timeout=0.05, circuit_breaker=CircuitBreaker(3))
        app.use(_slow([0.06] * 4 + [0]))
        async with app:
            for _ in range(4):
                assert isinstance((await app.execute(Find())).error, TimedOut)
            assert calls == []
            assert await app.execute(Find()) == Success("found")

    run(main())


def test_a_probe_that_came_too_late_gives_its_place_back() -> None:
    """It neither closes the breaker nor opens it again: the next call is the probe instead."""
    endings: list[Any] = [ConnectionError(), "found"]
    changes = list[StateChange]()

    async def ask() -> str:
        ending = endings.pop(0)
        if isinstance(ending, Exception):
            raise ending
        return str(ending)

    async def main() -> None:
        app = Elsewhere(ask).app(timeout=1)
        app.use(_slow([0, 2, 0]))
        app.observe(circuits=changes.append)
        async with app:
            await app.execute(Find())
            await asyncio.sleep(5)
            assert isinstance((await app.execute(Find())).error, TimedOut)
            assert changes[-1].after is State.HALF_OPEN
            assert await app.execute(Find()) == Success("found")

    run(main())
    assert [change.after for change in changes] == [State.OPEN, State.HALF_OPEN, State.CLOSED]


def test_a_part_that_came_too_late_fails_no_call() -> None:
    """The part was not called; what else the call came to counts."""
    calls = list[str]()

    @dataclass(frozen=True, kw_only=True)
    class Ask(Query[str]):
        """What asks elsewhere, behind the same breaker."""

    async def found() -> str:
        calls.append("find")
        return "found"

    async def ask(query: Ask, queries: QueryBus) -> str:
        return "without" if (await queries.execute(Find())).is_failure else "with"

    async def main() -> None:
        shared = CircuitBreaker(1, open_for=5, name="elsewhere")
        app = Elsewhere(found).app(timeout=1, circuit_breaker=shared)
        app.use(_slow([0, 2, 0]))
        asking = Module("asking")
        asking.register(Ask, ask, circuit_breaker=shared)
        app.mount(asking)
        async with app:
            assert await app.execute(Ask()) == Success("without")
            assert calls == []
            assert await app.execute(Find()) == Success("found")

    run(main())


def test_who_is_called_though_it_is_late_counts() -> None:
    """A handler without a timeout of its own is called; that it finds nobody there is a failure all the same."""

    @dataclass(frozen=True, kw_only=True)
    class Ask(Query[str]):
        """What takes all its time before it asks elsewhere."""

    async def away() -> str:
        raise ConnectionError

    async def ask(query: Ask, queries: QueryBus) -> str:
        clock.late = 2.0
        return str((await queries.execute(Find())).unwrap())

    class Late(LoopClock):
        """A clock that a handler which never awaits moves on."""

        late = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.late

    clock = Late()

    async def main() -> None:
        elsewhere = Elsewhere(away)
        module = Module("late")
        module.register(Find, elsewhere.find, circuit_breaker=CircuitBreaker(1, open_for=5))
        module.register(Ask, ask, timeout=1)
        async with App("late", modules=[module], database="memory:", clock=clock) as app:
            await app.execute(Ask())
            assert isinstance((await app.execute(Find())).error, CircuitOpen)

    run(main())
