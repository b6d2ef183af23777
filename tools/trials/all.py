"""All extras: a session in PostgreSQL, and a limit in Redis that two applications share."""

import asyncio
import secrets
import sys
from dataclasses import dataclass

from sqlalchemy import text

from twofold import App, Failure, Module, Query, Success
from twofold.errors import RateLimited
from twofold.reliability import RateLimit
from twofold.sql import ReadSession

NAME = secrets.token_hex()


@dataclass(frozen=True, kw_only=True)
class Version(Query[str]):
    pass


async def version(query: Version, session: ReadSession) -> str:
    return str(await session.scalar(text("SELECT version()")))


def app(postgres: str, redis: str) -> App:
    module = Module("versions")
    module.register(Version, version, rate_limit=RateLimit("1/day", store=redis, name=NAME))
    return App("versions", modules=[module], database=postgres)


async def main(postgres: str, redis: str) -> None:
    async with app(postgres, redis) as first, app(postgres, redis) as second:
        match await first.execute(Version()), await second.execute(Version()):
            case Success(value), Failure(RateLimited()):
                assert value.startswith("PostgreSQL")
            case other:
                raise AssertionError(other)


asyncio.run(main(*sys.argv[1:3]))
