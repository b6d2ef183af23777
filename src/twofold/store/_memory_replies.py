"""Replies in memory, and who has claimed the keys of those that are yet to come."""

import asyncio
import heapq
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from datetime import datetime
from threading import RLock
from time import monotonic
from typing import final

from twofold.errors import AlreadyReceived, KeyInFlight
from twofold.store._replies import Received, Reply

_SWEPT = 2


@final
class MemoryReplies:
    """The replies of a `MemoryStore`.

    Args:
        lock: The lock of the store, which several event loops may use.
    """

    __slots__ = ("_claims", "_expiring", "_lock", "_replies")

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._replies: dict[bytes, Reply] = {}
        self._claims: dict[bytes, Future[None]] = {}
        self._expiring: list[tuple[datetime, bytes]] = []

    def find(self, key: bytes, now: datetime) -> Reply | None:
        """A reply that has not expired, or None."""
        found = self._replies.get(key)
        return found if found is not None and found.expires > now else None

    async def claim(self, key: bytes, now: datetime, wait: float) -> Reply | None:
        """Have a key to oneself until it is given back, unless there is a reply.

        Raises:
            KeyInFlight: Somebody else has it, and kept it for longer than that.
        """
        until = monotonic() + wait
        while True:
            with self._lock:
                holder = self._claims.get(key)
                if holder is None:
                    found = self.find(key, now)
                    if found is None:
                        self._claims[key] = Future()
                    return found
            left = until - monotonic()
            if left <= 0:
                raise KeyInFlight
            await asyncio.wait({asyncio.wrap_future(holder)}, timeout=left)

    def give_back(self, key: bytes) -> None:
        """Let others have a key."""
        with self._lock:
            self._claims.pop(key).set_result(None)

    def kept(self, keys: Collection[bytes]) -> Collection[bytes]:
        """The keys that there is a reply to, whether it has expired or not."""
        return self._replies.keys() & set(keys)

    def refuse(self, received: Sequence[Received]) -> None:
        """Refuse messages that were dealt with before.

        Raises:
            AlreadyReceived: One of them was, or comes twice.
        """
        keys = {one.key for one in received}
        if len(keys) < len(received) or self.kept(keys):
            raise AlreadyReceived

    def keep(self, reply: Reply, position: int) -> None:
        """Keep a reply, and forget a few that have expired."""
        for _ in range(_SWEPT):
            if self._expiring and self._expiring[0][0] <= reply.time:
                _, key = heapq.heappop(self._expiring)
                if self.find(key, reply.time) is None:
                    self._replies.pop(key, None)
        self._replies[reply.key] = reply._replace(position=position)
        heapq.heappush(self._expiring, (reply.expires, reply.key))
