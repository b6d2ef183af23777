"""One switch: a projection goes from inline to async and back, and every event is in its rows once."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from examples._demo.database import Database, PostgresSchema
from tests.app.selecting import selected
from twofold import App, Event, Module, Rows
from twofold.app._database import store_of
from twofold.dispatch import Mode
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import Conflict
from twofold.messages import Context
from twofold.store import INLINE, MemoryStore, Store
from twofold.subscriptions import EventNotHandled, Trouble

pytestmark = pytest.mark.anyio

SUMS = Table(
    "sums",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("events", Integer, nullable=False),
    Column("total", Integer, nullable=False),
)
MANY = 1200  # more than two pages of a projector

Open: TypeAlias = Callable[[], Store]
Look: TypeAlias = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    """An event that the projection wants."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """One that it does not want."""


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one database again and again, as processes do that run one after the other."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "switch.db")
    if request.param == "postgres":
        schema: PostgresSchema = request.getfixturevalue("postgres_schema")
        return lambda: store_of(schema.address, "switch")
    store = MemoryStore()
    return lambda: store


@pytest.fixture
def shared(each_database: Database) -> Open:
    """Opens one database as processes do that run at the same time."""
    return lambda: store_of(each_database.address, "switch")


def app_in(mode: Mode | None, store: Store, look: Look = lambda _: None) -> App:
    """An application with the projection in a mode, or without it; `look` sees every amount that it is given."""
    module = Module("till")
    module.events(Paid, Noted)
    module.state(SUMS)
    if mode is not None:

        @module.projection("sums", mode=mode, tables=[SUMS])
        class Sums:
            def paid(self, event: Paid, rows: Rows) -> None:
                look(event.amount)
                rows.add(SUMS, {"name": "all"}, events=1, total=event.amount)

    return App("till", modules=[module], database=store)


async def pay(app: App, *amounts: int) -> None:
    """Record events in one unit of work, the last of them one that the projection does not want."""
    unit = app.new_unit(Context())
    unit.append("till", *(Paid(amount=amount) for amount in amounts), Noted())
    await unit.commit()


async def sums(store: Store) -> tuple[int, int]:
    """How many events the rows have counted, and their total."""
    if isinstance(store, MemoryStore):
        found = await store.read(lambda tables: [(row["events"], row["total"]) for row in tables.rows(SUMS)])
    else:
        found = await selected(store, "SELECT events, total FROM sums")
    return next(((row[0], row[1]) for row in found), (0, 0))


async def run(mode: Mode | None, store: Store, *amounts: int) -> tuple[int, int]:
    """Start in a mode, record events, settle and stop: what the rows have then."""
    async with app_in(mode, store) as app:
        await pay(app, *amounts)
        await app.settle()
        return await sums(store)


async def test_from_inline_to_async_it_doubles_nothing_and_goes_on(database: Open) -> None:
    """What was counted inline is behind its checkpoint."""
    assert await run("inline", database(), 1, 2, 3) == (3, 6)
    assert await run("async", database(), 10) == (4, 16)
    assert await run("async", database(), 20) == (5, 36)


async def test_from_async_to_inline_it_catches_up_first(database: Open) -> None:
    """From where it stood, before the first message is accepted."""
    assert await run("async", database(), 1, 2) == (2, 3)
    assert await run(None, database(), 3, 4) == (2, 3)
    store = database()
    async with app_in("inline", store) as app:
        assert await sums(store) == (4, 10)
        await pay(app, 5)
        assert await sums(store) == (5, 15)


async def test_a_new_inline_projection_has_all_the_old_events(database: Open) -> None:
    """Over several pages, and once."""
    await run(None, database(), *range(MANY))
    store = database()
    async with app_in("inline", store):
        assert await sums(store) == (MANY, sum(range(MANY)))
        assert (await store.checkpoints.get("sums")).position == INLINE
    assert await run("inline", database(), 1) == (MANY + 1, sum(range(MANY)) + 1)


async def test_on_a_new_database_either_mode_counts_from_the_first_event(database: Open) -> None:
    """Also when it is switched before there is any."""
    async with app_in("inline", database()):
        pass
    async with app_in("async", database()):
        pass
    assert await run("inline", database(), 1) == (1, 1)


async def test_there_and_back_and_again_every_event_counts_once(database: Open) -> None:
    """With events in each mode, and some that it is behind when it goes inline."""
    modes: list[Mode | None] = ["inline", "async", None, "inline", "async", "inline", "async", None]
    for mode in modes:
        await run(mode, database(), 1, 10)
    assert await run("inline", database()) == (2 * len(modes), 11 * len(modes))


async def test_a_crash_in_the_catch_up_resumes_where_it_stood(database: Open) -> None:
    """The start fails; what came before the crash stays written, and is not given again."""
    await run(None, database(), *range(MANY))
    seen: list[int] = []

    def crash(amount: int) -> None:
        if amount == 700:
            raise OSError("the power is gone")

    store = database()
    app = app_in("inline", store, crash)
    with pytest.raises(EventNotHandled, match="'paid' at position 701, of stream 'till': OSError: the power is gone"):
        await app.start()
    assert not app.running
    store = database()
    async with app_in("inline", store, seen.append) as app:
        assert seen == list(range(700, MANY))
        await pay(app, 5)
        assert await sums(store) == (MANY + 1, sum(range(MANY)) + 5)


async def test_a_conflict_of_its_own_fails_the_start(database: Open) -> None:
    """It is not taken for another process, and tried for ever."""
    await run(None, database(), *range(MANY))

    def refuse(amount: int) -> None:
        if amount == 700:
            raise Conflict("of its own")

    with pytest.raises(EventNotHandled, match="Conflict: of its own"):
        await app_in("inline", database(), refuse).start()


@pytest.mark.parametrize("mode", ["inline", "async"])
async def test_two_that_start_at_once_count_every_event_once(shared: Open, mode: Mode) -> None:
    """Whoever loses looks again, and goes on."""
    other: Mode = "async" if mode == "inline" else "inline"
    await run(other, shared(), 1)
    await run(None if mode == "inline" else other, shared(), *range(MANY))
    stores = shared(), shared()
    apps = [app_in(mode, store) for store in stores]
    await asyncio.gather(*(app.start() for app in apps))
    try:
        for app in apps:
            await pay(app, 5)
        if mode == "async":
            await apps[0].settle()
        assert await sums(stores[0]) == (MANY + 3, sum(range(MANY)) + 11)
    finally:
        for app in apps:
            await app.stop()


async def test_another_that_overtakes_the_catch_up_is_believed(shared: Open) -> None:
    """It has counted a new event before a page of ours is written; the page is refused, and the start goes on."""
    await run(None, shared(), 1, 2)
    others: list[threading.Thread] = []

    def overtaken(_: int) -> None:
        if not others:
            others.append(threading.Thread(target=lambda: asyncio.run(run("inline", shared(), 10))))
            others[0].start()
            others[0].join()

    store = shared()
    async with app_in("inline", store, overtaken) as app:
        assert await sums(store) == (3, 13)
        await pay(app, 100)
        assert await sums(store) == (4, 113)


async def test_a_follower_left_in_the_old_mode_is_told_and_counts_nothing_again(shared: Open) -> None:
    """It never takes the mark for a position."""
    old, store, failed = app_in("async", shared()), shared(), asyncio.Event()
    told: list[str] = []

    def tell(trouble: Trouble) -> None:
        told.append(str(trouble.error))
        if len(told) == 2:
            failed.set()

    old.observe(observer=tell)
    async with old:
        await pay(old, 1)
        await old.settle()
        async with app_in("inline", store) as new:
            await pay(new, 10)
            async with asyncio.timeout(10):
                await failed.wait()
            assert "inline in another process" in told[1]
            assert await sums(store) == (2, 11)
