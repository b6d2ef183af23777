"""The floor: readers miss nothing and wait for nobody longer than they must, however transactions overlap."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from tests.drivers.postgres.conftest import NewStore, Plain
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Calls, calls
from twofold.drivers.postgres._held import PostgresTransaction
from twofold.drivers.postgres._names import Names
from twofold.errors import Conflict
from twofold.store import Recorded
from twofold.testing._store_case import append, whole_log

pytestmark = pytest.mark.anyio
Connect = Callable[..., Awaitable[Plain]]
Open = Callable[..., Awaitable[Plain]]


@pytest.fixture
async def connect(postgres_url: str) -> AsyncIterator[Connect]:
    """Opens plain connections, and leaves none behind."""
    connections = list[Plain]()

    async def open_one(**settings: str) -> Plain:
        connections.append(await asyncpg.connect(postgres_url, **settings))
        return connections[-1]

    yield open_one
    for connection in connections:
        connection.terminate()


@pytest.fixture
def opened(connect: Connect, calling: Calls) -> Open:
    """Appends in a transaction that stays open, on a connection of its own."""

    async def begin(stream: str, count: int = 1) -> Plain:
        connection = await connect()
        await connection.execute("BEGIN")
        await calling.of(append(stream, count)).send(connection)
        return connection

    return begin


@pytest.fixture
def calling(postgres_url: str) -> Calls:
    """What the store would send."""
    return calls(Names(schema_of(postgres_url)))


async def test_readers_wait_below_an_open_transaction(store: PostgresStore, opened: Open) -> None:
    """While one that appended is open, others append, and the head stays before its events until it ends."""
    await store.commit(append("a", 2))
    slow = await opened("slow", 3)
    await store.commit(append("b", 2))
    assert await store.log.head() == 2
    await slow.execute("COMMIT")
    assert await store.log.head() == 7
    assert [event.stream for event in await whole_log(store)] == ["a", "a", "slow", "slow", "slow", "b", "b"]


async def test_holes_are_passed_at_once(store: PostgresStore, opened: Open, plain: Plain) -> None:
    """Positions of a transaction that rolled back, was terminated, or whose client is gone, hold nobody back."""
    rolled_back, cut_off, ended = await opened("x", 5), await opened("y", 5), await opened("z", 5)
    await store.commit(append("a"))
    assert await store.log.head() == 0
    await rolled_back.execute("ROLLBACK")
    assert await store.log.head() == 5
    await cut_off.close()
    assert await store.log.head() == 10
    assert await plain.fetchval("SELECT pg_terminate_backend($1, 5000)", ended.get_server_pid())
    assert await store.log.head() == 16
    assert [event.position for event in await whole_log(store)] == [16]


async def test_a_part_that_was_rolled_back_holds_nothing(store: PostgresStore, plain: Plain, calling: Calls) -> None:
    """A savepoint that is undone takes its floor with it, while its transaction stays open."""
    await plain.execute("BEGIN; SAVEPOINT part")
    await calling.of(append("a")).send(plain)
    assert await store.log.head() == 0
    await plain.execute("ROLLBACK TO part")
    assert await store.log.head() == 1
    await plain.execute("ROLLBACK")


async def test_others_in_the_cluster_hold_nobody_back(store: PostgresStore, connect: Connect) -> None:
    """A write transaction in another database or schema may stay open for ever: the head moves on."""
    for other in (await connect(), await connect(database="postgres")):
        await other.execute("BEGIN; CREATE TEMPORARY TABLE mine (x int); INSERT INTO mine VALUES (1)")
        await other.execute("SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock_shared(1, 2)")
    await store.commit(append("a"))
    assert await store.log.head() == 1


@pytest.mark.parametrize("writers, seconds", [(8, 1.0), pytest.param(64, 60.0, marks=pytest.mark.faults)])
async def test_a_follower_misses_nothing_of_slow_writers(
    store: PostgresStore, connect: Connect, calling: Calls, writers: int, seconds: float
) -> None:
    """Writers pause between events and commit, some roll back; who follows sees each event once, in order."""
    seen, written, done = list[Recorded](), set[object](), asyncio.Event()
    end = asyncio.get_running_loop().time() + seconds

    async def write(number: int) -> None:
        chance = random.Random(number)
        connection = await connect()
        while asyncio.get_running_loop().time() < end:
            batch = append(f"s{chance.randrange(3)}", chance.randrange(1, 3))
            await connection.execute("BEGIN")
            await calling.of(batch).send(connection)
            await asyncio.sleep(chance.random() * 0.02)  # the pause is the fault: it makes the window wide
            if chance.random() < 0.1:
                await connection.execute("ROLLBACK")
            else:
                await connection.execute("COMMIT")
                written.update(event.id for event in batch.appends[0].events)

    async def follow() -> None:
        after = 0
        while True:
            last = done.is_set()
            head = await store.log.head()
            assert head >= after
            seen.extend(await store.log.read(after, until=head, limit=100_000))
            after = head
            if last:
                return

    following = asyncio.create_task(follow())
    await asyncio.gather(*map(write, range(writers)))
    done.set()
    await following
    assert len(seen) == len(written) > writers
    assert {event.id for event in seen} == written
    assert [event.position for event in seen] == sorted({event.position for event in seen})
    for stream in {event.stream for event in seen}:
        numbers = [event.version for event in seen if event.stream == stream]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_a_caught_up_follower_does_not_spin(store: PostgresStore, opened: Open) -> None:
    """Who has read up to the floor waits for the next commit, though there are events beyond it already."""
    slow = await opened("slow")
    await store.commit(append("a"))
    assert await store.log.head() == 0
    waiting = asyncio.create_task(store.wakeup.wait(0, 60))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    await slow.execute("COMMIT")
    await store.commit(append("b"))
    await asyncio.wait_for(waiting, 20)
    assert await store.log.head() == 3


@pytest.mark.parametrize("wanted", [1, 3])
async def test_cancelled_draws_leave_no_lock(
    store: PostgresStore, plain: Plain, connect: Connect, postgres_url: str, wanted: int
) -> None:
    """However often a draw is cancelled on its way, no advisory lock is left to stop the others."""
    schema = schema_of(postgres_url)
    victim = await connect()
    pid, cancelled = victim.get_server_pid(), 0
    draw = f"SELECT count({schema}.twofold_draw({wanted})) FROM generate_series(1, 200)"
    while cancelled < 150:
        drawing = asyncio.create_task(victim.execute(draw))
        await plain.execute("SELECT pg_cancel_backend($1) FROM generate_series(1, 3)", pid)
        try:
            await drawing
        except asyncpg.QueryCanceledError:
            cancelled += 1
    held = await plain.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $1", pid)
    assert held == 0
    await store.commit(append("a", 2))


async def test_a_role_may_have_another_isolation_level(new_store: NewStore, plain: Plain) -> None:
    """A role whose transactions are SERIALIZABLE by default reads and writes as any other."""
    role = await plain.fetchval("SELECT current_user")
    database = await plain.fetchval("SELECT current_database()")
    setting = f'ALTER ROLE "{role}" IN DATABASE {database} SET default_transaction_isolation'
    await plain.execute(f"{setting} = 'serializable'")
    try:
        store = new_store()
        await store.start()
        await store.commit(append("a"))
        held = store.begin()
        assert await held.run(_isolation) == "read committed"
        await held.rollback()
        await store.stop()
    finally:
        await plain.execute(f'ALTER ROLE "{role}" IN DATABASE {database} RESET default_transaction_isolation')


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_a_unit_of_work_may_choose_another_isolation_level(store: PostgresStore, level: str) -> None:
    """One that others overtake behind its snapshot is a conflict, and leaves nothing; a follower misses nothing."""

    async def begun() -> PostgresTransaction:
        held = store.begin()
        await held.run(lambda connection: connection.execute(f"SET TRANSACTION ISOLATION LEVEL {level}"))
        await held.run(lambda connection: connection.fetchval("SELECT count(*) FROM twofold_events"))
        return held

    await store.commit(append("a"))
    overtaken, other = await begun(), await begun()
    await store.commit(append("a"))
    with pytest.raises(Conflict):
        await overtaken.commit(append("a", 2))
    await other.commit(append("b", 2))
    assert [(event.stream, event.version) for event in await whole_log(store)] == [
        ("a", 1), ("a", 2), ("b", 1), ("b", 2),
    ]  # fmt: skip


def _isolation(connection: Any) -> Any:
    return connection.fetchval("SHOW transaction_isolation")
