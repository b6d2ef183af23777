"""Disks that are full: what cannot be written is refused, and when there is room again the store goes on by itself."""

import asyncio
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from tools.postgres import Server, private_server, remove
from twofold.drivers.postgres import PostgresStore
from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.store import Append, Batch
from twofold.testing._store_case import draft, versions, whole_log

pytestmark = pytest.mark.anyio

STREAMS = ("s0", "s1", "s2", "s3")


@dataclass
class Told:
    """What writers were told about the events that they have sent."""

    acknowledged: set[UUID] = field(default_factory=set[UUID])
    refused: set[UUID] = field(default_factory=set[UUID])
    unknown: set[UUID] = field(default_factory=set[UUID])


async def write(store: PostgresStore, told: Told, done: Callable[[], bool]) -> None:
    """Write to several streams side by side, until it is done."""

    async def fill(stream: str) -> None:
        while not done():
            events = tuple(draft(text=secrets.token_hex(700)) for _ in range(20))
            ids = {event.id for event in events}
            try:
                await store.commit(Batch((Append(stream, events),)))
            except OutcomeUnknown:
                told.unknown |= ids
            except StoreUnavailable:
                told.refused |= ids
            else:
                told.acknowledged |= ids

    async with asyncio.timeout(60), asyncio.TaskGroup() as writers:
        for stream in STREAMS:
            writers.create_task(fill(stream))


async def check(store: PostgresStore, told: Told) -> None:
    """What was acknowledged is there, and what was refused is not."""
    log = [event.id for event in await whole_log(store)]
    assert len(log) == len(set(log))
    assert told.acknowledged <= set(log) <= told.acknowledged | told.unknown
    for stream in STREAMS:
        found = await versions(store, stream)
        assert found == list(range(1, len(found) + 1))


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="nothing sets the limits of another process")
async def test_a_quota_refuses_and_recovers() -> None:
    """What the system refuses to store is refused whole, side by side; the same store goes on when there is room."""
    told = Told()
    with private_server(autovacuum="off") as server:
        store = PostgresStore(server.url(), pool_size=4)
        await store.start()
        server.limit_files(1_500_000)
        await write(store, told, lambda: len(told.refused) >= 200)
        assert told.acknowledged
        assert not told.unknown
        await check(store, told)
        server.limit_files(-1)
        before = len(told.acknowledged)
        await write(store, told, lambda: len(told.acknowledged) >= before + 200)
        await check(store, told)
        await store.stop()


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of its own; skipped where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="twofold-disk-"))
    words = ["mount", "-t", "tmpfs", "-o", "size=96m,mode=1777", "twofold", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        done = subprocess.CompletedProcess(words, 1, stderr=str(error))
    if done.returncode:
        folder.rmdir()
        pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@contextmanager
def server_on(disk: Path, what: str) -> Iterator[Server]:
    """A server that has its data on a disk, or its write-ahead log, and the other elsewhere."""
    elsewhere = Path(tempfile.mkdtemp(prefix="twofold-postgres-"))
    elsewhere.chmod(0o1777)  # the server is another user's
    data, wal = (disk / "server", elsewhere / "wal") if what == "data" else (elsewhere / "server", disk / "wal")
    data.mkdir(mode=0o700)
    server = Server(data, autovacuum="off")
    try:
        server.create(wal)
        server.start()
        yield server
    finally:
        remove(server, data)
        shutil.rmtree(elsewhere)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Have no room on a disk, for a block."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        space = os.statvfs(disk)
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize)
    try:
        yield
    finally:
        ballast.unlink()


@pytest.mark.faults
@pytest.mark.parametrize("what", ["data", "wal"])
async def test_a_disk_that_is_really_full(disk: Path, what: str) -> None:
    """The same; where the write-ahead log is full, PostgreSQL itself goes down, and the store waits for it."""
    told = Told()
    with server_on(disk, what) as server:
        store = PostgresStore(server.url(), pool_size=4)
        await store.start()
        await write(store, told, lambda: len(told.acknowledged) >= 100)
        with full(disk):
            await write(store, told, lambda: len(told.refused) >= 500)
        running = await asyncio.to_thread(lambda: server.running)
        assert running or what == "wal"
        if not running:
            await asyncio.to_thread(server.start)
        before = len(told.acknowledged)
        await write(store, told, lambda: len(told.acknowledged) >= before + 100)
        assert not told.unknown or what == "wal"
        await check(store, told)
        await store.stop()
