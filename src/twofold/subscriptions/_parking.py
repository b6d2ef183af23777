"""Events that a subscription could not handle: put aside with their stream behind them, tried again on demand."""

import traceback
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import final

from twofold.clock import Clock
from twofold.errors import NewerVersion, line_of
from twofold.store import Log, Parked, ParkedEvents, Recorded

_STREAM_AT_A_TIME = 1000
_BEYOND = f"{NewerVersion.__name__}:"


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

    def holds(self, stream: str) -> bool:
        """Whether a stream waited when it was last looked at."""
        return stream in self._streams

    async def look(self) -> None:
        """Look again at which streams wait."""
        self._streams = await self._parked.streams(self._name)

    async def behind(self, entries: Sequence[Recorded]) -> list[Parked]:
        """Of some events those that have to wait behind others of their stream, as they are to be put aside."""
        if self.empty or not any(entry.stream in self._streams for entry in entries):
            return []
        await self.look()  # somebody may have let them go
        return [self.aside(entry) for entry in entries if entry.stream in self._streams]

    async def alone(self, behind: Sequence[Parked]) -> Collection[str]:
        """The streams of what was just put aside behind nothing: what stood before it was dropped meanwhile."""
        firsts = {one.stream: one.position for one in reversed(behind)}
        stand = [await self.first(stream) for stream in firsts]
        return [one.stream for one in stand if one is not None and one.position == firsts[one.stream]]

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
            cause="" if error is None else line_of(error),
            trace="" if error is None else "".join(traceback.format_exception(error)),
            attempts=attempts,
        )

    async def due(self) -> Parked | None:
        """The first parked event of a stream that somebody wants tried again; None when there is none."""
        wanted = () if self.empty else await self._parked.list(self._name, due=True, limit=1)
        return await self.first(wanted[0].stream) if wanted else None

    async def first(self, stream: str) -> Parked | None:
        """The parked event of a stream that everything else of it waits behind; None when there is none."""
        found = await self._parked.list(self._name, stream=stream, limit=1)
        return found[0] if found else None

    async def beyond(self, causes: tuple[str, ...] = (_BEYOND,)) -> list[Parked]:
        """The first parked event of each stream that waits for a process of a newer version of the application.

        Args:
            causes: What the cause of such an event begins with.
        """
        firsts = [await self.first(stream) for stream in self._streams]
        return [one for one in firsts if one is not None and one.cause.startswith(causes)]

    async def wake(self, one: Parked) -> None:
        """Have the stream of a parked event tried again."""
        await self._parked.retry(one.subscription, one.stream)

    async def failed_again(
        self, first: Parked, error: Exception, commit: Callable[[Sequence[Parked]], Awaitable[object]]
    ) -> Parked | None:
        """Have a stream wait for somebody, whose first parked event has failed once more.

        Args:
            first: That event.
            error: Why.
            commit: Writes parked events as they are given, but for those that are parked no longer.

        Returns:
            The event as it is now; None when somebody has dropped or edited it while it was tried: what stands counts.
        """
        # Before the event itself: whoever sees that it has failed may edit what is behind it.
        while others := await self._others_due(first):
            await commit(others)
        stands = await self._parked.get(first.subscription, first.position)
        if stands is None or stands.data != first.data:
            return None
        trace = "".join(traceback.format_exception(error))
        again = first._replace(cause=line_of(error), trace=trace, attempts=first.attempts + 1, due=False)
        await commit([again])
        return again

    async def _others_due(self, first: Parked) -> Sequence[Parked]:
        """Some of what is to be tried again behind an event, as it is once it waits for somebody.

        That event is not among them: somebody may want it tried once more by now.
        """
        found = await self._parked.list(self._name, stream=first.stream, due=True, limit=_STREAM_AT_A_TIME)
        return [one._replace(due=False) for one in found if one.position != first.position]


async def entry_of(parked: Parked, log: Log) -> Recorded | None:
    """The event that was put aside, with what somebody has made of its data; None when it is no longer in the log."""
    found = await log.read(parked.position - 1, until=parked.position, limit=1)
    if not found:
        return None
    return found[0] if parked.data is None else found[0]._replace(data=parked.data)
