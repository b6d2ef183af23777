"""The SQL of an upgrade in the hands of others: migrations, roles, and schemas with names of any kind."""

import asyncio
import secrets

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.drivers.postgres.conftest import NewStore, Plain
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._schema import steps

pytestmark = pytest.mark.anyio


async def test_it_joins_a_transaction_of_sqlalchemy(new_store: NewStore, postgres_database: str, plain: Plain) -> None:
    """It is one statement without anything that looks like a parameter, and is undone with all else."""
    sql = text(new_store().upgrade_sql())
    engine = create_async_engine(postgres_database.replace("postgresql", "postgresql+asyncpg", 1))
    connection = await engine.connect()
    await connection.execute(sql)
    await connection.rollback()
    assert (await new_store().schema()).taken == 0
    await connection.execute(sql)
    await connection.execute(sql)  # harmless
    await connection.commit()
    await connection.close()
    await engine.dispose()
    assert await new_store().upgrade() == await new_store().schema()
    assert await plain.fetchval("SELECT count(*) FROM twofold_meta WHERE name = 'epoch'") == 1


async def test_it_quotes_the_name_of_the_schema(postgres_database: str, plain: Plain) -> None:
    """A name with quotes and capitals is only a name."""
    name = "Sh\"op's $1 %"
    store = PostgresStore(postgres_database, schema=name, migrate=False)
    try:
        await plain.execute(store.upgrade_sql())
        await store.start()
        await store.stop()
    finally:
        quoted = name.replace('"', '""')
        await plain.execute(f'DROP SCHEMA IF EXISTS "{quoted}" CASCADE')


async def test_upgrades_wait_for_the_sql_and_find_it_done(postgres_database: str, plain: Plain) -> None:
    """Both take one lock, so that a schema that is new to all of them is made once."""
    name = f"new_{secrets.token_hex(8)}"
    store = PostgresStore(postgres_database, schema=name)
    transaction = plain.transaction()
    await transaction.start()
    await plain.execute(store.upgrade_sql())
    upgrades = [asyncio.create_task(store.upgrade()) for _ in range(2)]
    async with asyncio.timeout(20):
        while await plain.fetchval(_WAITING) < len(upgrades):
            pass
    await transaction.commit()
    try:
        assert [found.taken for found in await asyncio.gather(*upgrades)] == [len(steps())] * 2
    finally:
        await plain.execute(f"DROP SCHEMA {name} CASCADE")


_WAITING = """
    SELECT count(*) FROM pg_locks AS wanted JOIN pg_locks AS held USING (database, classid, objid, objsubid)
    WHERE NOT wanted.granted AND held.granted AND held.pid = pg_backend_pid() AND wanted.locktype = 'advisory'
"""
