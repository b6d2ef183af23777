"""A circuit breaker as an application has it: what is seen of it from outside, and who gives its place back."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.observability.test_meter import samples
from tests.reliability.virtual import LoopClock, run, settle, silent_redis
from twofold import App, Module, Query, Success
from twofold.errors import CircuitOpen
from twofold.observability import PrometheusMeter
from twofold.reliability import CircuitBreaker, RateLimit


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
        module.register(Find, self.find, circuit_breaker=CircuitBreaker(1, open_for=5), **options)
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
