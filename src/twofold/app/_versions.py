"""Keeping what an application does for its projections in line with the versions that the store has.

A process whose version is live follows; one with a newer version builds it beside, and lets it take the place; one with
an older version stands aside, and goes on when its version comes back. Who does what is read from the store, again and
again, so processes of several versions may run side by side.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, final

from twofold.app._news import News
from twofold.app._progress import Progress
from twofold.app._stores import Stores
from twofold.app._switch import leave_inline, switch
from twofold.app._workers import Workers
from twofold.errors import CheckpointMoved, Classifier, Conflict, TimedOut
from twofold.messages import Catalogue
from twofold.projections import (
    NEXT,
    Duty,
    Projection,
    Projector,
    Standing,
    duty_of,
    lay,
    place,
    standing,
    standings,
    take_over,
)
from twofold.store import INLINE, NOBODY, Checkpoint
from twofold.subscriptions import Observer, Subscription, Trouble

_POLL: Final = 1.0


@final
class Versions:
    """The versions of the projections of a running application.

    Args:
        projections: The projections.
        stores: Where their rows and checkpoints are, and the log.
        catalogue: What events are decoded with.
        classifier: Tells what is away.
    """

    def __init__(
        self, projections: Sequence[Projection], stores: Stores, catalogue: Catalogue, classifier: Classifier
    ) -> None:
        self._projections = {one.name: one for one in projections}
        self._stores = stores
        self._store = stores.read
        self._source = stores.write
        self._catalogue = catalogue
        self._live: dict[str, Subscription] = {}
        self._built: dict[str, Subscription] = {}
        self._statuses: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._news = News(classifier)
        self._bounds: dict[str, int] = {}
        """How far what takes the place by itself has to come first."""
        self._waiting: set[str] = set()
        """What is built, and takes the place by a command."""
        self._stirred = asyncio.Event()
        self._aligned = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._failures = 0
        self._sound = time.monotonic()
        """When it last did all that there was to do."""

    async def prepare(self) -> None:
        """Bring everything to where messages may be accepted.

        A new version that is inline, or whose live version is, takes the place now: once commands are handled here,
        the live one would miss what they record.

        Raises:
            Exception: A projection could not catch up; what it has dealt with is kept.
        """
        for store in self._stores.opened if self._stores.apart else ():
            await leave_inline(self._projections, store)
        for projection in self._projections.values():
            await place(projection, self._store)
            while True:
                stands = await standing(self._store, projection.name)
                self._news.live(projection.name, stands.live.version)
                duty = duty_of(projection.version, stands)
                inline = projection.mode == "inline" or stands.live.position == INLINE
                if duty.follow or not (duty.build and inline):
                    break
                with suppress(CheckpointMoved):  # another process was faster: look again
                    if duty.lay:
                        await lay(projection, self._store, stands)
                    await self._take_over(projection)
            if duty.follow:
                await switch([projection], self._store, self._catalogue)

    async def begin(self, workers: Workers) -> None:
        """Begin to follow and to build."""
        if self._projections:
            await self._align(workers)
            self._task = asyncio.create_task(self._watch(workers), name="twofold projections")

    async def stop(self) -> None:
        """Begin nothing any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def told(self, observer: Observer | None) -> Observer:
        """The observer, and before it a look at the versions as soon as a checkpoint has moved."""

        def tell(trouble: Trouble) -> None:
            if isinstance(trouble.error, Conflict):
                self._stirred.set()
            if observer is not None:
                observer(trouble)

        return tell

    @property
    def superseded(self) -> bool:
        """Whether a projection that is inline here stands aside."""
        return any(one.mode == "inline" and one.name in self._statuses for one in self._projections.values())

    def explained(self, progress: Sequence[Progress], everywhere: Sequence[Progress]) -> list[Progress]:
        """Progress, with what this process does for projections; those that it does nothing for come last.

        Args:
            progress: Of what runs here.
            everywhere: Of what follows the log wherever it runs, by its checkpoint.
        """
        told = [self._failing(one, self._statuses[one.name]) if one.name in self._statuses else one for one in progress]
        known = {one.name for one in progress}
        elsewhere = {one.name: one for one in everywhere}
        aside = [
            self._failing(elsewhere.get(name) or self._unknown(name), text)
            for name, text in self._statuses.items()
            if name not in known
        ]
        return [*told, *aside]

    def _failing(self, one: Progress, status: str) -> Progress:
        """With what this process does for it, and with why it cannot."""
        if self._error is None:
            return replace(one, status=status)
        return replace(
            one,
            status=f"{status}; it has failed: {self._error!r}",
            error=one.error or repr(self._error),
            failures=max(one.failures, self._failures),
            still=max(one.still, time.monotonic() - self._sound),
        )

    def _unknown(self, name: str) -> Progress:
        return Progress(name=name, position=0, head=0, owner=self._owners.get(name, NOBODY))

    async def settle(self, timeout: float) -> None:
        """Wait until every version that takes the place by itself has taken it.

        Raises:
            TimedOut: One has not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while self._bounds:
                    self._aligned.clear()
                    await self._aligned.wait()
        except TimeoutError:
            why = "" if self._error is None else f", {self._error!r}"
            raise TimedOut(f"not settled within {timeout} s: {', '.join(self._bounds)} is being built{why}") from None

    async def _watch(self, workers: Workers) -> None:
        while True:
            await self._rest()
            try:
                await self._align(workers)
            except Exception as error:  # noqa: BLE001  # kept, shown and tried again: it must not end the watch
                self._news.failed(error)
                self._error = error
                self._failures += 1
                await asyncio.sleep(_POLL)
            else:
                self._news.sound()
                self._error, self._failures, self._sound = None, 0, time.monotonic()
            self._aligned.set()

    async def _rest(self) -> None:
        """Wait until a checkpoint has moved, what is built has caught up, or it is time to look again."""
        caught_up = [self._built[name].reached(bound) for name, bound in self._bounds.items() if name in self._built]
        waits = [asyncio.ensure_future(one) for one in (self._stirred.wait(), *caught_up)]
        try:
            await asyncio.wait(waits, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._stirred.clear()

    async def _take_over(self, projection: Projection) -> None:
        if await take_over(projection, self._store, self._catalogue, source=self._source):
            self._news.took(projection.name, projection.version)

    async def _align(self, workers: Workers) -> None:
        for name, stands in (await standings(self._store, list(self._projections))).items():
            projection = self._projections[name]
            await self._align_one(workers, projection, stands)
            built = self._built.get(name)
            if built is not None and await self._store.parked.streams(built.name):
                self._bounds.pop(name, None)  # somebody should look at it first
                self._statuses[built.name] += ", and waits for a command: it has put events aside"
            elif built is not None and not projection.switches_itself:
                if await self._is_whole(projection, built, stands.next):
                    self._statuses[built.name] += f", and waits for `twofold projections switch {name}`"
            elif built is not None and built.position >= self._bounds.get(name, built.position + 1):
                await workers.remove(self._built.pop(name))
                await self._take_over(projection)
                await self._align_one(workers, projection, await standing(self._store, name))
        self._news.statuses(self._statuses)

    async def _is_whole(self, projection: Projection, built: Subscription, checkpoint: Checkpoint) -> bool:
        """Whether what is built has caught up once; it stays so while the log goes on, until it is laid anew."""
        if checkpoint.version != projection.version:
            self._waiting.discard(projection.name)
        elif projection.name not in self._waiting:
            log = self._source.log
            where = (built.selection,)
            if not await log.read(checkpoint.position, until=await log.head(), limit=1, where=where):
                self._waiting.add(projection.name)
        return projection.name in self._waiting

    async def _align_one(self, workers: Workers, projection: Projection, stands: Standing) -> None:
        duty = duty_of(projection.version, stands)
        self._owners[projection.name] = stands.live.owner
        self._news.live(projection.name, stands.live.version)
        if duty.lay:
            try:
                await lay(projection, self._store, stands)
            except CheckpointMoved:
                self._stirred.set()  # another process does something about it: look again
                return
        if duty.follow and projection.mode == "inline" and projection.name in self._statuses:
            await switch([projection], self._store, self._catalogue)  # its version has come back
        await self._run(workers, projection, duty)
        self._explain(projection, stands, duty)

    async def _run(self, workers: Workers, projection: Projection, duty: Duty) -> None:
        """Run what the duty asks for, and nothing else."""
        name = projection.name
        if duty.follow and projection.mode == "async":
            if name not in self._live:
                self._live[name] = workers.add(Projector(projection, self._store, self._catalogue))
        elif name in self._live:
            await workers.remove(self._live.pop(name))
        if not duty.build:
            self._bounds.pop(name, None)
            self._waiting.discard(name)
            if name in self._built:
                await workers.remove(self._built.pop(name))
        elif name not in self._built:
            self._built[name] = workers.add(Projector(projection, self._store, self._catalogue, place=NEXT))
        unbounded = name in self._built and name not in self._bounds  # it is new, or had put events aside
        if unbounded and projection.switches_itself:
            self._bounds[name] = await self._source.log.head()

    def _explain(self, projection: Projection, stands: Standing, duty: Duty) -> None:
        for name in (projection.name, stands.next.name):
            self._statuses.pop(name, None)
        if duty.build:
            text = f"version {projection.version} is built beside version {stands.live.version}"
            self._statuses[stands.next.name] = text
        elif not duty.follow:
            self._statuses[projection.name] = f"stands aside: {duty.reason}"
