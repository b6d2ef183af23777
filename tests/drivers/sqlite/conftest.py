import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from twofold.drivers.sqlite import SqliteStore, _open
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.store import Batch, Committed

Together = Callable[[SqliteStore, Sequence[Batch]], Awaitable[list[Committed | BaseException]]]
StoreOn = Callable[[type[GuardedConnection]], Awaitable[SqliteStore]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, turn_timeout=30, busy_timeout=30)
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def store_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StoreOn]:
    """Starts the store on connections of another class, and stops it in the end."""
    store = SqliteStore(path, turn_timeout=30, busy_timeout=30)

    async def start(connection: type[GuardedConnection]) -> SqliteStore:
        monkeypatch.setattr(_open, "GuardedConnection", connection)
        await store.start()
        return store

    yield start
    await store.stop()


@pytest.fixture
def together() -> Together:
    """Commits units in one group: they queue up behind a transaction that is held."""

    async def commit(store: SqliteStore, units: Sequence[Batch]) -> list[Committed | BaseException]:
        held = store.begin()
        await held.run(lambda connection: None)
        tasks = [asyncio.create_task(store.commit(unit)) for unit in units]
        await asyncio.sleep(0)
        await held.rollback()
        return await asyncio.gather(*tasks, return_exceptions=True)

    return commit


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python programs, and leaves none behind."""
    started = list[subprocess.Popen[str]]()

    def run(program: str, *arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, as another program sees it."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()
