"""Conformance of replies: a key is one transaction's at a time, and its reply commits with everything beside it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from twofold.errors import KeyInFlight, VersionConflict
from twofold.store import Append, Batch, Reply, Store, Transaction, Upsert
from twofold.testing._store_case import StoreCase, append, drafts, versions

_NOW = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
_DAY = timedelta(days=1)
_LONG = 10.0


class Replies(StoreCase):
    """What holds for the replies of commands with a key."""

    async def test_a_reply_is_there_with_all_else_or_not_at_all(self, store: Store) -> None:
        """It comes back to the last byte, with the position that was written beside it."""
        said = reply("a", value='{"who":"Zoë \\u0000"}'.encode())
        async with _claimed(store, said) as transaction:
            assert await store.find_reply(said.key, _NOW) is None
            committed = await transaction.commit(Batch((Append("s", drafts(2), 0),), reply=said))
        assert committed.position > 0
        assert await store.find_reply(said.key, _NOW) == said._replace(position=committed.position)
        other = reply("b")
        async with _claimed(store, other) as transaction:
            with pytest.raises(VersionConflict):
                await transaction.commit(Batch((Append("s", drafts(1), 0),), reply=other))
        assert await store.find_reply(other.key, _NOW) is None

    @pytest.mark.parametrize("events", [0, 1, 2])
    async def test_a_key_that_was_answered_gives_its_reply(self, store: Store, events: int) -> None:
        """Whether anything was written beside it or not; whoever is given it writes nothing."""
        said = await kept(store, reply("a"), append("s", events) if events else Batch())
        transaction = store.begin()
        assert await transaction.claim(said.key, _NOW, 0) == said
        assert transaction.begun
        await transaction.rollback()
        assert said.position == await store.log.head() == events

    async def test_what_is_rolled_back_frees_the_key(self, store: Store) -> None:
        """The next one is not told of it, and has the key."""
        async with _claimed(store, reply("a")):
            pass
        said = await kept(store, reply("a", value=b"2"))
        assert said.value == b"2"

    async def test_another_key_is_nobody_elses(self, store: Store) -> None:
        """Keys are compared to the last byte."""
        await kept(store, reply("a"))
        assert await store.find_reply(reply("A").key, _NOW) is None
        assert (await kept(store, reply("A", value=b"2"))).value == b"2"

    async def test_a_twin_waits_and_is_given_the_reply(self, store: Store) -> None:
        """While a transaction has the key another one waits for it, and then has its reply."""
        said = reply("a")
        async with _claimed(store, said) as transaction:
            twin = store.begin()
            waiting = asyncio.create_task(twin.claim(said.key, _NOW, _LONG))
            await asyncio.sleep(0)
            assert not waiting.done()
            await transaction.commit(Batch(reply=said))
            assert await waiting == said
            await twin.rollback()

    async def test_a_twin_of_one_that_fails_has_the_key(self, store: Store) -> None:
        """It waits for it, and then goes on itself."""
        said = reply("a")
        async with _claimed(store, said) as transaction:
            twin = store.begin()
            waiting = asyncio.create_task(twin.claim(said.key, _NOW, _LONG))
            await asyncio.sleep(0)
            await transaction.rollback()
            assert await waiting is None
            await twin.commit(Batch(reply=said))
        assert await store.find_reply(said.key, _NOW) == said

    @pytest.mark.parametrize("wait", [0, 0.05])
    async def test_a_twin_that_waits_too_long_is_told(self, store: Store, wait: float) -> None:
        """That the key is in use; whoever has it is not disturbed."""
        if self.features.turns:
            pytest.skip("here a twin waits for its turn, as everybody does")
        said = reply("a")
        async with _claimed(store, said) as transaction:
            for _ in range(3):
                twin = store.begin()
                with pytest.raises(KeyInFlight):
                    await twin.claim(said.key, _NOW, wait)
                await twin.rollback()
            await transaction.commit(Batch(reply=said))
        assert await store.find_reply(said.key, _NOW) == said

    async def test_of_many_with_one_key_one_writes(self, store: Store) -> None:
        """All at once; every one of them ends with the same reply."""

        async def run(number: int) -> Reply:
            return await kept(store, reply("a", value=b"%d" % number), append("s"))

        told = await asyncio.gather(*map(run, range(9)))
        assert len(set(told)) == 1
        assert await versions(store, "s") == [1]

    async def test_an_expired_reply_is_forgotten(self, store: Store) -> None:
        """From the very moment on its key is as good as new."""
        first = await kept(store, reply("a"))
        late = first.expires
        assert await store.find_reply(first.key, late - timedelta(microseconds=1)) == first
        assert await store.find_reply(first.key, late) is None
        second = await kept(store, reply("a", value=b"2", time=late))
        assert (second.value, await store.find_reply(first.key, late)) == (b"2", second)

    async def test_new_replies_take_expired_ones_away(self, store: Store) -> None:
        """Twice as many, on the whole: there are few more than came within the time that they are kept, and nobody
        has to clean up.
        """
        old = [await kept(store, reply(f"old {number}")) for number in range(4)]
        late = old[0].expires
        new = [reply(f"new {number}", time=late) for number in range(64)]
        for one in new:
            await kept(store, one)
        # As of a time at which they had not expired, one sees what is really there.
        assert [await store.find_reply(one.key, _NOW) for one in old] == [None] * 4
        assert [await store.find_reply(one.key, late) for one in new] == new

    async def test_what_came_after_the_mark_is_undone_alone(self, store: Store) -> None:
        """The transaction keeps the key, and what it had done before."""
        said = reply("a")
        async with _claimed(store, said) as transaction:
            await transaction.change([Upsert(self.table, {"name": "before"}, {"count": 1})])
            await transaction.mark()
            for _ in range(2):
                await transaction.change([Upsert(self.table, {"name": "after"}, {"count": 1})])
                await transaction.revert()
            await transaction.commit(Batch(reply=said))
        assert await store.find_reply(said.key, _NOW) == said
        assert await self.find_row(store, "before") is not None
        assert await self.find_row(store, "after") is None


def reply(key: str, *, value: bytes = b"1", time: datetime = _NOW) -> Reply:
    """A reply that is kept for a day; its key is a digest, as those of commands are."""
    return Reply(sha256(key.encode()).digest(), "place_order", b"f" * 32, value, time, time + _DAY)


async def kept(store: Store, said: Reply, batch: Batch | None = None) -> Reply:
    """What a command comes to, as a whole: the reply that is there, or its own."""
    transaction = store.begin()
    try:
        found = await transaction.claim(said.key, said.time, _LONG)
        if found is not None:
            return found
        committed = await transaction.commit((batch or Batch())._replace(reply=said))
        return said._replace(position=committed.position)
    finally:
        await transaction.rollback()


@asynccontextmanager
async def _claimed(store: Store, said: Reply) -> AsyncGenerator[Transaction]:
    transaction = store.begin()
    try:
        assert await transaction.claim(said.key, said.time, 0) is None
        yield transaction
    finally:
        await transaction.rollback()
