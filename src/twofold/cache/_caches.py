"""Giving out the places where answers are kept; each is opened when it is first asked for."""

from collections.abc import Collection
from typing import final

from twofold.cache._answers import Answers
from twofold.cache._memory import MemoryAnswers
from twofold.cache._settings import MEMORY
from twofold.clock import Clock
from twofold.errors import open_module


@final
class StoredCaches:
    """The places of one application; see `Caches`.

    Args:
        stores: The addresses that its queries name.
        clock: Tells the time.
        space: What keys begin with where applications share a place.
    """

    def __init__(self, stores: Collection[str], clock: Clock, space: str) -> None:
        self._stores = sorted(set(stores))
        self._clock = clock
        self._space = space
        self._open: dict[str, Answers] = {}

    def of(self, store: str) -> Answers:
        """The place that an address means; see `Caches`.

        Raises:
            MissingExtraError: A package that it needs is not installed.
        """
        if store not in self._open:
            self._open[store] = self._made(store)
        return self._open[store]

    async def drop(self, *tags: str) -> None:
        """Give no answer any more that has one of these tags; see `Caches`."""
        for store in self._stores:
            await self.of(store).drop(*tags)

    async def close(self) -> None:
        """Let go of all of them."""
        while self._open:
            await self._open.popitem()[1].close()

    def _made(self, store: str) -> Answers:
        if store == MEMORY:
            return MemoryAnswers(self._clock)
        stored = open_module("twofold.cache._stored", extra="redis")
        made: Answers = stored.RedisAnswers(store, self._clock, self._space)
        return made
