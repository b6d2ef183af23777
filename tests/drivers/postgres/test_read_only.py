"""A store that is open for reading only, and reads in one round trip; the database itself refuses every write."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.drivers.postgres.conftest import NewStore, Plain
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres.sql import PostgresSessions
from twofold.errors import StoreUnavailable, WiringError
from twofold.sql import WriteRefused

pytestmark = pytest.mark.anyio


async def test_every_read_is_refused_to_write(store: PostgresStore) -> None:
    """With a snapshot or without: the connection only reads."""
    reading = store.read_only()
    await reading.start()
    for read in (reading.read, reading.read_statement):
        assert await read(lambda connection: connection.fetchval("SHOW transaction_read_only")) == "on"
        with pytest.raises(WiringError, match="tried to write"):
            await read(lambda connection: connection.execute("DELETE FROM twofold_meta"))
    await reading.stop()


async def test_it_makes_no_tables(new_store: NewStore, plain: Plain) -> None:
    """It says that a process that writes does, and refuses what a newer twofold has made."""
    reading = new_store(read_only=True)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="a process that writes makes and upgrades it"):
            await reading.start()
    assert await plain.fetchval("SELECT to_regclass('twofold_meta')::text") is None
    writing = new_store()
    await writing.start()
    await writing.stop()
    await reading.start()
    await reading.stop()
    await plain.execute("UPDATE twofold_meta SET value = '999' WHERE name = 'schema'")
    with pytest.raises(WiringError, match="upgrade twofold"):
        await reading.start()


async def test_a_query_is_one_round_trip(new_store: NewStore, store: PostgresStore) -> None:
    """One statement goes to the server, and nothing around it; what is no query is in a transaction that is undone."""
    reading = new_store(readers=1)
    await reading.start()
    sent = list[str]()
    await reading.read_statement(lambda connection: connection.add_query_logger(lambda query: sent.append(query.query)))
    session = PostgresSessions(reading).read()
    for _ in range(2):
        assert list(await session.scalars(text("SELECT 1"))) == [1]
    assert sent == []  # statements of sessions are prepared, and not logged: there is nothing around them
    for statement in ("SELECT set_config('a.b', 'c', false)", "SHOW a.b", "VALUES (1)"):
        sent.clear()
        await session.execute(text(statement))
        await asyncio.sleep(0)  # asyncpg tells it in the next turn of the loop
        assert sent == ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK"]
    await session.close()
    await reading.stop()


@pytest.mark.parametrize(
    "statement",
    [
        "WITH gone AS (DELETE FROM twofold_meta RETURNING name) SELECT * FROM gone",
        "SELECT * FROM twofold_meta FOR UPDATE",
        "SELECT sneak()",
        "CALL sneak_by_itself()",
        "DO $$ BEGIN CALL sneak_by_itself(); END $$",
    ],
)
async def test_no_statement_gets_around_it(store: PostgresStore, plain: Plain, statement: str) -> None:
    """Neither a part of a query, nor what a function or a procedure does, whatever they set before."""
    delete = "DELETE FROM twofold_meta WHERE name = 'schema';"
    allow = "PERFORM set_config('default_transaction_read_only', 'off', false);"
    await plain.execute(f"CREATE FUNCTION sneak() RETURNS int LANGUAGE sql AS $$ {delete} SELECT 1 $$")
    await plain.execute(
        f"CREATE PROCEDURE sneak_by_itself() LANGUAGE plpgsql AS $$ BEGIN {allow} COMMIT; {delete} END $$"
    )
    session = PostgresSessions(store).read()
    with pytest.raises((WriteRefused, DBAPIError)):
        await session.execute(text(statement))
    await session.close()
    assert await plain.fetchval("SELECT count(*) FROM twofold_meta WHERE name = 'schema'") == 1


async def test_a_connection_that_was_allowed_to_write_does_not(new_store: NewStore, store: PostgresStore) -> None:
    """A function that allows it to all that come later is seen, and they get a transaction that only reads."""
    reading = new_store(readers=1)
    await reading.start()
    allow = "SELECT set_config('default_transaction_read_only', 'off', false)"
    await reading.read_statement(lambda connection: connection.execute(allow))
    assert await reading.read_statement(lambda one: one.fetchval("SHOW default_transaction_read_only")) == "off"
    assert await reading.read_statement(lambda one: one.fetchval("SHOW transaction_read_only")) == "on"
    with pytest.raises(WiringError, match="tried to write"):
        await reading.read_statement(lambda one: one.execute("DELETE FROM twofold_meta"))
    await reading.stop()
