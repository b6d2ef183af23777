"""Conformance of the log's readers: every committed event once, in order, and a head that is final."""

import asyncio
import threading

from twofold.store import Append, Recorded, Selection, Store, Stored, read_stored
from twofold.testing._store_case import StoreCase, append, batch, draft, follow, prove_in_order, whole_log


class Reads(StoreCase):
    """What holds for events on their way out, and for wake-ups."""

    async def test_pages_cover_the_log(self, store: Store) -> None:
        """Reading on from the last position of each page gives every event once."""
        for number in range(10):
            await store.commit(append(f"s{number % 3}", 2))
        seen, after = list[Recorded](), 0
        while page := await store.log.read(after, until=await store.log.head(), limit=7):
            assert len(page) == min(7, 20 - len(seen))
            seen.extend(page)
            after = page[-1].position
        assert seen == list(await whole_log(store))

    async def test_a_read_stops_at_until(self, store: Store) -> None:
        """`after` is left out, `until` is included, and what lies beyond the head is not there."""
        await store.commit(append("a", 5))
        positions = [event.position for event in await whole_log(store)]
        middle = await store.log.read(positions[0], until=positions[3], limit=100)
        assert [event.position for event in middle] == positions[1:4]
        assert await store.log.read(positions[3], until=positions[3], limit=100) == []
        assert await store.log.read(positions[-1], until=positions[-1] + 1000, limit=100) == []

    async def test_a_read_may_ask_for_types(self, store: Store) -> None:
        """Only events of the named types come, and only they count for the limit."""
        await store.commit(batch(*(Append("a", (draft(kind),)) for kind in ("x", "y", "z") * 4)))
        head = await store.log.head()
        found = await store.log.read(0, until=head, limit=5, where=[Selection(types=frozenset({"x", "z", "never"}))])
        assert [event.type for event in found] == ["x", "z", "x", "z", "x"]
        assert await store.log.read(0, until=head, limit=5, where=[Selection(types=frozenset())]) == []

    async def test_a_stream_is_read_by_version(self, store: Store) -> None:
        """A stream's own events come in version order, from any version on; an unknown stream is empty."""
        await store.commit(batch(Append("a", (draft(), draft())), Append("b", (draft(),)), Append("a", (draft(),))))
        assert [event.version for event in await store.log.read_stream("a")] == [1, 2, 3]
        assert [event.version for event in await store.log.read_stream("a", after=1, limit=1)] == [2]
        assert await store.log.read_stream("a", after=3) == []
        assert await store.log.read_stream("never") == []

    async def test_a_stream_is_folded_as_it_is_read(self, store: Store) -> None:
        """Whoever reads a stream without the metadata of its events gets the same ones, as they stand in the log."""
        await store.commit(batch(Append("a", (draft("x"), draft("y"))), Append("b", (draft(),))))
        await store.commit(append("a"))
        entries = await store.log.read_stream("a")
        assert [_told(one) for one in await read_stored(store.log, "a")] == [_told(one) for one in entries]
        assert [_told(one) for one in await read_stored(store.log, "a", after=1, limit=1)] == [_told(entries[1])]
        assert [*await read_stored(store.log, "a", after=3)] == []
        assert [*await read_stored(store.log, "never")] == []

    async def test_a_follower_misses_nothing(self, store: Store) -> None:
        """One who reads up to the head again and again, while many write, sees each event once and in order."""
        done = asyncio.Event()

        async def write(writer: int) -> None:
            for number in range(10):
                await store.commit(append(f"s{(writer + number) % 4}", 1 + number % 2))

        following = asyncio.create_task(follow(store, done))
        await asyncio.gather(*map(write, range(8)))
        done.set()
        seen = await following
        assert seen == list(await whole_log(store))
        prove_in_order(seen)

    async def test_a_closed_store_keeps_what_it_has(self, store: Store) -> None:
        """Opening and closing are harmless when repeated, and change nothing."""
        await store.commit(append("a", 3))
        before = await whole_log(store)
        await store.stop()
        await store.stop()
        await store.start()
        await store.start()
        assert await whole_log(store) == before
        assert (await store.commit(append("a", 1, expected=3))).versions == {"a": 4}

    async def test_waiting_for_what_is_there_returns_at_once(self, store: Store) -> None:
        """A follower that is behind is not made to wait; not after the store was opened anew either."""
        await store.commit(append("a", 2))
        await asyncio.wait_for(store.wakeup.wait(1, 60), 20)
        await store.stop()
        await store.start()
        await asyncio.wait_for(store.wakeup.wait(1, 60), 20)

    async def test_waiting_ends_with_a_commit(self, store: Store) -> None:
        """All followers that are caught up wake when the log grows, and those of other event loops too."""
        await store.commit(append("a"))
        head = await store.log.head()
        others = [threading.Thread(target=asyncio.run, args=(store.wakeup.wait(head, 60),)) for _ in range(2)]
        for other in others:
            other.start()
        waiting = [asyncio.create_task(store.wakeup.wait(head, 60)) for _ in range(3)]
        await asyncio.sleep(0)
        await store.commit(append("a"))
        await asyncio.wait_for(asyncio.gather(*waiting), 20)
        for other in others:
            await asyncio.to_thread(other.join, 20)
            assert not other.is_alive()

    async def test_waiting_ends_by_itself(self, store: Store) -> None:
        """A follower that nobody wakes looks for itself when its time is over."""
        await asyncio.wait_for(store.wakeup.wait(await store.log.head(), 0.01), 20)


def _told(one: Stored) -> tuple[int, int, str, int, bytes]:
    return one.position, one.version, one.type, one.schema_version, one.data
