"""One application, in several parts on one database: commands here, queries there, and workers that do the rest."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from tests.cli.shop import CountSales, Sale, Sell, Sold, shop
from twofold import App, Event, Module, Rows, Success, Unavailable
from twofold.app import Progress, Role
from twofold.errors import NotYetVisible, StoreUnavailable, TimedOut, WiringError
from twofold.messages import Kind
from twofold.sql import View
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(each_database: Database) -> str:
    return each_database.address


def part(role: Role | str, database: Any, *modules: Module) -> App:
    """One part of the shop."""
    app = App("shop", modules=modules or [shop], database=database)
    app.use_role(role)
    return app


async def test_one_takes_commands_another_shows_what_a_third_has_made_of_them(database: str) -> None:
    """A query waits for the position of a command, wherever each of them runs."""
    async with (
        part("worker", database),
        part("api-commands", database) as commands,
        part("api-queries", database) as queries,
    ):
        for number in range(1, 4):
            caller = commands.caller()
            assert (await caller.execute(Sell(item="pen"))).is_success
            assert await queries.caller(position=caller.position, wait=30).execute(CountSales()) == Success(number)


async def test_without_a_worker_nothing_is_projected(database: str) -> None:
    """A command service says that it lags, and what it waits for comes with the worker, who sees the whole."""
    async with part("worker", database):
        pass
    async with part("api-commands", database) as commands:
        caller = commands.caller(wait=0)
        await caller.execute(Sell(item="pen"))
        assert isinstance((await caller.execute(CountSales())).error, NotYetVisible)
        with pytest.raises(TimedOut, match=r"not settled within 0\.01 s: sales \(1 behind\), shop\.thank:sold"):
            await commands.settle(timeout=0.01)
        assert {one.name: one.lag for one in await commands.progress()} == {"sales": 1, "shop.thank:sold": 1}
        waiting = asyncio.create_task(commands.settle(timeout=30))
        async with part("worker", database) as worker:
            await worker.settle(timeout=30)
            await waiting
        assert {one.name: one.lag for one in await commands.progress()} == {"sales": 0, "shop.thank:sold": 0}
        assert await caller.execute(CountSales()) == Success(1)


async def test_every_part_tells_how_what_a_worker_runs_stands(database: str) -> None:
    """Views as well: who is behind and for how long, what was put aside, and whether anybody owns it."""
    stands = Module("stands")

    @stands.on(Sold)
    async def ship(event: Sold) -> None:
        if event.item == "poison":
            raise ValueError("never this one")

    stands.view(View("items", select(Sale.item).distinct(), key=["item"], refresh_on=[Sold]))
    parts = shop, stands
    async with (
        part("worker", database, *parts) as worker,
        part("api-commands", database, *parts) as commands,
        part("api-queries", database, *parts) as queries,
    ):
        for item in ("pen", "poison"):
            await commands.execute(Sell(item=item))
        await worker.settle(timeout=30)

        def told(progress: Sequence[Progress]) -> dict[str, tuple[int, int, bool]]:
            return {one.name: (one.lag, one.parked, bool(one.owner)) for one in progress}

        aside = told(await worker.progress())
        assert aside["stands.ship:sold"] == (0, 1, True)
        assert aside.keys() == {"sales", "items", "shop.thank:sold", "stands.ship:sold"}
        assert told(await commands.progress()) == told(await queries.progress()) == aside
    async with part("api-commands", database, *parts) as commands, part("api-queries", database, *parts) as queries:
        await commands.execute(Sell(item="ink"))
        for one in (commands, queries):
            progress = {one.name: one for one in await one.progress()}
            assert {name: each.lag for name, each in progress.items()} == dict.fromkeys(aside, 1)
            assert all(0 < each.waiting < 60 for each in progress.values())


async def test_a_query_service_cannot_write(database: str) -> None:
    """Neither a command nor an event, nor whoever goes around them: the database refuses."""
    async with part("all", database) as app:
        await app.execute(Sell(item="pen"))
        await app.settle()
    async with part("api-queries", database) as queries:
        assert await queries.execute(CountSales()) == Success(1)
        for result in (
            await queries.execute(Sell(item="pen")),
            await queries.publish(Sold(order_id=UUID(int=1), item="pen")),
        ):
            assert isinstance(result.error, StoreUnavailable)
            assert "reading only" in str(result.error)
        transaction = queries.store.begin()
        with pytest.raises(StoreUnavailable):
            await transaction.run(lambda connection: connection.execute("DELETE FROM sale"))
        assert await queries.execute(CountSales()) == Success(1)
        assert await queries.store.log.head() == 1


@pytest.mark.parametrize("role", ["api-commands", "api-queries"])
async def test_who_only_takes_messages_waits_for_a_worker_to_prepare(database: str, role: str) -> None:
    """It refuses to start without the tables, says so, closes what it opened, and creates no table itself."""
    app = part(role, database)
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            await app.start()
        assert "a process that writes" in str(refused.value) or "table sale is missing" in str(refused.value)
        assert not app.running
    async with part("worker", database):
        pass
    async with app:
        assert app.running


async def test_a_table_without_a_column_is_not_prepared(database: str) -> None:
    """The version of the application that is to be served knows more than the worker that ran last."""

    class Old(DeclarativeBase): ...

    class OldSale(Old):
        __tablename__ = "sale"
        order_id: Mapped[int] = mapped_column(primary_key=True)

    old = Module("old")
    old.state(OldSale)
    async with part("worker", database, old):
        pass
    with pytest.raises(Unavailable) as refused:
        await part("api-commands", database).start()
    assert str(refused.value) == (
        "the database is not prepared for this application: table sale is missing, or lacks a column"
        " (start a worker first: it creates tables, and brings projections into their modes)"
    )


@dataclass(frozen=True, kw_only=True)
class Rang(Event):
    pass


def bells(mode: Any) -> Module:
    """A module with a projection in a mode."""
    module = Module("bells")

    @module.projection("rung", mode=mode, tables=["rung"])
    class Rung:
        def rang(self, event: Rang, rows: Rows) -> None:
            rows.upsert("rung", {"id": 1})

    return module


async def test_a_projection_that_is_in_another_mode_is_not_prepared() -> None:
    """What a command service recorded beside it would be missing in its rows."""
    store = MemoryStore()
    with pytest.raises(Unavailable, match="projection rung is not inline yet"):
        await part("api-commands", store, bells("inline")).start()
    async with part("worker", store, bells("inline")):
        pass
    async with part("api-commands", store, bells("inline")) as commands:
        await commands.publish(Rang())
    with pytest.raises(Unavailable, match="projection rung is not async yet"):
        await part("api-commands", store, bells("async")).start()
    async with part("worker", store, bells("async")):
        pass
    async with part("api-commands", store, bells("async")):
        pass


def test_a_role_has_to_be_one() -> None:
    """And memory is nothing that two processes could share."""
    app = App("shop", modules=[shop], database="memory:")
    with pytest.raises(WiringError, match=r"no role 'boss': it is one of all, api-commands, api-queries, worker"):
        app.use_role("boss")
    assert app.role is Role.ALL
    app.use_role(Role.WORKER)
    with pytest.raises(WiringError, match="known to one process only"):
        app.check()


def test_what_each_role_is_for() -> None:
    """What it serves, whether it runs what follows the log, and whether it writes."""
    assert {
        role.value: ([kind.value for kind in Kind if role.serves(kind)], role.works, role.writes) for role in Role
    } == {
        "all": (["command", "query"], True, True),
        "api-commands": (["command"], False, True),
        "api-queries": (["query"], False, False),
        "worker": ([], True, True),
    }
    assert (Role.serving(Kind.COMMAND), Role.serving(Kind.QUERY)) == (Role.API_COMMANDS, Role.API_QUERIES)
