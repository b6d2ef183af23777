"""Decisions on random boundaries, and what must hold of them, whatever the store and however many the processes."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

from twofold.errors import ConditionFailed
from twofold.store import Append, Batch, Condition, Recorded, Selection, Store, selected
from twofold.testing._store_case import draft

LONERS: Final = 2
"""How many of some writers decide on what nobody else writes."""
_BOUNDARIES: Final = (
    Selection(tags=frozenset({"t:0"})),
    Selection(tags=frozenset({"t:1", "u:0"})),
    Selection(types=frozenset({"x"})),
    Selection(types=frozenset({"y"}), tags=frozenset({"u:1"})),
    Selection(),
)


class Told(NamedTuple):
    """What became of a decision.

    Args:
        writer: Who made it.
        event: The id of its event.
        after: The head that it has seen; None for an append without a condition.
        boundary: Which selection it depends on; negative for a loner's own.
        refused_by: The position of the event that has refused it; None when it was committed.
        seen: The positions behind that head of what it has seen as well.
    """

    writer: int
    event: str
    after: int | None
    boundary: int
    refused_by: int | None = None
    seen: Sequence[int] = ()


class Decider:
    """A writer that decides again and again.

    Args:
        writer: Its number.
        alone: Whether it depends on nothing that others write.
    """

    def __init__(self, writer: int, *, alone: bool) -> None:
        self.told = list[Told]()
        self._writer = writer
        self._alone = alone
        self._chance = Random(writer)
        self._reached = 0
        self._next = Told(writer, "", None, 0)

    async def decide(self, store: Store) -> Batch:
        """What it wants to write next, by what the log holds now."""
        chance, number = self._chance, self._writer
        head = await store.log.head()
        if self._alone:
            # Its own last event may stand behind the head, which slower ones hold back: it knows of that one.
            return self._want("w", (f"own:{number}",), max(head, self._reached), -1 - number)
        tags = f"t:{chance.randrange(3)}", f"u:{chance.randrange(3)}"
        after = head if chance.random() < 0.7 else None
        boundary, seen = chance.randrange(len(_BOUNDARIES)), list[int]()
        if after is not None and chance.random() < 0.5:
            page = await store.log.read(after, until=2**63 - 1, limit=1000, where=[_BOUNDARIES[boundary]])
            seen = [event.position for event in page]
        return self._want(chance.choice("xyz"), tags, after, boundary, seen)

    def committed(self, position: int) -> None:
        """Note that it was."""
        self._reached = position
        self.told.append(self._next)

    def refused(self, error: ConditionFailed) -> None:
        """Note that it was not, and why."""
        assert error.position is not None
        self.told.append(self._next._replace(refused_by=error.position))

    def stall(self) -> float:
        """How long to wait this time, in seconds: the fault that makes every window wide."""
        return self._chance.random() * 0.005

    def _want(
        self, kind: str, tags: tuple[str, ...], after: int | None, boundary: int, seen: Sequence[int] = ()
    ) -> Batch:
        event = draft(kind)._replace(tags=tags)
        self._next = Told(self._writer, str(event.id), after, boundary, seen=seen)
        conditions = () if after is None else (Condition(after, (_selection(boundary),), frozenset(seen)),)
        return Batch((Append(f"s-{self._writer}", (event,)),), conditions=conditions)


def deciders(first: int, count: int) -> list[Decider]:
    """Some writers, the last of whom are loners."""
    return [Decider(first + nth, alone=nth >= count - LONERS) for nth in range(count)]


async def keep_deciding(store: Store, decider: Decider, seconds: float) -> None:
    """Decide and commit for a while, with a stall between what was seen and what is written."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        batch = await decider.decide(store)
        await asyncio.sleep(decider.stall())
        try:
            decider.committed((await store.commit(batch)).position)
        except ConditionFailed as error:
            decider.refused(error)


def prove(log: Sequence[Recorded], told: Sequence[Told]) -> None:
    """Nothing was committed too late, and nobody was refused by what they do not depend on.

    Args:
        log: All events.
        told: What became of all decisions.
    """
    places = {str(event.id): event.position for event in log}
    positions = [event.position for event in log]
    committed = [one for one in told if one.refused_by is None]
    refused = [one for one in told if one.refused_by is not None]
    assert {one.event for one in committed} == places.keys()
    for one in committed:
        if one.after is not None:
            start, end = bisect_right(positions, one.after), bisect_left(positions, places[one.event])
            missed = (event for event in log[start:end] if event.position not in one.seen)
            assert not any(selected(event, [_selection(one.boundary)]) for event in missed), one
    at = dict(zip(positions, log, strict=True))
    for one in refused:
        assert one.after is not None
        assert one.refused_by is not None
        assert one.refused_by > one.after
        assert one.refused_by not in one.seen
        assert selected(at[one.refused_by], [_selection(one.boundary)]), one
    assert refused
    assert all(one.boundary >= 0 for one in refused)
    assert sum(one.boundary < 0 for one in committed) > 10
    assert sum(one.boundary >= 0 and one.after is not None for one in committed) > 10


def _selection(boundary: int) -> Selection:
    return Selection(tags=frozenset({f"own:{-1 - boundary}"})) if boundary < 0 else _BOUNDARIES[boundary]
