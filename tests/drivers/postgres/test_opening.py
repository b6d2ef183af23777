"""Opening a store: tables are made once, whoever comes first, and nothing newer is touched."""

import asyncio
import secrets
import traceback
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from tests.drivers.postgres.conftest import NewStore, Plain
from twofold.app._database import store_of
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._faults import raise_typed
from twofold.drivers.postgres._place import place_of
from twofold.errors import Invalid, StoreUnavailable, WiringError
from twofold.store import Append, Batch, Draft
from twofold.testing._store_case import append, versions, whole_log

pytestmark = pytest.mark.anyio


async def test_many_open_a_new_schema_at_once(new_store: NewStore) -> None:
    """Instances that start at the same time make the tables once, and see one log."""
    stores = [new_store(pool_size=2, readers=1) for _ in range(5)]
    await asyncio.gather(*(store.start() for store in stores))
    await asyncio.gather(*(store.commit(append("a")) for store in stores))
    assert {await store.log.epoch() for store in stores} == {await stores[0].log.epoch()}
    assert await versions(stores[0], "a") == [1, 2, 3, 4, 5]
    for store in stores:
        await store.stop()


async def test_a_newer_schema_is_refused(new_store: NewStore, store: PostgresStore, plain: Plain) -> None:
    """A database that a newer twofold has changed is left alone."""
    await plain.execute("UPDATE twofold_meta SET value = '999' WHERE name = 'schema'")
    with pytest.raises(WiringError, match="schema 999"):
        await new_store().start()
    assert await plain.fetchval("SELECT value FROM twofold_meta WHERE name = 'schema'") == "999"


async def test_the_log_is_append_only(store: PostgresStore, plain: Plain) -> None:
    """Nobody changes an event by mistake: the database refuses."""
    await store.commit(append("a"))
    for change in ("UPDATE twofold_events SET stream = 'b'", "DELETE FROM twofold_events", "TRUNCATE twofold_events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
            await plain.execute(change)


async def test_the_schema_has_a_name_of_any_kind(postgres_database: str, plain: Plain) -> None:
    """A name with quotes and capitals is only a name, and two logs of one database know nothing of each other."""
    name = "Sh\"op's $1"
    stores = [PostgresStore(postgres_database, schema=schema) for schema in (name, "Other")]
    try:
        for store in stores:
            await store.start()
            await store.commit(append("a"))
            assert len(await whole_log(store)) == 1
            await store.stop()
    finally:
        quoted = name.replace('"', '""')
        await plain.execute(f'DROP SCHEMA IF EXISTS "{quoted}", "Other" CASCADE')


@pytest.mark.parametrize("settings", [{"schema": ""}, {"schema": "x" * 64}, {"pool_size": 0}, {"readers": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    """What cannot work is a mistake of whoever wrote it, found before anything is opened."""
    with pytest.raises(WiringError):
        PostgresStore("postgresql://nowhere/shop", **settings)  # type: ignore[arg-type]  # that is the point


async def test_an_address_makes_a_store() -> None:
    """An application that names a database in PostgreSQL has its store; when nobody answers, it says so."""
    for scheme in ("postgresql", "postgres"):
        store = store_of(f"{scheme}://127.0.0.1:1/shop", "shop")
        assert isinstance(store, PostgresStore)
        with pytest.raises(StoreUnavailable):
            await store.start()


_NAMED = [
    ("postgresql://ann:secret@127.0.0.1:1/shop?application_name=till", "127.0.0.1:1, database shop"),
    ("postgresql://ann:se%40cret@127.0.0.1:1,localhost:2/my%20shop", "127.0.0.1:1, localhost:2, database my shop"),
    ("postgresql://ann:secret@[::1]:1/shop", "[::1]:1, database shop"),
    ("postgresql://ann:secret@/?host=/no/where&port=7&dbname=shop", "/no/where:7, database shop"),
]


@pytest.mark.parametrize("address,place", _NAMED)
async def test_who_opens_a_store_is_told_which(address: str, place: str) -> None:
    """Hosts, ports and database, and what to do about it; never who logs in, nor how."""
    store = store_of(address, "shop")
    assert isinstance(store, PostgresStore)
    for open_it in (store.start, store.schema, store.upgrade, store.read_only().start):
        with pytest.raises(StoreUnavailable) as raised:
            await open_it()
        assert raised.value.detail.startswith(f"{place}: PostgreSQL refuses, or is not there: ")
        assert raised.value.hint == "start the server, or mend the address"
        assert isinstance(raised.value.__cause__, OSError)
        for secret in ("ann", "cret", "till"):
            assert secret not in str(raised.value)


@pytest.mark.parametrize("sign", "/?#")
def test_nothing_is_told_of_an_address_that_may_have_a_password_anywhere(sign: str) -> None:
    """Signs that should have been written otherwise end what is read as the host: the rest may be in any part."""
    assert place_of(f"postgresql://ann:12{sign}a=secret@host/shop") == ""


def test_what_an_address_leaves_out_is_what_asyncpg_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, else this machine and PostgreSQL's own port; a service knows what nobody here does."""
    for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)
    assert place_of("postgresql://") == "localhost:5432"
    assert place_of("postgresql://one,two/shop?port=1,2") == "one:1, two:2, database shop"
    assert place_of("postgresql:///shop?service=main") == ""
    assert place_of("postgresql://[broken") == ""
    monkeypatch.setenv("PGHOST", "three")
    monkeypatch.setenv("PGPORT", "3")
    monkeypatch.setenv("PGDATABASE", "shop")
    assert place_of("postgresql://") == "three:3, database shop"


async def test_who_sends_messages_is_not_told_where_the_database_is(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a store is open, its errors go to clients."""

    async def refused() -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    for pool in (store._writers, store._readers):
        while pool._idle:
            pool._idle.pop().terminate()
        monkeypatch.setattr(pool, "_connect", refused)
    for ask in (lambda: store.commit(append("a")), store.log.head):
        with pytest.raises(StoreUnavailable, match=r"^PostgreSQL refuses, or is not there: ") as raised:
            await ask()
        assert not raised.value.hint


async def test_an_address_names_schema_and_settings(postgres_database: str, plain: Plain) -> None:
    """They are taken out of it, and the rest is PostgreSQL's; tables of read models are in the schema as well."""
    table = Table("things", MetaData(), Column("id", Integer, primary_key=True))
    more = "&" if "?" in postgres_database else "?"
    address = f"{postgres_database}{more}schema=By+%22name%22&pool_size=1&readers=1&commit_timeout=3"
    store = store_of(f"{address}&application_name=named", "shop")
    assert isinstance(store, PostgresStore)
    await store.start()
    try:
        await store.create_tables([table])
        assert (
            await plain.fetchval(
                "SELECT count(*) FROM pg_tables WHERE schemaname = $1 AND tablename = 'things'", 'By "name"'
            )
            == 1
        )
        assert await store.read(lambda one: one.fetchval("SHOW application_name")) == "named"
        assert await store.read(lambda one: one.fetchval("SHOW lock_timeout")) == "1500ms"
    finally:
        await store.stop()
        await plain.execute('DROP SCHEMA IF EXISTS "By ""name""" CASCADE')
    for refused in ("'many'", "0"):
        with pytest.raises(WiringError, match=f"cannot have pool_size={refused}"):
            store_of(f"postgresql://localhost/shop?pool_size={refused.strip(chr(39))}", "shop")


async def test_an_address_that_means_nothing_is_a_mistake() -> None:
    """What asyncpg cannot read is to be mended, not to be tried again."""
    with pytest.raises(WiringError, match="sslmode"):
        await PostgresStore("postgresql://localhost/shop?sslmode=maybe").start()


@pytest.mark.parametrize("place", ["stream", "type", "tag"])
async def test_text_that_postgres_cannot_hold_is_refused(store: PostgresStore, place: str) -> None:
    """A NUL or half of a surrogate pair in a name is invalid, and writes nothing; a body may hold anything."""
    for bad in ("a\0b", "a\ud800"):
        event = _BODY._replace(id=new_id(), tags=(bad,) if place == "tag" else ())
        event = event._replace(type=bad) if place == "type" else event
        with pytest.raises(Invalid, match=r"^a text has characters that cannot be stored$"):
            await store.commit(Batch((Append(bad if place == "stream" else "a", (event,)),)))
    assert await whole_log(store) == []
    await store.commit(Batch((Append("a", (_BODY,)),)))
    (found,) = await whole_log(store)
    assert (found.data, found.headers) == (b"\0", {"who": "\0"})


_BODY = Draft(new_id(), "happened", 1, b"\0", {"who": "\0"}, datetime.now(UTC))


@pytest.mark.parametrize(
    "query, value, told",
    [
        ("SELECT $1::uuid", "kanarienvogel", "invalid input for query argument $1"),
        ("SELECT $1::int", "kanarienvogel", "invalid input for query argument $1"),
        ("SELECT $1::text::uuid", "kanarienvogel", 'invalid input syntax for type uuid: "***"'),
    ],
)
async def test_what_a_database_complains_of_is_told_without_its_value(
    postgres_url: str, query: str, value: str, told: str
) -> None:
    """By what the driver refuses to send, and by what the server refuses: such texts end up in logs."""
    connection = await cast("Any", asyncpg).connect(postgres_url)
    try:
        with pytest.raises(asyncpg.DataError) as caught:
            await connection.fetchval(query, value)
    finally:
        await connection.close()
    with pytest.raises(asyncpg.DataError) as raised:
        raise_typed(caught.value)
    assert str(raised.value).startswith(told)
    assert "kanarienvogel" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "name",
    ['"; DROP TABLE mine; --', "'; DROP TABLE mine; --", "{floor} %s $1 {schema}", "a\nb", "back\\slash", "é" * 31],
)
async def test_a_schema_may_be_called_anything(postgres_url: str, plain: Plain, name: str) -> None:
    """It is quoted wherever it is named, so it is a name and no more; what cannot be one is refused."""
    schema = f"{name[:50]}{secrets.token_hex(4)}" if name.isascii() else name
    await plain.execute("CREATE TABLE mine (id integer)")
    store = PostgresStore(postgres_url, schema=schema, pool_size=1, readers=1)
    try:
        await store.start()
        assert (await store.commit(append("s"))).position == 1
        assert await versions(store, "s") == [1]
        assert await plain.fetchval("SELECT count(*) FROM mine") == 0
        assert await plain.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname = $1", schema) == 1
    finally:
        await store.stop()
        quoted = schema.replace('"', '""')
        await plain.execute(f'DROP SCHEMA IF EXISTS "{quoted}" CASCADE')


@pytest.mark.parametrize("name", ["", "x" * 64, "é" * 32, "a\0b", "a$$b", "a$twofold$b"])
def test_what_cannot_be_a_schema_is_refused(name: str) -> None:
    """It would be cut off, or end a function of the store."""
    with pytest.raises(WiringError, match="schema"):
        PostgresStore("postgresql://localhost/shop", schema=name)
