"""Deadlines: moments of the monotonic clock that only come nearer on the way down, and blocks that end at theirs.

A deadline is a number of the application's clock, and asyncio waits by the clock of its loop. The two need not tell the
same time (a test owns one of them), so what is handed over is the time left, and not the moment.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any, final

from twofold.clock import Clock
from twofold.errors import TimedOut
from twofold.reliability._values import seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """How long a message may take.

    Example:
        >>> Timeout.of(1.5).seconds
        1.5
    """

    seconds: float
    """From when it is sent until its work is done, in seconds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", seconds("Timeout(seconds=)", self.seconds))

    @classmethod
    def of(cls, value: Any) -> "Timeout":
        """The settings that a shorthand means: seconds, or settings as they are.

        Raises:
            WiringError: It is neither.
        """
        return value if isinstance(value, cls) else cls(seconds=seconds("timeout", value))


def deadline_of(parent: float | None, timeout: float | None, now: float) -> float | None:
    """The deadline of a message: its own, or that of the message which sent it when that is earlier.

    Args:
        parent: The deadline it is sent under; None for none.
        timeout: How long it may take itself, in seconds; None for any time.
        now: The monotonic clock.
    """
    if timeout is None:
        return parent
    own = now + timeout
    return own if parent is None or own < parent else parent


def within(deadline: float | None, clock: Clock) -> AbstractAsyncContextManager[None]:
    """A block that is cancelled at its deadline, and then raises `TimedOut`.

    A cancellation from outside passes through, also when both come together, and so does a `TimeoutError` of the block.

    Args:
        deadline: A moment of the monotonic clock; None for none.
        clock: The clock that the moment belongs to.

    Raises:
        TimedOut: The deadline has passed: before the block, which is then not entered, or inside it.
    """
    return nullcontext() if deadline is None else _Within(deadline, clock)


@final
class _Within(AbstractAsyncContextManager[None]):
    __slots__ = ("_clock", "_deadline", "_timeout")

    def __init__(self, deadline: float, clock: Clock) -> None:
        self._deadline, self._clock = deadline, clock

    async def __aenter__(self) -> None:
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise TimedOut("the deadline had passed before it began")
        self._timeout = asyncio.timeout(left)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:  # only asyncio's own comes from here: what the block raises is passed over
            raise TimedOut("the deadline passed before it was done") from late
