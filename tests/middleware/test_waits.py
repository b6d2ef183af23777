"""Every wait of a message ends by its deadline, whatever is silent; the time is virtual."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.reliability.virtual import LoopClock, run, silent_redis
from twofold import App, Event, Module, Query, Result, Success
from twofold.cache import Cache, Caches, Kept, Key
from twofold.errors import StoreUnavailable, TimedOut
from twofold.reliability import RateLimit, Timeouts


@dataclass(frozen=True, kw_only=True)
class Look(Query[str]):
    """What may have to wait."""


@dataclass(frozen=True, kw_only=True)
class Shown(Event):
    """What ends an answer."""


async def answer(query: Look) -> str:
    """Answer at once."""
    return "seen"


async def away(query: Look) -> str:
    """Say at once that nothing can be said."""
    raise ConnectionError


async def slowly(query: Look) -> str:
    """Answer after a second, or nearly."""
    await asyncio.sleep(0.9)
    return "late"


async def silent(asked: Any) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


async def ask(look: Callable[..., Any] = answer, times: int = 1, **options: Any) -> list[tuple[Result[str], float]]:
    """What so many queries are answered, one after the other, and how long each of them takes."""
    async with app_of(look, **options) as app:
        return [await timed(app) for _ in range(times)]


def app_of(look: Callable[..., Any], **options: Any) -> App:
    """An application in virtual time, with one query."""
    module = Module("looking")
    module.register(Look, look, **options)
    module.events(Shown)
    return App("looking", modules=[module], database="memory:", clock=LoopClock())


async def timed(app: App) -> tuple[Result[str], float]:
    """What a query is answered, and how long it takes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(60):
        return await app.execute(Look()), round(loop.time() - began, 3)


class Over:
    """Timeouts of a team's own, for which it is always too late."""

    def within(self, deadline: float | None) -> AbstractContextManager[None]:
        """Refuse."""
        raise TimedOut("mine")


async def anybody(query: Look) -> bool:
    """Let everybody pass."""
    return True


@pytest.mark.parametrize(
    "look, options",
    [
        (answer, {"timeout": 5}),
        (answer, {"authorize": anybody}),
        (slowly, {"bulkhead": 1}),
        (away, {"fallback": silent}),
    ],
)
def test_every_wait_ends_as_the_timeouts_say_that_are_given(look: Callable[..., Any], options: dict[str, Any]) -> None:
    """They are a dependency: for the work, a policy, the queue in front of a bulkhead, and a fallback."""

    async def main() -> Result[str]:
        app = app_of(look, **{"retry": 1, **options})
        app.override(Timeouts, Over())
        async with app:
            return (await asyncio.gather(*(app.execute(Look()) for _ in range(2))))[-1]

    error = run(main()).error
    assert isinstance(error, TimedOut)
    assert error.detail == "mine"


def test_the_store_of_a_limit_has_half_of_the_time() -> None:
    """The query is let through then, with time for its work; after three of them nobody waits for the store."""

    async def main() -> list[tuple[Result[str], float]]:
        async with silent_redis() as address:
            return await ask(times=4, timeout=0.9, rate_limit=RateLimit("9/minute", store=address))

    assert run(main()) == [(Success("seen"), 0.45)] * 3 + [(Success("seen"), 0)]


def test_a_limit_that_refuses_without_its_store_does_so_by_then() -> None:
    """Who guards something lets nobody through."""

    async def main() -> tuple[Result[str], float]:
        async with silent_redis() as address:
            limit = RateLimit("9/minute", store=address, absent="refuse")
            return (await ask(timeout=0.9, rate_limit=limit))[0]

    result, took = run(main())
    assert isinstance(result.error, StoreUnavailable)
    assert took == 0.45


def test_the_store_of_answers_has_half_of_the_time() -> None:
    """The query is answered as if nothing were kept, and the store is left alone."""

    async def main() -> list[tuple[Result[str], float]]:
        async with silent_redis() as address:
            return await ask(times=2, timeout=0.6, cache=Cache("1m", store=address))

    assert run(main()) == [(Success("seen"), 0.3), (Success("seen"), 0)]


class Asked:
    """A store of answers that keeps nothing, and notes until when it is waited for."""

    def __init__(self) -> None:
        self.until = list[float | None]()

    def of(self, store: str) -> "Asked":
        """It is the only one."""
        return self

    async def look(self, key: Key, tags: Any, deadline: float | None = None) -> tuple[None, tuple[str, ...]]:
        """Find nothing."""
        self.until.append(deadline)
        return None, ()

    async def keep(self, key: Key, kept: Kept, ttl: float, deadline: float | None = None) -> None:
        """Keep nothing."""
        self.until.append(deadline)


def test_an_answer_that_is_there_waits_for_half_of_what_is_left_to_be_kept() -> None:
    """As the question before it did, when more was left."""
    asked = Asked()

    async def main() -> float:
        app = app_of(slowly, timeout=5, cache="1m")
        app.override(Caches, asked)
        async with app:
            began = LoopClock().monotonic()
            assert await timed(app) == (Success("late"), 0.9)
            return began

    began = run(main())
    assert asked.until == pytest.approx([began + 2.5, began + 0.9 + 2.05])


def test_a_log_that_is_silent_is_asked_until_the_deadline() -> None:
    """What an answer will have seen is asked for before it is made, and that is a part of what the query may take."""

    async def main() -> tuple[Result[str], float]:
        async with app_of(answer, timeout=0.5, cache=Cache("1m", invalidated_by=(Shown,))) as app:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(type(app.store.log), "head", silent)
                return await timed(app)

    result, took = run(main())
    assert isinstance(result.error, TimedOut)
    assert took == 0.5


@pytest.mark.parametrize(
    "look, timeout, took",
    [
        (away, 5, 5),  # what is left of the deadline
        (away, 0.2, 1),  # a second, where that is less
        (silent, 5, 6),  # a second, where the deadline itself is why it is asked
    ],
)
def test_a_fallback_that_is_silent_is_waited_for_until_the_deadline(
    look: Callable[..., Any], timeout: float, took: float
) -> None:
    """Or for a second, so that one that answers is heard also after the deadline."""
    ((result, waited),) = run(ask(look, timeout=timeout, fallback=silent))
    assert isinstance(result.error, TimedOut)
    assert waited == took


def test_a_fallback_answers_for_what_was_too_late() -> None:
    """At once or within its second; without a deadline it has all the time."""
    assert run(ask(silent, timeout=0.3, fallback=slowly)) == [(Success("late"), 1.2)]
    assert run(ask(silent, timeout=0.3, fallback=lambda: "once")) == [(Success("once"), 0.3)]
    assert run(ask(away, fallback=slowly)) == [(Success("late"), 0.9)]
