"""How much waits is a number: in front of bulkheads, for the writer of a file, for the connections of a pool."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.drivers.postgres.schema import schema_of
from tests.until import until
from tests.web.shop import client_of
from twofold import App, Command, Module
from twofold.drivers.postgres import PostgresStore
from twofold.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Write(Command[None]):
    """Writes, and holds on to what it writes with until it may go on."""


class Desk:
    """An application with one command, and what it waits for."""

    def __init__(self, **options: Any) -> None:
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.module = Module("desk")
        self.module.register(Write, self.write, **options)

    async def write(self, command: Write, session: AsyncSession) -> None:
        """Hold the transaction."""
        await session.execute(text("SELECT 1"))
        self.begun.set()
        await self.gate.wait()


async def crowd(app: App, desk: Desk, queue: str, waiting: int) -> None:
    """Send one more than may wait, see the queue grow, and shrink again, also at `/metrics`."""
    async with client_of(app, app.http()) as client:

        async def is_at(length: int) -> None:
            await until(lambda: app.queues()[queue] == length)
            assert f'cqrs_waiting{{queue="{queue}"}} {length}.0' in (await client.get("/metrics")).text

        first = asyncio.create_task(app.execute(Write()))
        await desk.begun.wait()
        await is_at(0)
        others = [asyncio.create_task(app.execute(Write())) for _ in range(waiting)]
        await is_at(waiting)
        desk.gate.set()
        await asyncio.gather(first, *others)
        await is_at(0)


async def test_what_waits_for_its_turn_to_write(tmp_path: Path) -> None:
    """On SQLite, behind one that holds it."""
    desk = Desk()
    await crowd(App("desk", modules=[desk.module], database=tmp_path / "desk.db", audit=False), desk, "writer", 3)


async def test_what_waits_for_a_connection(postgres_url: str) -> None:
    """On PostgreSQL, when all those are in use that write."""
    desk = Desk()
    store = PostgresStore(postgres_url, schema=schema_of(postgres_url), pool_size=1)
    await crowd(App("desk", modules=[desk.module], database=store, audit=False), desk, "writer", 3)


async def test_no_more_wait_for_a_connection_than_the_store_says(postgres_url: str) -> None:
    """Whoever comes then is told at once to come again; those who wait get their turn."""
    desk = Desk()
    store = PostgresStore(postgres_url, schema=schema_of(postgres_url), pool_size=1, waiting=2)
    app = App("desk", modules=[desk.module], database=store, audit=False)
    async with app, asyncio.timeout(10):
        first = asyncio.create_task(app.execute(Write()))
        await desk.begun.wait()
        others = [asyncio.create_task(app.execute(Write())) for _ in range(2)]
        await until(lambda: app.queues()["writer"] == 2)
        refused = await app.execute(Write())
        assert isinstance(refused.error, StoreUnavailable)
        assert "2 wait for one" in str(refused.error)
        desk.gate.set()
        assert [one.is_success for one in await asyncio.gather(first, *others)] == [True, True, True]


async def test_what_waits_in_front_of_a_bulkhead(tmp_path: Path) -> None:
    """By the name of the bulkhead."""
    desk = Desk(bulkhead=1)
    app = App("desk", modules=[desk.module], database=tmp_path / "desk.db", audit=False)
    await crowd(app, desk, "bulkhead write", 1)


async def test_a_read_database_has_queues_of_its_own(tmp_path: Path) -> None:
    """Named so."""
    app = App("desk", modules=[Desk().module], database=tmp_path / "desk.db", read_database=tmp_path / "read.db")
    async with app:
        assert set(app.queues()) == {"writer", "readers", "read database: writer", "read database: readers"}
