"""Conformance of what is received: a message of another service is dealt with once, with everything beside it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from twofold.errors import AlreadyReceived, VersionConflict
from twofold.store import Append, Batch, Received, Store
from twofold.testing._store_case import StoreCase, drafts

_NOW = datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)
_DAY = timedelta(days=1)


class Receiving(StoreCase):
    """What holds for messages of other services."""

    async def test_a_message_is_received_with_all_else_or_not_at_all(self, store: Store) -> None:
        """What it has caused is there when it is known, and else neither is."""
        first, second = received("a"), received("b")
        committed = await store.commit(Batch((Append("s", drafts(2), 0),), received=(first, second)))
        assert committed.versions == {"s": 2}
        assert set(await store.find_received([first.key, received("c").key, second.key])) == {first.key, second.key}
        with pytest.raises(VersionConflict):
            await store.commit(Batch((Append("s", drafts(1), 0),), received=(received("c"),)))
        assert not [*await store.find_received([received("c").key])]

    async def test_a_copy_is_refused_with_all_that_is_beside_it(self, store: Store) -> None:
        """Whether it comes alone, among others, or twice in one batch; nothing was written."""
        await store.commit(Batch(received=(received("a"),)))
        for several in [("a",), ("b", "a", "c"), ("d", "d")]:
            with pytest.raises(AlreadyReceived):
                await store.commit(Batch((Append("s", drafts(1)),), received=tuple(map(received, several))))
        assert not [*await store.log.read_stream("s")]
        assert not [*await store.find_received([received(name).key for name in "bcd"])]

    async def test_of_two_at_once_one_is_written(self, store: Store) -> None:
        """However close they are."""
        batches = [Batch((Append(f"s{number}", drafts(1)),), received=(received("a"),)) for number in range(5)]
        outcomes = await asyncio.gather(*map(store.commit, batches), return_exceptions=True)
        assert sorted(isinstance(one, AlreadyReceived) for one in outcomes) == [False, True, True, True, True]
        head = await store.log.head()
        assert len(await store.log.read(0, until=head, limit=10)) == 1

    async def test_many_are_looked_up_at_once(self, store: Store) -> None:
        """More than one statement takes; nothing is found of nothing."""
        many = tuple(received(str(number)) for number in range(1200))
        await store.commit(Batch(received=many))
        keys = [one.key for one in many]
        assert set(await store.find_received([*keys, received("x").key])) == set(keys)
        assert not [*await store.find_received([])]

    async def test_what_has_expired_is_swept_by_what_comes(self, store: Store) -> None:
        """So there are never more of them than came within the time that they are kept; a copy is new then."""
        old = [received(f"old {number}") for number in range(4)]
        await store.commit(Batch(received=tuple(old)))
        late = old[0].expires
        await store.commit(Batch(received=(received("new 0", time=late), received("new 1", time=late))))
        assert not [*await store.find_received([one.key for one in old])]
        await store.commit(Batch((Append("s", drafts(1)),), received=(received("old 1", time=late),)))
        assert [*await store.find_received([one.key for one in old])] == [old[1].key]


def received(key: str, *, time: datetime = _NOW) -> Received:
    """A message that is known for a day."""
    return Received(key.encode().ljust(32, b"\0"), "order_paid", time, time + _DAY)
