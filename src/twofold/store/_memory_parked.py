"""Parked events in memory."""

from collections.abc import Collection, Sequence
from itertools import islice
from operator import itemgetter
from threading import RLock
from typing import final

from twofold.store._parked import Parked


@final
class MemoryParked:
    """The parked events of a `MemoryStore`.

    Args:
        lock: The lock of the store, which several event loops may use.
    """

    __slots__ = ("_lock", "_parked")

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._parked: dict[tuple[str, int], Parked] = {}

    async def list(
        self, subscription: str | None = None, *, stream: str | None = None, due: bool = False, limit: int = 1000
    ) -> Sequence[Parked]:
        """Parked events, by subscription and position."""
        with self._lock:
            wanted = (
                one
                for _, one in sorted(self._parked.items(), key=itemgetter(0))
                if subscription in (None, one.subscription) and stream in (None, one.stream) and (one.due or not due)
            )
            return [*islice(wanted, limit)]

    async def get(self, subscription: str, position: int) -> Parked | None:
        """A parked event, or None."""
        return self._parked.get((subscription, position))

    async def streams(self, subscription: str) -> Collection[str]:
        """The streams of which a subscription has parked events."""
        with self._lock:
            return {one.stream for one in self._parked.values() if one.subscription == subscription}

    async def retry(self, subscription: str, stream: str) -> int:
        """Have a stream's parked events tried again."""
        with self._lock:
            keys = [
                key for key, one in self._parked.items() if (one.subscription, one.stream) == (subscription, stream)
            ]
            self._parked |= {key: self._parked[key]._replace(due=True) for key in keys}
            return len(keys)

    async def edit(self, subscription: str, position: int, data: bytes) -> bool:
        """Have a parked event read as this JSON."""
        with self._lock:
            one = self._parked.get((subscription, position))
            if one is not None:
                self._parked[subscription, position] = one._replace(data=data)
            return one is not None

    def change(
        self, parks: Collection[Parked], reparks: Collection[Parked], frees: Collection[tuple[str, int]]
    ) -> None:
        """Put events aside, note what is new about those that are there, and let others go."""
        still = [one for one in reparks if (one.subscription, one.position) in self._parked]
        for one in (*parks, *still):
            key = one.subscription, one.position
            there = self._parked.get(key)
            self._parked[key] = one if there is None else one._replace(data=there.data)
        for key in frees:
            self._parked.pop(key, None)

    def forget(self, subscription: str) -> None:
        """Let everything go that a subscription has parked."""
        self._parked = {key: one for key, one in self._parked.items() if one.subscription != subscription}

    def forget_stream(self, stream: str) -> None:
        """Let everything go that was put aside of a stream."""
        self._parked = {key: one for key, one in self._parked.items() if one.stream != stream}

    def rename(self, old: str, new: str) -> None:
        """Give what a subscription has parked to another."""
        renamed = (one._replace(subscription=new) if one.subscription == old else one for one in self._parked.values())
        self._parked = {(one.subscription, one.position): one for one in renamed}
