"""The tables of a store, upgraded by themselves or by whoever may: the same promises on every database."""

import asyncio
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.cli.forked import Talking
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._schema import steps
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite._schema import STEPS
from twofold.errors import WiringError
from twofold.store import MemoryStore, MigratableStore, SchemaState
from twofold.testing._store_case import append, versions

pytestmark = pytest.mark.anyio


class Sqlite:
    """A file, and how its tables are reached without a store."""

    known = len(STEPS)
    steps = "twofold.drivers.sqlite._schema.STEPS"

    def __init__(self, path: Path) -> None:
        self.path = path

    def store(self, **settings: Any) -> SqliteStore:
        return SqliteStore(self.path, **settings)

    async def run(self, sql: str) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            connection.executescript(sql)
        finally:
            connection.close()


class Postgres:
    """A schema, and how its tables are reached without a store."""

    known = len(steps())
    steps = "twofold.drivers.postgres._schema.steps"

    def __init__(self, url: str) -> None:
        self.url = url

    def store(self, **settings: Any) -> PostgresStore:
        return PostgresStore(self.url, schema=schema_of(self.url), **settings)

    async def run(self, sql: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


Database = Sqlite | Postgres


def at(database: Database, step: int) -> SchemaState:
    """How far the tables are at a step."""
    return SchemaState(taken=step, known=database.known)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty one."""
    if request.param == "sqlite":
        return Sqlite(tmp_path / "log.db")
    return Postgres(request.getfixturevalue("postgres_url"))


@pytest.fixture
def at_step_1(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The same, as an older twofold left it that knew the first step only."""
    with monkeypatch.context() as older:
        if isinstance(database, Sqlite):
            older.setattr(database.steps, STEPS[:1])
        else:
            first = steps()[:1]
            older.setattr(database.steps, lambda: first)
        asyncio.run(database.store().upgrade())
    return database


async def works(database: Database) -> bool:
    """Whether a store that may not upgrade anything starts on it, and writes and reads."""
    store = database.store(migrate=False)
    await store.start()
    await store.commit(append("a"))
    written = await versions(store, "a")
    await store.stop()
    return written == [1]


async def test_only_stores_with_tables_can_be_upgraded(database: Database) -> None:
    """Memory has none, and both databases do."""
    assert isinstance(database.store(), MigratableStore)
    assert not isinstance(MemoryStore(), MigratableStore)


async def test_a_look_changes_nothing_and_an_upgrade_is_told_once(database: Database) -> None:
    """On a store that is not started; a second upgrade finds nothing to do."""
    store = database.store()
    assert [await store.schema(), await store.schema()] == [at(database, 0), at(database, 0)]
    assert await store.upgrade() == at(database, 0)
    assert [await store.schema(), await store.upgrade()] == [at(database, database.known)] * 2
    assert await works(database)


async def test_a_store_that_may_not_upgrade_refuses_what_is_behind(database: Database) -> None:
    """It names the command, makes nothing, and starts once somebody else has upgraded."""
    store = database.store(migrate=False)
    assert not store.migrates
    with pytest.raises(WiringError, match=rf"schema 0 of {database.known}.*twofold db upgrade"):
        await store.start()
    assert await store.schema() == at(database, 0)
    assert not isinstance(database, Sqlite) or not database.path.exists()
    await store.upgrade()
    assert await works(database)


async def test_what_a_newer_twofold_made_is_left_alone(database: Database) -> None:
    """A look tells of it; neither an upgrade nor a start touches it, whether the store may upgrade or not."""
    await database.store().upgrade()
    await database.run("UPDATE twofold_meta SET value = '99' WHERE name = 'schema'")
    for store in (database.store(), database.store(migrate=False)):
        for refused in (store.upgrade, store.start):
            with pytest.raises(WiringError, match="schema 99"):
                await refused()
        found = await store.schema()
        assert (found.taken, found.newer, found.behind) == (99, True, False)


def test_an_older_schema_is_upgraded_from_where_it_is(at_step_1: Database) -> None:
    """By an upgrade as by a start; a store that may not refuses it."""
    store = at_step_1.store(migrate=False)
    with pytest.raises(WiringError, match=f"schema 1 of {at_step_1.known}"):
        asyncio.run(store.start())
    assert asyncio.run(store.upgrade()) == at(at_step_1, 1)
    assert asyncio.run(works(at_step_1))


async def test_the_sql_makes_the_same(database: Database) -> None:
    """Run by others, on a database without tables."""
    await database.run(database.store().upgrade_sql())
    assert await database.store().schema() == at(database, database.known)
    assert await works(database)


def test_the_sql_begins_where_it_is_told(at_step_1: Database) -> None:
    """What an older twofold left needs the rest only."""
    asyncio.run(at_step_1.run(at_step_1.store().upgrade_sql(1)))
    assert asyncio.run(works(at_step_1))


def test_the_sql_for_another_step_changes_nothing(at_step_1: Database) -> None:
    """The database refuses it, whole."""
    with pytest.raises((sqlite3.OperationalError, asyncpg.RaiseError), match=r"already exists|is at step 1"):
        asyncio.run(at_step_1.run(at_step_1.store().upgrade_sql(0)))
    assert asyncio.run(at_step_1.store().schema()) == at(at_step_1, 1)


async def test_there_is_no_sql_for_what_is_up_to_date_or_unknown(database: Database) -> None:
    """None is needed after the last step, and none is known before the first or behind the last."""
    store = database.store()
    assert store.upgrade_sql(database.known) == ""
    for since in (-1, database.known + 1):
        with pytest.raises(WiringError, match="no step"):
            store.upgrade_sql(since)


UPGRADE = """
import asyncio, sys
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore

async def main():
    _, address, *schema = sys.argv
    store = PostgresStore(address, schema=schema[0]) if schema else SqliteStore(address)
    print("ready", flush=True)
    sys.stdin.readline()
    print((await store.upgrade()).taken)

asyncio.run(main())
"""


def test_of_processes_that_upgrade_at_once_one_does(database: Database) -> None:
    """All end well, and the others find it done; on PostgreSQL they make the schema, too."""
    if isinstance(database, Sqlite):
        where = [str(database.path)]
    else:
        where = [database.url, f"{schema_of(database.url)} not made yet"]
    try:
        with ExitStack() as all_of_them:
            programs = [all_of_them.enter_context(Talking("-c", UPGRADE, *where, where=Path.cwd())) for _ in range(3)]
            for one in programs:
                assert one.stdout.readline() == "ready\n"
            for one in programs:
                one.say("go")
            told = sorted(one.communicate().strip() for one in programs)
            ended = [one.returncode for one in programs]
    finally:
        if isinstance(database, Postgres):
            asyncio.run(database.run(f'DROP SCHEMA IF EXISTS "{where[1]}" CASCADE'))
    assert told == ["0", str(database.known), str(database.known)]
    assert ended == [0, 0, 0]


async def test_a_store_for_reading_upgrades_nothing(tmp_path: Path) -> None:
    """It says so, and makes no file."""
    store = SqliteStore(tmp_path / "log.db").read_only()
    assert not store.migrates
    with pytest.raises(WiringError, match="reading only"):
        await store.upgrade()
    assert not store.upgrade_sql(Sqlite.known)
    assert await store.schema() == SchemaState(taken=0, known=Sqlite.known)


@pytest.mark.parametrize("schema", ["a$$b", "a$twofold$b"])
def test_a_schema_whose_name_would_end_the_sql_is_refused(schema: str) -> None:
    """Its name stands in bodies of functions, which are quoted by dollars."""
    with pytest.raises(WiringError, match="would end"):
        PostgresStore("postgresql://nowhere/shop", schema=schema)
