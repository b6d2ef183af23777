"""Events that a subscription could not handle: put aside with their stream behind them, tried again on demand."""

import traceback
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import final

from twofold.clock import Clock
from twofold.store import Log, Parked, ParkedEvents, Recorded

_STREAM_AT_A_TIME = 1000


@final
class Parking:
    """What one subscription has put aside.

    Args:
        name: The subscription's name.
        parked: The parked events of the store that its checkpoint is in.
        clock: Tells when something was put aside.
    """

    def __init__(self, name: str, parked: ParkedEvents, clock: Clock) -> None:
        self._name = name
        self._parked = parked
        self._clock = clock
        self._streams: Collection[str] = ()

    @property
    def streams(self) -> int:
        """How many streams waited when it was last looked at."""
        return len(self._streams)

    @property
    def empty(self) -> bool:
        """Whether nothing was put aside when it was last looked at."""
        return not self._streams

    async def look(self) -> None:
        """Look again at which streams wait."""
        self._streams = await self._parked.streams(self._name)

    async def behind(self, entries: Sequence[Recorded]) -> list[Parked]:
        """Of some events those that have to wait behind others of their stream, as they are to be put aside."""
        if self.empty or not any(entry.stream in self._streams for entry in entries):
            return []
        await self.look()  # somebody may have let them go
        return [self.aside(entry) for entry in entries if entry.stream in self._streams]

    def aside(self, entry: Recorded, error: Exception | None = None, attempts: int = 0) -> Parked:
        """An event, as it is to be put aside.

        Args:
            entry: The event.
            error: Why; None for one that only waits behind another.
            attempts: How often it was tried.
        """
        return Parked(
            subscription=self._name,
            position=entry.position,
            stream=entry.stream,
            type=entry.type,
            time=self._clock.now(),
            cause="" if error is None else _line(error),
            trace="" if error is None else "".join(traceback.format_exception(error)),
            attempts=attempts,
        )

    async def due(self) -> Sequence[Parked]:
        """The parked events of a stream that somebody wants tried again, in order; empty when there is none."""
        if self.empty:
            return ()
        wanted = await self._parked.list(self._name, due=True, limit=1)
        if not wanted:
            return ()
        return await self._parked.list(self._name, stream=wanted[0].stream, limit=_STREAM_AT_A_TIME)

    def again(self, waiting: Sequence[Parked], error: Exception) -> tuple[Parked, ...]:
        """A stream's parked events after the first of them has failed once more: they wait for somebody again."""
        first, *others = waiting
        failed = replace(self._told(first, error), attempts=first.attempts + 1, due=False)
        return (failed, *(replace(one, due=False) for one in others))

    def _told(self, one: Parked, error: Exception) -> Parked:
        return replace(one, cause=_line(error), trace="".join(traceback.format_exception(error)))


async def entry_of(parked: Parked, log: Log) -> Recorded | None:
    """The event that was put aside, with what somebody has made of its data; None when it is no longer in the log."""
    found = await log.read(parked.position - 1, until=parked.position, limit=1)
    if not found:
        return None
    return found[0] if parked.data is None else replace(found[0], data=parked.data)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
