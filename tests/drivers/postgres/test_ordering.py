"""Strict order: readers of other origin, who ask for what is behind the last position they saw, miss nothing either."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.drivers.postgres.conftest import Connect, NewStore, Open, Plain
from tests.drivers.postgres.schema import schema_of
from tests.drivers.postgres.writers import slow_writers
from twofold.drivers.postgres import PostgresStore, store_at
from twofold.drivers.postgres._append import Calls
from twofold.errors import FaultError, WiringError
from twofold.testing._store_case import append, follow, prove_in_order

pytestmark = pytest.mark.anyio


@pytest.fixture
async def strict(new_store: NewStore) -> AsyncIterator[PostgresStore]:
    """A new and empty store whose commits become visible in the order of their positions."""
    store = new_store(ordering="strict")
    await store.start()
    yield store
    await store.stop()


class Outsider:
    """One who knows nothing of twofold, and asks for what is behind the last position that it saw."""

    def __init__(self, plain: Plain) -> None:
        self._plain, self._last = plain, 0
        self.seen = list[UUID]()

    async def look(self) -> None:
        """See what is new to it."""
        rows = await self._plain.fetch(
            "SELECT position, id FROM twofold_events WHERE position > $1 ORDER BY 1", self._last
        )
        for row in rows:
            self._last = row["position"]
            self.seen.append(row["id"])


@pytest.mark.usefixtures("strict")
async def test_an_outsider_misses_nothing(connect: Connect, calling: Calls, plain: Plain) -> None:
    """Under twelve writers who stall and roll back it sees every event once."""
    outsider = Outsider(plain)
    writing = asyncio.create_task(slow_writers(connect, calling, 12, 30, stall=0.005))
    while not writing.done():
        await outsider.look()
    written = await writing
    await outsider.look()
    assert len(outsider.seen) == len(written) > 12
    assert set(outsider.seen) == written


@pytest.mark.usefixtures("store")
async def test_by_the_floor_it_would(opened: Open, plain: Plain) -> None:
    """The same reader misses an event where nobody asked for the order: what the order is for."""
    outsider = Outsider(plain)
    first, second = await opened("first"), await opened("second")
    await second.execute("COMMIT")
    await outsider.look()
    await first.execute("COMMIT")
    await outsider.look()
    assert len(outsider.seen) == 1
    assert await plain.fetchval("SELECT count(*) FROM twofold_events") == 2


async def test_own_readers_miss_nothing_in_strict_order(
    strict: PostgresStore, connect: Connect, calling: Calls
) -> None:
    """The floor is kept as well: a follower sees every event once, in order."""
    done = asyncio.Event()
    following = asyncio.create_task(follow(strict, done))
    written = await slow_writers(connect, calling, 6, 20, stall=0.005)
    done.set()
    seen = await following
    assert {event.id for event in seen} == written
    prove_in_order(seen)


async def test_all_processes_agree(new_store: NewStore, strict: PostgresStore) -> None:
    """The database keeps it: who asks for nothing has it too, and who asks for something else is refused."""
    store = new_store()
    await store.start()
    await store.stop()
    for read_only in (False, True):
        with pytest.raises(FaultError, match="ordering=strict, and this process expects ordering=floor") as refused:
            await new_store(ordering="floor", read_only=read_only).start()
        assert "twofold db upgrade" in refused.value.hint


async def test_a_log_that_is_there_is_not_changed_by_the_way(new_store: NewStore, store: PostgresStore) -> None:
    """A process that starts with another ordering is refused; an upgrade changes it for all, there and back."""
    await store.commit(append("a"))
    strict = new_store(ordering="strict")
    with pytest.raises(FaultError, match="ordering=floor, and this process expects ordering=strict"):
        await strict.start()
    for other in ("strict", "floor"):
        ordered = new_store(ordering=other)
        await ordered.upgrade()
        await ordered.start()
        assert (await ordered.commit(append("a"))).position
        await ordered.stop()


async def test_the_change_waits_for_those_who_have_begun(
    new_store: NewStore, store: PostgresStore, opened: Open, plain: Plain
) -> None:
    """It comes between two appends: from then on no two have drawn and not ended, in sessions that are old as well."""
    await store.commit(append("a"))  # this session has all that it needs in its caches
    before = await opened("before")
    changing = asyncio.create_task(new_store(ordering="strict").upgrade())
    await _waiting(plain, 1)
    behind = asyncio.create_task(store.commit(append("behind")))
    await _waiting(plain, 2)
    await before.execute("COMMIT")
    await changing
    assert (await behind).position == 3
    first = await opened("first")
    second = asyncio.create_task(store.commit(append("second")))
    await _waiting(plain, 1)
    await first.execute("COMMIT")
    assert (await second).position == 5


async def test_a_cancelled_wait_for_the_order_leaves_no_lock(strict: PostgresStore, opened: Open, plain: Plain) -> None:
    """Who gives up waiting for the one before draws nothing, and holds nobody up."""
    first = await opened("first")
    waiting = asyncio.create_task(opened("second"))
    await _waiting(plain, 1)
    await plain.execute("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with pytest.raises(Exception, match="canceling"):
        await waiting
    await first.execute("COMMIT")
    assert (await strict.commit(append("a"))).position == 2


async def test_an_address_names_it(postgres_url: str, plain: Plain) -> None:
    """As `?ordering=strict`; another word is a mistake."""
    url = f"{postgres_url}&schema={schema_of(postgres_url)}"
    store = store_at(f"{url}&ordering=strict")
    await store.start()
    await store.stop()
    assert await plain.fetchval("SELECT twofold_strict()")
    with pytest.raises(WiringError, match="cannot have ordering='loose'"):
        store_at(f"{url}&ordering=loose")


async def test_the_sql_of_a_new_log_gives_it(new_store: NewStore, plain: Plain) -> None:
    """Whoever runs it by hand has the same; for a log that is there it changes none."""
    store = new_store(ordering="strict", migrate=False)
    await plain.execute(store.upgrade_sql())
    assert await plain.fetchval("SELECT twofold_strict()")
    assert "twofold_order" not in store.upgrade_sql(2)
    await store.start()
    await store.stop()


async def _waiting(plain: Plain, count: int) -> None:
    """Wait until so many wait for an advisory lock."""
    async with asyncio.timeout(20):
        while (
            await plain.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
                " (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            != count
        ):
            pass
