"""Materialized views over rows that change without a new event: what was parked is mended, given up, or built anew."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from tests.app.selecting import selected
from tests.until import none_parked, until
from twofold import App, Event, Module, Query, Rows
from twofold.app.administration import administering
from twofold.errors import NotYetVisible, TimedOut
from twofold.messages import Context
from twofold.projections import DUE, Refresher
from twofold.sql import ReadSession, View
from twofold.store import Batch, Fact, Recorded, Store, UnitOfWork

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    amount: int


@dataclass(frozen=True, kw_only=True)
class Sum(Query[int]):
    pass


class Tables(DeclarativeBase):
    pass


class PaymentRow(Tables):
    __tablename__ = "payments"

    position: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    amount: Mapped[int]


_SUMS = select(PaymentRow.at, func.sum(PaymentRow.amount).label("total")).group_by(PaymentRow.at)
SUMS = View("sums", _SUMS, key=["at"], refresh_on=[Paid])
_MOST = select(SUMS.c.at, func.max(SUMS.c.total).label("most")).group_by(SUMS.c.at)
MOST = View("most", _MOST, key=["at"], refresh_on=[Paid])


class Code:
    """What the projection refuses: code that is mended refuses nothing."""

    refused: int | None = 666


def app_on(database: Database) -> App:
    module = Module("till")
    module.view(SUMS)
    module.view(MOST)

    @module.projection("payments", tables=[PaymentRow])
    class Payments:
        def paid(self, event: Paid, rows: Rows, recorded: Recorded) -> None:
            if event.amount == Code.refused:
                raise ValueError(event.amount)
            rows.upsert(PaymentRow, {"position": recorded.position}, at="till", amount=event.amount)

    @module.handler(reads=["sums"])
    async def show_sum(query: Sum, session: ReadSession) -> int:
        return await session.scalar(select(SUMS.c.total)) or 0

    return App("till", modules=[module], database=database.address)


@pytest.fixture(autouse=True)
def fresh() -> None:
    Code.refused = 666


async def pay(app: App, *amounts: int, stream: str = "till") -> None:
    unit = app.new_unit(Context())
    unit.append(stream, *(Paid(amount=amount) for amount in amounts))
    await unit.commit()
    await app.settle(timeout=30)


async def shown(store: Store) -> tuple[Any, ...]:
    """What the view holds, and the view over it."""
    ((total, most),) = await selected(store, "SELECT (SELECT sum(total) FROM sums), (SELECT most FROM most)")
    return total, most


async def mend(app: App, position: int = 1) -> None:
    await app.parked.edit("payments", position, '{"amount": 5}')
    await app.parked.retry("payments", "till")


@pytest.mark.parametrize("before", [(), (1,), (1, 2, 3)])
@pytest.mark.parametrize("after", [(), (4,)])
async def test_what_was_parked_shows_once_it_was_mended(
    each_database: Database, before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    """In the view and the view over it, wherever in the log it is, with no other event; and what is behind it, too."""
    async with app_on(each_database) as app:
        for amount in before:
            await pay(app, amount, stream="other")
        await pay(app, 666, 7)
        for amount in after:
            await pay(app, amount, stream="other")
        known = sum((*before, *after))
        assert await shown(app.store) == ((known, known) if known else (None, None))
        await mend(app, len(before) + 1)
        await app.settle(timeout=30)
        assert await app.parked.list() == []
        assert await shown(app.store) == (known + 12, known + 12)


async def test_what_waited_behind_a_dropped_event_shows_once_it_was_retried(each_database: Database) -> None:
    """The dropped event does not."""
    async with app_on(each_database) as app:
        await pay(app, 1, stream="other")
        await pay(app, 666, 7)
        await app.parked.drop("payments", 2)
        await app.parked.retry("payments", "till")
        await app.settle(timeout=30)
        assert await shown(app.store) == (8, 8)


async def test_a_process_that_dies_before_the_refresh_leaves_it_to_the_next_one(
    each_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are there, and no event is parked any more; all that is known of the refresh is in the database."""
    async with app_on(each_database) as app:
        await pay(app, 1, 666)
        with monkeypatch.context() as broken:
            broken.setattr(Refresher, "handle", _fails)
            await mend(app, 2)
            await none_parked(app)
            with pytest.raises(TimedOut, match="sums"):
                await app.settle(timeout=0.3)
            await app.stop()
        assert await _rows(each_database) == (1, 1)
    async with app_on(each_database) as app:
        await app.settle(timeout=30)
        assert await shown(app.store) == (6, 6)


async def _fails(self: Refresher, facts: list[Fact], settled: Batch) -> None:
    raise ConnectionError("dead")


async def _rows(database: Database) -> tuple[Any, ...]:
    """What the views hold, asked by nobody who could refresh them."""
    app = app_on(database)
    app.use_role("api-queries")
    async with app:
        return await shown(app.store)


async def test_a_query_waits_for_what_was_put_back(each_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it is the view, in the process that refreshes it; and is answered once that is done."""
    goes_on, refresh = asyncio.Event(), Refresher.handle

    async def held(self: Refresher, *work: Any) -> None:
        await goes_on.wait()
        await refresh(self, *work)

    async with app_on(each_database) as app:
        await pay(app, 1, 666)
        monkeypatch.setattr(Refresher, "handle", held)
        await mend(app, 2)
        await none_parked(app)
        await until(lambda: _behind(app, "sums"))
        error = (await app.caller(position=2, wait=0.05).execute(Sum())).error
        assert isinstance(error, NotYetVisible)
        assert error.behind == ("sums",)
        goes_on.set()
        assert (await app.caller(position=2, wait=30).execute(Sum())).unwrap() == 6


async def _behind(app: App, name: str) -> bool:
    return any(one.name == name and one.lag for one in await app.progress())


async def test_a_refresh_that_has_missed_the_rows_does_not_count(
    postgres_schema: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One had begun before the event was mended, which the view had not seen yet; on SQLite one of the two waits."""
    paused, goes_on, commit = asyncio.Event(), asyncio.Event(), UnitOfWork.commit

    async def held(self: UnitOfWork) -> None:
        if self.catalogue is DUE:
            paused.set()
            await goes_on.wait()
        await commit(self)

    async with app_on(postgres_schema) as app:
        await pay(app, 1, stream="other")
        monkeypatch.setattr(UnitOfWork, "commit", held)
        unit = app.new_unit(Context())
        unit.append("till", Paid(amount=666))
        await unit.commit()
        await asyncio.wait_for(paused.wait(), 20)
        await mend(app, 2)
        await none_parked(app)
        goes_on.set()
        await app.settle(timeout=30)
        assert await shown(app.store) == (6, 6)


async def test_a_reset_shows_what_the_mended_code_makes_of_it(each_database: Database) -> None:
    """From the moment on when the rows that were built anew take the place."""
    async with app_on(each_database) as app:
        await pay(app, 1, 666)
        assert await shown(app.store) == (1, 1)
    Code.refused = None
    async with administering(app_on(each_database)) as administration:
        await administration.reset("payments")
    assert await _rows(each_database) == (667, 667)


async def test_those_who_only_ask_wait_for_it_too(each_database: Database) -> None:
    """A process that follows nothing itself settles when the worker has tried it again, and refreshed the views."""
    commands = app_on(each_database)
    commands.use_role("api-commands")
    async with app_on(each_database) as worker, commands:
        await pay(worker, 1, 666)
        await mend(commands, 2)
        await commands.settle(timeout=30)
        assert await shown(commands.store) == (6, 6)
