"""When views are due: sources that are followed like a log, and say nothing but that it is time.

A subscription follows them as it follows every log, so a view has one owner, a checkpoint, and no machinery of its own.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, final
from uuid import UUID

from twofold.clock import Clock
from twofold.errors import CheckpointMoved
from twofold.messages import Catalogue, Event, Kind
from twofold.store import INLINE, Checkpoints, Recorded, Selection
from twofold.subscriptions import Source

_LOOK: Final = 0.05
"""How long to wait before looking again whether those that come first have moved, in seconds: nobody tells."""


@dataclass(frozen=True, kw_only=True)
class Due(Event):
    """A view is to be refreshed."""


DUE: Final = Catalogue()
"""What a source of this file is decoded with."""
DUE.add(Due, Kind.EVENT)

_NOTHING: Final = b"{}"


class Feeder(NamedTuple):
    """What fills a table that a view selects from.

    Args:
        name: The name of its checkpoint.
        selection: The events that it wants.
    """

    name: str
    selection: Selection


@final
class EventsDue:
    """A `Source`, and its own `Log`: whatever has happened, it is one entry, once those that come first have seen it.

    Args:
        name: The name of the view's checkpoint.
        source: The log that is followed.
        checkpoints: Where the followers of that log stand.
        feeders: Who comes first.
    """

    def __init__(self, name: str, source: Source, checkpoints: Checkpoints, feeders: Sequence[Feeder]) -> None:
        self._name = name
        self._source = source
        self._checkpoints = checkpoints
        self._feeders = feeders
        self._behind = False
        self._stood = 0

    @property
    def log(self) -> "EventsDue":
        """The log, through this."""
        return self

    @property
    def wakeup(self) -> "EventsDue":
        """Tells that it may be time."""
        return self

    async def head(self) -> int:
        """How far all of those that come first have come; never before what was refreshed already.

        Raises:
            CheckpointMoved: The view was put back, to see again what it has seen; whoever follows looks again.
        """
        stands, stood = (await self._checkpoints.get(self._name)).position, self._stood
        self._stood = stands
        if stands < stood:
            raise CheckpointMoved(name=self._name, text=f"was put back to {stands}")
        head = await self._source.log.head()
        reached = min([head, *[await self._reached(feeder, head) for feeder in self._feeders]])
        self._behind = reached < head
        return max(reached, min(head, stands)) if self._behind else head

    async def epoch(self) -> str:
        """That of the log."""
        return await self._source.log.epoch()

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """One entry when there is anything, however much it is."""
        found = await self._source.log.read(after, until=until, limit=min(limit, 1), where=where)
        return [one._replace(type="due", schema_version=1, data=_NOTHING) for one in found]

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Nothing: what is due is never looked at again."""
        return ()

    async def wait(self, after: int, timeout: float) -> None:
        """Return once it may be time."""
        if self._behind:
            await asyncio.sleep(min(timeout, _LOOK))
        else:
            await self._source.wakeup.wait(after, timeout)

    async def _reached(self, feeder: Feeder, head: int) -> int:
        stands = (await self._checkpoints.get(feeder.name)).position
        if stands == INLINE or stands >= head:
            return head
        waiting = await self._source.log.read(stands, until=head, limit=1, where=(feeder.selection,))
        return waiting[0].position - 1 if waiting else head


@final
class ClockDue:
    """A `Source`, and its own `Log`: an entry for each interval of the clock, of which only the last one counts.

    Positions are milliseconds since 1970.

    Args:
        name: The name of the view's checkpoint.
        clock: The clock.
        checkpoints: Where the view stands.
        every: The interval, in seconds.
    """

    def __init__(self, name: str, clock: Clock, checkpoints: Checkpoints, every: float) -> None:
        self._name = name
        self._clock = clock
        self._checkpoints = checkpoints
        self._step = max(1, round(every * 1000))

    @property
    def log(self) -> "ClockDue":
        """The log, through this."""
        return self

    @property
    def wakeup(self) -> "ClockDue":
        """Tells that it may be time."""
        return self

    async def head(self) -> int:
        """When the last interval began; never before what was refreshed already, though a clock be put back."""
        now = self._now()
        return max(now - now % self._step, (await self._checkpoints.get(self._name)).position)

    async def epoch(self) -> str:
        """There is one clock."""
        return "clock"

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """The last interval, if it is new."""
        if after >= until:
            return ()
        time = datetime.fromtimestamp(until / 1000, UTC)
        return [Recorded(until, "clock", until // self._step, UUID(int=until), "due", 1, _NOTHING, {}, time)]

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Nothing: what is due is never looked at again."""
        return ()

    async def wait(self, after: int, timeout: float) -> None:
        """Return when the next interval begins."""
        now = self._now()
        await asyncio.sleep(min(timeout, (now - now % self._step + self._step - now) / 1000))

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
