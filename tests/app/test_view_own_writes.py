"""A caller's queries of a materialized view show what its commands have written, or say that they cannot yet."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from twofold import App, Command, Event, EventBus, Module, Query, Rows, Success
from twofold.app.graph import Edge, graph_of
from twofold.cache import Cache
from twofold.errors import NotYetVisible
from twofold.projections import Refresher
from twofold.sql import ReadSession, View
from twofold.store import Recorded

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None]):
    amount: int


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    amount: int


@dataclass(frozen=True, kw_only=True)
class Sum(Query[int]):
    """Reads the view."""


@dataclass(frozen=True, kw_only=True)
class KeptSum(Query[int]):
    """Reads the view; its answer is kept."""


class Tables(DeclarativeBase):
    pass


class PaymentRow(Tables):
    __tablename__ = "payment"

    position: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str]
    amount: Mapped[int]


class OtherRow(Tables):
    __tablename__ = "other"

    position: Mapped[int] = mapped_column(primary_key=True)


_SUM = select(PaymentRow.at, func.sum(PaymentRow.amount).label("total")).group_by(PaymentRow.at)
SUMS = View("sums", _SUM, key=["at"], refresh_on=[Paid])
HOURLY = View("hourly", _SUM, key=["at"], refresh_every=3600)


class Gate:
    """Holds a projection back while it is closed."""

    closed = False


def till(*, reads: list[str] | None = None) -> Module:
    module = Module("till")
    module.view(SUMS)
    module.view(HOURLY)

    @module.handler
    async def pay(command: Pay, events: EventBus) -> None:
        await events.publish(Paid(amount=command.amount))

    @module.projection("payments", tables=[PaymentRow])
    class Payments:
        def paid(self, event: Paid, rows: Rows, recorded: Recorded) -> None:
            rows.upsert(PaymentRow, {"position": recorded.position}, at="till", amount=event.amount)

    @module.projection("others", tables=[OtherRow])
    class Others:
        def paid(self, event: Paid, rows: Rows, recorded: Recorded) -> None:
            if Gate.closed:
                raise ConnectionError("away")
            rows.upsert(OtherRow, {"position": recorded.position})

    async def total(session: ReadSession) -> int:
        return await session.scalar(select(SUMS.c.total)) or 0

    @module.handler(reads=reads)
    async def show_sum(query: Sum, session: ReadSession) -> int:
        return await total(session)

    @module.handler(reads=["sums"], cache=Cache(ttl="1h", invalidated_by=(Paid,)))
    async def show_kept_sum(query: KeptSum, session: ReadSession) -> int:
        return await total(session)

    return module


@pytest.fixture(autouse=True)
def opened() -> None:
    Gate.closed = False


def app_on(database: Database, **said: Any) -> App:
    return App("till", modules=[till(**said)], database=database.address)


@pytest.mark.parametrize("reads", [None, ["sums"]])
@pytest.mark.parametrize("asking", [Sum(), KeptSum()])
async def test_a_caller_sees_its_own_writes(
    each_database: Database, asking: Query[int], reads: list[str] | None
) -> None:
    """Each time and at once, whether the query says that it reads the view or not, and whether answers are kept."""
    async with app_on(each_database, reads=reads) as app:
        caller = app.caller(wait=30)
        for number in range(1, 11):
            await caller.execute(Pay(amount=1))
            assert await caller.execute(asking) == Success(number)


async def test_it_waits_for_the_view_that_it_names_alone(each_database: Database) -> None:
    """Another projection is away: who reads the view does not mind, and who may read anything is told of it."""
    Gate.closed = True
    async with app_on(each_database, reads=["sums"]) as app:
        caller = app.caller(wait=30)
        await caller.execute(Pay(amount=3))
        assert await caller.execute(Sum()) == Success(3)
    async with app_on(each_database) as app:
        asking, behind = app.caller(position=caller.position, wait=0.05), tuple[str, ...]()
        async with asyncio.timeout(30):  # what nobody holds back has to be taken over first
            while behind != ("others",):
                error = (await asking.execute(Sum())).error
                assert isinstance(error, NotYetVisible)
                behind = error.behind
                assert "others" in behind


async def test_a_view_that_is_not_refreshed_in_time_is_named(
    each_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure says that it is the view; once that is refreshed the same caller is answered."""
    goes_on, refresh = asyncio.Event(), Refresher.handle

    async def held(self: Refresher, *work: Any) -> None:
        await goes_on.wait()
        await refresh(self, *work)

    monkeypatch.setattr(Refresher, "handle", held)
    async with app_on(each_database, reads=["sums"]) as app:
        await app.execute(Pay(amount=3))
        error = (await app.caller(position=1, wait=0.05).execute(Sum())).error
        goes_on.set()
        assert isinstance(error, NotYetVisible)
        assert error.behind == ("sums",)
        assert await app.caller(position=1, wait=30).execute(Sum()) == Success(3)


async def test_a_query_service_waits_for_what_a_worker_refreshes(each_database: Database) -> None:
    """By the checkpoint of the view, in whatever process it is moved."""
    worker, commands, queries = (app_on(each_database, reads=["sums"]) for _ in range(3))
    worker.use_role("worker")
    commands.use_role("api-commands")
    queries.use_role("api-queries")
    async with worker, commands, queries:
        caller = commands.caller()
        for number in range(1, 4):
            await caller.execute(Pay(amount=1))
            assert await queries.caller(position=caller.position, wait=30).execute(Sum()) == Success(number)


def test_a_view_by_the_clock_is_waited_for_by_nobody() -> None:
    """Who says that they read one is told so at the start."""
    fault, *others = App("till", modules=[till(reads=["hourly"])], database="never-opened.db").check()
    assert not others
    assert (fault.code, fault.text, fault.hint) == (
        "unawaited_view",
        "reads the view 'hourly', which goes by the clock",
        "nobody can wait for it: leave it out",
    )


def test_the_map_of_messages_has_it() -> None:
    """Between the events that it is refreshed on, and the queries that say that they read it."""
    edges = graph_of(App("till", modules=[till(reads=["sums"])], database="never-opened.db")).edges
    assert Edge(start="event:paid", end="view:sums", verb="is followed by") in edges
    assert Edge(start="view:sums", end="query:sum", verb="is read by") in edges
