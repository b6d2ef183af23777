"""Where a projection stands, as plain data: for the command line, and for whoever watches."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from twofold.messages import Catalogue
from twofold.projections import Projection, Standing, duty_of
from twofold.store import INLINE, Checkpoint, Log, Selection, Store, foundation, table_name

MOST_PARKED: Final = 1000
"""How many parked events of a version are counted."""

_INTERVALS: Final = 2
"""After how many of its intervals what goes by the clock is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a projection that the store has.

    Args:
        version: Its number.
        position: The last position it has dealt with; the head for an inline one.
        lag: How many positions it is behind; 0 when none of them holds an event for it, as far as this application
            declares the version.
        inline: Whether its rows commit with the events.
        parked: How many events it has put aside, `MOST_PARKED` at most.
        owner: Which process moves it, as `host:process:…`; empty when none does.
    """

    version: int
    position: int
    lag: int
    inline: bool
    parked: int
    owner: str

    @property
    def forsaken(self) -> bool:
        """Whether events wait for it, and no process moves it."""
        return self.lag > 0 and not self.owner


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionStatus:
    """Where a projection stands.

    Args:
        name: Its name.
        mode: Its mode, as this application declares it.
        declared: Its version, as this application declares it.
        tables: Its tables.
        head: The head of the log.
        live: What everybody reads; None when no application with it has started.
        next: What is built beside it, if anything is.
        previous: What a roll-back brings back, if there is anything.
        note: What an application of the declared version does about it, and which views over it are late.
        late_views: The materialized views over its tables that have yet to be refreshed with its rows.
    """

    name: str
    mode: str
    declared: int
    tables: tuple[str, ...]
    head: int
    live: Version | None
    next: Version | None
    previous: Version | None
    note: str
    late_views: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as dictionaries and lists, ready for JSON."""
        return asdict(self)


async def status_of(
    projection: Projection, store: Store, stands: Standing, log: Log, catalogue: Catalogue, now: datetime
) -> ProjectionStatus:
    """Where a projection stands.

    Args:
        projection: The projection, as this application declares it.
        store: Where its rows are.
        stands: Where it stands in the store.
        log: The log that it follows, as it is kept.
        catalogue: What the names of its events are looked up in.
        now: The time, which tells whether views that go by the clock are late.
    """
    head = await log.head()
    wanted = Selection(types=catalogue.stored_as(projection.events))

    async def version(checkpoint: Checkpoint) -> Version | None:
        if checkpoint.version == 0:
            return None
        inline = checkpoint.position == INLINE
        position = head if inline else checkpoint.position
        declared = checkpoint.version == projection.version  # of another one nobody knows here what it waits for
        waits = position < head and (
            not declared or bool(await log.read(position, until=head, limit=1, where=(wanted,)))
        )
        return Version(
            version=checkpoint.version,
            position=position,
            lag=head - position if waits else 0,
            inline=inline,
            parked=len(await foundation(store).parked.list(checkpoint.name, limit=MOST_PARKED)),
            owner=checkpoint.owner,
        )

    live, built, previous = [await version(one) for one in (stands.live, stands.next, stands.previous)]
    reached = 0 if live is None else head if not live.lag else live.position
    late = tuple([one.name for one in projection.views if await _is_late(one, store, log, catalogue, reached, now)])
    return ProjectionStatus(
        name=projection.name,
        mode=projection.mode,
        declared=projection.version,
        tables=tuple(map(table_name, projection.tables)),
        head=head,
        live=live,
        next=built,
        previous=previous,
        note="; ".join(filter(None, (_note(projection, stands, live, built), *map(_told_of, late)))),
        late_views=late,
    )


async def _is_late(view: Any, store: Store, log: Log, catalogue: Catalogue, reached: int, now: datetime) -> bool:
    """Whether a view has yet to be refreshed with what is there up to a position, or by a clock that has gone on."""
    stands = (await foundation(store).checkpoints.get(view.name)).position
    if view.refresh_every is not None:
        due = 1000 * (now.timestamp() - _INTERVALS * float(view.refresh_every))
        return 0 < stands < due
    where = (Selection(types=catalogue.stored_as(view.refresh_on)),)
    return stands < reached and bool(await log.read(stands, until=reached, limit=1, where=where))


def _told_of(view: str) -> str:
    return f"view {view} is not refreshed yet: when it stays so, the log of the workers says why"


def _note(projection: Projection, stands: Standing, live: Version | None, built: Version | None) -> str:
    if live is None:
        return "no application with it has started"
    duty = duty_of(projection.version, stands)
    if duty.build and built is not None and not duty.lay:
        return _note_of_built(projection, built, "reset" if duty.follow else "rebuild")
    if duty.build:
        return f"version {projection.version} is to be built"
    if duty.follow and live.forsaken:
        return f"events wait, and no process runs version {projection.version}"
    return duty.reason


def _note_of_built(projection: Projection, built: Version, command: str) -> str:
    if built.forsaken:
        goes_on = f"`twofold projections {command} {projection.name}` goes on"
        return f"version {built.version} is built up to position {built.position}; {goes_on}"
    if not built.lag and not projection.switches_itself:
        return f"version {built.version} is built, and waits for `twofold projections switch {projection.name}`"
    if not built.lag and built.parked:
        return f"version {built.version} is built, and waits: it has put events aside"
    return f"version {built.version} is being built"
