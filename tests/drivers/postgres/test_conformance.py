"""The PostgreSQL store, against the conformance suite of the store port; in strict order, what that could break."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from tests.drivers.postgres.conftest import NewStore
from twofold.store import Store, Transaction
from twofold.testing import StoreConformance, StoreFeatures
from twofold.testing._store_appends import Appends
from twofold.testing._store_case import StoreCase
from twofold.testing._store_reads import Reads


class OnPostgres(StoreCase):
    """A schema over a real server for each test."""

    features: ClassVar = StoreFeatures(sql=True, limits=True)
    table: ClassVar[Any] = Table(
        "tally", MetaData(), Column("name", String, primary_key=True), Column("count", Integer, nullable=False)
    )

    @pytest.fixture
    async def store(self, new_store: NewStore) -> AsyncIterator[Store]:
        """A new schema for each test."""
        async with _opened(new_store(), self.table) as store:
            yield store

    @pytest.fixture
    async def impatient_store(self, new_store: NewStore) -> AsyncIterator[Store]:
        """A new schema, with short turns."""
        async with _opened(new_store(turn_timeout=0.2), self.table) as store:
            yield store

    async def find_row(self, store: Store, name: str) -> Mapping[str, Any] | None:
        """Rows are read on a reader's connection."""
        row = await store.read(
            lambda connection: connection.fetchrow("SELECT name, count FROM tally WHERE name = $1", name)
        )
        return None if row is None else dict(row)

    async def write_row(self, transaction: Transaction, name: str, count: int) -> None:
        """Rows are written by plain SQL."""
        await transaction.run(lambda connection: connection.execute("INSERT INTO tally VALUES ($1, $2)", name, count))


class TestPostgresStore(OnPostgres, StoreConformance):
    """Every promise of the port."""


class TestInStrictOrder(OnPostgres, Appends, Reads):
    """What the port promises of the log, where commits become visible in the order of their positions."""

    @pytest.fixture
    def new_store(self, new_store: NewStore) -> NewStore:
        """Stores that ask for that order."""
        return lambda **settings: new_store(ordering="strict", **settings)


@asynccontextmanager
async def _opened(store: Store, table: Any) -> AsyncIterator[Store]:
    await store.start()
    await store.create_tables([table])
    yield store
    await store.stop()
