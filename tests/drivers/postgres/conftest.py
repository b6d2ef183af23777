"""A store with a schema of its own for each test; servers of their own only for those who stop or kill them."""

from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

import asyncpg
import pytest

from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore

NewStore = Callable[..., PostgresStore]
Plain: TypeAlias = asyncpg.Connection


@pytest.fixture
def new_store(postgres_url: str) -> NewStore:
    """Makes stores over one and the same schema."""
    return lambda **settings: PostgresStore(postgres_url, schema=schema_of(postgres_url), **settings)


@pytest.fixture
async def store(new_store: NewStore) -> AsyncIterator[PostgresStore]:
    """A new and empty store."""
    store = new_store()
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def plain(postgres_url: str) -> AsyncIterator[Plain]:
    """The database, as another program sees it."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()
