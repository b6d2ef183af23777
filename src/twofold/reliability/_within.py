"""Blocks that end at a deadline.

What `asyncio.timeout` does, for every message of an application: a timer of the loop for each block costs more than all
the rest of a dispatch, and nearly none of them ever rings. So all blocks share one timer, set to the earliest deadline.

A deadline is a moment of the application's clock, and a timer goes by the clock of its loop. The two need not tell the
same time (a test owns one of them), so what is handed over is the time left, and the application's clock decides.
"""

import asyncio
import heapq
from contextlib import AbstractContextManager, nullcontext
from math import inf
from types import TracebackType
from typing import Final, final

from twofold.clock import Clock, SystemClock
from twofold.errors import TimedOut

_FEW: Final = 64


@final
class Deadlines:
    """Ends blocks at their deadlines; see `Timeouts`. For one event loop at a time.

    Args:
        clock: The clock that the deadlines belong to.

    Example:
        >>> async def work(deadlines: Deadlines, deadline: float) -> None:
        ...     with deadlines.within(deadline):
        ...         await something()
    """

    __slots__ = ("_armed", "_clock", "_heap", "_left", "_loop", "_serial", "_timer")

    def __init__(self, clock: Clock = SystemClock()) -> None:
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heap: list[tuple[float, int, _Block]] = []
        self._left = self._serial = 0
        """How many of them have been left before their time, and how many there ever were."""
        self._armed = inf
        self._timer: asyncio.TimerHandle | None = None

    def within(self, deadline: float | None) -> AbstractContextManager[None]:
        """A block that is cancelled at its deadline, at whatever it awaits, and then raises `TimedOut`.

        A cancellation from outside passes through, also when both come together, and so does a `TimeoutError` that the
        block itself raises.

        Args:
            deadline: A moment of the monotonic clock; None for none.

        Raises:
            TimedOut: The deadline has passed: before the block, which is then not entered, or inside it.
        """
        return nullcontext() if deadline is None else _Block(self, deadline)

    def enter(self, block: "_Block", deadline: float) -> None:
        """Watch over a block, which must not be late already."""
        now = self._clock.monotonic()
        if deadline <= now:
            raise TimedOut("the deadline had passed before it began")
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._heap, self._left, self._armed = loop, [], 0, inf
        self._serial += 1
        heapq.heappush(self._heap, (deadline, self._serial, block))
        if deadline < self._armed:
            self._arm(loop, deadline, now)

    def leave(self) -> None:
        """Note that a block was left before its time; when most have been, they are thrown out."""
        self._left += 1
        if self._left > _FEW and self._left * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].is_watched]
            heapq.heapify(self._heap)
            self._left = 0

    def _arm(self, loop: asyncio.AbstractEventLoop, deadline: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = loop.call_later(deadline - now, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        now, heap = self._clock.monotonic(), self._heap
        self._armed, self._timer = inf, None
        while heap and (heap[0][0] <= now or not heap[0][2].is_watched):
            block = heapq.heappop(heap)[2]
            if block.is_watched:
                block.expire()
            else:
                self._left -= 1
        if heap:
            self._arm(loop, heap[0][0], now)


@final
class _Block:
    """One block, which awaits nothing itself; what it does with cancellations is what `asyncio.Timeout` does."""

    __slots__ = ("_cancelling", "_deadline", "_deadlines", "_task", "is_watched")

    def __init__(self, deadlines: Deadlines, deadline: float) -> None:
        self._deadlines, self._deadline = deadlines, deadline
        self.is_watched = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task, and this runs in none")
        self._task, self._cancelling = task, task.cancelling()
        self._deadlines.enter(self, self._deadline)
        self.is_watched = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_watched:
            self.is_watched = False
            self._deadlines.leave()
        elif self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimedOut("the deadline passed before it was done") from error

    def expire(self) -> None:
        """Cancel what runs in it."""
        self.is_watched = False
        self._task.cancel()
