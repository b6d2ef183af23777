"""One switch with three positions: inline, behind the log, and live, made of the log when somebody reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Numeric, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from tests.app.selecting import selected
from twofold import App, Event, Live, Module, Query, Rows
from twofold.app._database import store_of
from twofold.dispatch import Mode
from twofold.errors import Fault, FaultError
from twofold.messages import Context
from twofold.sql import ExactDecimal, ReadSession
from twofold.store import INLINE, Add, MemoryStore, Recorded, RowChange, Selection, Upsert

pytestmark = pytest.mark.anyio

MODES: list[Mode] = ["inline", "async", "live"]


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    account: str


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    account: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Closed(Event):
    account: str


class Tables(DeclarativeBase):
    pass


class AccountRow(Tables):
    __tablename__ = "accounts"

    account: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="open")
    balance: Mapped[Decimal] = mapped_column("sum", ExactDecimal(2), default=Decimal(0))
    payments: Mapped[int] = mapped_column(default=100)


class TotalRow(Tables):
    __tablename__ = "totals"

    name: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[Decimal | None] = mapped_column(ExactDecimal(2))


class OtherRow(Tables):
    __tablename__ = "others"

    id: Mapped[int] = mapped_column(primary_key=True)


class Accounts:
    def opened(self, event: Opened) -> RowChange:
        return Upsert(AccountRow, {"account": event.account}, {})

    def paid(self, event: Paid, rows: Rows) -> list[RowChange]:
        rows.add(TotalRow, {"name": "all"}, total=event.amount)
        return [Add(AccountRow, {"account": event.account}, {"balance": event.amount, "payments": 1})]

    def closed(self, event: Closed, rows: Rows) -> None:
        if event.account == "erased":
            rows.delete(AccountRow, {"account": event.account})
        else:
            rows.upsert(AccountRow, {"account": event.account}, state="closed")


@dataclass(frozen=True, kw_only=True)
class Look(Query[Any]):
    pass


def till(mode: Mode) -> Module:
    """The same declaration, and a query for either way to read."""
    module = Module("till")
    module.projection("accounts", mode=mode, tables=[AccountRow, TotalRow])(Accounts)
    if mode == "live":

        @module.handler
        async def live(query: Look, accounts: Live[Accounts]) -> Any:
            found = await accounts.read()
            return plain(found.rows(AccountRow)), plain(found.rows(TotalRow))

    else:

        @module.handler
        async def stored(query: Look, session: ReadSession) -> Any:
            accounts = (await session.scalars(select(AccountRow))).all()
            return plain(accounts), plain((await session.scalars(select(TotalRow))).all())

    return module


def plain(rows: Sequence[Any]) -> list[list[str]]:
    """Rows as text, so that `1` is not `1.00`."""
    names = ("account", "state", "balance", "payments", "name", "total")
    return sorted([str(getattr(row, name)) for name in names if hasattr(row, name)] for row in rows)


async def record(app: App, *events: Event) -> None:
    """Record events of accounts, each in the stream of its account."""
    unit = app.new_unit(Context())
    for event in events:
        unit.append(f"account-{event.account}", event)  # type: ignore[attr-defined]  # every event of this test has one
    await unit.commit()


EVENTS = (
    Opened(account="ada"),
    Paid(account="ada", amount=Decimal("1.5")),
    Paid(account="bob", amount=Decimal(2)),
    Opened(account="erased"),
    Paid(account="ada", amount=Decimal("-0.25")),
    Closed(account="erased"),
    Closed(account="bob"),
)


@pytest.fixture
def database(each_database: Database) -> str:
    return each_database.address


async def rows_in(mode: Mode, database: Any, *events: Event) -> Any:
    """Start in a mode, record events, and read the rows."""
    async with App("till", modules=[till(mode)], database=database) as app:
        await record(app, *events)
        await app.settle()
        return (await app.execute(Look())).unwrap()


@pytest.mark.parametrize("mode", MODES)
async def test_every_mode_gives_the_same_rows(database: str, mode: Mode) -> None:
    """With defaults, exact sums, deleted rows and renamed columns."""
    rows = await rows_in(mode, database, *EVENTS)
    assert rows == (
        [["ada", "open", "1.25", "102"], ["bob", "closed", "2.00", "1"]],
        [["all", "3.25"]],
    )


class Rounded(Tables):
    __tablename__ = "rounded"

    id: Mapped[int] = mapped_column(primary_key=True)
    sum: Mapped[Decimal] = mapped_column(Numeric(12, 2))


class Roundings:
    def paid(self, event: Paid, rows: Rows) -> None:
        rows.add(Rounded, {"id": 1}, sum=event.amount)


@pytest.mark.parametrize("at_once", [1, 2, 100])
@pytest.mark.parametrize("mode", MODES)
async def test_no_mode_and_no_batch_shows_in_a_rounded_sum(database: str, mode: Mode, at_once: int) -> None:
    """Each number is rounded by itself, a half away from zero, before anything is added up."""
    module = Module("rounded")
    module.projection("rounded", mode=mode, tables=[Rounded])(Roundings)
    if mode == "live":

        @module.handler
        async def live(query: Look, roundings: Live[Roundings]) -> Any:
            return [row.sum for row in (await roundings.read()).rows(Rounded)]

    else:

        @module.handler
        async def stored(query: Look, session: ReadSession) -> Any:
            return (await session.scalars(select(Rounded.sum))).all()

    paid = [Paid(account="ada", amount=Decimal(amount)) for amount in ("0.005", "0.005", "-0.005", "1.004")]
    async with App("rounded", modules=[module], database=database) as app:
        for start in range(0, len(paid), at_once):
            await record(app, *paid[start : start + at_once])
            await app.settle()
        assert (await app.execute(Look())).unwrap() == [Decimal("1.01")]


async def test_it_is_always_current_and_nothing_is_stored(database: str) -> None:
    """The next read sees what was just recorded; there is neither a table nor a subscription."""
    async with App("till", modules=[till("live")], database=database) as app:
        for count in (1, 2, 3):
            await record(app, Paid(account="ada", amount=Decimal(1)))
            assert (await app.execute(Look())).unwrap()[0] == [["ada", "open", f"{count}.00", f"{count}"]]
        assert await app.progress() == []
        for table in ("accounts", "totals"):
            with pytest.raises(DBAPIError, match=table):
                await selected(app.store, f"SELECT * FROM {table}")


async def test_one_stream_is_selected_by_the_database(database: str) -> None:
    """Nothing else is read, and never more than a page at a time."""
    async with App("till", modules=[till("live")], database=database) as app:
        await record(app, *(Paid(account="ada", amount=Decimal(1)) for _ in range(1200)), *EVENTS)
        pages: list[tuple[int, Any]] = []
        spy = Spy(app.store.log, pages)
        live: Live[Accounts] = Live(app.assembly.projections[0], spy, app.router.catalogue, app_tables(app))
        found = await live.read(stream="account-ada")
        assert [(row.account, str(row.balance)) for row in found.rows(AccountRow)] == [("ada", "1201.25")]
        assert found.position == await app.store.log.head()
        wanted = Selection(types=frozenset({"opened", "paid", "closed"}), stream="account-ada")
        assert pages == [(500, (wanted,)), (500, (wanted,)), (203, (wanted,))]


class Spy:
    """A log that notes how much of it is read, and by which selection."""

    def __init__(self, log: Any, pages: list[tuple[int, Any]]) -> None:
        self._log = log
        self._pages = pages

    async def head(self) -> int:
        return int(await self._log.head())

    async def epoch(self) -> str:
        return str(await self._log.epoch())

    async def read(self, after: int, *, until: int, limit: int, where: Sequence[Selection] = ()) -> Sequence[Recorded]:
        entries: Sequence[Recorded] = await self._log.read(after, until=until, limit=limit, where=where)
        self._pages.append((len(entries), tuple(where)))
        return entries

    async def read_stream(self, stream: str, *, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        raise NotImplementedError


def app_tables(app: App) -> Any:
    """What an application folds live rows in."""
    from twofold.drivers.sqlite.sql import SqliteSessions
    from twofold.sql import live_tables

    store: Any = app.store
    return live_tables(SqliteSessions(store))


async def test_by_tags_only_what_carries_all_of_them() -> None:
    """A selection is the log's own; without SQL, rows are mappings."""
    module = till("live")
    async with App("till", modules=[module], database="memory:") as app:
        await record(app, Paid(account="ada", amount=Decimal(1)))
        accounts = await app.get(Live[Accounts])
        assert (await accounts.read(tags={"vip:yes"})).rows(AccountRow) == []
        found = await accounts.read()
        total: Any = found.row(TotalRow, name="all")
        assert total == {"name": "all", "total": Decimal(1)}
        assert found.row(TotalRow, name="none") is None


async def test_there_and_back_every_event_counts_once(database: str) -> None:
    """What is recorded while it is live is in its tables when it has tables again."""
    ones = Paid(account="ada", amount=Decimal(1))
    modes: list[Mode] = ["inline", "live", "inline", "live", "async", "live", "async", "inline", "live"]
    for count, mode in enumerate(modes, 1):
        rows = await rows_in(mode, store_of(database, "till"), ones)
        assert rows == ([["ada", "open", f"{count}.00", f"{count}"]], [["all", f"{count}.00"]])
    store = store_of(database, "till")
    await store.start()
    assert (await store.checkpoints.get("accounts")).position not in (0, INLINE)
    await store.stop()


async def test_a_table_that_is_not_its_own_is_refused() -> None:
    """By name, instead of an empty answer."""
    async with App("till", modules=[till("live")], database="memory:") as app:
        found = await (await app.get(Live[Accounts])).read()
        with pytest.raises(FaultError, match="projection accounts is asked for the table OtherRow"):
            found.rows(OtherRow)


def only(module: Module, database: Any = "never-opened.db") -> Fault:
    """The one thing that keeps an application from starting."""
    faults = App("till", modules=[module], database=database).check()
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


def without_handlers() -> Module:
    """A module with a handler for the query of this file, and nothing else."""
    module = Module("till")
    module.register(Look, lambda query: None)
    return module


@pytest.mark.parametrize("mode", ["inline", "async", None])
def test_reading_live_what_is_not_is_a_fault(mode: Mode | None) -> None:
    """Named with the handler that reads it."""
    module = Module("till")
    if mode is not None:
        module.projection("accounts", mode=mode, tables=[AccountRow, TotalRow])(Accounts)

    @module.handler
    async def live(query: Look, accounts: Live[Accounts]) -> Any: ...

    fault = only(module)
    assert fault.code == "not_live"
    assert fault.where.endswith("live")
    known = "is no projection of this application" if mode is None else f"is {mode}"
    assert fault.text == f"reads Accounts live, and it {known}"


def test_a_live_method_with_a_session_is_a_fault() -> None:
    """There is nothing to write to."""
    module = without_handlers()

    @module.projection("late", mode="live", tables=[OtherRow])
    class Late:
        async def opened(self, event: Opened, session: AsyncSession) -> None: ...

    fault = only(module)
    assert (fault.code, fault.where.rpartition(".")[2]) == ("live_session", "opened")


def test_a_column_that_only_a_database_makes_is_a_fault() -> None:
    """A live row would be without it."""

    class Numbered(Tables):
        __tablename__ = "numbered"

        id: Mapped[int] = mapped_column(primary_key=True)
        state: Mapped[str] = mapped_column(server_default="new")

    module = without_handlers()

    @module.projection("numbers", mode="live", tables=[Numbered])
    class Numbers:
        def opened(self, event: Opened, rows: Rows) -> None: ...

    assert only(module).code == "live_default"
    assert "numbered.state" in only(module).text


def test_a_table_may_be_stored_and_live_at_once() -> None:
    """A live projection fills no table, so it shares none."""
    module = till("live")
    module.projection("stored", mode="async", tables=[AccountRow, TotalRow])(Accounts)
    assert App("till", modules=[module], database="never-opened.db").check() == []
    assert App("till", modules=[till("live")], database=MemoryStore()).check() == []


def test_a_live_table_that_cannot_be_used_is_told_once() -> None:
    """As a table, like that of any other projection."""
    module = without_handlers()
    module.projection("accounts", mode="live", tables=["accounts"])(Accounts)
    assert only(module).code == "unusable_table"
