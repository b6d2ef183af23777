"""SQL of users runs inside a transaction that is not theirs to end."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from twofold.drivers.sqlite import SqliteStore
from twofold.errors import WiringError
from twofold.testing._store_case import append

pytestmark = pytest.mark.anyio

Work = Callable[[sqlite3.Connection], object]

ENDINGS = [
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT twofold_unit",
    "RELEASE twofold_unit",
    "ROLLBACK TO Twofold_Unit",
    "ATTACH ':memory:' AS other",
    "DETACH main",
]
METHODS: list[Work] = [
    lambda connection: connection.commit(),
    lambda connection: connection.rollback(),
    lambda connection: connection.executescript("SELECT 1"),
]
REFUSED: list[Work] = [*(lambda connection, sql=sql: connection.execute(sql) for sql in ENDINGS), *METHODS]


async def create(store: SqliteStore) -> None:
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("CREATE TABLE notes (text UNIQUE)"))
    await transaction.commit(append("created"))


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])


@pytest.mark.parametrize("work", REFUSED)
async def test_a_user_cannot_end_the_transaction(store: SqliteStore, work: Work) -> None:
    """Transaction control is refused to a user's function, in SQL and by methods; the transaction goes on."""
    await create(store)
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("INSERT INTO notes VALUES ('before')"))
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await transaction.run(work)
    await transaction.run(lambda connection: connection.execute("INSERT INTO notes VALUES ('after')"))
    assert await store.read(count) == 0
    await transaction.commit(append("done"))
    assert await store.read(count) == 2


async def test_savepoints_of_a_users_own_work(store: SqliteStore) -> None:
    """SQLAlchemy's savepoints, and others with names of their own, undo a part of what ran."""
    await create(store)
    transaction = store.begin()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES ('kept')")
        connection.execute("SAVEPOINT sa_savepoint_1")
        connection.execute("INSERT INTO notes VALUES ('undone')")
        connection.execute("ROLLBACK TO SAVEPOINT sa_savepoint_1")
        connection.execute("RELEASE SAVEPOINT sa_savepoint_1")

    await transaction.run(work)
    await transaction.commit(append("done"))
    assert await store.read(count) == 1


@pytest.mark.parametrize("sql", ["INSERT INTO notes VALUES (1)", "DELETE FROM twofold_events", "DROP TABLE notes"])
async def test_a_reader_cannot_write(store: SqliteStore, sql: str) -> None:
    """The database refuses whatever a reader's function writes."""
    await create(store)
    with pytest.raises(WiringError, match="tried to write"):
        await store.read(lambda connection: connection.execute(sql))


@pytest.mark.parametrize(
    "pragma", ["query_only = OFF", "case_sensitive_like = 1", "writable_schema(ON)", "main.cache_size = 1"]
)
async def test_a_reader_sets_nothing(store: SqliteStore, pragma: str) -> None:
    """Others have the same connection after it: what it may do, and how it compares, is not for one of them to say."""
    await create(store)

    def sly(connection: sqlite3.Connection) -> object:
        connection.execute(f"PRAGMA {pragma}")
        return connection.execute("CREATE TEMP TABLE notes (text)")

    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await store.read(sly)
    assert await store.read(count) == 0


async def test_a_reader_may_ask(store: SqliteStore) -> None:
    """How a table is made, and what a setting is, is no secret; SQLAlchemy's inspection asks so, too."""
    await create(store)

    def ask(connection: sqlite3.Connection) -> tuple[str, int]:
        column = connection.execute("PRAGMA main.table_info('notes')").fetchone()[1]
        return column, connection.execute("PRAGMA query_only").fetchone()[0]

    assert await store.read(ask) == ("text", 1)


async def test_a_reader_sees_one_moment(store: SqliteStore) -> None:
    """One function reads one snapshot, whatever commits meanwhile; the next one sees the news."""
    await store.commit(append("a"))
    looked, committed = threading.Event(), threading.Event()

    def look_twice(connection: sqlite3.Connection) -> list[int]:
        first = head(connection)
        looked.set()
        committed.wait(20)
        return [first, head(connection)]

    reading = asyncio.create_task(store.read(look_twice))
    await asyncio.to_thread(looked.wait, 20)
    await store.commit(append("a"))
    committed.set()
    assert await reading == [1, 1]
    assert await store.read(head) == 2


async def test_an_error_of_a_reader_leaves_its_connection_usable(path: Path) -> None:
    """What a function raises reaches its caller; the next one on the same connection is not in its snapshot."""
    store = SqliteStore(path, readers=1)
    await store.start()
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda connection: head(connection) / 0)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.read(lambda connection: connection.execute("SELECT * FROM nowhere"))
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await store.read(lambda connection: connection.execute("COMMIT"))
    await store.commit(append("a"))
    assert await store.read(head) == 1
    await store.stop()


def head(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM twofold_events").fetchone()[0])
