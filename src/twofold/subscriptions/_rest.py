"""Waiting in a way that can be ended: by whoever wants the loop to look at once, and by whoever wants it to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import final


@final
class Rest:
    """The rest that one loop takes between two looks."""

    def __init__(self) -> None:
        self.over = False
        """Whether it was told to stop."""
        self._idle: asyncio.Future[None] | None = None

    async def take(self, until: Callable[[], Awaitable[None]]) -> None:
        """Wait for something, until woken."""
        if not self.over:
            self._idle = asyncio.ensure_future(until())
            try:
                await asyncio.wait({self._idle})
            finally:
                self._idle.cancel()
                self._idle = None

    def wake(self) -> None:
        """End the rest that is taken now, if any."""
        if self._idle is not None:
            self._idle.cancel()

    def stop(self) -> None:
        """Let there be no rest any more."""
        self.over = True
        self.wake()
