"""The newest events of a log, read once for everyone who follows it in this process.

A subscription that has caught up finds them here; one that is behind reads the log itself, and nobody waits for it.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from operator import attrgetter
from typing import Final, final

from twofold.store import Log, Recorded, Selection, Wakeup, selected
from twofold.subscriptions._subscriber import Source


@final
class Tail:
    """A `Source`, and its own `Log`.

    Args:
        source: The log whose end it keeps.
        events: How many events it keeps, at most.
        size: How many bytes of them.
        seen: Told of what is new, whatever it is, before anybody else is.
    """

    def __init__(
        self,
        source: Source,
        *,
        events: int = 1000,
        size: int = 8 * 1024 * 1024,
        seen: Callable[[Sequence[Recorded]], None] | None = None,
    ) -> None:
        self._source = source
        self._seen = seen
        self._most = events
        self._largest = size
        self._events: list[Recorded] = []
        self._size = 0
        self._begin = self._end = -1
        self._looking: asyncio.Task[int] | None = None

    @property
    def log(self) -> "Tail":
        """The log, through this."""
        return self

    @property
    def wakeup(self) -> Wakeup:
        """Tells that the log may have grown."""
        return self._source.wakeup

    async def head(self) -> int:
        """The position up to which the log is final; those who ask at the same time are told the same."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)

    async def epoch(self) -> str:
        """The log's own random name."""
        return await self._source.log.epoch()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order."""
        if not self._begin <= after <= until <= self._end:
            return await self._source.log.read(after, until=until, limit=limit, where=where)
        first, past = (bisect_right(self._events, position, key=_POSITION) for position in (after, until))
        if not where:
            return self._events[first : min(past, first + limit)]
        events = islice(self._events, first, past)
        return list(islice((event for event in events if selected(event, where)), limit))

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream with `version > after`, in version order."""
        return await self._source.log.read_stream(stream, after=after, limit=limit)

    async def _look(self) -> int:
        log: Log = self._source.log
        head = await log.head()
        if self._end < 0 or head < self._end:
            self._begin = self._end = head
            self._events.clear()
            self._size = 0
        elif head > self._end:
            new = await log.read(self._end, until=head, limit=self._most + 1)
            self._keep(new, head)
            if self._seen is not None:
                self._seen(new)
        return head

    def _keep(self, new: Sequence[Recorded], head: int) -> None:
        self._events.extend(new)
        self._size += sum(len(event.data) for event in new)
        surplus = 0
        while surplus < len(self._events) and (len(self._events) - surplus > self._most or self._size > self._largest):
            self._size -= len(self._events[surplus].data)
            surplus += 1
        if len(new) > self._most:  # not all of what is new was read
            surplus, self._size = len(self._events), 0
        if surplus:
            self._begin = head if surplus == len(self._events) else self._events[surplus - 1].position
            del self._events[:surplus]
        self._end = head

    def _looked(self, task: asyncio.Task[int]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # told to those who wait; nobody may be waiting any more


_POSITION: Final = attrgetter("position")
"""What the events of a log are in the order of."""
