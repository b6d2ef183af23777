"""Two processes write to one file while somebody reads for long: nobody is locked out, and its WAL shrinks again."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.drivers.sqlite.conftest import Start
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite._open import LARGEST_IDLE_WAL
from twofold.store import Append, Batch
from twofold.testing._store_case import draft

pytestmark = pytest.mark.anyio

WRITE = """
import asyncio, secrets, sys
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, Batch
from twofold.testing._store_case import draft

async def main():
    store = SqliteStore(sys.argv[1])
    await store.start()
    over = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
    written = 0

    async def write(stream):
        nonlocal written
        while not over.done():
            written = written + 1
            await store.commit(Batch((Append(stream, (draft(text=secrets.token_hex(4000)),)),)))

    print("open", flush=True)
    await asyncio.gather(*(write(f"there-{n}") for n in range(4)))
    await store.stop()
    print(written)

asyncio.run(main())
"""
STREAMS = """
SELECT stream, count(*) FROM twofold_events GROUP BY stream HAVING count(*) = max(version)
"""
SLACK = 8 * 1024 * 1024
"""What is written until SQLite looks again whether it may begin anew, and more."""


async def one_long_read(store: SqliteStore, wal: Path, size: int) -> int:
    """Read for so long that what others write meanwhile is too much, and go on; how much was written here."""
    looked, done = threading.Event(), threading.Event()

    def look_long(connection: sqlite3.Connection) -> int:
        before: int = connection.execute("SELECT count(*) FROM twofold_events").fetchone()[0]
        looked.set()
        done.wait(60)
        assert connection.execute("SELECT count(*) FROM twofold_events").fetchone()[0] == before
        return before

    reading = asyncio.create_task(store.read(look_long))
    assert await asyncio.to_thread(looked.wait, 20)
    written = 0

    def too_large() -> bool:
        return wal.stat().st_size > LARGEST_IDLE_WAL + SLACK

    async def write_while(larger: bool) -> None:
        nonlocal written
        async with asyncio.timeout(60):
            while too_large() is larger:
                await store.commit(Batch((Append("here", tuple(draft(text="." * size) for _ in range(20))),)))
                written += 20

    await write_while(larger=False)
    done.set()
    await reading
    await write_while(larger=True)
    return written


@pytest.mark.parametrize("seconds, size", [(0, 100_000), pytest.param(60, 8_000, marks=pytest.mark.faults)])
async def test_a_long_reader_locks_nobody_out(
    store: SqliteStore, path: Path, start: Start, seconds: int, size: int
) -> None:
    """No writer is told that the file is locked; what waits to be moved into it shrinks once the reader goes on."""
    writer = start(WRITE, path)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "open\n"
    until, written = time.monotonic() + seconds, 0
    while True:
        written += await one_long_read(store, path.with_name(f"{path.name}-wal"), size)
        if time.monotonic() >= until:
            break
    told, _ = await asyncio.to_thread(writer.communicate, "over\n", 60)
    assert writer.returncode == 0
    found = dict(await store.read(lambda connection: connection.execute(STREAMS).fetchall()))
    assert sum(found.values()) == written + int(told)
    assert found["here"] == written
    assert len(found) == 5
