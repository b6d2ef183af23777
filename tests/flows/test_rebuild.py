"""A process that rebuilds a projection is killed half way, again and again, while events arrive, and goes on."""

import asyncio
import os
import signal
from pathlib import Path
from random import Random

import pytest

from examples._demo.database import Database
from tests.app.versions import Noted, Paid, Refunded, pay, record, rows_of, till
from tests.cli.forked import Forked
from tests.cli.served import ROOT
from tests.until import until
from twofold import Event
from twofold.app._database import store_of
from twofold.drivers.sqlite import SqliteStore
from twofold.projections import roll_back
from twofold.store import Store

pytestmark = pytest.mark.anyio

PEOPLE = [f"p{number}" for number in range(40)]
KILLS = 3
EVENTS = 8_000


def some(random: Random, count: int) -> list[Event]:
    """Events of all kinds."""
    kinds = (
        lambda: Paid(amount=random.randint(1, 99), who=random.choice(PEOPLE)),
        lambda: Refunded(amount=random.randint(1, 99), who=random.choice(PEOPLE)),
        Noted,
    )
    return [random.choice(kinds)() for _ in range(count)]


def begun(address: str, out: Path) -> Forked:
    """A process that rebuilds."""
    words = ("-m", "twofold", "projections", "rebuild", "tests.flows.rebuilding:app", "sums", "--yes")
    return Forked(words, where=ROOT, out=out, err=out.with_suffix(".err"), env={**os.environ, "TILL": address})


async def built_to(store: Store, position: int, *, start: int) -> None:
    """Wait until what is built has come this far; it goes on from where it was."""
    async with asyncio.timeout(60):
        while (stands := (await store.checkpoints.get("sums@next")).position) < position:
            assert stands >= start
            await asyncio.sleep(0.001)  # it shares the processor with whoever builds


@pytest.mark.parametrize("each_database", ["sqlite", pytest.param("postgres", marks=pytest.mark.faults)], indirect=True)
async def test_a_rebuild_that_is_killed_half_way_goes_on_and_equals_a_cold_one(
    each_database: Database, tmp_path: Path
) -> None:
    """The live rows are never touched meanwhile, and what it switches to is what a new store makes of all events."""
    random = Random(42)
    address, events = each_database.address, list[Event]()
    async with till(1, store_of(address, "till")) as old:

        async def go_on(count: int) -> None:
            more = some(random, count)
            events.extend(more)
            await record(old, *more)

        await go_on(EVENTS)
        await old.settle()
        reached = list[int]()
        for _ in range(KILLS):
            process = begun(address, tmp_path / "said")
            start = reached[-1] if reached else 0
            await built_to(old.store, start + random.randint(1, EVENTS // (KILLS + 1)), start=start)
            await go_on(50)
            process.send_signal(signal.SIGKILL)
            assert await asyncio.to_thread(process.wait) == -signal.SIGKILL
            reached.append((await old.store.checkpoints.get("sums@next")).position)
            await old.settle()
            assert await rows_of(old.store) == await cold(1, events, tmp_path / f"old{len(reached)}.db")
        assert reached == sorted(set(reached))
        process = begun(address, tmp_path / "said")
        trading = True

        async def trade() -> None:
            while trading:
                await go_on(1)

        traders = asyncio.create_task(trade())
        code = await asyncio.to_thread(process.wait, 60)
        trading = False
        await traders
        assert (code, "version 2" in (tmp_path / "said").read_text()) == (0, True)
        async with till(2, store_of(address, "till")) as new:
            await new.settle(timeout=60)
            assert await rows_of(new.store) == await cold(2, events, tmp_path / "cold.db")
            (projection,) = new.assembly.projections
            await roll_back(projection, new.store, new.router.catalogue)
        await pay(old, 7)
        events.append(Paid(amount=7))

        async def is_back() -> bool:  # it looks once a second whether its version is
            return not any(one.status for one in await old.progress())

        await until(is_back)
        await old.settle()
        assert await rows_of(old.store) == await cold(1, events, tmp_path / "back.db")


async def cold(version: int, events: list[Event], file: Path) -> object:
    """The rows that a version makes of all events in a new store."""
    async with till(version, SqliteStore(file, durability="normal")) as fresh:
        await record(fresh, *events)
        await fresh.settle(timeout=60)
        return await rows_of(fresh.store)
