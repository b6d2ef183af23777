"""Conformance of appends: whole or not at all, versions 1 to n, and one winner."""

import asyncio
import random
import string
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from twofold.clock import new_id
from twofold.errors import VersionConflict
from twofold.store import Append, Batch, Committed, Draft, Store
from twofold.testing._store_case import StoreCase, append, batch, draft, drafts, versions, whole_log


class Appends(StoreCase):
    """What holds for events on their way into the log."""

    async def test_the_first_event_is_at_position_one(self, store: Store) -> None:
        """A reader that stands at 0 in a log that was never written to is given the first event, at position 1."""
        assert await store.log.head() == 0
        assert await whole_log(store) == []
        assert await store.commit(append("order-1")) == Committed(1, {"order-1": 1})
        assert [event.position for event in await whole_log(store)] == [1]

    async def test_events_come_back_as_they_went_in(self, store: Store) -> None:
        """Id, names, body, headers, tags and time are kept to the last byte and microsecond."""
        time = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
        sent = Draft(new_id(), "paid", 3, '{"who":"Zoë \\u0000"}'.encode(), {"user_id": "Zoë"}, time, ("a:ü", "b:2"))
        bare = Draft(new_id(), "paid", 1, b"null", {}, time)
        await store.commit(Batch((Append("Ördér-1", (sent, bare)),)))
        for event, original in zip(await store.log.read_stream("Ördér-1"), (sent, bare), strict=True):
            assert event.stream == "Ördér-1"
            assert (event.id, event.type, event.schema_version) == (
                original.id,
                original.type,
                original.schema_version,
            )
            assert (event.data, event.headers, event.tags) == (original.data, original.headers, original.tags)
            assert (event.time, event.time.tzinfo) == (time, UTC)

    async def test_names_may_be_long(self, store: Store) -> None:
        """As long as `Bounds` ever allows, and of letters that no database can make shorter."""
        name = "".join(random.Random(7).choices(string.ascii_letters, k=2500))  # noqa: S311  # no secret
        await store.commit(Batch((Append(name, (draft()._replace(tags=(name,)),)),)))
        assert [event.tags for event in await store.log.read_stream(name)] == [(name,)]

    async def test_versions_count_from_one_and_positions_grow(self, store: Store) -> None:
        """Each stream has versions 1 to n, however its events came, and positions follow the order of appends."""
        await store.commit(append("a", 3))
        await store.commit(append("b", 2))
        committed = await store.commit(append("a", 2))
        assert (committed.versions, committed.position) == ({"a": 5}, await store.log.head())
        log = await whole_log(store)
        assert [(event.stream, event.version) for event in log] == [
            *(("a", version) for version in (1, 2, 3)),
            *(("b", version) for version in (1, 2)),
            *(("a", version) for version in (4, 5)),
        ]
        positions = [event.position for event in log]
        assert positions == sorted(set(positions))

    async def test_one_stream_may_come_twice_in_a_batch(self, store: Store) -> None:
        """Each append counts what came before it in the same batch."""
        first, second = Append("a", drafts(2), 0), Append("a", drafts(1), 2)
        committed = await store.commit(batch(first, Append("b", drafts(1)), second))
        assert committed.versions == {"a": 3, "b": 1}
        assert [(event.stream, event.version) for event in await whole_log(store)] == [
            ("a", 1),
            ("a", 2),
            ("b", 1),
            ("a", 3),
        ]
        with pytest.raises(VersionConflict):
            await store.commit(batch(Append("c", drafts(1), 0), Append("c", drafts(1), 0)))
        assert await versions(store, "c") == []

    async def test_a_long_append_keeps_its_order(self, store: Store) -> None:
        """A thousand events of one append stand together, in order."""
        sent = drafts(1000)
        await store.commit(Batch((Append("a", sent, 0),)))
        assert [event.id for event in await whole_log(store)] == [event.id for event in sent]
        assert await versions(store, "a") == list(range(1, 1001))

    async def test_streams_of_one_batch_commit_together(self, store: Store) -> None:
        """One batch may append to several streams, and twice to the same one."""
        committed = await store.commit(
            batch(Append("a", drafts(2), 0), Append("b", drafts(1), 0), Append("a", drafts(1), 2))
        )
        assert (committed.position, committed.versions) == (await store.log.head(), {"a": 3, "b": 1})
        assert [event.stream for event in await whole_log(store)] == ["a", "a", "b", "a"]

    @pytest.mark.parametrize("expected", [0, 1, 3, 99])
    async def test_a_stream_elsewhere_is_a_conflict(self, store: Store, expected: int) -> None:
        """An append that expects another version is refused, and told the actual one."""
        await store.commit(append("a", 2))
        with pytest.raises(VersionConflict) as refused:
            await store.commit(append("a", expected=expected))
        assert (refused.value.stream, refused.value.expected) == ("a", expected)
        assert refused.value.actual in (2, None)
        assert await versions(store, "a") == [1, 2]

    async def test_a_conflict_leaves_nothing(self, store: Store) -> None:
        """A conflict in the last stream of a batch leaves nothing of the streams before it."""
        await store.commit(append("b", 1))
        with pytest.raises(VersionConflict):
            await store.commit(batch(Append("a", drafts(2), 0), Append("c", drafts(1)), Append("b", drafts(1), 0)))
        assert [event.stream for event in await whole_log(store)] == ["b"]
        assert await store.commit(append("a", 1, expected=0)) == Committed(await store.log.head(), {"a": 1})

    async def test_zero_events_never_move_a_version_back(self, store: Store) -> None:
        """An append of no events, alone or beside real ones, changes nothing and is checked all the same."""
        await store.commit(append("a", 3))
        assert await store.commit(batch(Append("a", ()))) == Committed(0, {"a": 3})
        assert await store.commit(batch(Append("a", (), 3))) == Committed(0, {"a": 3})
        assert await store.commit(batch(Append("new", (), 0))) == Committed(0, {"new": 0})
        with pytest.raises(VersionConflict):
            await store.commit(batch(Append("a", (), 2)))
        await asyncio.gather(*(store.commit(append("a", number % 2)) for number in range(20)))
        assert await versions(store, "a") == list(range(1, 14))

    async def test_an_empty_batch_is_harmless(self, store: Store) -> None:
        """A unit of work that wrote nothing commits nothing."""
        assert await store.commit(Batch()) == Committed()
        assert await store.log.head() == 0

    async def test_exactly_one_of_many_wins(self, store: Store) -> None:
        """Of all appends that expect the same version at the same time, one is taken and the others are refused."""
        for version in range(20):
            outcomes = await _race(store, [append("a", 1, version) for _ in range(8)])
            assert sum(isinstance(outcome, Committed) for outcome in outcomes) == 1
            assert sum(isinstance(outcome, VersionConflict) for outcome in outcomes) == 7
        assert await versions(store, "a") == list(range(1, 21))

    async def test_writers_side_by_side_lose_nothing(self, store: Store) -> None:
        """Many tasks that append to a few streams at once give each of them versions 1 to n, and every event once."""
        sent = [append(f"stream-{number % 5}", 1 + number % 3) for number in range(60)]
        committed = await asyncio.gather(*map(store.commit, sent))
        log = await whole_log(store)
        assert sorted(event.id for event in log) == sorted(
            event.id for one in sent for part in one.appends for event in part.events
        )
        assert max(one.position for one in committed) == log[-1].position == await store.log.head()
        for stream in {event.stream for event in log}:
            in_log = [event.version for event in log if event.stream == stream]
            assert in_log == list(range(1, len(in_log) + 1)) == await versions(store, stream)

    async def test_a_conflict_disturbs_nobody_beside_it(self, store: Store) -> None:
        """Units that commit at the same time as one that is refused are whole, and it left nothing."""
        await store.commit(append("taken", 1))
        doomed = batch(Append("left", drafts(1)), Append("taken", drafts(1), 0))
        units = [doomed if number % 3 == 1 else append(f"own-{number}", 2, 0) for number in range(30)]
        outcomes = await _race(store, units)
        assert [isinstance(outcome, Committed) for outcome in outcomes] == [unit is not doomed for unit in units]
        assert await versions(store, "left") == []
        assert len(await whole_log(store)) == 1 + 2 * sum(unit is not doomed for unit in units)


async def _race(store: Store, units: Sequence[Batch]) -> Sequence[Committed | BaseException]:
    return await asyncio.gather(*map(store.commit, units), return_exceptions=True)
