"""The in-memory store is the reference: it passes the conformance suite before any driver does."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from twofold.store import MemoryStore, Store
from twofold.testing import StoreConformance


class TestMemoryStore(StoreConformance):
    """The in-memory store, against the suite."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        """A store of its own for each test."""
        store = MemoryStore()
        await store.start()
        yield store
        await store.stop()

    async def find_row(self, store: Store, name: str) -> Mapping[str, Any] | None:
        """Rows are looked at as they are."""
        return await store.read(lambda tables: tables.row(self.table, name=name))
