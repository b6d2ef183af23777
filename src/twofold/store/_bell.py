"""The wake-up of followers that live in this process; stores ring it after a commit that appended events.

It may be rung from any thread, and followers of several event loops may wait on it.
"""

import asyncio
import threading
from collections.abc import Iterable
from typing import final


@final
class Bell:
    """A `Wakeup` that is rung by the store itself.

    Args:
        position: The position up to which the log is known to have grown.
    """

    __slots__ = ("_lock", "_position", "_waiting", "rings")

    def __init__(self, position: int = 0) -> None:
        self.rings = 0
        """How often it was rung."""
        self._lock = threading.Lock()
        self._position = position
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self, position: int) -> None:
        """Wake everyone: the log has grown to this position. Safe from any thread."""
        with self._lock:
            self.rings += 1
            if position > self._position:
                self._position = position
            if not self._waiting:
                return
            waiting = tuple(self._waiting)
            self._waiting.clear()
        loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for future in waiting:
            loops.setdefault(future.get_loop(), []).append(future)
        for loop, futures in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_release, futures)

    def settle(self, position: int, rings: int) -> None:
        """The log was found final up to this position, for a store in which others may still be on their way below.

        Who has seen that far waits for the next ring, and does not look again and again until they arrive.

        Args:
            position: The position.
            rings: How often it had been rung before the store looked; a ring since then counts for more.
        """
        with self._lock:
            if self.rings == rings:
                self._position = position

    async def wait(self, after: int, timeout: float) -> None:
        """Return once the log may have grown beyond `after`, or after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._position > after:
                return
            future = loop.create_future()
            self._waiting.add(future)
        alarm = loop.call_later(timeout, _release, (future,))
        try:
            await future
        finally:
            alarm.cancel()
            with self._lock:
                self._waiting.discard(future)


def _release(futures: Iterable[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
