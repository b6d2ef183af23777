"""Applications that share a database, each in a schema of its own: none takes the tables of another one for its own."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, Enum, Integer, MetaData, String, Table

from tests.app.selecting import selected
from tests.app.test_view_versions import paid, seen, viewed
from tests.app.versions import SUMS, Open, Paid, record, rows_of, standing
from tests.drivers.postgres.conftest import Plain
from tools.shared_postgres import fresh_database
from twofold import App, Module
from twofold.app._prepared import NotPrepared
from twofold.app.administration import administering
from twofold.drivers.postgres import PostgresStore
from twofold.errors import FaultError
from twofold.projections import NEXT, PREVIOUS, drop, lay, roll_back
from twofold.projections import standing as standing_of
from twofold.store import Batch, Store, Upsert

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database() -> AsyncIterator[str]:
    """A database that has nothing in `public`."""
    async with fresh_database() as url:
        yield url


@pytest.fixture
async def public(database: str) -> AsyncIterator[Plain]:
    """The database, as another program sees it."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def first(database: str) -> Open:
    """Opens the store of the application in `public`."""
    return lambda: PostgresStore(database, pool_size=3, readers=2)


@pytest.fixture
def second(database: str) -> Open:
    """Opens that of the application in `b`."""
    return lambda: PostgresStore(database, schema="b", pool_size=3, readers=2)


def keeping(table: Table[Any], store: Store, role: str = "all") -> App:
    """An application with a table of state."""
    module = Module("keeping")
    module.state(table)
    app = App("keeping", modules=[module], database=store)
    app.use_role(role)
    return app


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """A store, without an application that does something there by itself."""
    await store.start()
    yield store
    await store.stop()


async def begin_building(app: App, store: Store) -> None:
    """Lay the tables of another version of the projection beside the live one."""
    await lay(app.assembly.projections[0], store, await standing_of(store, "sums"))


async def relations(connection: Plain, schema: str) -> set[str]:
    """What is in a schema, but for twofold's own."""
    found = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind IN ('r', 'm')"
        " AND relname NOT LIKE 'twofold%'",
        schema,
    )
    return {row["relname"] for row in found}


@pytest.mark.parametrize("mode", ["async", "inline"])
async def test_neighbours_share_no_rows(first: Open, second: Open, public: Plain, mode: Any) -> None:
    """Neither rows, nor views, nor versions that are built, take the place, go back and are dropped."""
    async with viewed(1, first(), mode=mode) as app:
        await paid(app)
    async with viewed(2, first(), mode=mode) as app:
        await app.settle()
    async with opened(first()) as store:
        await begin_building(app, store)
        kept = await standing(store), await seen(store), await rows_of(store, "previous"), await rows_of(store, "next")
    assert kept[1] == ({"ada": 2, "bob": 6}, {6: 2})
    own = await relations(public, "public")
    assert own == {"sums", "sums__next", "sums__previous", "each", "most"}

    async with viewed(1, second(), mode=mode) as other:
        assert await seen(other.store) == ({}, {None: 0})
        await record(other, Paid(amount=10, who="eve"))
        await other.settle()
        assert await seen(other.store) == ({"eve": 10}, {10: 1})
    assert await relations(public, "b") == {"sums", "each", "most"}
    async with viewed(2, second(), mode=mode) as other:
        await other.settle()
        assert await seen(other.store) == ({"eve": 20}, {20: 1})
    assert await relations(public, "b") == {"sums", "sums__previous", "each", "most"}
    async with opened(second()) as store:
        assert await roll_back(other.assembly.projections[0], store, other.router.catalogue)
        assert await seen(store) == ({"eve": 10}, {10: 1})
        await drop("sums", store, PREVIOUS)
        await begin_building(other, store)
        await drop("sums", store, NEXT)
    assert await relations(public, "b") == {"sums", "each", "most"}
    async with administering(viewed(1, second(), mode=mode)) as administration:
        assert await administration.reset("sums")
    async with opened(second()) as store:
        assert await seen(store) == ({"eve": 10}, {10: 1})

    assert await relations(public, "public") == own
    async with opened(first()) as store:
        now = await standing(store), await seen(store), await rows_of(store, "previous"), await rows_of(store, "next")
    assert now == kept


async def test_who_only_reads_is_not_shown_the_tables_of_a_neighbour(first: Open, second: Open) -> None:
    """It waits for a worker of its own application."""
    notes = Table("notes", MetaData(), Column("id", Integer, primary_key=True))
    async with keeping(notes, first()):
        pass
    async with opened(second()):
        pass
    with pytest.raises(NotPrepared, match="table notes is missing"):
        await keeping(notes, second(), "api-queries").start()
    async with keeping(notes, second()):
        pass
    async with keeping(notes, second(), "api-queries"):
        pass


async def test_types_are_not_shared_either(first: Open, second: Open) -> None:
    """Each application has the words that it declares."""

    def letters(*words: str) -> Table[Any]:
        kind: Any = Enum(*words, name="kind")
        return Table("letters", MetaData(), Column("id", Integer, primary_key=True), Column("kind", kind))

    for open_store, word in ((first, "short"), (second, "long")):
        table = letters(word)
        async with opened(open_store()) as store:
            await store.create_tables([table])
            await store.commit(Batch(rows=(Upsert(table, {"id": 1}, {"kind": word}),)))
            assert await selected(store, "SELECT kind FROM letters") == [(word,)]


async def test_a_table_with_a_schema_stays_there(second: Open, public: Plain) -> None:
    """Whatever the schema of the application is."""
    table = Table("notes", MetaData(), Column("id", Integer, primary_key=True), schema="public")
    await public.execute("CREATE TABLE notes (id integer PRIMARY KEY); INSERT INTO notes VALUES (7)")
    async with keeping(table, second()) as app:
        assert await selected(app.store, "SELECT id FROM public.notes") == [(7,)]
    async with keeping(table, second(), "api-queries"):
        pass
    assert await relations(public, "b") == set()


async def test_a_table_that_is_nobody_elses_is_not_stood_in_for(second: Open, database: str, public: Plain) -> None:
    """Somebody has made it in `public`, with rows: no empty one comes before it without a word."""
    declared = MetaData()
    notes, dates = (Table(name, declared, Column("id", Integer, primary_key=True)) for name in ("notes", "Dates"))
    await public.execute('CREATE TABLE notes (id integer PRIMARY KEY); CREATE TABLE "Dates" (id integer PRIMARY KEY)')
    app = keeping(notes, second())
    app.mount(_stating(dates))
    with pytest.raises(FaultError) as refused:
        await app.start()
    assert refused.value.detail == (
        "table notes is in schema public, and not in b, which this application has its tables in;"
        ' table "Dates" is in schema public, and not in b, which this application has its tables in'
    )
    assert "ALTER TABLE public.notes SET SCHEMA b" in refused.value.hint
    assert await relations(public, "b") == set()
    await public.execute("ALTER TABLE public.notes SET SCHEMA b")
    async with keeping(notes, second()):
        pass
    apart = PostgresStore(f"{database}{'&' if '?' in database else '?'}search_path=b", schema="b")
    async with keeping(dates, apart):
        assert await relations(public, "b") == {"notes", "Dates"}


async def test_whose_table_it_leaves_alone_is_told(first: Open, second: Open, caplog: pytest.LogCaptureFixture) -> None:
    """Once, when it makes its own of the same name."""
    notes = Table("notes", MetaData(), Column("id", String, primary_key=True))
    async with keeping(notes, first()):
        pass
    with caplog.at_level(logging.WARNING, "twofold.postgres"):
        for _ in range(2):
            async with keeping(notes, second()):
                pass
    assert [one.getMessage() for one in caplog.records if one.name == "twofold.postgres"] == [
        "notes: made in schema b; what is called so in public belongs to the application there, and is left alone"
    ]


async def test_tables_of_this_application_are_not_a_neighbours(first: Open, database: str, public: Plain) -> None:
    """A role with a schema of its own, which is first in its search path, makes no second ones there."""
    async with keeping(SUMS[1], first()):
        pass
    await public.execute("CREATE SCHEMA own")
    store = PostgresStore(f"{database}{'&' if '?' in database else '?'}search_path=own,public")
    with pytest.raises(FaultError, match="table sums is in schema public, and not in own"):
        await keeping(SUMS[1], store).start()


def _stating(table: Table[Any]) -> Module:
    module = Module("stating")
    module.state(table)
    return module
