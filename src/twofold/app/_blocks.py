"""When an application starts and stops, however many ask for it at once and whatever event loops it runs in."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import final
from weakref import WeakKeyDictionary


@final
class Blocks:
    """One start or stop at a time; and of blocks that overlap the last one that is left stops.

    Args:
        start: Starts; harmless when running.
        stop: Stops; harmless when stopped.
    """

    def __init__(self, start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]) -> None:
        self._start = start
        self._stop = stop
        self._entered = 0
        # An application may run in several event loops, one after another, and a lock belongs to one.
        self._turns = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()

    async def start(self) -> None:
        """Start, in a block or outside of any."""
        async with self._turn():
            await self._start()

    async def stop(self) -> None:
        """Stop, whoever is in a block."""
        async with self._turn():
            await self._end()

    def enter(self) -> None:
        """Enter a block, once it was started."""
        self._entered += 1

    async def leave(self) -> None:
        """Leave a block: stop, unless another one goes on."""
        self._entered = max(0, self._entered - 1)  # there is none left when somebody has stopped inside
        async with self._turn():
            if not self._entered:
                await self._end()

    async def _end(self) -> None:
        self._entered = 0
        await self._stop()

    def _turn(self) -> asyncio.Lock:
        return self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
