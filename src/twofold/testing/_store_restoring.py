"""Conformance of logs that go on after a backup was restored: nothing that was lost is taken for what is new."""

import pytest

from twofold.errors import CheckpointMoved, ConditionFailed
from twofold.store import INLINE, NOBODY, Batch, Condition, Epoch, Move, RestorableStore, Selection, Store
from twofold.testing._store_case import StoreCase, append, batch, versions, whole_log


class Restoring(StoreCase):
    """What holds when a log gets a new epoch; for stores that can do so."""

    async def test_a_restored_log_goes_on_under_another_name(self, store: Store) -> None:
        """What was in it stays as it was, and everything that reads the log reads on."""
        restorable = _restorable(store)
        await store.commit(append("a", 3))
        before, name = list(await whole_log(store)), await store.log.epoch()
        epoch = await restorable.begin_epoch(0)
        assert (epoch.before, epoch.head) == (name, 3)
        assert (await store.log.epoch(), await store.log.head()) == (epoch.name, epoch.start)
        assert epoch.name != name
        assert list(await whole_log(store)) == before
        committed = await store.commit(append("a", 2, expected=3))
        assert (committed.position > epoch.start, committed.versions) == (True, {"a": 5})
        assert [one.version for one in await whole_log(store)] == await versions(store, "a") == [1, 2, 3, 4, 5]
        assert [one.version for one in await store.log.read(2, until=committed.position, limit=2)] == [3, 4]
        with pytest.raises(ConditionFailed):
            await store.commit(Batch(conditions=(Condition(epoch.start, (Selection(),)),)))
        await store.commit(Batch(conditions=(Condition(committed.position, (Selection(),)),)))

    @pytest.mark.parametrize("events", [0, 3])
    async def test_no_position_is_used_a_second_time(self, store: Store, events: int) -> None:
        """It goes on behind the farthest that anybody has seen, and once more when it is restored again."""
        restorable = _restorable(store)
        await store.commit(append("a", events))
        first, second = [(await restorable.begin_epoch(seen)).start for seen in (99_000_000_000, 0)]
        assert 99_000_000_000 < first < second
        assert (await store.commit(append("a"))).position > second

    async def test_checkpoints_in_it_follow_the_new_epoch(self, store: Store) -> None:
        """They came with the backup; one that has seen what was lost does not, nor one of another log."""
        restorable, log = _restorable(store), await store.log.epoch()
        await store.commit(append("a", 5))
        await self._place(store, log)
        epoch = await restorable.begin_epoch(0)
        assert await self._epochs(store) == self._expected(epoch)

    async def test_checkpoints_of_a_log_elsewhere_join_it(self, store: Store) -> None:
        """In the same way, and the log beside them stays as it is."""
        restorable, own = _restorable(store), await store.log.epoch()
        await self._place(store, "elsewhere")
        await store.commit(batch(moves=[Move("own", 1, 0, epoch=own)]))
        epoch = Epoch(name="new", before="elsewhere", head=5, start=1000)
        await restorable.join_epoch(epoch)
        assert await self._epochs(store) == {**self._expected(epoch), "own": own}
        assert (await store.log.epoch(), await store.log.head()) == (own, 0)

    async def test_who_owned_a_checkpoint_before_changes_nothing(self, store: Store) -> None:
        """It is free, where it stood, and a move with the old token is refused."""
        restorable = _restorable(store)
        await store.commit(batch(moves=[Move("p", 1, 0, epoch=await store.log.epoch())]))
        mine = await store.checkpoints.claim(await store.checkpoints.get("p"), "me")
        await restorable.begin_epoch(0)
        with pytest.raises(CheckpointMoved, match="token"):
            await store.commit(batch(moves=[Move("p", 2, 1, token=mine.token)]))
        free = await store.checkpoints.get("p")
        assert (free.owner, free.position, free.token > mine.token) == (NOBODY, 1, True)

    async def _place(self, store: Store, log: str) -> None:
        """Checkpoints at the end of a log of five events, and on both sides of it, and some that are of no log."""
        moves = [Move("behind", 4, 0, epoch=log), Move("at end", 5, 0, epoch=log), Move("ahead", 6, 0, epoch=log)]
        nameless = [Move("nameless", 5, 0), Move("nameless ahead", 6, 0), Move("inline", INLINE, 0)]
        await store.commit(batch(moves=[*moves, *nameless, Move("clock", 9, 0, epoch="clock")]))
        await store.checkpoints.claim(await store.checkpoints.get("new"), "me")

    def _expected(self, epoch: Epoch) -> dict[str, str]:
        joined = dict.fromkeys(("behind", "at end", "nameless"), epoch.name)
        lost = dict.fromkeys(("ahead", "nameless ahead"), epoch.before)
        return {**joined, **lost, "inline": "", "new": "", "clock": "clock"}

    async def _epochs(self, store: Store) -> dict[str, str]:
        return {one.name: one.epoch for one in await store.checkpoints.all()}


def _restorable(store: Store) -> RestorableStore:
    if not isinstance(store, RestorableStore):
        pytest.skip("this store cannot be restored")
    return store
