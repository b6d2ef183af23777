"""Short reads in the event loop: when they are done there, and that none keeps it, whatever it does."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from twofold.drivers.sqlite import SqliteStore, _at_hand, _readers
from twofold.drivers.sqlite._at_hand import AtHand, Elsewhere
from twofold.drivers.sqlite._open import Database
from twofold.errors import StoreUnavailable

pytestmark = pytest.mark.anyio

T = TypeVar("T")

LONG = 30
MANY = 100
"""More reads than are ever done in a row in the loop."""


class Watch:
    """The time by which reads are long or short; it stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 1.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    for module in (_at_hand, _readers):
        monkeypatch.setattr(module, "monotonic", watch)
    return watch


def here(connection: sqlite3.Connection) -> bool:
    """Whether it is run in the event loop."""
    connection.execute("SELECT 1").fetchone()
    return threading.current_thread() is threading.main_thread()


async def in_the_loop(store: SqliteStore) -> None:
    """Read until the next reads are done in the loop."""
    assert [await store.read_statement(here) for _ in range(9)][-1]


def both(here: Callable[[sqlite3.Connection], T], elsewhere: Callable[[sqlite3.Connection], T]) -> Callable[..., T]:
    """One read in the loop, and another one in a thread."""

    def read(connection: sqlite3.Connection) -> T:
        in_the_loop = threading.current_thread() is threading.main_thread()
        return (here if in_the_loop else elsewhere)(connection)

    return read


async def test_one_after_the_other_they_are_done_in_the_loop(store: SqliteStore) -> None:
    """All but a few, which see whether that is still right."""
    places = [await store.read_statement(here) for _ in range(MANY)]
    assert places == ([False] * 8 + ([True] * 32 + [False]) * 3)[:MANY]


async def test_several_at_once_are_done_by_threads(store: SqliteStore) -> None:
    """So that the loop goes on with what else there is."""
    for _ in range(20):
        assert await asyncio.gather(*(store.read_statement(here) for _ in range(4))) == [False] * 4


async def test_whoever_comes_meanwhile_ends_it(store: SqliteStore) -> None:
    """Once two are on their way to threads, it takes several single ones until the loop reads again."""
    await in_the_loop(store)
    while any(await asyncio.gather(store.read_statement(here), store.read_statement(here))):
        pass
    assert [await store.read_statement(here) for _ in range(8)] == [False] * 8


async def test_a_function_of_a_user_is_never_run_in_the_loop(store: SqliteStore) -> None:
    """It may do anything, and take any time."""
    await in_the_loop(store)
    assert [await store.read(here) for _ in range(MANY)] == [False] * MANY
    assert await store.read_statement(here)


async def test_long_ones_are_for_threads(store: SqliteStore, watch: Watch) -> None:
    """However many come one after the other."""

    def long(connection: sqlite3.Connection) -> bool:
        watch.now += 0.002
        return here(connection)

    assert [await store.read_statement(long) for _ in range(MANY)] == [False] * MANY


async def test_a_long_one_is_stopped_and_done_by_a_thread(store: SqliteStore, watch: Watch) -> None:
    """The database stops it, and the next ones are for threads too."""
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) SELECT count(*) FROM n"
    tried = list[str]()

    def scan(connection: sqlite3.Connection, rows: int) -> int:
        watch.now += 0.002
        try:
            found: int = connection.execute(count.format(rows)).fetchone()[0]
        except sqlite3.OperationalError as error:
            tried.append(str(error))
            raise
        return found

    await in_the_loop(store)
    endless = both(lambda one: scan(one, 10**15), lambda one: scan(one, 1000))
    async with asyncio.timeout(LONG):
        assert await store.read_statement(endless) == 1000
    assert tried == ["interrupted"]
    assert [await store.read_statement(here) for _ in range(9)] == [False] * 8 + [True]


async def test_one_that_had_to_wait_for_its_pages_is_the_last(store: SqliteStore, watch: Watch) -> None:
    """What no step of the database stops is answered, and the next ones are for threads."""

    def slow(connection: sqlite3.Connection) -> bool:
        found = here(connection)
        watch.now += 0.002
        return found

    await in_the_loop(store)
    assert await store.read_statement(slow)
    assert [await store.read_statement(here) for _ in range(9)] == [False] * 8 + [True]


async def test_one_that_fails_is_begun_again_by_a_thread(store: SqliteStore) -> None:
    """What it says there is the answer: what the loop does not wait for is waited for, and an error is raised."""

    def locked(connection: sqlite3.Connection) -> str:
        raise sqlite3.OperationalError("database is locked")

    await in_the_loop(store)
    assert await store.read_statement(both(locked, lambda _: "waited")) == "waited"
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.read_statement(lambda connection: connection.execute("SELECT * FROM nowhere"))


async def test_the_loop_does_not_wait_for_locks(path: Path, store: SqliteStore) -> None:
    """Beside a program that has the file for itself."""
    at_hand = AtHand(Database(path=path, durability="full", busy_timeout=LONG))
    assert at_hand.read(here)
    await store.stop()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(Elsewhere) as refused:
            at_hand.read(lambda connection: connection.execute("SELECT * FROM twofold_meta").fetchall())
        assert "locked" in str(refused.value.__cause__)
        assert time.monotonic() - began < LONG / 2
    other.close()
    at_hand.close()


async def test_the_database_refuses_writes_in_the_loop_too(store: SqliteStore) -> None:
    """Its connection is one that reads."""
    tried = list[bool]()

    def write(connection: sqlite3.Connection) -> None:
        tried.append(threading.current_thread() is threading.main_thread())
        connection.execute("DELETE FROM twofold_meta")

    await in_the_loop(store)
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.read_statement(write)
    assert tried == [True, False]


async def test_a_closed_store_reads_nothing(path: Path, store: SqliteStore) -> None:
    """Neither where it would be at hand, nor because a read that was on its way has ended; it starts as new."""
    await in_the_loop(store)
    last = asyncio.create_task(store.read(here))
    await asyncio.sleep(0)
    await store.stop()
    assert not await last
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await store.read_statement(here)
    assert not path.with_name(f"{path.name}-wal").exists()
    await store.start()
    assert [await store.read_statement(here) for _ in range(9)] == [False] * 8 + [True]


async def test_whoever_finds_it_taken_goes_elsewhere(path: Path, store: SqliteStore) -> None:
    """Two event loops never meet on its connection, and it is not closed under one of them."""
    at_hand = AtHand(Database(path=path, durability="full", busy_timeout=LONG))
    begun, go_on = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> int:
        begun.set()
        assert go_on.wait(LONG)
        found: int = connection.execute("SELECT 1").fetchone()[0]
        return found

    holding = asyncio.create_task(asyncio.to_thread(at_hand.read, hold))
    assert await asyncio.to_thread(begun.wait, LONG)
    with pytest.raises(Elsewhere):
        at_hand.read(here)
    closing = asyncio.create_task(asyncio.to_thread(at_hand.close))
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(LONG):
        assert await holding == 1
        await closing
    with pytest.raises(Elsewhere):
        at_hand.read(here)
