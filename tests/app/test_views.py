"""Materialized views: refreshed on events after what they select from, or by the clock, and never seen half done."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from tests.app.selecting import selected
from tests.until import until
from twofold import App, Event, Module, Rows, event
from twofold.dispatch import Mode
from twofold.errors import Fault
from twofold.messages import Context
from twofold.projections import Refresher
from twofold.sql import View
from twofold.store import Batch, Delete, Fact, Store, Upsert
from twofold.subscriptions import Trouble

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    payer: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """One that no view is refreshed on."""


class Tables(DeclarativeBase):
    pass


class PaymentRow(Tables):
    __tablename__ = "payments"

    number: Mapped[int] = mapped_column(primary_key=True)
    payer: Mapped[str]
    amount: Mapped[int]


class PlainRow(Tables):
    __tablename__ = "plain"

    name: Mapped[str] = mapped_column(primary_key=True)
    group: Mapped[str]


def sums(**when: Any) -> View:
    """What each payer has paid."""
    statement = select(PaymentRow.payer, func.sum(PaymentRow.amount).label("total")).group_by(PaymentRow.payer)
    return View("payer_sums", statement, key=["payer"], **when)


class Payments:
    """Fills the table that the view selects from; `away` makes it fail."""

    away = False
    number = 0

    def paid(self, event: Paid, rows: Rows) -> None:
        if Payments.away:
            raise ConnectionError("away")
        Payments.number += 1
        rows.upsert(PaymentRow, {"number": Payments.number}, payer=event.payer, amount=event.amount)


@pytest.fixture
def database(each_database: Database) -> str:
    return each_database.address


@pytest.fixture(autouse=True)
def fresh() -> None:
    Payments.away, Payments.number = False, 0


@pytest.fixture
def refreshes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The views that are refreshed, each time."""
    done: list[str] = []
    handle = Refresher.handle

    async def noted(self: Refresher, facts: list[Fact], settled: Batch) -> None:
        await handle(self, facts, settled)
        done.append(self.name)

    monkeypatch.setattr(Refresher, "handle", noted)
    return done


def app_with(database: str, *views: View, mode: Mode = "async", **options: Any) -> App:
    module = Module("till")
    module.events(Noted)
    module.projection("payments", mode=mode, tables=[PaymentRow])(Payments)
    for view in views:
        module.view(view)
    return App("till", modules=[module], database=database, **options)


async def pay(app: App, *payments: tuple[str, int]) -> None:
    unit = app.new_unit(Context())
    for payer, amount in payments:
        unit.append(f"payer-{payer}", Paid(payer=payer, amount=amount))
    await unit.commit()


async def totals(store: Store, name: str = "payer_sums") -> dict[Any, Any]:
    return {row[0]: row[1] for row in await selected(store, f"SELECT * FROM {name}")}


@event(version=2)
@dataclass(frozen=True, kw_only=True)
class Refunded(Event):
    """One whose form has changed."""


async def test_an_event_of_a_later_version_refreshes_it_too(database: str) -> None:
    """What is read of it is that it happened; its version is its own."""
    async with app_with(database, sums(refresh_on=[Paid, Refunded])) as app:
        await pay(app, ("ada", 2))
        await app.settle()
        unit = app.new_unit(Context())
        unit.append("refund-1", Refunded())
        await unit.commit()
        await app.settle()
        assert await totals(app.store) == {"ada": 2}


@pytest.mark.parametrize("mode", ["inline", "async"])
async def test_after_an_event_it_holds_what_its_statement_selects(database: str, mode: Mode) -> None:
    """Whether the projection that fills its table is inline or behind the log: it comes first."""
    async with app_with(database, sums(refresh_on=[Paid]), mode=mode) as app:
        for count in range(1, 11):
            await pay(app, ("ada", 2), ("bob", 3))
            await app.settle()
            assert await totals(app.store) == {"ada": 2 * count, "bob": 3 * count}


async def test_it_waits_for_what_fills_its_tables(database: str, refreshes: list[str]) -> None:
    """A projection that is away holds it; then it is refreshed with all that came meanwhile."""
    app = app_with(database, sums(refresh_on=[Paid]))
    failed = asyncio.Event()
    app.observe(observer=lambda trouble: failed.set())
    async with app:
        Payments.away = True
        await pay(app, ("ada", 1))
        await asyncio.wait_for(failed.wait(), 10)
        await pay(app, ("ada", 2))
        assert (refreshes, await totals(app.store)) == ([], {})
        Payments.away = False
        await app.settle()
        assert await totals(app.store) == {"ada": 3}


async def test_however_much_has_happened_it_is_refreshed_once(database: str, refreshes: list[str]) -> None:
    """A new view catches up with a long log by one refresh; what it is not refreshed on costs none."""
    async with app_with(database) as app:
        await pay(app, *((f"payer {n % 7}", 1) for n in range(2000)))
        await app.settle()
    for _ in range(2):  # the second start finds nothing to do
        async with app_with(database, sums(refresh_on=[Paid])) as app:
            await app.settle()
            assert refreshes == ["payer_sums"]
            assert sum((await totals(app.store)).values()) == 2000
            unit = app.new_unit(Context())
            unit.append("notes", Noted())
            await unit.commit()
            await app.settle()
            assert refreshes == ["payer_sums"]


async def test_readers_never_see_it_empty(database: str, refreshes: list[str]) -> None:
    """While it is rebuilt they see the rows of the refresh before, all of them."""
    async with app_with(database, sums(refresh_on=[Paid])) as app:
        payers = [f"payer {n}" for n in range(200)]
        await pay(app, *((payer, 1) for payer in payers))
        await app.settle()
        seen: list[dict[str, int]] = []

        async def read() -> None:
            while len(refreshes) < 8:
                seen.append(await totals(app.store))

        readers = [asyncio.create_task(read()) for _ in range(3)]
        while len(refreshes) < 8:
            await pay(app, *((payer, 1) for payer in payers))
            await app.settle()
        await asyncio.gather(*readers)
        assert len(seen) > 8
        assert all(len(rows) == 200 and len(set(rows.values())) == 1 for rows in seen)


async def test_a_view_of_a_view_comes_after_it(database: str) -> None:
    """However they are declared."""
    first = sums(refresh_on=[Paid])
    statement = select(func.max(first.c.total).label("most"), func.count().label("payers"))
    second = View("best", statement, key=["most"], refresh_on=[Paid])
    assert second.reads == {"payer_sums"}
    async with app_with(database, first, second) as app:
        for count in range(1, 6):
            await pay(app, ("ada", 2), ("bob", 3))
            await app.settle()
            assert await totals(app.store, "best") == {3 * count: 2}


class TickingClock:
    """A wall clock that is moved by hand; leases go by the other one."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return time.monotonic()


@asynccontextmanager
async def by_the_clock(database: str, clock: TickingClock) -> AsyncIterator[App]:
    async with app_with(database, sums(refresh_every=60.0), clock=clock) as app:
        yield app


async def test_by_the_clock_it_is_refreshed_once_in_each_interval(database: str, refreshes: list[str]) -> None:
    """Not before, whatever happens; once, however many intervals have passed; and not again after a restart."""
    clock = TickingClock()
    async with by_the_clock(database, clock) as app:
        await until(counted(refreshes, 1))
        await pay(app, ("ada", 1))
        await app.settle()
        assert await totals(app.store) == {}
        for count, minutes in ((2, 1), (3, 1), (4, 7)):
            clock.time += timedelta(minutes=minutes)
            await until(counted(refreshes, count))
            assert await totals(app.store) == {"ada": 1}
    async with by_the_clock(database, clock) as app:
        await app.settle()
        assert [one.lag for one in await app.progress()] == [0, 0]
    assert len(refreshes) == 4


async def test_by_the_clock_one_of_several_processes_refreshes_it(database: str, refreshes: list[str]) -> None:
    """The owner of its checkpoint; when that one stops, the other goes on."""
    clock = TickingClock()
    async with by_the_clock(database, clock) as one:
        await until(counted(refreshes, 1))
        async with app_with(database, sums(refresh_every=60.0), clock=clock) as other:
            for count in (2, 3):
                clock.time += timedelta(minutes=1)
                await until(counted(refreshes, count))

            async def shared() -> bool:
                owned = [progress.owned for app in (one, other) for progress in await app.progress()]
                return sorted(owned) == [False, False, True, True]

            await until(shared)
            await one.stop()
            clock.time += timedelta(minutes=1)
            await until(counted(refreshes, 4))
    assert len(refreshes) == 4


async def test_a_clock_that_is_put_back_stops_nothing(database: str, refreshes: list[str]) -> None:
    """It waits until the clock is where it was; no error, and no refresh for what is past."""
    clock, told = TickingClock(), list[Trouble]()
    async with by_the_clock(database, clock):
        await until(counted(refreshes, 1))
    clock.time -= timedelta(minutes=30)
    app = app_with(database, sums(refresh_every=60.0), clock=clock)
    app.observe(observer=told.append)
    async with app:
        await until(lambda: follows(app, "payer_sums"))
        clock.time += timedelta(minutes=31)
        await until(counted(refreshes, 2))
    assert told == []


async def follows(app: App, name: str) -> bool:
    return any(one.name == name and one.owned for one in await app.progress())


def counted(done: list[str], count: int) -> Callable[[], Any]:
    async def condition() -> bool:
        return len(done) >= count

    return condition


async def test_one_that_cannot_be_refreshed_is_told_and_tried_again(database: str) -> None:
    """No event is put aside for it; the rows of the last refresh stay."""
    view = View("groups", select(PlainRow.group, PlainRow.name), key=["group"], refresh_on=[Noted])
    module = Module("plain")
    module.state(PlainRow)
    module.events(Noted)
    module.view(view)
    app, told, failed = App("plain", modules=[module], database=database), list[Trouble](), asyncio.Event()

    def tell(trouble: Trouble) -> None:
        told.append(trouble)
        if len(told) == 6:  # one more than what parks an event
            failed.set()

    app.observe(observer=tell)
    async with app:
        await app.store.commit(Batch(rows=(Upsert(PlainRow, {"name": "a"}, {"group": "x"}),)))
        await note(app)
        await app.settle()
        await app.store.commit(Batch(rows=(Upsert(PlainRow, {"name": "b"}, {"group": "x"}),)))
        await note(app)
        await asyncio.wait_for(failed.wait(), 20)
        assert "view groups cannot be refreshed" in str(told[-1].error)
        assert not any(trouble.parked for trouble in told)
        assert await totals(app.store, "groups") == {"x": "a"}
        await app.store.commit(Batch(rows=(Delete(PlainRow, {"name": "a"}),)))
        await app.settle(timeout=20)
        assert await totals(app.store, "groups") == {"x": "b"}


async def note(app: App) -> None:
    unit = app.new_unit(Context())
    unit.append("notes", Noted())
    await unit.commit()


def only(app: App) -> Fault:
    faults = app.check()
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def test_two_of_one_name_are_a_fault() -> None:
    """A view and a projection too: a checkpoint is kept under the name."""
    view = View("payments", select(PaymentRow.number), key=["number"], refresh_every=1)
    assert (only(app_with("never-opened.db", view)).code, only(app_with("never-opened.db", view)).where) == (
        "duplicate_name",
        "view payments",
    )


def test_one_that_selects_from_what_is_live_is_a_fault() -> None:
    """There is no table to select from."""
    assert only(app_with("never-opened.db", sums(refresh_every=1), mode="live")).code == "live_source"


def test_what_is_no_view_is_a_fault() -> None:
    """A bare statement says neither when to refresh it nor what tells its rows apart."""
    module = Module("m")
    module.view(select(PaymentRow.number))
    assert only(App("m", modules=[module], database="never-opened.db")).code == "unusable_view"


def test_without_sql_it_is_a_fault() -> None:
    """The store in memory selects nothing."""
    module = Module("m")
    module.view(sums(refresh_every=1))
    fault = only(App("m", modules=[module], database="memory:"))
    assert (fault.code, fault.text) == ("unusable_view", "is a view, and the store knows no SQL")
