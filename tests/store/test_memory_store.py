"""The in-memory store is the reference: it passes the conformance suite before any driver does."""

import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from twofold.store import Add, Append, Batch, Delete, MemoryStore, Move, Store, Upsert
from twofold.testing import StoreConformance
from twofold.testing._store_case import draft


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


@pytest.mark.anyio
async def test_a_row_change_that_fails_undoes_the_batch() -> None:
    """When a row cannot be changed, the rows before it, the events and the checkpoint are as they were."""
    store = MemoryStore()
    await store.start()
    key = {"name": "a"}
    await store.commit(Batch(rows=(Upsert("tally", key, {"count": 1, "note": "first"}),)))
    rows = (
        Add("tally", key, {"count": 1}),
        Upsert("tally", {"name": "b"}, {"count": 1}),
        Delete("tally", key),
        Upsert("tally", key, {"note": "second"}),
        Add("tally", key, {"note": 1}),
    )
    with pytest.raises(TypeError):
        await store.commit(Batch((Append("a", (draft(),)),), rows, (Move("p", 1, 0),)))
    assert await store.read(lambda tables: list(tables.rows("tally"))) == [{"name": "a", "count": 1, "note": "first"}]
    assert await store.log.head() == (await store.checkpoints.get("p")).position == 0


@pytest.mark.anyio
async def test_a_table_and_its_mapped_class_are_one() -> None:
    """Rows may be changed by a table's mapped class and looked at by the table."""

    class Mapped:
        __table__ = "tally"

    store = MemoryStore()
    await store.start()
    await store.commit(Batch(rows=(Upsert(Mapped, {"name": "a"}, {"count": 1}),)))
    transaction = store.begin()
    assert await transaction.run(lambda tables: tables.row("tally", name="a")) == {"name": "a", "count": 1}


@pytest.mark.anyio
async def test_an_append_costs_the_same_in_a_long_log() -> None:
    """Appending looks at nothing of what is in the log already; a log of a hundred thousand events is as fast."""
    store = MemoryStore()
    await store.start()
    counted = list[int]()
    for length in (0, 100_000):
        await store.commit(Batch((Append("a", (draft(),) * length),)))
        calls = 0

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        await store.commit(Batch((Append("a", (draft(),)),)))
        sys.setprofile(None)
        counted.append(calls)
    assert counted[1] <= counted[0] + 2
