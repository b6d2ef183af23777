"""A PostgreSQL database for each test: a schema of its own in the one database of the process, since that is quick.

Nothing here is async: that would tie all tests to one event loop, also those that choose their own.
"""

import asyncio
import secrets
from collections.abc import Generator

import asyncpg
import pytest

from tools.shared_postgres import fresh_database


@pytest.fixture(scope="session")
def postgres_database() -> Generator[str]:
    with asyncio.Runner() as runner:
        database = fresh_database()
        yield runner.run(database.__aenter__())
        runner.run(database.__aexit__(None, None, None))


@pytest.fixture
def postgres_url(postgres_database: str) -> Generator[str]:
    """Where a test finds an empty schema, which is dropped afterwards."""
    schema = f"test_{secrets.token_hex(8)}"
    asyncio.run(_execute(postgres_database, f"CREATE SCHEMA {schema}"))
    yield f"{postgres_database}{'&' if '?' in postgres_database else '?'}search_path={schema}"
    asyncio.run(_execute(postgres_database, f"DROP SCHEMA {schema} CASCADE"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
