"""A bulkhead: so many at once, so many in a queue in front, and everybody else is told at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, final

from twofold.clock import Clock, SystemClock
from twofold.errors import BulkheadFull
from twofold.reliability._deadline import within
from twofold.reliability._per_type import PerType
from twofold.reliability._values import whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulkhead:
    """How many messages of a type are handled side by side, and how many may wait for that.

    Example:
        >>> Bulkhead.of(20).waiting
        20
    """

    concurrent: int
    """How many at once."""
    waiting: int | None = None
    """How many in the queue; as many again unless given, 0 for no queue."""
    name: str | None = None
    """Message types whose bulkheads have the same name share one; None for one of each type's own."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "concurrent", whole("Bulkhead(concurrent=)", self.concurrent))
        waiting = self.concurrent if self.waiting is None else self.waiting
        put(self, "waiting", whole("Bulkhead(waiting=)", waiting, least=0))

    @classmethod
    def of(cls, value: Any) -> "Bulkhead":
        """The settings that a shorthand means: how many at once, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(concurrent=whole("bulkhead", value))


class Compartment(Protocol):
    """What a bulkhead keeps apart: places for so many. Who enters leaves exactly once."""

    async def enter(self, deadline: float | None = None) -> None:
        """Take a place, in turn.

        Args:
            deadline: The moment of the monotonic clock until which it is worth waiting.

        Raises:
            BulkheadFull: There is neither a place nor room to wait.
            TimedOut: The deadline passed in the queue.
        """
        ...

    def leave(self) -> None:
        """Give the place back."""
        ...


class Bulkheads(Protocol):
    """Where compartments come from; a team or a test puts its own here."""

    def of(self, message_type: type) -> Compartment:
        """The compartment of a message type."""
        ...


@final
class Berths:
    """The built-in compartment, on a semaphore of asyncio, which is fair and survives cancellation.

    Args:
        name: What it is called in errors.
        settings: How many run and wait.
        clock: The clock that deadlines belong to.
    """

    __slots__ = ("_clock", "_name", "_places", "_queued", "_settings", "_waiting")

    def __init__(self, name: str, settings: Bulkhead, clock: Clock) -> None:
        self._name, self._settings, self._clock = name, settings, clock
        self._places = asyncio.BoundedSemaphore(settings.concurrent)
        self._waiting = settings.waiting or 0
        self._queued = 0

    async def enter(self, deadline: float | None = None) -> None:
        """Take a place, in turn; see `Compartment`."""
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._queued >= self._waiting:
            raise BulkheadFull(name=self._name, concurrent=self._settings.concurrent, waiting=self._waiting)
        self._queued += 1
        try:
            async with within(deadline, self._clock):
                await self._places.acquire()
        finally:
            self._queued -= 1

    def leave(self) -> None:
        """Give the place back; see `Compartment`."""
        self._places.release()


@final
class LocalBulkheads:
    """The bulkheads of this process: one for each message type, or one for all that share a name.

    Args:
        settings: The settings of a message type; a dict's `get` will do.
        clock: The clock that deadlines belong to.
    """

    __slots__ = ("_kept",)

    def __init__(
        self,
        settings: Callable[[type], Bulkhead | None],
        *,
        clock: Clock = SystemClock(),  # noqa: B008  # stateless
    ) -> None:
        self._kept = PerType("bulkhead", settings, lambda name, settings: Berths(name, settings, clock))

    def of(self, message_type: type) -> Berths:
        """The compartment of a message type; see `Bulkheads`."""
        return self._kept.of(message_type)
