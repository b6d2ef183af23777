"""Conformance of retention: old blocks of the audit trail go as a whole, and what is kept can still be proved."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twofold.clock import new_id
from twofold.store import (
    NO_KEYS,
    AuditCut,
    AuditKeyMissing,
    AuditKeys,
    AuditSearch,
    Batch,
    Pruned,
    Store,
    prunable,
    prune,
    seal,
    verify,
)
from twofold.testing._store_audit import entry
from twofold.testing._store_case import StoreCase

_NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_EVERY = AuditSearch()


class AuditCuts(StoreCase):
    """What holds for taking away."""

    async def test_old_blocks_go_and_the_rest_is_proved(self, store: Store) -> None:
        """The proof tells what was taken away, by which rule and when; an entry of the trail tells of it too."""
        await fill(store, 4)
        kept = (await store.audit.blocks())[2:]
        assert await prunable(store.audit, day(2)) == Pruned(blocks=2, entries=4, until=4)
        taken = await prune(store.audit, day(2), rule="keep 2 days", now=day(4), user_id="root")
        assert taken == Pruned(blocks=2, entries=4, until=4)
        cut = await store.audit.last_cut()
        assert cut is not None
        assert (cut.number, cut.block, cut.entry, cut.previous) == (1, 2, 4, kept[0].previous)
        assert (cut.before, cut.rule, cut.time) == (day(2), "keep 2 days", day(4))
        *entries, told = await store.audit.find(_EVERY)
        assert ([one.number for one in entries], told.user_id, cut.told_by(told)) == ([5, 6, 7, 8], "root", True)
        assert await store.audit.blocks() == kept
        for unsealed in (1, 0):
            verdict = await verify(store.audit)
            assert (verdict.entries, verdict.unsealed, verdict.cut, verdict.flaw) == (5 - unsealed, unsealed, cut, None)
            await seal(store.audit, day(4))

    async def test_numbers_go_on_behind_a_cut(self, store: Store) -> None:
        """Of entries, of blocks and of cuts; what is kept is found and read in pages as before."""
        await fill(store, 3)
        await prune(store.audit, day(1), rule="first", now=day(3))
        await fill(store, 2, since=3)
        await prune(store.audit, day(4), rule="second", now=day(5))
        cut = await store.audit.last_cut()
        assert cut is not None
        assert (cut.number, cut.block, cut.rule) == (2, 4, "second")
        assert [one.number for one in await store.audit.blocks()] == [5]
        assert [one.number for one in await store.audit.blocks(after=4, limit=1)] == [5]
        assert [one.number for one in await store.audit.find(_EVERY)] == [10, 11, 12]
        assert [one.number for one in await store.audit.find(_EVERY, after=10, until=11)] == [11]
        assert [one.number for one in await store.audit.find(_EVERY, until=4)] == []
        assert await store.audit.bound() == 12
        assert (await verify(store.audit)).flaw is None

    async def test_the_last_block_is_kept(self, store: Store) -> None:
        """However old it is, for the next one follows it."""
        assert await prune(store.audit, day(99), rule="all", now=_NOW) == Pruned()
        await fill(store, 3)
        assert (await prune(store.audit, day(99), rule="all", now=day(3))).blocks == 2
        assert await prune(store.audit, day(99), rule="all", now=day(3)) == Pruned()
        await seal(store.audit, day(3))
        assert [one.number for one in await store.audit.blocks()] == [3, 4]
        assert (await verify(store.audit)).flaw is None

    async def test_of_those_who_cut_at_once_one_does(self, store: Store) -> None:
        """And there is one entry of it."""
        await fill(store, 3)
        cut = await behind_first(store)
        done = await asyncio.gather(*(store.audit.cut(cut, cut.entry_of(None, new_id())) for _ in range(4)))
        assert sorted(done) == [False, False, False, True]
        assert len(await store.audit.find(AuditSearch(message="twofold.audit_cut"))) == 1
        assert (await verify(store.audit)).flaw is None

    @pytest.mark.parametrize(
        "changes",
        [
            {"number": 2},
            {"block": 2},
            {"entry": 3},
            {"previous": b"\0" * 32},
            {"before": _NOW},
            {"block": 9, "entry": 18},
            {"block": 0, "entry": 0, "previous": b""},
        ],
        ids=" ".join,
    )
    async def test_a_cut_that_is_not_true_is_not_made(self, store: Store, changes: dict[str, Any]) -> None:
        """It follows the last one, and is behind a block of the chain, with its hash, that is old enough."""
        await fill(store, 3)
        cut = replace(await behind_first(store), **changes)
        assert not await store.audit.cut(cut, cut.entry_of(None, new_id()))
        assert await store.audit.last_cut() is None
        assert len(await store.audit.find(_EVERY)) == 6

    async def test_the_last_block_is_not_cut_off(self, store: Store) -> None:
        """Not even by a cut that is true in all else."""
        await fill(store, 2)
        last = await store.audit.last_block()
        assert last is not None
        cut = AuditCut.of(last, None, before=day(9), rule="all", time=_NOW, keys=NO_KEYS)
        assert not await store.audit.cut(cut, cut.entry_of(None, new_id()))

    async def test_a_trail_is_right_at_every_moment(self, store: Store) -> None:
        """While others write, seal, and take away what is old: whoever proves it finds no flaw."""
        proving = asyncio.Event()

        async def keep_going() -> None:
            for n in range(12):
                await fill(store, 1, since=n)
                await prune(store.audit, day(n), rule="all", now=day(n))
            proving.set()

        async def keep_proving() -> None:
            while not proving.is_set():
                assert (await verify(store.audit)).flaw is None
                await asyncio.sleep(0)

        await asyncio.gather(keep_going(), keep_going(), keep_proving())
        cut = await store.audit.last_cut()
        assert cut is not None
        assert (await verify(store.audit)).flaw is None

    async def test_blocks_and_cuts_say_which_key_sealed_them(self, store: Store) -> None:
        """Old keys prove what they have sealed; without its key nothing is said to be right."""
        old, new = "o" * 32, "n" * 32
        await fill(store, 1)
        flaw = (await verify(store.audit, keys=AuditKeys(old))).flaw
        assert flaw is not None
        assert "no block is sealed under a key" in flaw.text
        await fill(store, 1, since=1, keys=AuditKeys(old))
        await fill(store, 1, since=2, keys=AuditKeys(new, old))
        keys = AuditKeys(new, old)
        plain, first, second = await store.audit.blocks()
        assert (plain.key, first.key, second.key) == ("", AuditKeys(old).current, keys.current)
        verdict = await verify(store.audit, keys=keys)
        assert (verdict.entries, verdict.keyed, verdict.flaw) == (6, 4, None)
        for fewer in (NO_KEYS, AuditKeys(new), AuditKeys(old)):
            with pytest.raises(AuditKeyMissing):
                await verify(store.audit, keys=fewer)
        await prune(store.audit, day(2), rule="all", now=day(3), keys=keys)
        verdict = await verify(store.audit, keys=AuditKeys(new))
        assert (verdict.entries, verdict.flaw) == (2, None)
        with pytest.raises(AuditKeyMissing):
            await verify(store.audit)


def day(number: int) -> datetime:
    """The time when a block is sealed."""
    return _NOW + timedelta(days=number)


async def fill(store: Store, blocks: int, *, since: int = 0, keys: AuditKeys = NO_KEYS) -> None:
    """Seal two entries a day."""
    for number in range(since, since + blocks):
        await store.commit(Batch(audit=(entry(), entry())))
        await seal(store.audit, day(number), keys)


async def behind_first(store: Store) -> AuditCut:
    """A cut that takes away the first block."""
    (first,) = await store.audit.blocks(limit=1)
    return AuditCut.of(first, None, before=day(1), rule="all", time=_NOW, keys=NO_KEYS)
