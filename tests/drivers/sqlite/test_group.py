"""Units of work that share a transaction: each is decided as if it had been alone."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, Table

from tests.drivers.sqlite.conftest import Together
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite._call import Call
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.errors import CheckpointMoved, StoreUnavailable, VersionConflict
from twofold.store import Append, Batch, Committed, Move, Upsert
from twofold.testing._store_case import append, batch, draft, versions, whole_log

pytestmark = pytest.mark.anyio

metadata = MetaData()
parents = Table("parents", metadata, Column("id", Integer, primary_key=True))
children = Table(
    "children",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent", ForeignKey("parents.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("count", Integer, nullable=False, default=0),
)


def child(number: int, parent: int | None) -> Batch:
    """An event and a row, which only fits when its parent is there at the end."""
    return batch(Append(f"child-{number}", (draft(),), 0), rows=[Upsert(children, {"id": number}, {"parent": parent})])


def rows_of(connection: sqlite3.Connection) -> list[Any]:
    return connection.execute("SELECT id, parent FROM children ORDER BY id").fetchall()


async def test_a_broken_deferred_foreign_key_hits_its_own_unit(store: SqliteStore, together: Together) -> None:
    """A constraint that shows itself at COMMIT only fails the unit that broke it, and none beside it."""
    await store.create_tables([parents, children])
    await store.commit(batch(rows=[Upsert(parents, {"id": 1}, {})]))
    outcomes = await together(store, [child(1, 1), child(2, 99), child(3, 1), append("other")])
    assert [type(outcome) for outcome in outcomes] == [Committed, sqlite3.IntegrityError, Committed, Committed]
    assert await store.read(rows_of) == [(1, 1), (3, 1)]
    assert [event.stream for event in await whole_log(store)] == ["child-1", "child-3", "other"]


async def test_a_broken_constraint_is_told_as_it_is(store: SqliteStore, together: Together) -> None:
    """Rows that break a constraint at once undo their unit alone, and its caller sees SQLite's own error."""
    await store.create_tables([parents, children])
    await store.commit(batch(rows=[Upsert(parents, {"id": 1}, {})]))
    outcomes = await together(store, [child(1, 1), child(2, None), child(3, 1)])
    assert [type(outcome) for outcome in outcomes] == [Committed, sqlite3.IntegrityError, Committed]
    assert await store.read(rows_of) == [(1, 1), (3, 1)]
    with pytest.raises(sqlite3.IntegrityError):
        await store.commit(child(2, None))
    assert await versions(store, "child-2") == []


async def test_tables_that_cannot_all_be_made_are_not_made_among_others(store: SqliteStore) -> None:
    """The first of them is undone with the rest, though SQLite counts no change, and what is beside them commits."""
    made = MetaData()
    first = Table("first", made, Column("id", Integer, primary_key=True))
    second = Table("second", made, Column("id", Integer, primary_key=True), CheckConstraint("no SQL"))
    held = store.begin()
    await held.run(lambda connection: None)
    tasks = [
        asyncio.create_task(store.commit(append("a"))),
        asyncio.create_task(store.create_tables([first, second])),
        asyncio.create_task(store.commit(append("b"))),
    ]
    await asyncio.sleep(0)
    await held.rollback()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False], outcomes
    names = await store.read(lambda connection: connection.execute("SELECT name FROM sqlite_schema").fetchall())
    assert [name for (name,) in names if name in {"first", "second"}] == []
    assert [event.stream for event in await whole_log(store)] == ["a", "b"]


async def test_what_a_refused_unit_did_is_not_seen_by_the_next(store: SqliteStore, together: Together) -> None:
    """A unit that expects what a refused one before it would have changed is still taken."""
    refused = batch(Append("a", (draft(),), 0), moves=[Move("p", 7, 3)])
    outcomes = await together(store, [refused, append("a", 2, 0), append("a", 1, 0), append("a", 1, 2)])
    assert [type(outcome) for outcome in outcomes] == [CheckpointMoved, Committed, VersionConflict, Committed]
    assert await versions(store, "a") == [1, 2, 3]
    positions = [event.position for event in await whole_log(store)]
    assert positions == [1, 2, 3]


async def test_a_unit_that_fills_the_database_is_refused_alone(store: SqliteStore, together: Together) -> None:
    """A full database refuses the unit that does not fit; it takes others, and that one too when there is room."""
    pages = (await store.read(lambda connection: connection.execute("PRAGMA page_count").fetchone()))[0]
    huge = append("huge", 20_000, 0)
    await _limit(store, pages + 40)
    outcomes = await together(store, [append("a"), huge, append("b")])
    assert [type(outcome) for outcome in outcomes] == [Committed, StoreUnavailable, Committed]
    with pytest.raises(StoreUnavailable, match="full"):
        await store.commit(huge)
    assert [event.stream for event in await whole_log(store)] == ["a", "b"]
    await _limit(store, 1_000_000)
    assert (await store.commit(huge)).versions == {"huge": 20_000}


async def test_a_group_waits_once_for_another_process(
    path: Path, plain: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the file, units that wait together are refused after one wait, and wrote nothing."""
    hasty = SqliteStore(path, busy_timeout=0.3)
    await hasty.start()
    plain.execute("BEGIN IMMEDIATE")
    units = [append(f"s{number}") for number in range(12)]
    waits = list[GuardedConnection]()
    begin_write = GuardedConnection.begin_write

    def counted(connection: GuardedConnection) -> None:
        waits.append(connection)
        begin_write(connection)

    monkeypatch.setattr(GuardedConnection, "begin_write", counted)
    outcomes = await asyncio.gather(*map(hasty.commit, units), return_exceptions=True)
    assert len(waits) <= 2, "the first one alone, and then the rest at once"
    assert all(isinstance(outcome, StoreUnavailable) and "locked" in str(outcome) for outcome in outcomes)
    transaction = hasty.begin()
    with pytest.raises(StoreUnavailable, match="locked"):
        await transaction.run(lambda connection: None)
    with pytest.raises(StoreUnavailable):
        await transaction.run(lambda connection: None)
    plain.execute("ROLLBACK")
    assert await whole_log(hasty) == []
    assert len(await asyncio.gather(*map(hasty.commit, units))) == 12
    await hasty.stop()


async def test_a_unit_is_withdrawn_while_its_group_waits_for_another_process(
    store: SqliteStore, plain: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group was tried, and found the file locked; who goes away after that has done nothing."""
    begun, queued, tried = threading.Event(), threading.Event(), threading.Event()
    begin_write = GuardedConnection.begin_write

    def watched(connection: GuardedConnection) -> None:
        if not begun.is_set():
            begun.set()
            queued.wait()
            raise sqlite3.OperationalError("the first one is refused")
        tried.set()
        begin_write(connection)

    monkeypatch.setattr(GuardedConnection, "begin_write", watched)
    plain.execute("BEGIN IMMEDIATE")
    first = asyncio.create_task(store.commit(append("a")))
    await asyncio.to_thread(begun.wait)
    group = [asyncio.create_task(store.commit(append(name))) for name in "bcd"]
    await asyncio.sleep(0)
    queued.set()
    with pytest.raises(sqlite3.OperationalError, match="the first one"):
        await first
    await asyncio.to_thread(tried.wait)
    group[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await group[1]
    plain.execute("ROLLBACK")
    assert [(await task).position for task in (group[0], group[2])] == [1, 2]
    assert [event.stream for event in await whole_log(store)] == ["b", "d"]


async def test_who_is_cancelled_during_a_try_that_does_nothing_has_done_nothing() -> None:
    """Somebody who goes while SQLite is asked waits for its answer; where that is that the file is locked, they go."""
    call = Call(lambda connection: Committed())
    assert call.claim()
    waiting = asyncio.create_task(call.outcome())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    call.let_go()
    with pytest.raises(asyncio.CancelledError) as told:
        await waiting
    assert told.value.__cause__ is None
    assert not call.claim()


async def test_whoever_goes_just_when_a_try_ends_has_done_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that writes may let go of a call between two steps of whoever leaves."""
    call = Call(lambda connection: Committed())
    waiting = asyncio.create_task(call.outcome())
    await asyncio.sleep(0)

    def still_claimed(*, blocking: bool) -> bool:
        call.let_go()
        return blocking

    monkeypatch.setattr(call, "_claimed", SimpleNamespace(acquire=still_claimed))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError) as told:
        await waiting
    assert told.value.__cause__ is None
    assert call.withdrawn


async def _limit(store: SqliteStore, pages: int) -> None:
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}"))
    await transaction.rollback()
