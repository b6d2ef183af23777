"""Queries that queries send, where both are tried again."""

from dataclasses import dataclass

import pytest

from tests.reliability.virtual import LoopClock, run
from twofold import App, Module, Query, QueryBus, Result
from twofold.reliability import Retry


@dataclass(frozen=True, kw_only=True)
class Rate(Query[int]):
    """Asks elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Price(Query[int]):
    """Asks for the rate."""


@pytest.mark.parametrize("retry, attempts", [(Retry(3), 3), (None, 2)])
def test_a_query_inside_one_that_is_tried_again_is_a_part_of_it(retry: Retry | None, attempts: int) -> None:
    """Each of the attempts would be as many otherwise; where nobody tries the whole again, it is tried by itself."""
    asked = list[None]()
    module = Module("prices")

    @module.handler(retry=Retry(2))
    async def rate(query: Rate) -> int:
        asked.append(None)
        raise ConnectionError

    @module.handler(retry=retry)
    async def price(query: Price, bus: QueryBus) -> Result[int]:
        return await bus.execute(Rate())

    async def main() -> None:
        async with App("prices", modules=[module], database="memory:", clock=LoopClock()) as app:
            assert isinstance((await app.execute(Price())).error, ConnectionError)

    run(main())
    assert len(asked) == attempts
