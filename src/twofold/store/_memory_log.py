"""The log in memory: a list of all events, and one for each stream."""

import secrets
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from operator import attrgetter
from typing import final

from twofold.errors import ConditionFailed, StreamClosed, VersionConflict
from twofold.store._batch import ANY_VERSION, Append, Batch
from twofold.store._closing import Closing
from twofold.store._epoch import GAP, Epoch
from twofold.store._recorded import Recorded
from twofold.store._remainder import Remainder
from twofold.store._selection import Condition, Selection, selected


@final
class MemoryLog:
    """The log of a `MemoryStore`."""

    __slots__ = ("_closed", "_epoch", "_events", "_head", "_streams")

    def __init__(self) -> None:
        self._events: list[Recorded] = []
        self._streams: dict[str, list[Recorded]] = {}
        self._closed: dict[str, Closing] = {}
        self._epoch = secrets.token_hex(16)
        self._head = 0

    async def head(self) -> int:
        """The highest position that was ever given out; 0 when empty."""
        return self._head

    async def epoch(self) -> str:
        """The log's own random name."""
        return self._epoch

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        """Events with `after < position <= until`, in position order."""
        events = islice(self._events, self._behind(after), self._behind(until))
        return list(islice((event for event in events if not where or selected(event, where)), limit))

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events of one stream with `version > after`, in version order."""
        return self._streams.get(stream, [])[after : after + limit]

    def check(self, appends: Sequence[Append]) -> dict[str, int]:
        """The version that each stream would reach.

        Raises:
            VersionConflict: A stream is not where an append expects it.
            StreamClosed: One is closed for good.
        """
        reached: dict[str, int] = {}
        for append in appends:
            if append.stream in self._closed:
                raise StreamClosed(stream=append.stream)
            at = reached.get(append.stream, len(self._streams.get(append.stream, ())))
            if append.expected not in (ANY_VERSION, at):
                raise VersionConflict(stream=append.stream, expected=append.expected, actual=at)
            reached[append.stream] = at + len(append.events)
        return reached

    def hold(self, conditions: Sequence[Condition]) -> None:
        """Check what must not have happened.

        Raises:
            ConditionFailed: It has.
        """
        for condition in conditions:
            for event in islice(self._events, self._behind(condition.after), None):
                if event.position not in condition.seen and selected(event, condition.selections):
                    raise ConditionFailed(after=condition.after, position=event.position)

    def settled(self, remainder: Remainder) -> Batch:
        """What deals with what is left of the log.

        Raises:
            ConditionFailed: It is more than may be.
        """
        where = remainder.where
        left = () if where is None else islice(self._events, self._behind(remainder.after), None)
        events = [event for event in left if where is not None and event in where]
        return remainder.settled(events, self._head)

    def extend(self, appends: Sequence[Append]) -> int:
        """Add events that were checked, and give the position of the last one; 0 when there is none."""
        before = self._head
        for append in appends:
            stream = self._streams.setdefault(append.stream, [])
            for draft in append.events:
                self._head += 1
                recorded = Recorded(
                    position=self._head,
                    stream=append.stream,
                    version=len(stream) + 1,
                    id=draft.id,
                    type=draft.type,
                    schema_version=draft.schema_version,
                    data=draft.data,
                    headers=draft.headers,
                    time=draft.time,
                    tags=draft.tags,
                )
                stream.append(recorded)
                self._events.append(recorded)
        return self._head if self._head > before else 0

    def close(self, closing: Closing) -> None:
        """Take the events of a stream away for good.

        Raises:
            VersionConflict: It is not at the version that it ends at.
            StreamClosed: It is closed.
        """
        stream = closing.stream
        self.check([Append(stream, (), closing.version)])
        self._closed[stream] = closing
        del self._streams[stream]
        self._events = [event for event in self._events if event.stream != stream]

    def closing(self, stream: str) -> Closing | None:
        """How a stream was closed."""
        return self._closed.get(stream)

    def begin_epoch(self, seen: int) -> Epoch:
        """Go on under a new name, behind all that anybody may have seen."""
        start = max(self._head, seen) + GAP
        epoch = Epoch(name=secrets.token_hex(16), before=self._epoch, head=self._head, start=start)
        self._epoch, self._head = epoch.name, epoch.start
        return epoch

    def _behind(self, position: int) -> int:
        """The index of the first event behind a position."""
        return bisect_right(self._events, position, key=attrgetter("position"))
