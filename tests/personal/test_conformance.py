"""A store that encrypts, in front of another one, keeps every promise of the port."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.reliability.virtual import HandClock
from twofold.messages import Catalogue
from twofold.personal import MemoryKeyStore, PersonalStore, Vault
from twofold.store import MemoryStore, Store
from twofold.testing import StoreConformance


class TestPersonalStore(StoreConformance):
    """In front of the reference."""

    @pytest.fixture
    async def store(self) -> AsyncIterator[Store]:
        """A store of its own for each test."""
        store = PersonalStore(MemoryStore(), Catalogue(), Vault(MemoryKeyStore(), HandClock().monotonic))
        await store.start()
        yield store
        await store.stop()

    async def find_row(self, store: Store, name: str) -> Mapping[str, Any] | None:
        """Rows are looked at as they are."""
        return await store.read(lambda tables: tables.row(self.table, name=name))
