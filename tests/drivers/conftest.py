"""A PostgreSQL database for each test: a schema of its own in the one database of the process, since that is quick."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator

import asyncpg
import pytest

from tools.shared_postgres import fresh_database


@pytest.fixture(scope="session")
def postgres_database() -> Generator[str]:
    # Not async: it would tie all tests to one event loop, also those that choose their own.
    with asyncio.Runner() as runner:
        database = fresh_database()
        yield runner.run(database.__aenter__())
        runner.run(database.__aexit__(None, None, None))


@pytest.fixture
async def postgres_url(postgres_database: str) -> AsyncGenerator[str]:
    """Where a test finds an empty schema, which is dropped afterwards."""
    schema = f"test_{secrets.token_hex(8)}"
    connection = await asyncpg.connect(postgres_database)
    await connection.execute(f"CREATE SCHEMA {schema}")
    yield f"{postgres_database}{'&' if '?' in postgres_database else '?'}search_path={schema}"
    await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    await connection.close()
