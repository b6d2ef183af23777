"""Conformance of snapshots: the newest one of a stream is kept, with what commits beside it or not at all."""

import asyncio

import pytest

from twofold.clock import new_id
from twofold.errors import VersionConflict
from twofold.store import Append, Batch, Snapshot, Store, read_from_snapshot
from twofold.testing._store_case import StoreCase, drafts


class Snapshots(StoreCase):
    """What holds for the snapshots of streams."""

    async def test_a_snapshot_comes_back_as_it_was_kept(self, store: Store) -> None:
        """To the last byte, one for each stream, whatever else the unit of work writes."""
        self.require_snapshots()
        assert await store.find_snapshot("a") is None
        alone, with_events = _snapshot("ä", 7, '{"who":"Zoë \\u0000"}'.encode()), _snapshot("b", 1)
        await store.commit(Batch(snapshots=(alone,)))
        await store.commit(Batch((Append("b", drafts(2)),), snapshots=(with_events, _snapshot("c", 3))))
        assert await store.find_snapshot("ä") == alone
        assert await store.find_snapshot("b") == with_events
        assert await store.find_snapshot("a") is None
        assert [event.stream for event in await store.log.read_stream("b")] == ["b", "b"]

    async def test_a_snapshot_comes_with_what_is_behind_it(self, store: Store) -> None:
        """With the event that it is of in front, and without a snapshot with the first events; of this stream alone."""
        self.require_snapshots()
        await store.commit(Batch((Append("a", drafts(5)), Append("b", drafts(2)))))
        ids = [event.id for event in await store.log.read_stream("a")]
        for snapshot, kept, limit, expected in (
            (None, (), 3, ids[:3]),
            (_snapshot("a", 2), (_snapshot("b", 1),), 9, ids[1:]),
            (_snapshot("a", 5), (), 9, ids[4:]),
            (_snapshot("a", 7), (), 9, []),
            (_snapshot("a", 8, schema="order/2"), (), 0, []),
        ):
            await store.commit(Batch(snapshots=(*kept, *(() if snapshot is None else (snapshot,)))))
            found, events = await read_from_snapshot(store, "a", limit=limit)
            assert (found, [event.id for event in events]) == (snapshot, expected)
            assert list(events) == [one for one in await store.log.read_stream("a") if one.id in expected]
        assert await read_from_snapshot(store, "none", limit=9) == (None, [])

    async def test_the_newest_snapshot_of_a_stream_stays(self, store: Store) -> None:
        """One taken earlier that commits later does not replace it; one that is written as something else does."""
        self.require_snapshots()
        newest = _snapshot("a", 9)
        for one in (_snapshot("a", 3), newest, _snapshot("a", 3), _snapshot("a", 9)):
            await store.commit(Batch(snapshots=(one,)))
        assert await store.find_snapshot("a") == newest
        other = _snapshot("a", 2, schema="order/2")
        await store.commit(Batch(snapshots=(other,)))
        assert await store.find_snapshot("a") == other

    async def test_a_unit_that_fails_keeps_no_snapshot(self, store: Store) -> None:
        """Neither alone nor among others, nor in a transaction that is held open."""
        self.require_snapshots()
        refused = Batch((Append("a", drafts(1), 5),), snapshots=(_snapshot("a", 1),))
        kept = _snapshot("b", 1)
        good = Batch((Append("b", drafts(1)),), snapshots=(kept,))
        outcomes = await asyncio.gather(*map(store.commit, [refused, good, refused]), return_exceptions=True)
        assert [isinstance(outcome, VersionConflict) for outcome in outcomes] == [True, False, True]
        with pytest.raises(VersionConflict):
            await store.begin().commit(refused)
        assert await store.find_snapshot("a") is None
        assert await store.find_snapshot("b") == kept

    async def test_snapshots_kept_at_once_wait_for_nobody_in_a_circle(self, store: Store) -> None:
        """Whatever order units name their streams in."""
        self.require_snapshots()
        names = ("a", "b", "c")
        batches = [
            Batch(snapshots=tuple(_snapshot(name, number) for name in (names if number % 2 else reversed(names))))
            for number in range(1, 21)
        ]
        await asyncio.gather(*map(store.commit, batches))
        found = [await store.find_snapshot(name) for name in names]
        assert [one.version for one in found if one is not None] == [20, 20, 20]


def _snapshot(stream: str, version: int, state: bytes = b"{}", schema: str = "order/1") -> Snapshot:
    return Snapshot(stream, version, new_id(), schema, state)
