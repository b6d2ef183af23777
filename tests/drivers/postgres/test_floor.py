"""The floor: readers miss nothing and wait for nobody longer than they must, however transactions overlap."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import httpx
import pytest

from examples._demo.database import PostgresSchema
from examples.courses import app as courses
from tests.cli.shop import CountSales, Sell, shop
from tests.drivers.postgres.conftest import Connect, NewStore, Open, Plain
from tests.drivers.postgres.schema import schema_of
from tests.drivers.postgres.writers import slow_writers
from twofold import App, Success
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Calls
from twofold.drivers.postgres._held import PostgresTransaction
from twofold.errors import Conflict, TimedOut
from twofold.testing._store_case import append, follow, prove_in_order, whole_log

pytestmark = pytest.mark.anyio


async def test_readers_wait_below_an_open_transaction(store: PostgresStore, opened: Open) -> None:
    """While one that appended is open, others append, and the head stays before its events until it ends."""
    await store.commit(append("a", 2))
    slow = await opened("slow", 3)
    await store.commit(append("b", 2))
    assert await store.log.head() == 2
    await slow.execute("COMMIT")
    assert await store.log.head() == 7
    assert [event.stream for event in await whole_log(store)] == ["a", "a", "slow", "slow", "slow", "b", "b"]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("seconds", [1.0, pytest.param(30.0, marks=pytest.mark.faults)])
async def test_writers_go_on_and_readers_have_all_once_it_ends(
    store: PostgresStore, opened: Open, seconds: float, end: str
) -> None:
    """A transaction stays open behind its events while others append; a reader stands before it, and then has all."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    following = asyncio.create_task(follow(store, done))
    slow = await opened("slow", 3)
    until, written = loop.time() + seconds, list[int]()

    async def write(stream: str) -> None:
        while loop.time() < until:
            written.append((await store.commit(append(stream))).position)

    await asyncio.gather(*map(write, "abcd"))
    assert await store.log.head() == 0
    ended = loop.time()
    await slow.execute(end)
    done.set()
    seen = await following
    assert loop.time() - ended < 5
    prove_in_order(seen)
    assert [event.position for event in seen] == ([1, 2, 3] if end == "COMMIT" else []) + sorted(written)
    assert len(written) > 20 * seconds


@pytest.mark.parametrize("role", ["all", "api-commands"])
async def test_whoever_settles_waits_for_what_is_held_back(
    postgres_schema: PostgresSchema, opened: Open, role: str
) -> None:
    """What was committed above an open transaction is something that is left to do, here or in another process."""
    async with AsyncExitStack() as running:
        parts = [App("shop", modules=[shop], database=postgres_schema.address) for _ in range(2)]
        for app, own in zip(parts, ("worker", role), strict=True):
            app.use_role(own)
            await running.enter_async_context(app)
        slow = await opened("slow")
        assert (await app.execute(Sell(item="pen"))).is_success
        for one in parts:
            with pytest.raises(TimedOut, match=r"not settled within 0\.1 s: \w+"):
                await one.settle(timeout=0.1)
        await slow.execute("COMMIT")
        await app.settle(timeout=30)
        assert await app.execute(CountSales()) == Success(1)


async def test_a_position_is_known_that_was_given_out(postgres_schema: PostgresSchema, opened: Open) -> None:
    """Whoever brings it waits for what is below it, and is not told that there is no such thing."""
    app = App("courses", modules=courses.modules, database=postgres_schema.address)
    async with app, httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://courses") as client:
        slow = await opened("slow")
        body = {"course_id": "sea", "title": "The sea", "capacity": 3}
        told = (await client.post("/courses", json=body)).headers["Twofold-Position"]

        async def shown(position: str, wait: str) -> int:
            headers = {"Twofold-Position": position, "Twofold-Wait": wait}
            return (await client.get("/courses/sea", headers=headers)).status_code

        assert [await shown(told, "0"), await shown(str(int(told) + 1), "0")] == [503, 400]
        await slow.execute("COMMIT")
        assert await shown(told, "10") == 200


async def test_holes_are_passed_at_once(store: PostgresStore, plain: Plain, opened: Open) -> None:
    """Positions of a transaction that rolled back, or whose client is gone or was ended, hold nobody back."""
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


async def test_a_reader_may_come_before_the_first_event(store: PostgresStore, opened: Open) -> None:
    """Nothing was ever written, nor a position drawn: what comes first is at 1, also if it ends after the second."""
    assert await store.log.head() == 0
    first = await opened("slow")
    await store.commit(append("a"))
    assert (await store.log.head(), await whole_log(store)) == (0, [])
    await first.execute("COMMIT")
    assert [(event.position, event.stream) for event in await whole_log(store)] == [(1, "slow"), (2, "a")]


async def test_who_wrote_something_before_is_overtaken_in_order(
    store: PostgresStore, connect: Connect, calling: Calls
) -> None:
    """A transaction may be old, and write to a stream that others have moved meanwhile: it is read where it ended."""
    early = await connect()
    await early.execute("BEGIN; CREATE TEMPORARY TABLE inbox (id int) ON COMMIT DROP; INSERT INTO inbox VALUES (1)")
    for _ in range(3):
        await store.commit(append("a"))
    await calling.of(append("a")).send(early)
    late = asyncio.create_task(store.commit(append("a")))
    assert await store.log.head() == 3
    await early.execute("COMMIT")
    assert (await late).versions == {"a": 5}
    log = await whole_log(store)
    assert [(event.position, event.version) for event in log] == [(n, n) for n in range(1, 6)]


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


@pytest.mark.parametrize("writers, times", [(8, 60), pytest.param(64, 1000, marks=pytest.mark.faults)])
async def test_a_follower_misses_nothing_of_slow_writers(
    store: PostgresStore, connect: Connect, calling: Calls, writers: int, times: int
) -> None:
    """Writers pause between events and commit, some roll back; who follows sees each event once, in order."""
    done = asyncio.Event()
    following = asyncio.create_task(follow(store, done))
    written = await slow_writers(connect, calling, writers, times)
    done.set()
    seen = await following
    assert len(seen) == len(written) > writers
    assert {event.id for event in seen} == written
    prove_in_order(seen)


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
    draw = f"SELECT count({schema}.twofold_draw({wanted})) FROM generate_series(1, 20000)"
    while cancelled < 60:
        drawing = asyncio.create_task(victim.execute(draw))
        for _ in range(cancelled % 5):
            await plain.execute("SELECT 1")
        while not drawing.done():
            await plain.execute("SELECT pg_cancel_backend($1)", pid)
        try:
            await drawing
        except asyncpg.QueryCanceledError:
            cancelled += 1
    held = await plain.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = $1", pid)
    assert held == 0
    await store.commit(append("a", 2))


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
@pytest.mark.parametrize("whose", ["ROLE {role} IN DATABASE {database}", "DATABASE {database}"])
async def test_another_isolation_level_may_be_the_usual_one(
    new_store: NewStore, plain: Plain, connect: Connect, opened: Open, level: str, whose: str
) -> None:
    """What transactions of a role, or in a database, are at by default does not matter to readers and writers."""
    role, database = await plain.fetchrow("SELECT quote_ident(current_user), quote_ident(current_database())")
    setting = f"ALTER {whose.format(role=role, database=database)}"
    await plain.execute(f"{setting} SET default_transaction_isolation = '{level}'")
    try:
        assert await (await connect()).fetchval("SHOW transaction_isolation") == level
        store = new_store()
        await store.start()
        await store.commit(append("a"))
        held = store.begin()
        for reach in (held.run, store.reader().read_statement):
            assert await reach(_isolation) == "read committed"
        await held.rollback()
        slow = await opened("slow")
        await store.commit(append("b"))
        assert await store.log.head() == 1
        await slow.execute("COMMIT")
        assert [event.stream for event in await whole_log(store)] == ["a", "slow", "b"]
        await store.stop()
    finally:
        await plain.execute(f"{setting} RESET default_transaction_isolation")


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
