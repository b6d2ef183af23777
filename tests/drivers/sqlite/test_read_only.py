"""A store that is open for reading only: for a process that answers queries beside others that write."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite._schema import STEPS
from twofold.errors import StoreUnavailable, WiringError
from twofold.testing._store_case import append


@pytest.mark.anyio
async def test_nobody_else_has_to_be_there(path: Path) -> None:
    """It opens a file whose writers have all closed it, and it may be the last to close it."""
    store = SqliteStore(path, durability="normal", turn_timeout=1, busy_timeout=1, readers=2)
    await store.start()
    await store.commit(append("a"))
    await store.stop()
    reading = store.read_only()
    for _ in range(2):
        await reading.start()
        assert await reading.log.head() == 1
        await reading.stop()
    await store.start()
    await store.commit(append("a"))
    await store.stop()
    await reading.start()
    assert await reading.log.head() == 2
    await reading.stop()


def test_it_makes_no_file(path: Path) -> None:
    """It says that a process that writes does."""
    with pytest.raises(StoreUnavailable, match="no database yet"):
        asyncio.run(SqliteStore(path, read_only=True).start())
    assert not path.exists()


@pytest.mark.anyio
@pytest.mark.parametrize("schema", [None, "0", "1"])
async def test_an_older_schema_is_refused(path: Path, plain: sqlite3.Connection, schema: str | None) -> None:
    """And upgraded by whoever writes."""
    if schema is not None:
        plain.execute("CREATE TABLE twofold_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    if schema == "1":
        plain.execute("INSERT INTO twofold_meta VALUES ('schema', '1')")
    else:
        plain.execute("CREATE TABLE other (id)")
    with pytest.raises(
        StoreUnavailable, match=f"schema {schema or 0} of {len(STEPS)}: a process that writes upgrades it"
    ):
        await SqliteStore(path, read_only=True).start()


@pytest.mark.anyio
async def test_a_newer_schema_is_refused(path: Path, store: SqliteStore, plain: sqlite3.Connection) -> None:
    """As by whoever writes."""
    plain.execute("UPDATE twofold_meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(WiringError, match="upgrade twofold"):
        await store.read_only().start()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """With SQLite's own word for it."""
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        asyncio.run(SqliteStore(path, read_only=True).start())
