"""What an operator does with the versions of projections, while applications run: every step insists on what it saw."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, final

from twofold.app._database import sessions_of
from twofold.app._room import open_room
from twofold.app._standing import ProjectionStatus, status_of
from twofold.app._stores import Stores
from twofold.clock import Clock
from twofold.errors import CheckpointMoved, NotFound, Refused
from twofold.messages import Catalogue
from twofold.projections import (
    NEXT,
    NoVersion,
    Pace,
    Place,
    Projection,
    Projector,
    Standing,
    drop,
    lay,
    place,
    roll_back,
    standing,
    standings,
    take_over,
)
from twofold.store import foundation
from twofold.subscriptions import Subscription

Tell: TypeAlias = Callable[[Pace], None]
"""Told how far a rebuild is, several times a second."""

_TICK: Final = 0.2


@final
class Administration:
    """The versions of an application's projections, to look at and to change.

    Args:
        app: What the application is called.
        projections: Its projections.
        stores: Where their rows are, and the log; open.
        catalogue: What events are decoded with.
        clock: Tells the time.
    """

    def __init__(
        self, app: str, projections: Iterable[Projection], stores: Stores, catalogue: Catalogue, clock: Clock
    ) -> None:
        self._app = app
        self._store = stores.read
        self._source = stores.write
        self._clock = clock
        self._catalogue = catalogue
        self._projections = {one.name: one for one in projections}

    async def all(self) -> list[ProjectionStatus]:
        """Where all projections stand, by name."""
        found = await standings(self._store, sorted(self._projections))
        return [await self._status(self._projections[name], stands) for name, stands in found.items()]

    async def status(self, name: str) -> ProjectionStatus:
        """Where a projection stands.

        Raises:
            NotFound: The application has none with this name.
        """
        return await self._status(self._projection(name), await standing(self._store, name))

    async def rebuild(self, name: str, tell: Tell = lambda _: None) -> bool:
        """Build the declared version beside the live one, or go on with it, and let it take the place.

        Args:
            name: The projection.
            tell: Told how far it is.

        Returns:
            Whether it has taken the place; one with `switch="manual"` waits for the command.

        Raises:
            NotFound: The application has none with this name.
            Refused: This version, or a newer one, is live; or events of what is built are parked.
        """
        projection = self._projection(name)
        await place(projection, self._store)
        live = (await standing(self._store, name)).live.version
        if live == projection.version:
            raise Refused(f"version {live} of {name} is live: `reset` builds the same version anew")
        if live > projection.version:
            raise Refused(f"version {live} of {name} is live, and this application has version {projection.version}")
        return await self._build(projection, tell)

    async def reset(self, name: str, tell: Tell = lambda _: None) -> bool:
        """Build the live version anew beside itself, from the first event on, and let it take the place.

        Args:
            name: The projection.
            tell: Told how far it is.

        Returns:
            Whether it has taken the place; one with `switch="manual"` waits for the command.

        Raises:
            NotFound: The application has none with this name.
            Refused: The application has another version of it than the live one; or events of what is built are parked.
        """
        projection = self._projection(name)
        await place(projection, self._store)
        live = (await standing(self._store, name)).live.version
        if live != projection.version:
            raise Refused(f"version {live} of {name} is live, and this application has version {projection.version}")
        return await self._build(projection, tell)

    async def switch(self, name: str) -> None:
        """Let the version that was built take the place, after it has caught up.

        Raises:
            NotFound: The application has none with this name, or nothing is built.
            Refused: What is built is another version than the one this application has.
        """
        projection = self._projection(name)
        built = (await standing(self._store, name)).next.version
        if built and built != projection.version:
            raise Refused(f"version {built} of {name} is built, and this application has version {projection.version}")
        if not built or not await take_over(projection, self._store, self._catalogue, source=self._source):
            raise NoVersion(f"nothing is built beside {name}", name=name, place=NEXT)

    async def rollback(self, name: str, *, to: int | None = None) -> bool:
        """Exchange the live version with the previous one; a second time undoes it, unless a version is given.

        Args:
            name: The projection.
            to: The version that is to be live; the previous one, whichever it is, unless given.

        Returns:
            Whether they were exchanged; not when the version `to` is live.

        Raises:
            NotFound: The application has none with this name, or there is no previous version.
            Refused: The previous version is another one than `to`.
        """
        projection = self._projection(name)
        return await roll_back(projection, self._store, self._catalogue, source=self._source, to=to)

    async def drop(self, name: str, place: Place) -> None:
        """Drop what stands beside the live version.

        Raises:
            NotFound: The application has none with this name, or nothing stands there.
        """
        self._projection(name)
        await drop(name, self._store, place)

    async def compare(self, name: str, place: Place, limit: int) -> list[Any]:
        """Compare the live rows with those beside them; `twofold.app.comparison.Comparison` for each table.

        Raises:
            NotFound: The application has none with this name, or nothing stands there.
            Refused: The store has no SQL, or the sides have different keys.
        """
        projection = self._projection(name)
        if (await standing(self._store, name)).at(place).version == 0:
            raise NoVersion(f"projection {name} has no {place} version", name=name, place=place)
        sessions = sessions_of(self._store)
        if sessions is None:
            raise Refused(f"{type(self._store).__qualname__} has no SQL to compare with")
        found: list[Any] = await open_room("twofold.app.comparison").compare(
            projection, self._store, sessions, place, limit
        )
        return found

    async def _build(self, projection: Projection, tell: Tell) -> bool:
        while (stands := await standing(self._store, projection.name)).next.version != projection.version:
            if stands.next.version > projection.version:
                raise Refused(f"version {stands.next.version} of {projection.name} is being built")
            try:
                await lay(projection, self._store, stands)
            except CheckpointMoved:
                continue
        await self._catch_up(projection, stands.next.position, tell)
        if projection.switches_itself:
            await self._prove_whole(projection.name, stands.next.name)
            await take_over(projection, self._store, self._catalogue, source=self._source)
        return projection.switches_itself

    async def _prove_whole(self, name: str, built: str) -> None:
        """Prove that workers, who go on with what is built, have put no event of it aside."""
        if aside := len(await self._store.parked.streams(built)):
            raise Refused(
                f"what is built of {name} lacks events that are parked, in {aside} of its streams: mend them"
                f" (`twofold parked list`), begin anew after `twofold projections drop {name} --which next`, or take it"
                f" as it is by `twofold projections switch {name}`"
            )

    async def _catch_up(self, projection: Projection, done: int, tell: Tell) -> None:
        projector = Projector(projection, self._store, self._catalogue, place=NEXT)
        pace = Pace(done, await self._source.log.head(), time.monotonic())
        tell(pace)
        while True:
            following = Subscription(projector, self._store, self._catalogue, source=self._source)
            working = asyncio.ensure_future(following.catch_up(until=await self._source.log.head()))
            try:
                while not (await asyncio.wait({working}, timeout=_TICK))[0]:
                    pace.note(max(following.position, pace.done), await self._source.log.head(), time.monotonic())
                    tell(pace)
                await working
            except CheckpointMoved:
                if (await self._store.checkpoints.get(projector.name)).version != projection.version:
                    return  # an application has let it take the place
                continue  # an application builds it too
            finally:
                working.cancel()
            pace.note(following.position, await self._source.log.head(), time.monotonic())
            tell(pace)
            return

    async def _status(self, projection: Projection, stands: Standing) -> ProjectionStatus:
        log, now = foundation(self._source).log, self._clock.now()
        return await status_of(projection, self._store, stands, log, self._catalogue, now)

    def _projection(self, name: str) -> Projection:
        if name not in self._projections:
            known = ", ".join(sorted(self._projections)) or "none"
            raise NotFound(f"{self._app} has no projection {name!r}; it has {known}")
        return self._projections[name]
