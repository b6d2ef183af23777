"""The log of both databases is append-only, and closing a stream is the one way out: no statement leads past it."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import asyncpg
import pytest

from examples._demo.database import Database, PostgresSchema, SqliteFile
from twofold.app._database import store_of
from twofold.store import Batch, Store
from twofold.testing._store_case import append, versions
from twofold.testing._store_closing import close

pytestmark = pytest.mark.anyio
REFUSED = (sqlite3.IntegrityError, asyncpg.InsufficientPrivilegeError)


@asynccontextmanager
async def opened(store: Store) -> AsyncGenerator[Store]:
    """One with a stream that is closed, `gone`, and one that is not, `a`."""
    await store.start()
    try:
        await store.commit(append("a", 2))
        await store.commit(append("gone", 2))
        await close(store, "gone", 2)
        yield store
    finally:
        await store.stop()


async def run(database: Database, store: Store, sql: str) -> None:
    """Run a statement as a handler of an application would; one on SQLite is refused before the triggers are asked."""
    if isinstance(database, SqliteFile):
        with closing(sqlite3.connect(database.path)) as connection:
            connection.execute(sql)
        return
    held = store.begin()
    try:
        await held.run(lambda connection: connection.execute(sql))
        await held.commit(Batch())
    finally:
        await held.rollback()


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM twofold_events",
        "DELETE FROM twofold_events WHERE stream = 'a' AND version = 2",
        "UPDATE twofold_events SET stream = 'gone'",
        "UPDATE twofold_events SET version = 3 WHERE version = 2",
        "DELETE FROM twofold_closings",
        "UPDATE twofold_closings SET stream = 'a'",
        "INSERT INTO twofold_closings (stream, version, how, time) SELECT 'a', 1, how, time FROM twofold_closings",
        "INSERT INTO twofold_closings (stream, version, how, time) SELECT 'b', 0, how, time FROM twofold_closings",
    ],
)
async def test_no_other_way_leads_out_of_the_log(each_database: Database, sql: str) -> None:
    """Nor back into a stream that is closed; the database refuses it to the role that owns the tables, too."""
    async with opened(store_of(each_database.address, "log")) as store:
        with pytest.raises(REFUSED, match="append-only"):
            await run(each_database, store, sql)
        assert await versions(store, "a") == [1, 2]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE twofold_streams SET closed = false",
        "UPDATE twofold_streams SET closed = true WHERE stream = 'a'",
        "DELETE FROM twofold_streams",
        "TRUNCATE twofold_streams",
        "TRUNCATE twofold_closings",
    ],
)
async def test_postgresql_opens_no_stream_again(postgres_schema: PostgresSchema, sql: str) -> None:
    """What a stream is, its closing says; beside the version it stands for whoever appends."""
    async with opened(store_of(postgres_schema.address, "log")) as store:
        with pytest.raises(REFUSED, match=r"append-only|its closing says"):
            await run(postgres_schema, store, sql)
