"""Several processes and event loops on one file, and processes that end without saying so."""

import asyncio
import contextlib
import gc
import sqlite3
import threading
from pathlib import Path

import pytest

from tests.drivers.sqlite.conftest import Start
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import StoreUnavailable, WiringError
from twofold.testing._store_case import append, versions, whole_log
from twofold.testing._store_closing import close

pytestmark = pytest.mark.anyio

WRITE = """
import asyncio, sys
from twofold.drivers.sqlite import SqliteStore
from twofold.testing._store_closing import close
from twofold.testing._store_case import append

async def main():
    store = SqliteStore(sys.argv[1])
    await store.start()
    print("open", flush=True)
    sys.stdin.readline()

    async def write(task):
        for _ in range(60):
            await store.commit(append(f"{sys.argv[2]}-{task}"))
            await store.commit(append("shared", 2))
            await store.log.head()

    await asyncio.gather(*(write(task) for task in range(5)))
    await store.stop()

asyncio.run(main())
"""

LEAVE_WITHOUT_CLOSING = """
import asyncio, sys
from twofold.drivers.sqlite import SqliteStore
from twofold.testing._store_closing import close
from twofold.testing._store_case import append

SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

async def main():
    global store
    store = SqliteStore(sys.argv[1])
    await store.start()
    await asyncio.gather(*(store.commit(append(f"s{n}")) for n in range(50)))
    for _ in range(3):
        asyncio.ensure_future(store.read(lambda connection: connection.execute(SLOW).fetchone()))
    held = store.begin()
    if sys.argv[2] == "holding":
        await held.run(lambda connection: connection.execute("CREATE TABLE held (name TEXT)"))
    await store.log.head()
    for n in range(50):
        asyncio.ensure_future(store.commit(append(f"late{n}")))
    await asyncio.sleep(0)

asyncio.run(main())
print("gone", flush=True)
"""


async def test_two_processes_write_side_by_side(store: SqliteStore, path: Path, start: Start) -> None:
    """Two processes and a long reader share a file: nobody is told that it is locked, and nothing is lost."""
    writers = [start(WRITE, path, name) for name in ("one", "two")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "open\n"
        writer.stdin.write("go\n")
        writer.stdin.flush()
    looked, done = threading.Event(), threading.Event()

    def look_long(connection: sqlite3.Connection) -> object:
        connection.execute("SELECT count(*) FROM twofold_events").fetchone()
        looked.set()
        return done.wait(60)

    reading = asyncio.create_task(store.read(look_long))
    await asyncio.to_thread(looked.wait, 20)
    for _ in range(20):
        await store.commit(append("here"))
    assert [await asyncio.to_thread(writer.wait, 60) for writer in writers] == [0, 0]
    done.set()
    await reading
    assert len(await whole_log(store)) == 2 * 5 * 60 * 3 + 20
    assert await versions(store, "shared") == list(range(1, 2 * 5 * 60 * 2 + 1))


@pytest.mark.parametrize("state", ["idle", "holding"])
async def test_an_interpreter_ends_with_the_store_open(path: Path, start: Start, state: str) -> None:
    """A process that ends while threads read, write and hold a transaction ends at once, and cleanly."""
    process = start(LEAVE_WITHOUT_CLOSING, path, state)
    assert await asyncio.to_thread(process.wait, 30) == 0
    assert process.stdout is not None
    assert process.stdout.read() == "gone\n"
    store = SqliteStore(path)
    await store.start()
    streams = {event.stream for event in await whole_log(store)}
    assert {f"s{n}" for n in range(50)} <= streams <= {f"s{n}" for n in range(50)} | {f"late{n}" for n in range(50)}
    await store.stop()


async def test_a_forgotten_store_ends_its_threads(path: Path) -> None:
    """A store that nobody holds any more takes its threads with it."""
    before = set(threading.enumerate())
    store = SqliteStore(path)
    await store.start()
    await store.commit(append("a"))
    await store.log.head()
    threads = set(threading.enumerate()) - before
    assert len(threads) == 2
    del store
    gc.collect()
    for thread in threads:
        await asyncio.to_thread(thread.join, 20)
        assert not thread.is_alive()


async def test_processes_that_start_together_all_open(path: Path, start: Start) -> None:
    """Several processes that create the same database at the same moment all succeed."""
    writers = [start(WRITE.replace("range(60)", "range(1)"), path, number) for number in range(4)]
    for writer in writers:
        await asyncio.to_thread(writer.communicate, "go\n", 60)
    assert [writer.returncode for writer in writers] == [0] * 4
    store = SqliteStore(path)
    await store.start()
    assert await versions(store, "shared") == list(range(1, 4 * 5 * 2 + 1))
    await store.stop()


async def test_a_newer_schema_is_refused(path: Path) -> None:
    """A database that a newer twofold made is left alone."""
    store = SqliteStore(path)
    await store.start()
    await store.stop()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE twofold_meta SET value = '99' WHERE name = 'schema'")
    connection.close()
    with pytest.raises(WiringError, match="schema 99"):
        await store.start()
    with pytest.raises(StoreUnavailable):
        await store.commit(append("a"))
    await store.stop()


async def test_event_loops_share_a_store(store: SqliteStore) -> None:
    """Tasks of several event loops, in threads of their own, commit to one store."""

    async def write(name: str) -> None:
        await asyncio.gather(*(store.commit(append("shared")) for _ in range(20)), store.commit(append(name)))

    threads = [threading.Thread(target=asyncio.run, args=(write(f"loop-{n}"),)) for n in range(3)]
    for thread in threads:
        thread.start()
    await write("here")
    for thread in threads:
        await asyncio.to_thread(thread.join, 20)
    assert await versions(store, "shared") == list(range(1, 81))
    assert len(await whole_log(store)) == 84


async def test_a_loop_that_is_gone_is_not_missed(store: SqliteStore) -> None:
    """Calls whose event loop was closed before they were decided disturb nobody."""
    held = store.begin()
    await held.run(lambda connection: None)

    def leave() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(store.commit(append("left")))
        loop.call_soon(loop.stop)
        loop.run_forever()
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # a task that is left on purpose
        loop.close()

    await asyncio.to_thread(leave)
    await held.commit(append("a"))
    await store.commit(append("b"))
    assert [event.stream for event in await whole_log(store)] == ["a", "left", "b"]


async def test_positions_are_never_used_again(store: SqliteStore) -> None:
    """When the last events are erased, the head stays, and new events come after it."""
    await store.commit(append("b"))
    await store.commit(append("a", 2))
    await close(store, "a", 2)
    assert await store.log.head() == 3
    assert (await store.commit(append("b"))).position == 4


async def test_a_process_that_hardly_lets_go_starves_nobody(path: Path) -> None:
    """Another one begins to write a moment after each commit of its own, and every write here still has its turn."""
    store = SqliteStore(path)
    await store.start()
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        with contextlib.closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
            while not over.is_set():
                connection.execute("BEGIN IMMEDIATE")
                held.set()
                over.wait(0.005)
                connection.execute("COMMIT")
                over.wait(0.0001)

    holding = asyncio.create_task(asyncio.to_thread(hold))
    try:
        for _ in range(20):
            held.clear()
            assert await asyncio.to_thread(held.wait, 20)
            await store.commit(append("here", 1))
        assert len(await versions(store, "here")) == 20
    finally:
        over.set()
        await holding
        await store.stop()
