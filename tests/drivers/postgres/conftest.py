from collections.abc import AsyncIterator

import pytest

from tools.shared_postgres import fresh_database
from twofold.drivers.postgres import PostgresStore


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """An empty database of its own."""
    async with fresh_database() as url:
        yield url


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    """A new and empty store."""
    store = PostgresStore(url)
    await store.start()
    yield store
    await store.stop()
