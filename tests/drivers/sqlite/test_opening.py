"""How the file is opened, and what happens when it cannot be."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.sqlite.conftest import Start
from twofold.drivers.sqlite import Durability, SqliteStore
from twofold.errors import StoreUnavailable, WiringError
from twofold.testing._store_case import append


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_store_needs_a_file(path: str) -> None:
    """A database in memory cannot be shared by several connections, so it is refused with the way out."""
    with pytest.raises(WiringError, match="MemoryStore"):
        SqliteStore(path)


@pytest.mark.parametrize("settings", [{"durability": "ful"}, {"readers": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any], path: Path) -> None:
    """A setting that SQLite would take for another one, or that nothing could read with, is a mistake in the code."""
    with pytest.raises(WiringError, match=next(iter(settings))):
        SqliteStore(path, **settings)


@pytest.mark.anyio
@pytest.mark.parametrize("durability, synchronous", [("full", 2), ("normal", 1)])
async def test_the_settings_of_the_file(path: Path, durability: Durability, synchronous: int) -> None:
    """The file has a write-ahead log, waits for the disk as asked, and enforces foreign keys."""
    store = SqliteStore(path, durability=durability)
    await store.start()
    transaction = store.begin()
    asked = ["PRAGMA synchronous", "PRAGMA journal_mode", "PRAGMA foreign_keys"]
    found = await transaction.run(lambda connection: [connection.execute(pragma).fetchone()[0] for pragma in asked])
    assert found == [synchronous, "wal", 1]
    await transaction.rollback()
    await store.stop()


@pytest.mark.anyio
async def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """A file that cannot be made is told as such, and a later start may succeed."""
    store = SqliteStore(tmp_path / "new folder?" / "log 100%.db")
    with pytest.raises(StoreUnavailable) as raised:
        await store.start()
    where = tmp_path / "new folder?" / "log 100%.db"
    text = f"SQLite refuses {where}: unable to open database file (SQLITE_CANTOPEN): there is no such folder"
    assert raised.value.detail == text
    with pytest.raises(StoreUnavailable):
        await store.commit(append("a"))
    (tmp_path / "new folder?").mkdir()
    await store.start()
    await store.commit(append("a"))
    assert await store.log.head() == 1
    await store.stop()


def test_a_file_that_is_no_database(path: Path) -> None:
    """A file of another kind is refused, and left as it is."""
    path.write_text("Dear diary, " * 500)
    with pytest.raises(StoreUnavailable, match=rf"{path.name}: file is not a database"):
        asyncio.run(SqliteStore(path).start())
    assert path.read_text() == "Dear diary, " * 500


@pytest.mark.anyio
async def test_an_old_journal_is_switched_once_the_file_is_free(path: Path, plain: sqlite3.Connection) -> None:
    """A database of another program, which that program is using, is not opened before its time is over."""
    plain.execute("CREATE TABLE mine (x)")
    plain.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await SqliteStore(path, busy_timeout=0.1).start()
    plain.execute("ROLLBACK")
    store = SqliteStore(path)
    await store.start()
    await store.stop()


WITHOUT_SQLALCHEMY = """
import asyncio, sys
sys.modules["sqlalchemy"] = None
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import MissingExtraError
from twofold.store import Delete
from twofold.testing._store_case import append, batch

async def main():
    store = SqliteStore(sys.argv[1])
    await store.start()
    await store.commit(append("a"))
    for refused in (lambda: store.commit(batch(rows=[Delete("t", {"id": 1})])), lambda: store.create_tables(["t"])):
        try:
            await refused()
        except MissingExtraError as error:
            print(error)
    await store.stop()

asyncio.run(main())
"""


def test_rows_need_the_sql_extra(path: Path, start: Start) -> None:
    """Without SQLAlchemy the log works, and whoever changes rows is told what to install."""
    process = start(WITHOUT_SQLALCHEMY, path)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert told.splitlines() == ["row changes needs the package 'sqlalchemy' (pip install \"twofold[sql]\")"] * 2


@pytest.mark.anyio
async def test_a_journal_is_switched_when_the_file_is_free_again(
    path: Path, plain: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that another program is using for a moment is opened as soon as that is over."""
    plain.execute("CREATE TABLE mine (x)")
    plain.execute("BEGIN IMMEDIATE")
    pauses = list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        plain.execute("ROLLBACK")

    monkeypatch.setattr(time, "sleep", pause)
    store = SqliteStore(path, busy_timeout=0.5)
    await store.start()
    await store.commit(append("a"))
    await store.stop()
    assert len(pauses) == 1


@pytest.mark.anyio
async def test_followers_of_an_old_log_need_not_wait(store: SqliteStore, path: Path) -> None:
    """A store that opens a log with events in it knows that there is something to follow."""
    await store.commit(append("a"))
    later = SqliteStore(path)
    await later.start()
    await asyncio.wait_for(later.wakeup.wait(0, 60), 20)
    await later.stop()


@pytest.mark.anyio
async def test_a_closed_store_leaves_one_file(store: SqliteStore, path: Path) -> None:
    """Closing folds the write-ahead log into the file, also right after reads."""
    for _ in range(5):
        await store.start()
        await store.commit(append("a"))
        reads = [asyncio.ensure_future(store.log.head()) for _ in range(4)]
        await asyncio.sleep(0)
        await store.stop()
        await asyncio.gather(*reads)
        assert [file.name for file in path.parent.iterdir()] == [path.name]
