"""Conformance of closing: events of a stream go for good, nobody appends to it again, and readers pass the holes."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import pytest

from twofold.clock import new_id
from twofold.errors import ConditionFailed, Invalid, StreamClosed, VersionConflict
from twofold.store import (
    ANY_VERSION,
    CLOSED,
    Append,
    AuditSearch,
    Batch,
    ClosableStore,
    Closing,
    Condition,
    Parked,
    Recorded,
    Remainder,
    Selection,
    Snapshot,
    Store,
    seal,
    verify,
)
from twofold.store import Rearrangement as Change
from twofold.testing._store_case import StoreCase, append, batch, draft, drafts, follow, prove_in_order, whole_log

_NOW: Final = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_TAGGED: Final = Selection(tags=frozenset({"order:7"}))


class Closings(StoreCase):
    """What holds for closed streams; for stores that can close them."""

    async def test_the_events_of_a_closed_stream_are_gone(self, store: Store) -> None:
        """Those of others stay as they are, at their positions; what is left of it is how and where it ended."""
        for stream in ("a", "b", "a"):
            await store.commit(append(stream, 2))
        before = [one for one in await whole_log(store) if one.stream == "b"]
        closing = await close(store, "a", 4)
        assert await store.log.read_stream("a") == []
        assert list(await whole_log(store)) == before
        assert await store.log.read_stream("b") == before
        assert await _closable(store).find_closing("a") == closing
        assert await _closable(store).find_closing("b") is None

    @pytest.mark.parametrize("expected", [ANY_VERSION, 0, 1, 2, 3])
    @pytest.mark.parametrize("count", [0, 1, 2])
    async def test_nothing_is_appended_to_a_closed_stream(self, store: Store, expected: int, count: int) -> None:
        """Whatever version is expected, alone or among others, and the rest of the batch is not written either."""
        await store.commit(append("a", 2))
        await close(store, "a", 2)
        closed = Append("a", drafts(count), expected)
        for refused in (batch(closed), batch(Append("b", drafts(1)), closed)):
            with pytest.raises(StreamClosed) as caught:
                await store.commit(refused)
            assert caught.value.stream == "a"
        held = store.begin()
        await held.run(lambda _: None)
        with pytest.raises(StreamClosed):
            await held.commit(batch(closed))
        await held.rollback()
        assert await whole_log(store) == []

    async def test_those_that_are_sent_together_are_refused_alone(self, store: Store) -> None:
        """An append to a closed stream fails, and its neighbours are written."""
        await store.commit(append("a"))
        await close(store, "a", 1)
        outcomes = await asyncio.gather(
            *(store.commit(append(stream)) for stream in ("b", "a", "c", "a", "d")), return_exceptions=True
        )
        assert [isinstance(one, StreamClosed) for one in outcomes] == [False, True, False, True, False]
        assert sorted(one.stream for one in await whole_log(store)) == ["b", "c", "d"]

    async def test_only_what_was_seen_is_closed(self, store: Store) -> None:
        """A stream that has gone on, or was never there, stays as it is; closing it once more is refused."""
        await store.commit(append("a", 2))
        for stream, version, actual in (("a", 1, 2), ("a", 3, 2), ("b", 1, 0)):
            with pytest.raises(VersionConflict) as caught:
                await close(store, stream, version)
            assert caught.value.actual == actual
        with pytest.raises(Invalid):
            await close(store, "b", 0)
        assert len(await whole_log(store)) == 2
        await close(store, "a", 2)
        with pytest.raises(StreamClosed):
            await close(store, "a", 2)
        assert len(await store.audit.find(AuditSearch(message=CLOSED))) == 1

    async def test_positions_of_what_is_gone_are_holes(self, store: Store) -> None:
        """The head stays, no position is used again, and pages go on behind the holes, wherever these are."""
        for stream in ("a", "b", "a", "c", "a"):
            await store.commit(append(stream, 2))
        await close(store, "a", 6)
        assert await store.log.head() == 10
        assert [one.position for one in await whole_log(store)] == [3, 4, 7, 8]
        assert [one.position for one in await store.log.read(0, until=10, limit=1)] == [3]
        assert [one.position for one in await store.log.read(4, until=10, limit=2)] == [7, 8]
        assert await store.log.read(8, until=10, limit=2) == []
        assert (await store.commit(append("b", expected=2))).position == 11
        await close(store, "b", 3)
        assert await store.log.head() == 11
        assert (await store.commit(append("d"))).position == 12

    async def test_what_is_left_behind_a_hole_is_dealt_with(self, store: Store) -> None:
        """Who takes over with the last events is given those that are there, and the head with them."""
        for stream in ("a", "b", "c", "a"):
            await store.commit(append(stream, 2))
        await close(store, "a", 4)
        seen: list[tuple[list[int], int]] = []

        def settle(events: Sequence[Recorded], head: int) -> Batch:
            seen.append(([one.position for one in events], head))
            return Batch()

        await store.rearrange(Change(remainder=Remainder(4, Selection(), settle)))
        assert seen[-1] == ([5, 6], 8)

    async def test_conditions_do_not_see_what_is_gone(self, store: Store) -> None:
        """By tags and by types; what is left is excluded as before."""
        for stream in ("a", "b"):
            await store.commit(batch(Append(stream, (draft("paid"),))))
        excluded = [Condition(0, (where,)) for where in (_TAGGED, Selection(types=frozenset({"paid"})))]
        await close(store, "a", 1)
        assert [one.position for one in await store.log.read(0, until=9, limit=9, where=(_TAGGED,))] == [2]
        for condition in excluded:
            with pytest.raises(ConditionFailed):
                await store.commit(Batch(conditions=(condition,)))
        await close(store, "b", 1)
        for condition in excluded:
            await store.commit(Batch(conditions=(condition,)))

    async def test_what_was_put_aside_of_it_goes_too(self, store: Store) -> None:
        """Data that was edited is there; what others have put aside stays."""
        await store.commit(batch(Append("a", drafts(1)), Append("b", drafts(1))))
        parks = tuple(Parked(name, at, stream, "t", _NOW) for name in "pq" for at, stream in ((1, "a"), (2, "b")))
        await store.commit(Batch(parks=parks))
        await close(store, "a", 1)
        assert [(one.subscription, one.stream) for one in await store.parked.list()] == [("p", "b"), ("q", "b")]

    async def test_its_snapshot_goes_too(self, store: Store) -> None:
        """And whoever has taken another one meanwhile keeps it no more; those of others stay."""
        await store.commit(batch(Append("a", drafts(2)), Append("b", drafts(2))))
        first = [Snapshot(stream, 1, new_id(), "state/1", b"{}") for stream in "ab"]
        await store.commit(Batch(snapshots=tuple(first)))
        await close(store, "a", 2)
        assert [await store.find_snapshot(stream) for stream in "ab"] == [None, first[1]]
        later = [one._replace(version=2) for one in first]
        await store.commit(append("c")._replace(snapshots=tuple(later)))
        assert [await store.find_snapshot(stream) for stream in "ab"] == [None, later[1]]

    async def test_an_entry_of_the_audit_trail_tells_of_it(self, store: Store) -> None:
        """Who, what, how and when; the trail is as it was sealed."""
        await store.commit(append("a", 3))
        await close(store, "a", 3)
        (told,) = await store.audit.find(AuditSearch())
        assert (told.message, told.user_id, told.time, told.outcome) == (CLOSED, "root", _NOW, "success")
        assert told.payload == '{"stream":"a","version":3,"how":"tombstoned"}'
        await seal(store.audit, _NOW)
        verdict = await verify(store.audit)
        assert (verdict.entries, verdict.flaw) == (1, None)

    async def test_whoever_appends_meanwhile_is_before_it_or_refused(self, store: Store) -> None:
        """Nothing is appended behind a closing, and none of what was acknowledged is closed unseen."""
        _closable(store)  # before anything runs beside this
        await store.commit(append("a"))
        done, reached = asyncio.Event(), [1]

        async def keep_appending() -> None:
            for _ in range(25):
                try:
                    reached.append((await store.commit(append("a"))).versions["a"])
                except StreamClosed:
                    return
                await asyncio.sleep(0)

        async def close_in_between() -> int:
            while True:
                for ahead in range(3):
                    version = max(reached) + ahead
                    try:
                        await close(store, "a", version)
                    except VersionConflict:
                        await asyncio.sleep(0)
                    else:
                        return version

        seeing = asyncio.create_task(follow(store, done))
        appending = [asyncio.create_task(keep_appending()) for _ in range(4)]
        version = await close_in_between()
        await asyncio.gather(*appending)
        await store.commit(append("b", 2))
        done.set()
        assert sorted(reached) == list(range(1, version + 1))
        prove_in_order([one for one in await seeing if one.stream == "b"])
        assert [one.stream for one in await whole_log(store)] == ["b", "b"]


async def close(store: Store, stream: str, version: int) -> Closing:
    """Close a stream at a version."""
    closing = Closing(stream=stream, version=version, how="tombstoned", time=_NOW)
    await _closable(store).close_stream(closing, closing.entry_of("root", new_id()))
    return closing


def _closable(store: Store) -> ClosableStore:
    if not isinstance(store, ClosableStore):
        pytest.skip("streams of this store cannot be closed")
    return store
