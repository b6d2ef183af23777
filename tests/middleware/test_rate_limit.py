"""Whom a limit is counted for, when a function of the message says so."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from twofold import App, Command, Module
from twofold.errors import RateLimited
from twofold.reliability import RateLimit

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Unlock(Command[None]):
    """Is guarded against guessing."""

    token: SecretStr


@pytest.mark.parametrize("revealed", [False, True])
async def test_secrets_are_counted_apart_and_are_not_in_the_store(redis_url: str, revealed: bool) -> None:
    """Each has a limit of its own; in Redis there are digests."""
    module = Module("doors")

    def per(message: Unlock, _: object) -> Any:
        return message.token.get_secret_value() if revealed else message.token

    @module.handler(rate_limit=RateLimit("1/hour", per=per, store=redis_url))
    async def unlock(command: Unlock) -> None: ...

    async with App("doors", modules=[module], database="memory:") as app:
        for token in ("first-token", "other-token"):
            assert (await app.execute(Unlock(token=SecretStr(token)))).is_success
            assert isinstance((await app.execute(Unlock(token=SecretStr(token)))).error, RateLimited)
    async with Redis.from_url(redis_url) as redis:
        keys = b" ".join([key async for key in redis.scan_iter()])
    assert b"unlock" in keys.lower()
    assert b"token" not in keys
