"""Moving windows in Redis, by the library `limits`, for limits that several processes share.

Opened only when a limit is counted there. The windows go by the wall clock of whoever asks, so machines that share a
limit keep their clocks together. A store that does not answer in time is left alone for a while, behind a breaker, so
that its absence does not slow every message down.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, final

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import BlockingConnectionPool

from twofold.clock import Clock
from twofold.errors import CircuitOpen, StoreUnavailable
from twofold.reliability._breaker import CircuitBreaker
from twofold.reliability._circuit import Circuit, Listener
from twofold.reliability._rate import STORE_OF_LIMITS, Rate

_PATIENCE: Final = 1.0
"""In seconds; less, and a burst that keeps this process busy would look like a store that is gone, and be let in."""
_TELLING: Final = 0.1
"""In seconds; a store that was given less before a deadline, and has not answered, is not gone for that."""
_CONNECTIONS: Final = 16
_LEFT_ALONE: Final = CircuitBreaker(failures=3, open_for=5.0)


@final
class RedisStore:
    """A Redis in which several processes count; see `Stored`.

    Args:
        address: Where it is: `redis://…`, `rediss://…` or `unix://…`.
        clock: Where the breaker's time and deadlines come from.
        listeners: Told when it goes away and comes back.
        patience: How long an answer may take, in seconds.
    """

    __slots__ = ("_breaker", "_clock", "_patience", "_pool", "_strategy")

    def __init__(
        self, address: str, clock: Clock, listeners: Sequence[Listener] = (), *, patience: float = _PATIENCE
    ) -> None:
        self._clock, self._patience = clock, patience
        pool: Any = BlockingConnectionPool  # whose from_url has half its types
        self._pool: BlockingConnectionPool = pool.from_url(address, max_connections=_CONNECTIONS, timeout=patience)
        # The address is in the pool; of the one here only the scheme is looked at.
        options: dict[str, Any] = {"connection_pool": self._pool, "implementation": "redispy", "wrap_exceptions": True}
        self._strategy = MovingWindowRateLimiter(RedisStorage("async+redis://", **options))
        self._breaker = Circuit(STORE_OF_LIMITS, _LEFT_ALONE, clock, listeners)

    def windows(self, name: str, rate: Rate) -> "RedisWindows":
        """The windows of a limit; see `Stored`."""
        return RedisWindows(self, name, RateLimitItemPerSecond(rate.amount, rate.seconds, "twofold"))

    async def take(
        self, item: RateLimitItemPerSecond, name: str, key: str, deadline: float | None = None
    ) -> float | None:
        """Count one if there is room; see `Windows`."""
        try:
            ticket = self._breaker.admit()
        except CircuitOpen as error:
            raise StoreUnavailable(str(error), retry_after=error.retry_after) from None
        patience = self._patience if deadline is None else min(self._patience, deadline - self._clock.monotonic())
        try:
            async with asyncio.timeout(patience):
                wait = await self._asked(item, name, key)
        except (StorageError, OSError) as error:  # a TimeoutError is an OSError
            hurried = isinstance(error, TimeoutError) and patience < min(_TELLING, self._patience)
            (self._breaker.left if hurried else self._breaker.failed)(ticket)
            raise StoreUnavailable(f"{STORE_OF_LIMITS} does not answer") from error
        except BaseException:
            self._breaker.left(ticket)
            raise
        self._breaker.succeeded(ticket)
        return wait

    async def close(self) -> None:
        """Close its connections."""
        await self._pool.aclose()

    async def _asked(self, item: RateLimitItemPerSecond, name: str, key: str) -> float | None:
        if await self._strategy.hit(item, name, key):
            return None
        window = await self._strategy.get_window_stats(item, name, key)
        return max(0.001, window.reset_time - time.time())


@final
class RedisWindows:
    """The windows of one limit; see `Windows`."""

    __slots__ = ("_item", "_name", "_store")

    def __init__(self, store: RedisStore, name: str, item: RateLimitItemPerSecond) -> None:
        self._store, self._name, self._item = store, name, item

    async def take(self, key: str, deadline: float | None = None) -> float | None:
        """Count one if there is room; see `Windows`."""
        return await self._store.take(self._item, self._name, key, deadline)
