"""Conformance of checkpoints and rows: they commit with the events beside them; a stale owner changes nothing."""

import asyncio
from datetime import UTC, datetime

import pytest

from twofold.errors import CheckpointMoved, Conflict, VersionConflict
from twofold.store import NOBODY, Add, Append, Batch, Checkpoint, Delete, Move, Parked, Store, Upsert
from twofold.testing._store_case import StoreCase, batch, draft, versions


class Checkpoints(StoreCase):
    """What holds for a subscription's place in the log, and for rows of read models."""

    async def test_a_checkpoint_moves_from_where_it_stands(self, store: Store) -> None:
        """A new subscription stands at 0, and each move goes on from the last one."""
        assert await _place(store, "orders") == 0
        await store.commit(batch(moves=[Move("orders", 5, 0), Move("orders", 8, 5), Move("bills", 2, 0)]))
        await store.commit(batch(moves=[Move("orders", 9, 8)]))
        assert (await _place(store, "orders"), await _place(store, "bills")) == (9, 2)

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
        assert (await _place(store, "p"), await _place(store, "other")) == (5, 0)
        assert await versions(store, "a") == []
        assert await self._count(store, "a") == 1

    async def test_one_of_two_owners_wins(self, store: Store) -> None:
        """Of owners that move one checkpoint at the same time exactly one succeeds, each time."""
        for at in range(10):
            moves = (store.commit(batch(moves=[Move("p", at + 1, at)])) for _ in range(5))
            outcomes = await asyncio.gather(*moves, return_exceptions=True)
            assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 4
        assert await _place(store, "p") == 10

    async def test_a_checkpoint_has_one_owner(self, store: Store) -> None:
        """Whoever claims it as it stands gets it with a new token; whoever saw something else does not."""
        new = await store.checkpoints.get("p")
        mine = await store.checkpoints.claim(new, "me")
        assert (mine.owner, mine.token, mine.position) == ("me", 1, 0)
        with pytest.raises(CheckpointMoved):
            await store.checkpoints.claim(new, "you")
        yours = await store.checkpoints.claim(mine, "you")
        assert (yours.owner, yours.token) == ("you", 2)
        assert await store.checkpoints.get("p") == yours
        assert [one.name for one in await store.checkpoints.all()] == ["p"]

    async def test_many_claim_and_one_gets_it(self, store: Store) -> None:
        """Of claims at the same time exactly one succeeds."""
        for _ in range(5):
            seen = await store.checkpoints.get("p")
            claims = (store.checkpoints.claim(seen, f"owner {number}") for number in range(6))
            outcomes = await asyncio.gather(*claims, return_exceptions=True)
            winners = [one for one in outcomes if isinstance(one, Checkpoint)]
            assert winners == [await store.checkpoints.get("p")]
            assert sum(isinstance(one, CheckpointMoved) for one in outcomes) == 5

    async def test_a_sign_of_life_keeps_a_checkpoint(self, store: Store) -> None:
        """A claim fails when the owner has renewed since; releasing one, or all, frees them."""
        for name in ("p", "q", "r"):
            await store.checkpoints.claim(await store.checkpoints.get(name), "me" if name != "r" else "you")
        seen = await store.checkpoints.get("p")
        await store.checkpoints.renew("me")
        with pytest.raises(CheckpointMoved):
            await store.checkpoints.claim(seen, "you")
        assert [one.beat for one in await store.checkpoints.all()] == [1, 1, 0]
        await store.checkpoints.release("me", ["q", "r"])
        assert [one.owner for one in await store.checkpoints.all()] == ["me", NOBODY, "you"]
        await store.checkpoints.release("me")
        assert [one.owner for one in await store.checkpoints.all()] == [NOBODY, NOBODY, "you"]

    async def test_the_token_fences_off_a_stale_owner(self, store: Store) -> None:
        """A move with a token that is no longer the checkpoint's changes nothing, wherever it stands."""
        stale = await store.checkpoints.claim(await store.checkpoints.get("p"), "me")
        await store.commit(batch(moves=[Move("p", 3, 0, token=stale.token, epoch="e")]))
        current = await store.checkpoints.claim(await store.checkpoints.get("p"), "you")
        assert (current.position, current.epoch) == (3, "e")
        with pytest.raises(CheckpointMoved, match="token"):
            await store.commit(batch(Append("a", (draft(),)), moves=[Move("p", 4, 3, token=stale.token)]))
        await store.commit(batch(moves=[Move("p", 4, 3, token=current.token)]))
        assert (await store.checkpoints.get("p")).epoch == "e"
        assert await versions(store, "a") == []

    async def test_parked_events_commit_with_the_checkpoint(self, store: Store) -> None:
        """They are put aside, looked at, mended and let go, in order, and never without the rest of their batch."""
        head, behind, other = _parked("p", 3, "a", cause="boom"), _parked("p", 7, "a"), _parked("q", 4, "b")
        await store.commit(Batch(parks=(behind, head), moves=(Move("p", 7, 0),)))
        with pytest.raises(CheckpointMoved):
            await store.commit(Batch(parks=(other,), moves=(Move("p", 9, 0),)))
        await store.commit(Batch(parks=(other,)))
        assert list(await store.parked.list()) == [head, behind, other]
        assert list(await store.parked.list("p", limit=1)) == [head]
        assert list(await store.parked.list("p", stream="b")) == []
        assert (await store.parked.get("p", 7), await store.parked.get("p", 4)) == (behind, None)
        assert set(await store.parked.streams("p")) == {"a"}
        assert await store.parked.edit("p", 3, b"{}")
        assert not await store.parked.edit("p", 99, b"{}")
        assert await store.parked.retry("p", "a") == 2
        assert await store.parked.retry("p", "never") == 0
        assert list(await store.parked.list(due=True)) == [
            head._replace(data=b"{}", due=True),
            behind._replace(due=True),
        ]
        again = head._replace(attempts=2, cause="again")
        await store.commit(Batch(parks=(again,), frees=(("p", 7), ("p", 99))))
        assert list(await store.parked.list("p")) == [again._replace(data=b"{}")], "an edit was overwritten"

    async def test_what_was_let_go_is_not_put_aside_again(self, store: Store) -> None:
        """What is new about parked events is noted of those that are parked still, but for their data."""
        there, gone = _parked("p", 3, "a", cause="boom")._replace(data=b"{}", due=True), _parked("p", 7, "a")
        await store.commit(Batch(parks=(there, gone)))
        await store.commit(Batch(frees=(("p", 7),)))
        again = there._replace(cause="again \0", trace="line 3", attempts=2, data=b'{"n": 1}', due=False)
        with pytest.raises(CheckpointMoved):
            await store.commit(Batch(reparks=(again,), moves=(Move("p", 9, 5),)))
        assert list(await store.parked.list()) == [there]
        await store.commit(Batch(reparks=(again, gone), moves=(Move("p", 9, 0),)))
        (stands,) = await store.parked.list()
        assert stands._replace(cause=again.cause) == again._replace(data=there.data)
        assert stands.cause.startswith("again ")
        assert await _place(store, "p") == 9

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
        assert await self._count(store, "a") == await _place(store, "p") == await store.log.head() == 1

    async def test_side_by_side_rows_add_up(self, store: Store) -> None:
        """Units that add to one row at the same time are all counted."""
        add = batch(rows=[Add(self.table, {"name": "a"}, {"count": 1})])
        await asyncio.gather(*(store.commit(add) for _ in range(40)))
        assert await self._count(store, "a") == 40

    async def _count(self, store: Store, name: str) -> int | None:
        row = await self.find_row(store, name)
        return None if row is None else row["count"]


async def _place(store: Store, name: str) -> int:
    return (await store.checkpoints.get(name)).position


def _parked(subscription: str, position: int, stream: str, *, cause: str = "") -> Parked:
    return Parked(
        subscription=subscription,
        position=position,
        stream=stream,
        type="happened",
        time=datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        cause=cause,
        trace="line 1\nline 2" if cause else "",
        attempts=1 if cause else 0,
    )
