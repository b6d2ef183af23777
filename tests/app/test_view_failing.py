"""A materialized view whose query fails: told as its failure, with what to do, wherever somebody looks."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from tests.until import until
from twofold import App, Event, Module, Query, Rows
from twofold.app.administration import administering
from twofold.app.diagnosis import examine
from twofold.errors import NotYetVisible, ViewNotRefreshed
from twofold.messages import Context
from twofold.sql import ReadSession, View
from twofold.store import Recorded
from twofold.subscriptions import Trouble, log_failure

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    payer: str


@dataclass(frozen=True, kw_only=True)
class Count(Query[int]):
    pass


class Tables(DeclarativeBase):
    pass


class PaymentRow(Tables):
    __tablename__ = "payments"

    position: Mapped[int] = mapped_column(primary_key=True)
    payer: Mapped[str]


_PAYERS = select(PaymentRow.payer, PaymentRow.position)  # two rows of one payer break its key


def app_on(database: Database | str, **when: Any) -> App:
    module, view = Module("till"), View("payers", _PAYERS, key=["payer"], **when)
    module.view(view)

    @module.projection("payments", tables=[PaymentRow])
    class Payments:
        def paid(self, event: Paid, rows: Rows, recorded: Recorded) -> None:
            rows.upsert(PaymentRow, {"position": recorded.position}, payer=event.payer)

    @module.handler(reads=["payers"] if "refresh_on" in when else None)
    async def count(query: Count, session: ReadSession) -> int:
        return await session.scalar(select(func.count()).select_from(view.table)) or 0

    return App("till", modules=[module], database=database if isinstance(database, str) else database.address)


async def pay(app: App) -> None:
    unit = app.new_unit(Context())
    unit.append("till", Paid(payer="ada"))
    await unit.commit()


async def fails(app: App) -> None:
    """Pay once, which the view takes, and once more, which makes it fail."""
    await pay(app)
    await app.settle(timeout=30)
    assert not any(one.stuck(5) for one in await app.progress() if one.owner)
    await pay(app)

    async def failing() -> bool:
        return any(one.name == "payers" and one.failures > 1 for one in await app.progress())

    await until(failing)


async def test_a_query_that_waits_for_it_says_that_it_fails(
    each_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """And where to look; there it is told as what it is, and not as something that is away."""
    async with app_on(each_database, refresh_on=[Paid]) as app:
        await fails(app)
        error = (await app.caller(position=2, wait=0.05).execute(Count())).error
        assert isinstance(error, NotYetVisible)
        assert (error.behind, error.failing) == (("payers",), ("payers",))
        assert error.hint.startswith("payers cannot be refreshed, since the query of that view fails")
    told = [one for one in caplog.records if one.name == "twofold.subscription"]
    assert told[0].getMessage().startswith("view payers cannot be refreshed: ")
    assert "mend the rows that it selects" in told[0].getMessage()
    assert "away" not in caplog.text


def test_it_is_told_again_from_time_to_time(caplog: pytest.LogCaptureFixture) -> None:
    """Less and less often, with what to do, and with the traceback the first time alone."""
    for count in range(1, 200):
        error = ViewNotRefreshed(name="payers", cause="division by zero")
        log_failure(Trouble(subscription="payers", position=1, error=error, failures=count))
    assert [one.__dict__["twofold"]["failures"] for one in caplog.records] == [1, 2, 4, 8, 16, 32, 64, 128, 192]
    assert [one.levelno for one in caplog.records] == [logging.WARNING, *8 * [logging.ERROR]]
    assert [one.exc_info is not None for one in caplog.records] == [True, *8 * [False]]
    assert all("mend the rows" in one.getMessage() for one in caplog.records)


@pytest.mark.parametrize("when", [{"refresh_on": [Paid]}, {"refresh_every": 0.05}])
async def test_it_stands_still_until_it_is_mended(each_database: Database, when: dict[str, Any]) -> None:
    """So `/health/workers` fails, of one that goes by the clock too; not so while it is refreshed."""
    async with app_on(each_database, **when) as app:
        await fails(app)

        async def stuck() -> bool:
            return any(one.name == "payers" and one.stuck(0.2) for one in await app.progress())

        await until(stuck)


async def test_who_asks_elsewhere_sees_that_the_clock_has_gone_on(each_database: Database) -> None:
    """By the checkpoint: whose intervals have passed without a refresh stands still."""
    async with app_on(each_database, refresh_every=0.05) as app:
        await fails(app)
    queries = app_on(each_database, refresh_every=0.05)
    queries.use_role("api-queries")
    async with queries:

        async def stuck() -> bool:
            return any(one.name == "payers" and one.still > 0.1 for one in await queries.progress())

        await until(stuck)


@pytest.mark.parametrize("when", [{"refresh_on": [Paid]}, {"refresh_every": 0.05}])
async def test_who_lists_projections_and_the_doctor_are_told(each_database: Database, when: dict[str, Any]) -> None:
    """In the note of the projection that the view is over."""
    async with app_on(each_database, **when) as app:
        await fails(app)
    await asyncio.sleep(0.15)
    async with administering(app_on(each_database, **when)) as administration:
        (status,) = await administration.all()
    assert (status.late_views, status.note) == (
        ("payers",),
        "view payers is not refreshed yet: when it stays so, the log of the workers says why",
    )
    found = [(one.where, one.code) for one in await examine(app_on(each_database, **when))]
    assert ("view payers", "view_late") in found


async def test_of_one_that_is_refreshed_nothing_is_told(each_database: Database) -> None:
    """Neither in the list nor by the doctor."""
    async with app_on(each_database, refresh_on=[Paid]) as app:
        await pay(app)
        await app.settle(timeout=30)
    async with administering(app_on(each_database, refresh_on=[Paid])) as administration:
        (status,) = await administration.all()
    assert (status.late_views, status.note) == ((), "")


def test_a_column_without_a_type_is_a_fault() -> None:
    """On every database, with the view and the column, before anything is opened."""
    module = Module("till")
    statement = select(PaymentRow.payer, func.json(PaymentRow.payer).label("document"))
    module.view(View("documents", statement, key=["payer"], refresh_every=1))
    (fault,) = App("till", modules=[module], database="never-opened.db").check()
    assert (fault.where, fault.code, fault.text) == (
        "view documents",
        "untyped_column",
        "selects document, which has no SQL type, so no table can keep it",
    )
    assert "type_=" in fault.hint
