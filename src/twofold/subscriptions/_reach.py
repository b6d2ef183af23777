"""How far a subscription has come, and those who wait for it to come further."""

import asyncio
from contextlib import suppress
from typing import final

from twofold.clock import Clock


@final
class Reach:
    """The position up to which everything is dealt with, here or by another process.

    Args:
        clock: Measures how long it has stood still.
    """

    def __init__(self, clock: Clock) -> None:
        self.position = 0
        self._clock = clock
        self._moved = clock.monotonic()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def still(self) -> float:
        """For how long it has neither moved nor found that nothing waits, in seconds."""
        return self._clock.monotonic() - self._moved

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for a position that it has not come to."""
        return bool(self._waiting)

    def advance(self, position: int) -> None:
        """Be at a position, and tell those who wait for it."""
        if position != self.position:
            self.position = position
            self.nothing_waits()
        for wanted, waiting in self._waiting:
            if wanted <= position and not waiting.done():
                waiting.set_result(None)
        self._waiting = [(wanted, waiting) for wanted, waiting in self._waiting if not waiting.done()]

    def nothing_waits(self) -> None:
        """Note that there is nothing to do behind where it is: silence is no standstill."""
        self._moved = self._clock.monotonic()

    def until(self, position: int) -> asyncio.Future[None]:
        """What is done once a position is reached; give it to `forget` when it is waited for no longer."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, waiting))
        return waiting

    def forget(self, position: int, waiting: asyncio.Future[None]) -> None:
        """Wait no longer."""
        with suppress(ValueError):  # it is gone when it was reached
            self._waiting.remove((position, waiting))
