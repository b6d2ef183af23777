"""Rate limiters: the two protocols, and the built-in one, which counts in memory or asks a store."""

from collections.abc import Callable, Sequence
from typing import Protocol, cast, final

from twofold.clock import Clock, SystemClock
from twofold.errors import RateLimited, StoreUnavailable, open_module
from twofold.reliability._circuit import Listener
from twofold.reliability._per_type import PerType
from twofold.reliability._rate import MEMORY, Rate, RateLimit
from twofold.reliability._window import MemoryWindows


class Limiter(Protocol):
    """Lets so many through, and refuses the rest."""

    async def admit(self, key: str, deadline: float | None = None) -> None:
        """Count one, or refuse it; what is refused is not counted.

        Args:
            key: For whom it is counted.
            deadline: The moment of the monotonic clock until which it is worth waiting for a store.

        Raises:
            RateLimited: There is no room now.
            StoreUnavailable: It is counted in a store that is not there, and the settings say to refuse then.
        """
        ...


class Limiters(Protocol):
    """Where limiters come from; a team or a test puts its own here."""

    def of(self, message_type: type) -> Limiter:
        """The limiter of a message type."""
        ...


class Windows(Protocol):
    """Counts in moving windows, one for each key."""

    async def take(self, key: str, deadline: float | None = None) -> float | None:
        """Count one if there is room.

        Args:
            key: For whom it is counted.
            deadline: The moment of the monotonic clock until which it is worth waiting.

        Returns:
            None when it was counted, else in how many seconds there is room.

        Raises:
            StoreUnavailable: Nobody knows, or not in time.
        """
        ...


class Stored(Protocol):
    """A store in which several processes count."""

    def windows(self, name: str, rate: Rate) -> Windows:
        """The windows of a limit."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


@final
class WindowLimiter:
    """Limits by a moving window: in no span of the rate's time are more let through than the rate says.

    Args:
        name: What it is called in errors.
        settings: The limit.
        windows: Where it is counted.
    """

    __slots__ = ("_is_open", "_name", "_rate", "_windows")

    def __init__(self, name: str, settings: RateLimit, windows: Windows) -> None:
        self._name, self._windows = name, windows
        self._rate = str(settings.rate)
        self._is_open = settings.absent == "admit"

    async def admit(self, key: str, deadline: float | None = None) -> None:
        """Count one, or refuse it; see `Limiter`."""
        try:
            wait = await self._windows.take(key, deadline)
        except StoreUnavailable:
            if self._is_open:
                return
            raise
        if wait is not None:
            raise RateLimited(name=self._name, rate=self._rate, retry_after=wait)


@final
class WindowLimiters:
    """One limiter for each message type, or one for all that share a name.

    Args:
        settings: The settings of a message type; a dict's `get` will do.
        clock: Where the time comes from, for what is counted in memory.
        listeners: Told when a store goes away and comes back, as of a breaker with the store's name.
    """

    __slots__ = ("_clock", "_kept", "_listeners", "_stores")

    def __init__(
        self,
        settings: Callable[[type], RateLimit | None],
        *,
        clock: Clock = SystemClock(),
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._clock, self._listeners = clock, listeners
        self._stores: dict[str, Stored] = {}
        self._kept = PerType("rate limit", settings, self._made)

    def of(self, message_type: type) -> WindowLimiter:
        """The limiter of a message type; see `Limiters`.

        Raises:
            MissingExtraError: It is counted in a store, and a package for that is not installed.
        """
        return self._kept.of(message_type)

    async def close(self) -> None:
        """Close the connections to all stores."""
        while self._stores:
            await self._stores.popitem()[1].close()

    def _made(self, name: str, settings: RateLimit) -> WindowLimiter:
        rate = cast("Rate", settings.rate)
        if settings.store == MEMORY:
            return WindowLimiter(name, settings, MemoryWindows(rate, self._clock))
        if settings.store not in self._stores:
            room = open_module("twofold.reliability._stored", extra="redis,reliability")
            self._stores[settings.store] = room.RedisStore(settings.store, self._clock, self._listeners)
        return WindowLimiter(name, settings, self._stores[settings.store].windows(name, rate))
