"""Where projections and reactions stand, whoever runs them: this process, another one, or several.

Those that run here tell it at once; of others the store is asked, again and again, with a pause that grows. A
checkpoint moves with the events that its owner wants, so one that stands still may still have seen everything: then
the log has nothing for it in between. Where the log is out of reach, checkpoints are all that is known: those in a
store of their own move with the log.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol, final

from twofold.app._progress import Progress
from twofold.app._standstill import Standstill
from twofold.clock import Clock
from twofold.errors import NotYetVisible, TimedOut, ViewNotRefreshed
from twofold.store import INLINE, NOBODY, Checkpoint, Log, Recorded, Selection, Store, furthest
from twofold.subscriptions import Cut, Subscriber, Watch

_FIRST_PAUSE: Final = 0.01
_LAST_PAUSE: Final = 0.1


class Here(Protocol):
    """A subscription that runs in this process."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def position(self) -> int:
        """Where it stands."""
        ...

    @property
    def owned(self) -> bool:
        """Whether nobody else moves it."""
        ...

    @property
    def error(self) -> Exception | None:
        """What it failed with last."""
        ...

    async def reached(self, position: int) -> None:
        """Return once it stands there."""
        ...


@final
class Positions:
    """Where everything that follows the log stands.

    Args:
        log: The log; None where it is out of reach.
        followers: All that follow it, wherever they run, with the store of their checkpoints.
        here: Those that run in this process, by name, at any time.
        watch: Tells whose owner is dead.
        clock: Tells how long events have waited.
        unawaited: Those that nobody waits for, since they go by the clock, with their intervals in seconds.
        views: The names of those that may be put back, since rows have changed for what they have seen.
    """

    def __init__(
        self,
        log: Log | None,
        followers: Iterable[tuple[Store, Iterable[Subscriber]]],
        here: Mapping[str, Here],
        watch: Watch,
        clock: Clock,
        unawaited: Mapping[str, float] = MappingProxyType({}),
        views: Collection[str] = (),
    ) -> None:
        self._log = log
        self._places: list[tuple[Store, dict[str, None]]] = []
        self._selections: dict[str, Selection] = {}
        self._parts: dict[str, list[str]] = {}
        for store, subscribers in followers:
            names: dict[str, None] = {}
            for one in subscribers:
                for cut in Cut.all_of(one.name, one.partitions):
                    self._selections[cut.name] = cut.of(one.selection)
                    names[cut.name] = None
                    if one.name not in unawaited:
                        self._parts.setdefault(cut.base, []).append(cut.name)
            self._places.append((store, names))
        self._views = frozenset(views)
        self._by_the_clock = unawaited
        self._here = here
        self._watch = watch
        self._clock = clock
        self._standstill = Standstill(clock.monotonic)
        self._oldest: dict[str, Recorded] = {}
        self._owners: dict[str, str] = {}
        self._known = dict.fromkeys(self._selections, 0)
        self._stood: dict[str, int] = {}
        self._head = 0
        self._looks = 0
        self._looking = asyncio.Lock()

    async def given_out(self, position: int) -> bool:
        """Whether somebody may have been told of a position; True when nobody can tell.

        A commit is told of before it is final, where a transaction below it is still open.
        """
        if self._log is None or await self.exists(position):
            return True
        return bool(await self._log.read(position - 1, until=position, limit=1))

    async def exists(self, position: int) -> bool:
        """Whether the log is final up to a position; True when nobody can tell."""
        if self._log is not None and position > self._head:
            self._head = await self._log.head()
        return self._log is None or position <= self._head

    async def wait(self, position: int, names: Collection[str], timeout: float) -> None:
        """Return once everything up to a position is dealt with.

        Args:
            position: The position.
            names: Who has to have dealt with it.
            timeout: How long to wait, in seconds; 0 to look once.

        Raises:
            NotYetVisible: They have not.
        """
        behind = self._behind(position, [part for name in names for part in self._parts[name]])
        if not behind:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            async with asyncio.timeout(max(timeout, _LAST_PAUSE)):
                pause = _FIRST_PAUSE if self._here.keys() >= set(behind) else 0.0
                while True:
                    await self._rest(position, behind, min(pause, deadline - loop.time()))
                    behind = self._behind(position, behind)
                    if behind:
                        await self._look(position, behind)
                        behind = self._behind(position, behind)
                    if not behind:
                        return
                    if loop.time() >= deadline:
                        break
                    pause = min(max(pause * 2, _FIRST_PAUSE), _LAST_PAUSE)
        except TimeoutError:
            pass
        reached = min(map(self._at, behind))
        failing = [name for name in behind if self._fails(name)]
        raise NotYetVisible(position=position, reached=reached, behind=behind, waited=timeout, failing=failing)

    async def reached_by(self, names: Iterable[str]) -> int:
        """A position that some of them have all dealt with, the last one that is known; the head when none is named.

        Args:
            names: Who has to have dealt with it.
        """
        head, parts = await self._furthest(), [part for name in names for part in self._parts[name]]
        if parts:
            await self._look(head, parts)
        return min([head, *map(self._at, parts)])

    async def progress(self, only: Store | None = None) -> list[Progress]:
        """How far each has come; what they fail with is known to the process that runs them.

        Args:
            only: Where the checkpoints are of those that are meant; all are unless given. No other store is asked then.
        """
        head = await self._furthest()
        places = self._places
        if only is None:
            await self._look(head, self._known)
        else:  # it waits for nobody who asks another store, which may be away
            places = [place for place in places if place[0] is only]
            await self._see(places, head, [name for _, names in places for name in names])
        now = self._clock.now()
        return [await self._progress_of(name, store, head, now) for store, names in places for name in names]

    async def _progress_of(self, name: str, store: Store, head: int, now: datetime) -> Progress:
        at = min(self._at(name), head)
        oldest = self._oldest.get(name)
        before = at if oldest is None else oldest.position
        return Progress(
            name=name,
            position=at,
            head=head,
            waiting=max(0.0, (now - oldest.time).total_seconds()) if oldest is not None and at < head else 0.0,
            still=max(self._standstill.of(name, before if at < head else None), self._overdue(name, now)),
            owned=False,
            owner=self._owners.get(name, NOBODY),
            parked=len(await store.parked.streams(name)),
        )

    def _overdue(self, name: str, now: datetime) -> float:
        """For how long what goes by the clock should have been refreshed again, in seconds; 0 for all else."""
        every, last = self._by_the_clock.get(name), self._stood.get(name, 0)
        return 0.0 if every is None or not last else max(0.0, now.timestamp() - last / 1000 - every)

    async def settle(self, timeout: float) -> None:
        """Wait until all have reached what is in the log, and what they did has moved that no further.

        Raises:
            TimedOut: They have not within `timeout` seconds.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        head = -1
        while head != (head := await self._last()):
            left = max(0.0, deadline - asyncio.get_running_loop().time())
            try:
                await self.wait(head, self._parts, left)
            except NotYetVisible as error:
                names = ", ".join(f"{name} ({head - self._at(name)} behind)" for name in error.behind)
                raise TimedOut(f"not settled within {timeout} s: {names}") from None

    async def late(self) -> list[str]:
        """Who still has to do with what was parked: those that are to try it again, and views that were put back."""
        late: list[str] = []
        for store, names in self._places:
            due = {one.subscription for one in await store.parked.list(due=True)}
            late += [
                name for name in names if name in due or (name in self._views and await self._put_back(name, store))
            ]
        return late

    async def _put_back(self, name: str, store: Store) -> bool:
        """Whether a view stands before an event that it is to be refreshed on."""
        if self._log is None:
            return False
        stands, where = (await store.checkpoints.get(name)).position, (self._selections[name],)
        return bool(await self._log.read(stands, until=await self._log.head(), limit=1, where=where))

    async def _furthest(self) -> int:
        """The head of the log; as far as anybody has come when that is out of reach."""
        if self._log is not None:
            return await self._log.head()
        await self._look(0, ())
        return max((self._at(name) for parts in self._parts.values() for name in parts), default=0)

    async def _last(self) -> int:
        return await self._furthest() if self._log is None else await furthest(self._log)

    def _at(self, name: str) -> int:
        here = self._here.get(name)
        if here is not None and here.owned:
            return here.position  # before what is known, when it was put back
        return self._known[name] if here is None else max(self._known[name], here.position)

    def _fails(self, name: str) -> bool:
        """Whether it is a view that runs here, and whose query fails."""
        here = self._here.get(name)
        return here is not None and isinstance(here.error, ViewNotRefreshed)

    def _behind(self, position: int, names: Iterable[str]) -> Sequence[str]:
        return [name for name in names if self._at(name) < position]

    async def _rest(self, position: int, names: Iterable[str], pause: float) -> None:
        """Wait for those that run here; a while only, and when none does."""
        arrivals = [asyncio.ensure_future(self._here[name].reached(position)) for name in names if name in self._here]
        if not arrivals:
            await asyncio.sleep(pause)
            return
        try:
            await asyncio.wait(arrivals, timeout=pause)
        finally:
            for arrival in arrivals:
                arrival.cancel()

    async def _look(self, position: int, names: Iterable[str]) -> None:
        """Ask the store where they stand; who comes while somebody asks takes the same answer."""
        looks = self._looks
        async with self._looking:
            places = self._places if looks == self._looks else ()
            await self._see(places, position, names)
            self._looks += bool(places)

    async def _see(self, places: Iterable[tuple[Store, Collection[str]]], position: int, names: Iterable[str]) -> None:
        for store, names_there in places:
            for checkpoint in await store.checkpoints.all():
                if checkpoint.name in names_there:
                    self._owners[checkpoint.name] = NOBODY if self._watch.dead(checkpoint) else checkpoint.owner
                    self._note_where(checkpoint, position)
        for name in self._behind(position, names):
            await self._pass_over(name, position)

    async def _pass_over(self, name: str, position: int) -> None:
        """Go on to the next event that a follower wants; what lies before is none of its business."""
        if self._log is not None and await self.exists(position):
            where = (self._selections[name],)
            wanted = await self._log.read(self._at(name), until=position, limit=1, where=where)
            if wanted:
                self._oldest[name] = wanted[0]
            self._note(name, wanted[0].position - 1 if wanted else position)

    def _note_where(self, checkpoint: Checkpoint, position: int) -> None:
        """Note where a checkpoint stands; one that was put back has to see again what it has seen."""
        stands, name = checkpoint.position, checkpoint.name
        if stands == INLINE:
            stands = position  # elsewhere: its rows are as new as the log
        elif stands < self._stood.get(name, 0):
            self._known[name] = stands
        self._stood[name] = stands
        self._note(name, stands)

    def _note(self, name: str, position: int) -> None:
        self._known[name] = max(self._known[name], position)
