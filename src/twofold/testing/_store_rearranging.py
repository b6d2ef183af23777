"""Conformance of names that change together: a read model that is built aside takes its place, or nothing changes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from twofold.errors import CheckpointMoved, ConditionFailed
from twofold.store import (
    INLINE,
    NOBODY,
    Add,
    Append,
    Aside,
    Batch,
    Checkpoint,
    Move,
    Parked,
    Rearrangement,
    Recorded,
    Remainder,
    Selection,
    Store,
    Upsert,
    beside,
    table_name,
)
from twofold.testing._store_case import StoreCase, append, batch, draft, versions

_KEY = {"name": "a"}


def _nothing(events: Sequence[Recorded], head: int) -> Batch:
    return Batch()


def _move(events: Sequence[Recorded], head: int) -> Batch:
    return batch(moves=[Move("p@next", 9, 6)])


class Rearranging(StoreCase):
    """What holds when tables and checkpoints change their names."""

    async def test_what_stands_aside_takes_the_place(self, store: Store) -> None:
        """Rows and checkpoint change together, and go back together, and nothing of either is lost."""
        await self._build_beside(store)
        assert (await self._live(store), (await store.checkpoints.get("p")).position) == (1, 5)
        await store.rearrange(self._switch())
        assert await self._live(store) == 2
        live, previous = await store.checkpoints.get("p"), await store.checkpoints.get("p@previous")
        assert (live.version, live.position, live.tables) == (2, 7, (table_name(self.table),))
        assert (previous.version, previous.position, previous.tables) == (1, 5, live.tables)
        assert (await store.checkpoints.get("p@next")).version == 0
        await store.commit(batch(rows=[Add(self.table, _KEY, {"count": 10})], moves=[Move("p", 8, 7, version=2)]))
        for version, count, position in ((1, 1, 5), (2, 12, 8)):
            await store.rearrange(self._exchange())
            live = await store.checkpoints.get("p")
            assert (live.version, live.position, await self._live(store)) == (version, position, count)

    async def test_a_version_fences_off_another(self, store: Store) -> None:
        """A move for a version that the checkpoint does not have is refused with its rows, wherever it stands."""
        with pytest.raises(CheckpointMoved, match="has version 0, not 3"):
            await store.commit(batch(moves=[Move("p", 5, 0, version=3)]))
        await store.rearrange(Rearrangement(places=(Checkpoint(name="p", position=5, version=3),)))
        assert (await store.checkpoints.get("p")).version == 3
        for move in (Move("p", 6, 5, version=2), Move("p", 5, 5, version=2), Move("p", 4, 4, version=3)):
            with pytest.raises(CheckpointMoved):
                await store.commit(
                    batch(Append("a", (draft(),)), rows=[Upsert(self.table, _KEY, {"count": 1})], moves=[move])
                )
        assert await versions(store, "a") == []
        assert await self._live(store) is None
        await store.commit(batch(moves=[Move("p", 5, 5, version=3), Move("p", 6, 5)]))
        assert (await store.checkpoints.get("p")).position == 6

    async def test_a_move_to_where_it_stands_holds_it(self, store: Store) -> None:
        """Of batches that hold a checkpoint in place none commits behind the one that moves it away."""
        await store.commit(batch(moves=[Move("p", INLINE, 0)]))
        held = Batch((Append("a", (draft(),)),), (), (Move("p", INLINE, INLINE, version=1),))
        heads: list[int] = []

        async def retire() -> None:
            def settle(events: Sequence[Recorded], head: int) -> Batch:
                heads.append(head)
                return batch(moves=[Move("p", head, INLINE)])

            await store.rearrange(Rearrangement(remainder=Remainder(0, None, settle)))

        outcomes = await asyncio.gather(
            *(store.commit(held) for _ in range(10)),
            retire(),
            *(store.commit(held) for _ in range(10)),
            return_exceptions=True,
        )
        assert heads[-1] == await store.log.head() == (await store.checkpoints.get("p")).position
        assert {type(one) for one in outcomes if isinstance(one, Exception)} <= {CheckpointMoved}

    async def test_what_is_left_of_the_log_is_dealt_with_while_nothing_is_recorded(self, store: Store) -> None:
        """Its rows are in the tables that take the place, and no event of writers that never pause is missed."""
        await self._build_beside(store)
        await store.commit(Batch((Append("a", tuple(draft() for _ in range(20))),)))
        aside, seen, done = Aside(self.table, "next", (self.table,)), list[list[int]](), asyncio.Event()

        async def write(stream: str) -> None:
            while not done.is_set():
                await store.commit(append(stream))

        def settle(events: Sequence[Recorded], head: int) -> Batch:
            seen.append([event.position for event in events])
            rows = [Add(aside, _KEY, {"count": 1}) for _ in events]
            return batch(rows=rows, moves=[Move("p@next", head, 7, version=2)])

        remainder = Remainder(7, Selection(), settle)
        writers = [asyncio.create_task(write(f"b{number}")) for number in range(4)]
        try:
            await store.rearrange(replace(self._switch(), remainder=remainder))
        finally:
            done.set()
            await asyncio.gather(*writers)
        position = (await store.checkpoints.get("p")).position
        recorded = await store.log.read(7, until=position, limit=10_000)
        assert seen[-1] == [event.position for event in recorded]
        assert await self._live(store) == 2 + len(recorded)

    async def test_who_owned_a_checkpoint_owns_it_no_more(self, store: Store) -> None:
        """Both sides are free, with tokens that no checkpoint had before."""
        await self._build_beside(store)
        names = ("p", "p@next")
        owned = [await store.checkpoints.claim(await store.checkpoints.get(name), "me") for name in names]
        await store.rearrange(self._switch())
        now = [await store.checkpoints.get(name) for name in ("p", "p@previous")]
        assert [one.owner for one in now] == [NOBODY, NOBODY]
        assert len({one.token for one in (*owned, *now)} - {one.token for one in owned}) == 2
        with pytest.raises(CheckpointMoved):
            await store.commit(batch(moves=[Move("p", 9, 7, token=owned[0].token)]))

    async def test_a_checkpoint_that_is_gone_is_not_claimed_back(self, store: Store) -> None:
        """Whoever has seen it, and claims it when it was forgotten, gets nothing, and leaves nothing."""
        await self._build_beside(store)
        seen = await store.checkpoints.get("p@next")
        await store.rearrange(self._switch())
        with pytest.raises(CheckpointMoved):
            await store.checkpoints.claim(seen, "me")
        assert [one.name for one in await store.checkpoints.all()] == ["p", "p@previous"]

    async def test_what_is_parked_goes_along(self, store: Store) -> None:
        """Parked events belong to the rows that they are missing in, under whatever name."""
        await self._build_beside(store)
        parked = Parked(
            subscription="p", position=3, stream="a", type="happened", time=datetime(2024, 1, 1, tzinfo=UTC)
        )
        await store.commit(Batch(parks=(parked, parked._replace(subscription="p@next", position=4))))
        await store.rearrange(self._switch())
        assert [(one.subscription, one.position) for one in await store.parked.list()] == [("p", 4), ("p@previous", 3)]
        await store.rearrange(
            Rearrangement(drops=(beside(table_name(self.table), "previous"),), forgets=("p@previous",))
        )
        assert [one.subscription for one in await store.parked.list()] == ["p"]
        assert [one.name for one in await store.checkpoints.all()] == ["p"]

    @pytest.mark.parametrize(
        "wrong, error",
        [
            ({"versions": {"p": 2, "p@next": 2}}, CheckpointMoved),
            ({"versions": {"p": 1, "p@next": 2, "p@previous": 1}}, CheckpointMoved),
            ({"remainder": Remainder(0, Selection(), _nothing, most=0)}, ConditionFailed),
            ({"remainder": Remainder(0, None, _move)}, CheckpointMoved),
            ({"ahead": (("p", "p@next"),)}, CheckpointMoved),
            ({"places": (Checkpoint(name="q"),)}, CheckpointMoved),
        ],
    )
    async def test_what_does_not_hold_changes_nothing(
        self, store: Store, wrong: dict[str, Any], error: type[Exception]
    ) -> None:
        """Neither the tables nor the checkpoints, nor what it would have moved."""
        await self._build_beside(store)
        await store.commit(append("a"))
        await store.commit(batch(moves=[Move("q", 1, 0)]))
        before = await store.checkpoints.all()
        with pytest.raises(error):
            await store.rearrange(replace(self._switch(), **wrong))
        assert await store.checkpoints.all() == before
        assert await self._live(store) == 1

    async def test_of_switches_at_once_one_succeeds(self, store: Store) -> None:
        """The others find that there is nothing to switch to any more."""
        await self._build_beside(store)
        outcomes = await asyncio.gather(*(store.rearrange(self._switch()) for _ in range(5)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in outcomes) == ["CheckpointMoved"] * 4 + ["NoneType"]
        assert await self._live(store) == 2

    async def _build_beside(self, store: Store) -> None:
        """A live row of 1 at position 5, and beside it one of 2 at position 7."""
        aside = Aside(self.table, "next", (self.table,))
        await store.commit(batch(rows=[Upsert(self.table, _KEY, {"count": 1})], moves=[Move("p", 5, 0)]))
        place = Checkpoint(name="p@next", version=2, tables=(table_name(self.table),))
        await store.rearrange(Rearrangement(versions={"p@next": 0}, creates=(aside,), places=(place,)))
        assert await store.checkpoints.get("p@next") == place
        await store.commit(batch(rows=[Upsert(aside, _KEY, {"count": 2})], moves=[Move("p@next", 7, 0, version=2)]))

    def _switch(self) -> Rearrangement:
        name = table_name(self.table)
        return Rearrangement(
            versions={"p": 1, "p@next": 2},
            ahead=(("p@next", "p"),),
            renames=((name, beside(name, "previous")), (beside(name, "next"), name)),
            checkpoints=(("p", "p@previous"), ("p@next", "p")),
            tables=(name,),
        )

    def _exchange(self) -> Rearrangement:
        name = table_name(self.table)
        aside, away = beside(name, "previous"), beside(name, "away")
        return Rearrangement(
            renames=((name, away), (aside, name), (away, aside)),
            checkpoints=(("p", "p@away"), ("p@previous", "p"), ("p@away", "p@previous")),
            tables=(name,),
        )

    async def _live(self, store: Store) -> int | None:
        row = await self.find_row(store, "a")
        return None if row is None else row["count"]
