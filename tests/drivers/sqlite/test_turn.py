"""Transactions that are held open: whatever their owner does, the turn is freed and nothing leaks out."""

import asyncio
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path

import pytest

from tests.until import until
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import StoreUnavailable
from twofold.testing._store_case import append, versions

pytestmark = pytest.mark.anyio

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM names ORDER BY name")]


async def create(store: SqliteStore) -> None:
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("CREATE TABLE names (name TEXT UNIQUE)"))
    await transaction.run(lambda connection: connection.execute("INSERT INTO names VALUES ('ann')"))
    await transaction.commit(append("created"))


async def test_a_transaction_that_the_database_ended_is_over(store: SqliteStore) -> None:
    """After `OR ROLLBACK` nothing of the transaction is left, and no later call of it writes outside of one."""
    await create(store)
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("INSERT INTO names VALUES ('bob')"))
    with pytest.raises(sqlite3.IntegrityError):
        await transaction.run(lambda connection: connection.execute("INSERT OR ROLLBACK INTO names VALUES ('ann')"))
    with pytest.raises(StoreUnavailable, match="rolled it back"):
        await transaction.run(lambda connection: connection.execute("INSERT INTO names VALUES ('cid')"))
    assert await store.read(names) == ["ann"]


async def test_a_function_that_hides_the_end_is_found_out(store: SqliteStore) -> None:
    """A function that swallows the error which ended its transaction is told that nothing of it was kept."""
    await create(store)
    transaction = store.begin()

    def work(connection: sqlite3.Connection) -> str:
        try:
            connection.execute("INSERT OR ROLLBACK INTO names VALUES ('ann')")
        except sqlite3.IntegrityError:
            return "fine"
        return "never"

    with pytest.raises(StoreUnavailable, match="rolled it back"):
        await transaction.run(work)


async def test_a_statement_without_end_is_stopped(store: SqliteStore, path: Path) -> None:
    """A statement that runs longer than the turn may be held is interrupted, and the others get their turn."""
    await create(store)
    impatient = SqliteStore(path, turn_timeout=0.2)
    await impatient.start()
    transaction = impatient.begin()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO names VALUES ('bob')")
        connection.execute(ENDLESS).fetchone()

    endless = asyncio.create_task(transaction.run(work))
    other = asyncio.create_task(impatient.commit(append("other")))
    with pytest.raises(StoreUnavailable, match="interrupted"):
        await endless
    assert (await other).versions == {"other": 1}
    with pytest.raises(StoreUnavailable, match="held longer"):
        await transaction.commit(append("mine"))
    assert await store.read(names) == ["ann"]
    await impatient.commit(append("other", 500))
    await impatient.stop()


async def test_a_function_that_takes_too_long_has_nothing_kept(store: SqliteStore, path: Path) -> None:
    """A function cannot be stopped in the middle, but when it comes back too late, the transaction is over."""
    await create(store)
    impatient = SqliteStore(path, turn_timeout=0.1)
    await impatient.start()
    transaction = impatient.begin()
    never = threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO names VALUES ('bob')")
        never.wait(0.3)

    await transaction.run(work)
    with pytest.raises(StoreUnavailable, match="held longer"):
        await transaction.commit(append("mine"))
    assert await store.read(names) == ["ann"]
    await impatient.stop()


async def test_closing_waits_for_a_held_transaction(store: SqliteStore) -> None:
    """A store that closes takes nothing new, and lets the transaction that is held come to its end."""
    await create(store)
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("INSERT INTO names VALUES ('bob')"))
    queued = asyncio.create_task(store.commit(append("queued")))
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.stop())
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.commit(append("late"))
    late = store.begin()
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="closed"):
            await late.run(lambda connection: None)
    await late.rollback()
    await transaction.commit(append("mine"))
    await queued
    await closing
    await store.start()
    assert await store.read(names) == ["ann", "bob"]
    assert await versions(store, "queued") == await versions(store, "mine") == [1]


async def test_steps_asked_for_at_once_run_in_order(store: SqliteStore) -> None:
    """Calls of one transaction from several tasks run one after the other; those behind its end are refused."""
    await create(store)
    transaction = store.begin()

    def add(name: str) -> Coroutine[object, object, object]:
        return transaction.run(lambda connection: connection.execute("INSERT INTO names VALUES (?)", (name,)))

    steps = [add("b"), add("c"), add("d"), transaction.commit(append("mine")), add("late")]
    outcomes = await asyncio.gather(*steps, return_exceptions=True)
    assert [isinstance(outcome, StoreUnavailable) for outcome in outcomes] == [False] * 4 + [True]
    assert await store.read(names) == ["ann", "b", "c", "d"]


async def test_a_cancelled_step_is_withdrawn_or_done(store: SqliteStore) -> None:
    """A step whose caller goes away before it starts is left out; the transaction goes on without it."""
    await create(store)
    transaction = store.begin()
    started, go_on = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        started.set()
        go_on.wait(20)

    first = asyncio.create_task(transaction.run(work))
    await asyncio.to_thread(started.wait, 20)
    second = asyncio.create_task(transaction.run(lambda c: c.execute("INSERT INTO names VALUES ('bob')")))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    go_on.set()
    await first
    await transaction.commit(append("mine"))
    assert await store.read(names) == ["ann"]
    assert second.cancelled()


async def test_a_cancelled_read_returns_at_once(store: SqliteStore) -> None:
    """Whoever waits for a read may go away at any time; the read comes to its end alone."""
    started, go_on = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> None:
        started.set()
        go_on.wait(20)

    reading = asyncio.create_task(store.read(work))
    await asyncio.to_thread(started.wait, 20)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not go_on.is_set()
    go_on.set()
    assert await store.log.head() == 0


async def test_whoever_waits_for_another_process_may_go_away(store: SqliteStore, path: Path) -> None:
    """While somebody else writes to the file nothing of a commit or a turn has begun, so both can be withdrawn."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    commit = asyncio.create_task(store.commit(append("a")))
    await asyncio.sleep(0)
    await until(lambda: store.queues["writer"] == 0)
    turn = asyncio.create_task(store.begin().run(names))
    await asyncio.sleep(0)
    commit.cancel()
    turn.cancel()
    outcomes = await asyncio.gather(commit, turn, return_exceptions=True)
    assert [type(one) for one in outcomes] == [asyncio.CancelledError, asyncio.CancelledError]
    assert other.in_transaction
    other.execute("ROLLBACK")
    other.close()
    await store.commit(append("b"))
    assert [entry.stream for entry in await store.log.read(0, until=9, limit=9)] == ["b"]
