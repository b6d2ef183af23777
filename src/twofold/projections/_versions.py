"""Building a version of a projection beside the live one, letting it take the place, going back, and dropping it.

Every step is one transaction of the store that insists on what it has seen, so it may be taken by several processes at
once, and again after a crash: one of them takes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from twofold.errors import CheckpointMoved, ConditionFailed, FaultError, Hinted, NotFound, Refused
from twofold.messages import Catalogue
from twofold.projections._place import AWAY, NEXT, PREVIOUS, Place, Standing, checkpoint_beside, standing
from twofold.projections._projection import Projection
from twofold.projections._projector import Projector
from twofold.store import (
    INLINE,
    Aside,
    Batch,
    Checkpoint,
    Move,
    Rearrangement,
    Recorded,
    Remainder,
    Store,
    beside,
    table_name,
)
from twofold.subscriptions import Source, Subscription


class NoVersion(Hinted, NotFound):
    """A projection has nothing beside its live version, at a place.

    Args:
        text: What happened.
        name: The projection.
        place: Where nothing stands.
    """

    code: ClassVar[str] = NotFound.code

    def __init__(self, text: str, *, name: str, place: Place) -> None:
        built = f"`twofold projections rebuild {name}` builds the version that is declared, `reset` the live one anew"
        super().__init__(text, hint=built if place == NEXT else "only a switch leaves one behind, for a roll-back")


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
        raise FaultError(
            where=f"projection {projection.name}",
            code="session_version",
            text="has a method with a session, which knows only the live tables: it cannot be built beside them",
            hint="give it a new name and new tables, or queue row changes",
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

    Readers see the old rows before and the new rows after, and never go back in time. Writers need not pause: it
    catches up while they go on, and the store holds them back for the few events that are left.

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
        projector = Projector(projection, store, catalogue, place=place)
        following = Subscription(projector, store, catalogue, source=source)
        try:
            saved = await following.catch_up(until=await (source or store).log.head())
            left = _left(following, projector, stands, saved, own=source in (None, store))
            replaced = stands.live.epoch not in ("", await (source or store).log.epoch())
            free = replaced or projection.mode == "inline"  # where another log was followed, nobody stands before it
            ahead = () if free else ((projector.name, projection.name),)
            change = _take(projection, stands, place, left, ahead)
            if replaced:
                change = replace(change, forgets=(*change.forgets, *await _of_its_log(projection, store, stands.live)))
            await store.rearrange(change)
        except (CheckpointMoved, ConditionFailed):
            continue  # somebody else builds too, or so much was recorded meanwhile that it is to catch up once more
        return True
    return False


async def roll_back(
    projection: Projection, store: Store, catalogue: Catalogue, *, source: Source | None = None, to: int | None = None
) -> bool:
    """Exchange the live version with the previous one. A second time it is undone, unless `to` says which is to be.

    A process that has the previous version lets it catch up first, unless it takes a session, which knows only the live
    tables. Otherwise it goes on from where it stood, once there is a process that has it.

    Args:
        projection: The projection.
        store: Where its rows are.
        catalogue: What events are decoded with.
        source: The log that it follows; the store's own unless given.
        to: The version that is to be live; the previous one, whichever it is, unless given.

    Returns:
        Whether they were exchanged; not when the version `to` is live.

    Raises:
        NotFound: There is no previous version.
        Refused: The previous version is another one than `to`.
    """
    while (stands := await standing(store, projection.name)).live.version != to:
        previous = stands.previous.version
        if previous == 0:
            text = f"projection {projection.name} has no previous version"
            raise NoVersion(text, name=projection.name, place=PREVIOUS)
        if to is not None and previous != to:
            raise Refused(
                f"version {previous} of {projection.name} is the previous one, and not version {to}: version"
                f" {stands.live.version} is live"
            )
        if previous == projection.version and not projection.takes_session:
            if await take_over(projection, store, catalogue, PREVIOUS, source=source):
                return True
            continue  # another process was faster
        left = Remainder(0, None, partial(_retire, stands.live, await _put_back(projection, store, stands.previous)))
        try:
            await store.rearrange(_take(projection, stands, PREVIOUS, left))
        except CheckpointMoved:
            continue
        return True
    return False


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
    raise NoVersion(f"projection {name} has no {place} version", name=name, place=place)


def _left(following: Subscription, projector: Projector, stands: Standing, saved: int, *, own: bool) -> Remainder:
    """What is left to do for who has caught up, while nobody appends to the log that is in the store.

    That is the log it follows when it is the store's own. No event of another one is missed when that grows meanwhile:
    there nothing is inline, and what took the place goes on from its checkpoint.

    Args:
        following: What has caught up.
        projector: Who handles its events.
        stands: Where the versions stand.
        saved: Where its checkpoint stands.
        own: Whether the log that it follows is in the store.
    """
    reached = following.position

    def settle(events: Sequence[Recorded], head: int) -> Batch:
        facts, parks = following.left(events)
        until = head if own else reached
        moves = [Move(projector.name, until, saved, version=projector.version)]
        if projector.inline:
            moves.append(Move(projector.name, INLINE, until))
        retired = _retire(stands.live, (), events, head)
        return retired._replace(rows=projector.rows(facts), moves=(*moves, *retired.moves), parks=parks)

    return Remainder(reached if own else 0, projector.selection if own else None, settle)


async def _of_its_log(projection: Projection, store: Store, live: Checkpoint) -> list[str]:
    """The views over its tables that have seen the other log that it followed: they follow anew, as it does."""
    stand = [await store.checkpoints.get(view.name) for view in projection.views]
    return [one.name for one in stand if one.epoch == live.epoch]


async def _put_back(projection: Projection, store: Store, previous: Checkpoint) -> Sequence[Move]:
    """Let views that have seen more than the version which comes back see it again, once that has."""
    views = [await store.checkpoints.get(view.name) for view in projection.views if view.refresh_on]
    return [Move(one.name, previous.position, one.position) for one in views if one.position > previous.position]


def _retire(live: Checkpoint, moves: Sequence[Move], _: Sequence[Recorded], head: int) -> Batch:
    """An inline version goes on from the head when it comes back: there is nothing behind the head.

    Its rows are those of the log that is in the store with them, so the head is of that one.
    """
    return Batch(moves=(*moves, *([Move(live.name, head, INLINE)] if live.position == INLINE else ())))


def _take(
    projection: Projection, stands: Standing, place: Place, left: Remainder, ahead: tuple[tuple[str, str], ...] = ()
) -> Rearrangement:
    """What stands at a place becomes the live version, and the live one the previous one."""
    first = Rearrangement(
        versions={one.name: one.version for one in (stands.live, stands.next, stands.previous)},
        remainder=left,
        ahead=ahead,
        tables=stands.at(place).tables,
        views=projection.views,
    )
    name = projection.name
    return _exchange(name, first) if place == PREVIOUS else _switch(name, first, drops=stands.previous.tables)


def _switch(name: str, first: Rearrangement, drops: tuple[str, ...]) -> Rearrangement:
    """The next becomes the live one, and the live one the previous one."""
    next_, previous = checkpoint_beside(name, NEXT), checkpoint_beside(name, PREVIOUS)
    return replace(
        first,
        drops=_beside(drops, PREVIOUS),
        forgets=(previous,),
        renames=(
            *((table, beside(table, PREVIOUS)) for table in first.tables),
            *((beside(table, NEXT), table) for table in first.tables),
        ),
        checkpoints=((name, previous), (next_, name)),
    )


def _exchange(name: str, first: Rearrangement) -> Rearrangement:
    """The live and the previous one change places."""
    away, previous = checkpoint_beside(name, AWAY), checkpoint_beside(name, PREVIOUS)
    return replace(
        first,
        renames=(
            *((table, beside(table, AWAY)) for table in first.tables),
            *((beside(table, PREVIOUS), table) for table in first.tables),
            *((beside(table, AWAY), beside(table, PREVIOUS)) for table in first.tables),
        ),
        checkpoints=((name, away), (previous, name), (away, previous)),
    )


def _beside(tables: Iterable[str], place: Place) -> tuple[str, ...]:
    return tuple(beside(table, place) for table in tables)
