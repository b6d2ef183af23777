"""The extra `redis`: answers of queries are kept in a server, for another application to find."""

import asyncio
import secrets
import sys
from dataclasses import dataclass

from twofold import App, Module, Query, Success
from twofold.cache import Cache

asked = 0


@dataclass(frozen=True, kw_only=True)
class Price(Query[int]):
    item: str


async def price(query: Price) -> int:
    global asked  # noqa: PLW0603  # the program is this one run
    asked += 1
    return 7


def shop(address: str) -> Module:
    module = Module("shop")
    module.register(Price, price, cache=Cache("1h", store=address, scope="all"))
    return module


async def main(address: str) -> None:
    item = secrets.token_hex()
    for _ in range(2):
        async with App("shop", modules=[shop(address)]) as app:
            assert await app.execute(Price(item=item)) == Success(7)
    assert asked == 1, asked


asyncio.run(main(sys.argv[2]))
