"""What would have readers miss events is found when a store starts, and told with what mends it."""

import asyncio
import logging
import signal
import subprocess
import sys
from zlib import crc32

import pytest

from tests.drivers.postgres.conftest import Connect, NewStore, Open, Plain
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._sound import prove_isolation
from twofold.errors import FaultError
from twofold.testing._store_case import append, whole_log

pytestmark = pytest.mark.anyio

HOLD = """
import asyncio, sys
from twofold.drivers.postgres import PostgresStore

async def main():
    store = PostgresStore(sys.argv[1], schema=sys.argv[2], turn_timeout=1.0)
    await store.start()
    held = store.begin()
    print(await held.run(lambda connection: connection.fetchval("SELECT pg_backend_pid()")), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def names(postgres_url: str) -> Names:
    return Names(schema_of(postgres_url))


async def refusal(store: PostgresStore) -> FaultError:
    """Why a store does not start."""
    with pytest.raises(FaultError) as refused:
        await store.start()
    return refused.value


@pytest.mark.parametrize("change", ["CACHE 10", "CYCLE", "INCREMENT 2", "INCREMENT -1 MINVALUE -9 MAXVALUE 9"])
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.usefixtures("store")
async def test_a_sequence_that_was_changed_is_refused(
    new_store: NewStore, plain: Plain, change: str, read_only: bool
) -> None:
    """Positions that sessions draw in advance, with holes in a run, or twice; the hint is a statement that mends it."""
    await plain.execute(f"ALTER SEQUENCE twofold_positions {change}")
    fault = (await refusal(new_store(read_only=read_only))).fault
    assert (fault.where, fault.code) == ("the sequence twofold_positions", "sequence_changed")
    if "MINVALUE" not in change:
        await plain.execute(fault.hint)
        mended = new_store()
        await mended.start()
        await mended.stop()


async def test_own_locks_are_known(new_store: NewStore, store: PostgresStore, opened: Open) -> None:
    """Writers that are at work, whatever their floor, keep nobody from starting."""
    slow = [await opened("slow", 3)]
    await store.commit(append("a"))
    slow.append(await opened("b"))
    other = new_store()
    await other.start()
    assert await other.log.head() == 0
    for one in slow:
        await one.execute("ROLLBACK")
    assert len(await whole_log(other)) == 1
    await other.stop()


@pytest.mark.parametrize("taken", ["floor_key + 7", "floor_key", "draw_key + 1", "upgrade_key + 1"])
async def test_another_user_of_the_locks_is_named(
    new_store: NewStore, store: PostgresStore, names: Names, connect: Connect, taken: str
) -> None:
    """A lock of this log's that no writer takes: beyond the head, or alone where they share it."""
    await store.commit(append("a"))
    name, _, beyond = taken.partition(" + ")
    intruder = await connect(server_settings={"application_name": "intruder"})
    key = getattr(names, name) + int(beyond or 0)
    await intruder.execute("SELECT pg_advisory_lock($1)", key)
    fault = (await refusal(new_store())).fault
    assert (fault.code, str(intruder.get_server_pid()) in fault.where) == ("keys_used", True)
    assert "(intruder)" in fault.where
    assert str(key) in fault.text


async def test_locks_of_others_are_let_be(new_store: NewStore, plain: Plain) -> None:
    """Those of two numbers, of other ranges, and of other databases."""
    await plain.execute("SELECT pg_advisory_lock(1), pg_advisory_lock(1073741824, 5), pg_advisory_lock(-1)")
    store = new_store()
    await store.start()
    await store.stop()


@pytest.mark.usefixtures("store")
async def test_another_log_on_the_same_locks_is_refused(postgres_database: str, plain: Plain, names: Names) -> None:
    """Of 4096 ranges two schemas may get the same one: they would have each other's readers wait."""
    twin = next(name for n in range(100_000) if crc32((name := f"twin_{n}").encode()) & 0xFFF == names.space)
    try:
        fault = (await refusal(PostgresStore(postgres_database, schema=twin))).fault
        assert (fault.code, fault.where) == ("keys_shared", f"the schema {twin!r}")
        assert repr(names.schema) in fault.text
    finally:
        await plain.execute(f"DROP SCHEMA IF EXISTS {twin} CASCADE")


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_a_connection_at_another_isolation_level_is_refused(connect: Connect, plain: Plain, level: str) -> None:
    """A pooler that keeps what the driver asks for to itself leaves what the database is set to."""
    database = await plain.fetchval("SELECT quote_ident(current_database())")
    await plain.execute(f"ALTER DATABASE {database} SET default_transaction_isolation = '{level}'")
    try:
        with pytest.raises(FaultError, match=f"is at {level.upper()}, and must be at READ COMMITTED"):
            await prove_isolation(await connect())
    finally:
        await plain.execute(f"ALTER DATABASE {database} RESET default_transaction_isolation")


async def test_whoever_holds_readers_back_is_named(
    new_store: NewStore, opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """The process, its program and since when: once for each while, and never because nothing happens."""
    store = new_store(turn_timeout=0.0)  # so it looks for somebody whenever the log stands still
    await store.start()
    await store.commit(append("a"))
    with caplog.at_level(logging.WARNING, "twofold.postgres"):
        assert [await store.log.head() for _ in range(3)] == [1, 1, 1]
        assert caplog.messages == []
        slow = await opened("slow", server_settings={"application_name": "by hand"})
        await store.commit(append("b"))
        assert [await store.log.head() for _ in range(2)] == [1, 1]
    pid = slow.get_server_pid()
    assert all(f"wait at position 1 for process {pid} of PostgreSQL (by hand)" in said for said in caplog.messages)
    assert len(caplog.messages) == 2
    await slow.execute("ROLLBACK")
    assert await store.log.head() == 3
    await store.stop()


async def test_a_transaction_of_a_frozen_process_is_ended_by_the_server(postgres_url: str, plain: Plain) -> None:
    """A process that stands still while it holds one cannot end it; the server does, and readers wait no longer."""
    words = [sys.executable, "-c", HOLD, postgres_url, schema_of(postgres_url)]
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    assert process.stdout
    alive = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND pid = $1"
    pid = int(await process.stdout.readline())
    try:
        process.send_signal(signal.SIGSTOP)
        assert await plain.fetchval(alive, pid)
        async with asyncio.timeout(30):
            while await plain.fetchval(alive, pid):
                await plain.execute("SELECT pg_stat_clear_snapshot()")
    finally:
        process.kill()
        await process.wait()
