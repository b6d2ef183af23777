"""One command of a key at a time in this process: twins wait here, where they hold neither a connection nor a turn."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import final

from twofold.errors import KeyInFlight


class _Flight:
    __slots__ = ("aboard", "turn")

    def __init__(self) -> None:
        self.aboard = 0
        self.turn = asyncio.Lock()


@final
class Flights:
    """The keys that are in use now."""

    __slots__ = ("_flights",)

    def __init__(self) -> None:
        self._flights: dict[bytes, _Flight] = {}

    @asynccontextmanager
    async def alone(self, key: bytes, wait: float) -> AsyncGenerator[None]:
        """A block that nobody else is in with the same key.

        Args:
            key: The key.
            wait: How long to wait for whoever is, in seconds; 0 not at all.

        Raises:
            KeyInFlight: Somebody was in it for longer than that.
        """
        flight = self._flights.setdefault(key, _Flight())
        flight.aboard += 1
        try:
            # Not by the lock: between two who take turns it is free, and whoever comes just then is last in the line.
            is_first = flight.aboard == 1
            if wait <= 0 and not is_first:
                raise KeyInFlight
            try:
                async with asyncio.timeout(None if is_first else wait):
                    await flight.turn.acquire()
            except TimeoutError:
                raise KeyInFlight from None
            try:
                yield
            finally:
                flight.turn.release()
        finally:
            flight.aboard -= 1
            if not flight.aboard:
                del self._flights[key]
