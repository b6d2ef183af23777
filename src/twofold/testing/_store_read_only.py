"""Conformance of stores that can be opened for reading only: they follow what others write, and change nothing."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from twofold.errors import StoreUnavailable
from twofold.store import Batch, Move, ReadableStore, Store
from twofold.testing._store_case import StoreCase, append, whole_log


class ReadOnly(StoreCase):
    """What holds for a process that only reads, beside others that write."""

    async def test_it_reads_what_others_write(self, store: Store) -> None:
        """Before it was opened, and since."""
        await store.commit(append("a"))
        reading = _read_only(store)
        await reading.start()
        assert await reading.log.head() == 1
        await store.commit(append("a"))
        await store.commit(Batch(moves=(Move("follower", 2, 0),)))
        assert [event.stream for event in await whole_log(reading)] == ["a", "a"]
        assert (await reading.checkpoints.get("follower")).position == 2
        await reading.stop()

    async def test_it_changes_nothing(self, store: Store) -> None:
        """Whatever it is asked for, it says that it is open for reading only; nothing is made, moved or owned."""
        await store.commit(append("a"))
        reading = _read_only(store)
        await reading.start()
        seen = await reading.checkpoints.get("follower")
        attempts: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: reading.commit(append("a")),
            lambda: reading.commit(Batch(moves=(Move("follower", 1, 0),))),
            lambda: reading.begin().run(lambda connection: None),
            lambda: reading.checkpoints.claim(seen, "me"),
            lambda: reading.create_tables([]),
        )
        for attempt in attempts:
            with pytest.raises(StoreUnavailable, match="open for reading only"):
                await attempt()
        await reading.stop()
        assert await store.log.head() == 1
        assert await store.checkpoints.all() == []


def _read_only(store: Store) -> Store:
    if not isinstance(store, ReadableStore):
        pytest.skip("this store cannot be opened for reading only")
    return store.read_only()
