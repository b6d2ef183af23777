"""A store with the tables of a small shop, and its sessions: every test here holds for each database."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.postgres.schema import schema_of
from tests.drivers.sql.shop import Customer, Order
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres.sql import PostgresSessions
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite.sql import SqliteSessions
from twofold.sql import Sessions
from twofold.store import MemoryStore, Store

NewStore = Callable[[], Store]
NewSessions = Callable[[Store], Sessions]


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_store(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> NewStore:
    """Makes stores over one and the same database; one in memory is its own."""
    if database == "memory":
        return MemoryStore
    if database == "sqlite":
        return lambda: SqliteStore(tmp_path / "shop.db", turn_timeout=30)
    url: str = request.getfixturevalue("postgres_url")
    return lambda: PostgresStore(url, schema=schema_of(url), turn_timeout=30)


@pytest.fixture
async def store(new_store: NewStore) -> AsyncGenerator[Store]:
    store = new_store()
    await store.start()
    await store.create_tables([Customer, Order])
    yield store
    await store.stop()


@pytest.fixture
def new_sessions(database: str) -> NewSessions:
    made: Any = SqliteSessions if database == "sqlite" else PostgresSessions
    sessions: NewSessions = made
    return sessions


@pytest.fixture
def sessions(store: Store, new_sessions: NewSessions) -> Sessions:
    return new_sessions(store)
