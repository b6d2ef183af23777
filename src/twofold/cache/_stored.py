"""Answers in Redis, for processes that share them: JSON under hashed keys, and a random mark for each tag.

Opened only when a query says so. A Redis that does not answer in time is left alone for a while: nothing is found there
then, and the queries are answered as if nothing were kept.
"""

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar, final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from twofold.cache._answers import Kept, Key
from twofold.clock import Clock
from twofold.errors import StoreUnavailable

T = TypeVar("T")

_LOGGER: Final = logging.getLogger("twofold.cache")
_PATIENCE: Final = 0.5
_TELLING: Final = 0.1
"""In seconds; a Redis that was given less before a deadline, and has not answered, is not away for that."""
_LEFT_ALONE: Final = 5.0
_CONNECTIONS: Final = 16


@final
class RedisAnswers:
    """Keeps answers in a Redis; see `Answers`.

    Args:
        address: Where it is: `redis://…`, `rediss://…` or `unix://…`.
        clock: Tells for how long it is left alone.
        space: What its keys begin with, so that no two applications meet.
    """

    __slots__ = ("_away_until", "_clock", "_redis", "_space")

    def __init__(self, address: str, clock: Clock, space: str) -> None:
        pool: Any = BlockingConnectionPool  # whose from_url has half its types
        made = pool.from_url(address, max_connections=_CONNECTIONS, timeout=_PATIENCE)
        self._redis: Any = Redis(connection_pool=made)  # whose types know bytes, texts and both at once
        self._clock = clock
        self._space = space
        self._away_until = 0.0

    async def look(
        self, key: Key, tags: Sequence[str], deadline: float | None = None
    ) -> tuple[Kept | None, tuple[str, ...]]:
        """What is kept under a key; see `Answers`."""
        try:
            names = [self._entry(key), *map(self._tag, tags)]
            body, *marks = await self._asked(lambda: self._redis.mget(names), deadline)
            if None in marks:
                marks = await self._marked(tags, deadline)
        except StoreUnavailable:
            return None, ("away",) * len(tags)
        now = tuple(mark.decode("ascii") for mark in marks)
        kept = None if body is None else _read(body)
        return (kept if kept is not None and kept.marks == now else None), now

    async def keep(self, key: Key, kept: Kept, ttl: float, deadline: float | None = None) -> None:
        """Keep an answer; see `Answers`."""
        head = json.dumps([kept.seen, kept.marks]).encode("ascii")
        lasts = max(1, round(ttl * 1000))
        try:
            body = head + b"\n" + kept.body
            await self._asked(lambda: self._redis.set(self._entry(key), body, px=lasts), deadline)
        except StoreUnavailable:
            return  # what is not kept is looked for again; that Redis is away is logged, once for each time

    async def drop(self, *tags: str) -> None:
        """Give no answer any more that has one of these tags; see `Answers`."""
        if tags:
            marks = {self._tag(tag): secrets.token_hex(8) for tag in tags}
            await self._asked(lambda: self._redis.mset(marks))

    async def close(self) -> None:
        """Close its connections."""
        await self._redis.aclose(close_connection_pool=True)

    async def _marked(self, tags: Sequence[str], deadline: float | None) -> list[bytes]:
        # A tag that has no mark gets one, so that one which Redis has forgotten never takes an old answer back.
        pipe = self._redis.pipeline(transaction=False)
        for tag in tags:
            pipe.set(self._tag(tag), secrets.token_hex(8), nx=True)
        await self._asked(pipe.execute, deadline)
        marks: list[bytes] = await self._asked(lambda: self._redis.mget(list(map(self._tag, tags))), deadline)
        return marks

    async def _asked(self, ask: Callable[[], Awaitable[T]], deadline: float | None = None) -> T:
        now = self._clock.monotonic()
        if now < self._away_until:
            raise StoreUnavailable("the store of answers does not answer, and is left alone for a while")
        patience = _PATIENCE if deadline is None else min(_PATIENCE, deadline - now)
        try:
            async with asyncio.timeout(patience):
                return await ask()
        except (RedisError, OSError) as error:  # a TimeoutError is an OSError
            if patience >= _TELLING or not isinstance(error, TimeoutError):
                self._away_until = self._clock.monotonic() + _LEFT_ALONE
                _LOGGER.warning("the store of answers does not answer: %s", type(error).__qualname__)
            raise StoreUnavailable("the store of answers does not answer") from error

    def _entry(self, key: Key) -> str:
        return f"{self._space}:answer:{hashlib.sha256(json.dumps(key).encode('ascii')).hexdigest()}"

    def _tag(self, tag: str) -> str:
        return f"{self._space}:tag:{tag}"


def _read(entry: bytes) -> Kept | None:
    """An answer that was kept; None for anything else that is found in its place."""
    head, _, body = entry.partition(b"\n")
    try:
        seen, marks = json.loads(head)
        return Kept(body, int(seen), tuple(str(mark) for mark in marks))
    except (ValueError, TypeError):
        return None
