"""Conformance of checkpoints and rows: they commit with the events beside them; a stale owner changes nothing."""

import asyncio

import pytest

from twofold.errors import Conflict, VersionConflict
from twofold.store import Add, Append, Delete, Move, Store, Upsert
from twofold.testing._store_case import StoreCase, batch, draft, versions


class Checkpoints(StoreCase):
    """What holds for a subscription's place in the log, and for rows of read models."""

    async def test_a_checkpoint_moves_from_where_it_stands(self, store: Store) -> None:
        """A new subscription stands at 0, and each move goes on from the last one."""
        assert await store.checkpoint("orders") == 0
        await store.commit(batch(moves=[Move("orders", 5, 0), Move("orders", 8, 5), Move("bills", 2, 0)]))
        await store.commit(batch(moves=[Move("orders", 9, 8)]))
        assert (await store.checkpoint("orders"), await store.checkpoint("bills")) == (9, 2)

    @pytest.mark.parametrize("expected", [0, 4, 6])
    async def test_a_stale_owner_changes_nothing(self, store: Store, expected: int) -> None:
        """A move from elsewhere is a conflict, and takes the events and rows of its batch with it."""
        await store.commit(batch(rows=[Upsert(self.table, {"name": "a"}, {"count": 1})], moves=[Move("p", 5, 0)]))
        with pytest.raises(Conflict, match="stands at 5"):
            await store.commit(
                batch(
                    Append("a", (draft(),)),
                    rows=[Add(self.table, {"name": "a"}, {"count": 1})],
                    moves=[Move("other", 1, 0), Move("p", 7, expected)],
                )
            )
        assert (await store.checkpoint("p"), await store.checkpoint("other")) == (5, 0)
        assert await versions(store, "a") == []
        assert await self._count(store, "a") == 1

    async def test_one_of_two_owners_wins(self, store: Store) -> None:
        """Of owners that move one checkpoint at the same time exactly one succeeds, each time."""
        for at in range(10):
            moves = (store.commit(batch(moves=[Move("p", at + 1, at)])) for _ in range(5))
            outcomes = await asyncio.gather(*moves, return_exceptions=True)
            assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 4
        assert await store.checkpoint("p") == 10

    async def test_rows_change_in_order(self, store: Store) -> None:
        """Upsert, add and delete apply to the row with the key, one after the other."""
        a, b, c = ({"name": name} for name in "abc")
        await store.commit(
            batch(
                rows=[
                    Upsert(self.table, a, {"count": 1}),
                    Add(self.table, a, {"count": 2}),
                    Add(self.table, b, {"count": 5}),
                    Add(self.table, b, {"count": -1}),
                    Upsert(self.table, c, {"count": 7}),
                    Delete(self.table, c),
                ]
            )
        )
        assert [await self._count(store, name) for name in "abc"] == [3, 4, None]
        await store.commit(batch(rows=[Delete(self.table, a), Add(self.table, a, {"count": 9}), Delete(self.table, c)]))
        assert await self._count(store, "a") == 9

    async def test_rows_and_checkpoint_commit_with_the_events(self, store: Store) -> None:
        """A projection's rows, its checkpoint, and events are written together, or none of them."""
        rows = [Add(self.table, {"name": "a"}, {"count": 1})]
        await store.commit(batch(Append("a", (draft(),), 0), rows=rows, moves=[Move("p", 1, 0)]))
        with pytest.raises(VersionConflict):
            await store.commit(batch(Append("a", (draft(),), 0), rows=rows, moves=[Move("p", 2, 1)]))
        assert await self._count(store, "a") == await store.checkpoint("p") == await store.log.head() == 1

    async def test_side_by_side_rows_add_up(self, store: Store) -> None:
        """Units that add to one row at the same time are all counted."""
        add = batch(rows=[Add(self.table, {"name": "a"}, {"count": 1})])
        await asyncio.gather(*(store.commit(add) for _ in range(40)))
        assert await self._count(store, "a") == 40

    async def _count(self, store: Store, name: str) -> int | None:
        row = await self.find_row(store, name)
        return None if row is None else row["count"]
