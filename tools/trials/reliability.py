"""The extra `reliability`: attempts are repeated, beside limits that the core has by itself."""

import asyncio
from dataclasses import dataclass

from twofold import App, Command, Failure, Module, Success, Unavailable
from twofold.errors import RateLimited

shop = Module("shop")
attempts = 0


@dataclass(frozen=True, kw_only=True)
class Pay(Command[str]):
    pass


@dataclass(frozen=True, kw_only=True)
class Look(Command[None]):
    pass


@shop.handler(retry=3, timeout=30, circuit_breaker=10)
async def pay(command: Pay) -> str:
    global attempts  # noqa: PLW0603  # the program is this one run
    attempts += 1
    if attempts < 3:
        raise Unavailable("not now")
    return "paid"


@shop.handler(rate_limit="1/hour")
async def look(command: Look) -> None:
    pass


async def main() -> None:
    async with App("shop", modules=[shop]) as app:
        assert await app.execute(Pay()) == Success("paid")
        assert attempts == 3
        assert await app.execute(Look()) == Success(None)
        match await app.execute(Look()):
            case Failure(RateLimited()):
                pass
            case other:
                raise AssertionError(other)


asyncio.run(main())
