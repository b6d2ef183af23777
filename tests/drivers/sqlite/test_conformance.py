"""The SQLite store, against the conformance suite of the store port."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from twofold.drivers.sqlite import SqliteStore
from twofold.store import Store, Transaction
from twofold.testing import StoreConformance, StoreFeatures


class TestSqliteStore(StoreConformance):
    """Every promise of the port, over a real file."""

    features: ClassVar = StoreFeatures(sql=True, turns=True, limits=True)
    table: ClassVar[Any] = Table(
        "tally", MetaData(), Column("name", String, primary_key=True), Column("count", Integer, nullable=False)
    )

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        """A new file for each test."""
        async with _opened(SqliteStore(tmp_path / "log.db"), self.table) as store:
            yield store

    @pytest.fixture
    async def impatient_store(self, tmp_path: Path) -> AsyncIterator[Store]:
        """A new file, with short turns."""
        async with _opened(SqliteStore(tmp_path / "log.db", turn_timeout=0.2), self.table) as store:
            yield store

    async def find_row(self, store: Store, name: str) -> Mapping[str, Any] | None:
        """Rows are read on a reader's connection."""
        row = await store.read(
            lambda connection: connection.execute("SELECT name, count FROM tally WHERE name = ?", (name,)).fetchone()
        )
        return None if row is None else {"name": row[0], "count": row[1]}

    async def write_row(self, transaction: Transaction, name: str, count: int) -> None:
        """Rows are written by plain SQL."""
        await transaction.run(lambda connection: connection.execute("INSERT INTO tally VALUES (?, ?)", (name, count)))


@asynccontextmanager
async def _opened(store: Store, table: Any) -> AsyncIterator[Store]:
    await store.start()
    await store.create_tables([table])
    yield store
    await store.stop()
