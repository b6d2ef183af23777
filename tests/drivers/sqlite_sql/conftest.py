"""A store in a temporary file with the tables of a small shop, and its sessions."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.drivers.sqlite_sql.shop import Customer, Order
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite.sql import SqliteSessions


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    store = SqliteStore(tmp_path / "shop.db", turn_timeout=2)
    await store.start()
    await store.create_tables([Customer, Order])
    yield store
    await store.stop()


@pytest.fixture
def sessions(store: SqliteStore) -> SqliteSessions:
    return SqliteSessions(store)
