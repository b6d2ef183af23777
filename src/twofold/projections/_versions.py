"""Building a version of a projection beside the live one, letting it take the place, going back, and dropping it.

Every step is one transaction of the store that insists on what it has seen, so it may be taken by several processes at
once, and again after a crash: one of them takes it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from twofold.errors import CheckpointMoved, ConditionFailed, NotFound, WiringError
from twofold.messages import Catalogue
from twofold.projections._place import AWAY, NEXT, PREVIOUS, Place, Standing, checkpoint_beside, standing
from twofold.projections._projection import Projection
from twofold.projections._projector import Projector
from twofold.store import (
    INLINE,
    Aside,
    Checkpoint,
    Condition,
    Move,
    Rearrangement,
    Selection,
    Store,
    beside,
    table_name,
)
from twofold.subscriptions import Source, Subscription


async def place(projection: Projection, store: Store) -> None:
    """Make a projection that is new to the store the live one, at the beginning of the log."""
    if (await store.checkpoints.get(projection.name)).version == 0:
        new = Checkpoint(name=projection.name, version=projection.version)
        try:
            await store.rearrange(Rearrangement(versions={projection.name: 0}, places=(new,)))
        except CheckpointMoved:
            return  # another process was faster


async def lay(projection: Projection, store: Store, stands: Standing) -> None:
    """Begin to build a projection beside the live one, from the beginning of the log, whatever is built there now.

    Args:
        projection: The projection.
        store: Where its rows are.
        stands: Where it stands.

    Raises:
        CheckpointMoved: It does not stand there any more; nothing was changed.
    """
    if projection.takes_session:
        raise WiringError(
            f"projection {projection.name} has a method with a session, which knows only the live tables: it cannot be"
            " built beside them"
        )
    name = checkpoint_beside(projection.name, NEXT)
    tables = tuple(map(table_name, projection.tables))
    await store.rearrange(
        Rearrangement(
            versions={projection.name: stands.live.version, name: stands.next.version},
            drops=_beside({**dict.fromkeys(stands.next.tables), **dict.fromkeys(tables)}, NEXT),
            forgets=(name,),
            creates=tuple(Aside(table, NEXT, projection.tables) for table in projection.tables),
            places=(Checkpoint(name=name, version=projection.version, tables=tables),),
        )
    )


async def take_over(
    projection: Projection,
    store: Store,
    catalogue: Catalogue,
    place: Place = NEXT,
    *,
    source: Source | None = None,
) -> bool:
    """Catch up with the log, and take the place of the live version.

    Readers see the old rows before and the new rows after, and never go back in time.

    Args:
        projection: The projection, with the version that stands at the place.
        store: Where its rows are.
        catalogue: What events are decoded with.
        place: Where it was built, or is kept.
        source: The log that it follows; the store's own unless given.

    Returns:
        Whether it did; not when there is nothing of this version any more, since another process was faster.

    Raises:
        Exception: It could not catch up; what it has dealt with is kept.
    """
    while (stands := await standing(store, projection.name)).at(place).version == projection.version:
        following = Subscription(Projector(projection, store, catalogue, place=place), store, catalogue, source=source)
        try:
            saved = await following.catch_up()
            retiring = _retiring(stands.live, await store.log.head())
            await store.rearrange(_taking(projection, stands, place, saved, following.position, retiring))
        except (CheckpointMoved, ConditionFailed):
            continue  # the log has grown, or somebody else builds too: look again
        return True
    return False


async def roll_back(
    projection: Projection, store: Store, catalogue: Catalogue, *, source: Source | None = None
) -> None:
    """Exchange the live version with the previous one. A second time, it is undone.

    A process that has the previous version lets it catch up first. Otherwise it goes on from where it stood, once there
    is a process that has it.

    Args:
        projection: The projection.
        store: Where its rows are.
        catalogue: What events are decoded with.
        source: The log that it follows; the store's own unless given.

    Raises:
        NotFound: There is no previous version.
    """
    while not await take_over(projection, store, catalogue, PREVIOUS, source=source):
        stands = await standing(store, projection.name)
        if stands.previous.version == 0:
            raise NotFound(f"projection {projection.name} has no previous version")
        head = await store.log.head()
        try:
            await store.rearrange(_exchange(projection.name, stands, _retiring(stands.live, head)))
        except (CheckpointMoved, ConditionFailed):
            continue
        return


async def drop(name: str, store: Store, place: Place) -> None:
    """Drop what stands beside the live version of a projection: its tables, its checkpoint, and what it has parked.

    Raises:
        NotFound: Nothing stands there.
    """
    while (aside := (await standing(store, name)).at(place)).version:
        drops = _beside(aside.tables, place)
        try:
            await store.rearrange(
                Rearrangement(versions={aside.name: aside.version}, drops=drops, forgets=(aside.name,))
            )
        except CheckpointMoved:
            continue
        return
    raise NotFound(f"projection {name} has no {place} version")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moves:
    """What brings checkpoints to where they have to stand before they change their names."""

    moves: tuple[Move, ...] = ()
    conditions: tuple[Condition, ...] = ()
    ahead: tuple[tuple[str, str], ...] = field(default=())


def _taking(
    projection: Projection, stands: Standing, place: Place, saved: int, reached: int, retiring: _Moves
) -> Rearrangement:
    name, aside = projection.name, stands.at(place)
    # Conditions can only be on a log in the same store. One that follows needs none, wherever its log is: no event of
    # it is missed when the log grows meanwhile, since it goes on from its checkpoint, which must stand where we left
    # it and not behind the live one. One that is inline has its log beside it.
    first = Move(aside.name, reached, saved, version=projection.version)
    if projection.mode == "inline":
        moves = (first, Move(aside.name, INLINE, reached), *retiring.moves)
        conditions = (Condition(reached, (Selection(),)),)
        steps = _Moves(moves=moves, conditions=conditions)
    else:
        steps = _Moves(moves=(first, *retiring.moves), conditions=retiring.conditions, ahead=((aside.name, name),))
    return _exchange(name, stands, steps) if place == PREVIOUS else _switch(name, stands, steps)


def _retiring(live: Checkpoint, head: int) -> _Moves:
    """An inline version goes on from the head when it comes back: there must be nothing behind the head.

    Its rows are those of the log that is in the store with them, so the head is of that one.
    """
    if live.position != INLINE:
        return _Moves()
    return _Moves(moves=(Move(live.name, head, INLINE),), conditions=(Condition(head, (Selection(),)),))


def _switch(name: str, stands: Standing, steps: _Moves) -> Rearrangement:
    """The next becomes the live one, and the live one the previous one."""
    tables, next_, previous = stands.next.tables, stands.next.name, stands.previous.name
    return Rearrangement(
        versions=_versions(stands),
        conditions=steps.conditions,
        moves=steps.moves,
        ahead=steps.ahead,
        drops=_beside(stands.previous.tables, PREVIOUS),
        forgets=(previous,),
        renames=(
            *((table, beside(table, PREVIOUS)) for table in tables),
            *((beside(table, NEXT), table) for table in tables),
        ),
        checkpoints=((name, previous), (next_, name)),
        tables=tables,
    )


def _exchange(name: str, stands: Standing, steps: _Moves) -> Rearrangement:
    """The live and the previous one change places."""
    tables, away, previous = stands.previous.tables, checkpoint_beside(name, AWAY), stands.previous.name
    return Rearrangement(
        versions=_versions(stands),
        conditions=steps.conditions,
        moves=steps.moves,
        ahead=steps.ahead,
        renames=(
            *((table, beside(table, AWAY)) for table in tables),
            *((beside(table, PREVIOUS), table) for table in tables),
            *((beside(table, AWAY), beside(table, PREVIOUS)) for table in tables),
        ),
        checkpoints=((name, away), (previous, name), (away, previous)),
        tables=tables,
    )


def _versions(stands: Standing) -> dict[str, int]:
    return {one.name: one.version for one in (stands.live, stands.next, stands.previous)}


def _beside(tables: Iterable[str], place: Place) -> tuple[str, ...]:
    return tuple(beside(table, place) for table in tables)
