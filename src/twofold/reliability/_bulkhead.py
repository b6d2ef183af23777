"""A bulkhead: so many at once, so many in a queue in front, and everybody else is told at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, final

from twofold.errors import BulkheadFull
from twofold.reliability._deadline import Timeouts
from twofold.reliability._per_type import PerType
from twofold.reliability._values import whole
from twofold.reliability._within import Deadlines


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulkhead:
    """How many messages of a type are handled side by side, and how many may wait for that.

    Example:
        >>> Bulkhead.of(20).waiting
        20
    """

    concurrent: int = field(kw_only=False)
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
    """The built-in compartment: a semaphore whose places go from hand to hand, first come, first served.

    That of asyncio costs several times as much while there is room, and does not know how many wait.

    Args:
        name: What it is called in errors.
        settings: How many run and wait.
        timeouts: Ends waiting.
    """

    __slots__ = ("_free", "_name", "_queue", "_settings", "_timeouts", "_waiting")

    def __init__(self, name: str, settings: Bulkhead, timeouts: Timeouts) -> None:
        self._name, self._settings, self._timeouts = name, settings, timeouts
        self._free = settings.concurrent
        """Places that nobody has; none while somebody waits."""
        self._waiting = settings.waiting or 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def queued(self) -> int:
        """How many wait."""
        return sum(not turn.done() for turn in self._queue)

    async def enter(self, deadline: float | None = None) -> None:
        """Take a place, in turn; see `Compartment`."""
        if self._free:
            self._free -= 1
            return
        if len(self._queue) >= self._waiting:
            raise BulkheadFull(name=self._name, concurrent=self._settings.concurrent, waiting=self._waiting)
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            with self._timeouts.within(deadline):
                await turn
        except BaseException:
            if turn in self._queue:
                self._queue.remove(turn)
            elif not turn.cancelled():
                self.leave()  # the place had been handed over, and nobody was there to take it
            raise

    def leave(self) -> None:
        """Give the place back; see `Compartment`."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        if self._free == self._settings.concurrent:
            raise RuntimeError(f"{self._name} is left more often than it is entered")
        self._free += 1


@final
class LocalBulkheads:
    """The bulkheads of this process: one for each message type, or one for all that share a name.

    Args:
        settings: The settings of a message type; a dict's `get` will do.
        timeouts: Ends waiting at a deadline; on the system's clock unless given.
    """

    __slots__ = ("_kept",)

    def __init__(self, settings: Callable[[type], Bulkhead | None], *, timeouts: Timeouts | None = None) -> None:
        ending = timeouts or Deadlines()
        self._kept = PerType("bulkhead", settings, lambda name, settings: Berths(name, settings, ending))

    @property
    def queued(self) -> dict[str, int]:
        """How many wait, by the name of the bulkhead."""
        return {berths.name: berths.queued for berths in self._kept.all()}

    def of(self, message_type: type) -> Berths:
        """The compartment of a message type; see `Bulkheads`."""
        return self._kept.of(message_type)
