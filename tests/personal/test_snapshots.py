"""Snapshots of states with personal data: nobody reads them in the database, nor once somebody in them is erased."""

import json

import pytest

from examples._demo.database import Database
from tests.personal.guests import Lay, Sign, folded, visited
from tests.personal.shop import CANARY, dump
from twofold import App, Erased
from twofold.clock import new_id
from twofold.personal import MemoryKeyStore
from twofold.store import Batch, Snapshot, foundation

pytestmark = pytest.mark.anyio


async def test_a_state_is_in_no_byte_of_the_database_and_goes_with_each_subject(each_database: Database) -> None:
    """It is used while all are there; once one is erased it is a marker, all events are folded, and none is kept."""
    keys = MemoryKeyStore()
    async with visited(each_database.address, keys) as app:
        await app.execute(Lay(book="a"))
        assert await sign(app, "ada", CANARY) == 1
        assert b"{" in (await raw(app)).state, "nobody is in it yet"
        assert await sign(app, "bob", "Bob") == 2
        assert await sign(app, "eve", "Eve") == 3
        kept = await app.store.find_snapshot("book-a")
        assert kept is not None
        assert (kept.version, CANARY.encode() in kept.state, b"Bob" in kept.state) == (3, True, True)
        before = await dump(each_database)
        assert (await raw(app)).state in before or (await raw(app)).state.hex().encode() in before

        folded.clear()
        assert await sign(app, "joe", "Joe") == 4
        assert folded == ["Eve", "Joe"], "of those before the snapshot tells"

        await app.erase("guest:ada")
        assert (await raw(app)).version == 4
        assert await marked(app) == 4
        folded.clear()
        assert await sign(app, "zoe", "Zoe") == 5
        assert folded == [Erased(), "Bob", "Eve", "Joe", "Zoe"]
        assert await marked(app) == 4
    for kept_bytes in (before, await dump(each_database)):
        for written in (CANARY, '"Bob"'):
            assert written.encode() not in kept_bytes
            assert written.encode().hex().encode() not in kept_bytes


@pytest.mark.parametrize("change", ["stream", "schema", "keys"])
async def test_a_state_is_read_in_its_own_place_alone(each_database: Database, change: str) -> None:
    """Moved to another stream or form, or said to be under fewer keys, it reads as nothing: all events are folded."""
    async with visited(each_database.address, MemoryKeyStore()) as app:
        for book in ("a", "b"):
            await app.execute(Lay(book=book))
            await sign(app, "ada", "Ada", book)
            await sign(app, "bob", "Bob", book)
        await sign(app, "eve", "Eve")
        found = await raw(app)
        assert await app.store.find_snapshot("book-a")
        head, keys, state = found.state.decode().rsplit(":", 2)
        last = (await app.store.log.read_stream("book-b"))[found.version - 1]
        moved = {
            "stream": found._replace(stream="book-b", event_id=last.id),
            "schema": found._replace(schema="Book/2"),
            "keys": found._replace(state=f"{head}:{keys[:32]}:{state}".encode()),
        }[change]
        for one in (moved._replace(schema=""), moved):  # what is of another form makes way
            await foundation(app.store).commit(Batch(snapshots=(one,)))
        assert await app.store.find_snapshot(moved.stream) is None
        folded.clear()
        assert await sign(app, "joe", "Joe", moved.stream.removeprefix("book-")) == len(folded)
        assert "Ada" in folded


async def test_a_marker_is_no_state_in_memory_either() -> None:
    """Whoever finds it folds all events; the report of the erasure names the stream."""
    async with visited("memory:", MemoryKeyStore()) as app:
        await app.execute(Lay(book="a"))
        await sign(app, "ada", "Ada")
        await sign(app, "bob", "Bob")
        assert (await app.erase("guest:ada")).snapshots == ("book-a",)
        assert await marked(app) == 2
        folded.clear()
        assert await sign(app, "eve", "Eve") == 3
        assert folded == [Erased(), "Bob", "Eve"]


async def test_what_a_snapshot_before_it_tells_counts_only_for_its_own_history(each_database: Database) -> None:
    """Where a stream has another event than that says, all events are looked at for whom they tell of."""
    async with visited(each_database.address, MemoryKeyStore()) as app:
        await app.execute(Lay(book="a"))
        await sign(app, "ada", "Ada")
        await sign(app, "bob", "Bob")
        other = Snapshot("book-a", 2, new_id(), "Book/1", b"{}")
        await foundation(app.store).commit(Batch(snapshots=(other,)))
        last = (await app.store.log.read_stream("book-a"))[2]
        await app.store.commit(Batch(snapshots=(Snapshot("book-a", 3, last.id, "Book/1", b'["Ada", "Bob"]'),)))
        assert (await raw(app)).version == 3
        assert b"Ada" not in (await raw(app)).state
        await app.erase("guest:ada")
        assert await marked(app) == 3


async def test_a_state_that_was_read_before_an_erasure_is_not_kept_after_it() -> None:
    """Nobody knows any more what of it was theirs."""
    async with visited("memory:", MemoryKeyStore()) as app:
        await app.execute(Lay(book="a"))
        await sign(app, "ada", "Ada")
        before, last = await raw(app), (await app.store.log.read_stream("book-a"))[1]
        await app.erase("guest:ada")
        await app.store.commit(Batch(snapshots=(Snapshot("book-a", 2, last.id, before.schema, b'["Ada"]'),)))
        assert await raw(app) == before


async def sign(app: App, guest: str, name: str, book: str = "a") -> int:
    """How many have signed it then."""
    return (await app.execute(Sign(book=book, guest=guest, name=name))).unwrap()


async def marked(app: App) -> int:
    """At which version the snapshot of the first book is, which is the marker that an event has for what was erased."""
    found = await app.store.find_snapshot("book-a")
    assert found is not None
    assert json.loads(found.state) == {"twofold:erased": True}
    return found.version


async def raw(app: App) -> Snapshot:
    """The snapshot of the first book, as it is kept."""
    found = await foundation(app.store).find_snapshot("book-a")
    assert found is not None
    return found
