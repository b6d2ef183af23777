"""Versions of projections in a database of their own: built, switched and rolled back, while the log is elsewhere."""

import shutil
from pathlib import Path

import pytest

from tests.app.versions import Open, Paid, Refunded, pay, record, rows_of, standing, till, total
from twofold import App
from twofold.app.administration import administering
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import WiringError
from twofold.projections import PREVIOUS

pytestmark = pytest.mark.anyio


@pytest.fixture
def log(tmp_path: Path) -> Open:
    """Opens the database that the log is in."""
    return lambda: SqliteStore(tmp_path / "log.db")


async def test_a_newer_version_takes_the_place_there_and_goes_back(log: Open, shared: Open) -> None:
    """It is built from the log in the other database, where nothing of it is; no event is missed or counted twice."""
    async with till(1, log(), shared()) as app:
        await record(app, Paid(amount=1), Refunded(amount=5))
        await app.settle()
    async with till(2, log(), shared()) as app:
        await app.settle()
        read = app.stores.read
        assert await rows_of(read) == [{"who": "all", "total": -8, "events": 2}]
        assert await rows_of(read, PREVIOUS) == [{"who": "all", "total": 1}]
        await pay(app, 10)
        await app.settle()
        assert await standing(read) == {"sums": 2, "sums@previous": 1}
        assert (await standing(app.store), await rows_of(app.store)) == ({}, [])
    async with administering(till(1, log(), shared())) as administration:
        await administration.rollback("sums")
        status = await administration.status("sums")
        assert (status.head, status.live and status.live.version) == (3, 1)
    async with till(1, log(), shared()) as app:
        assert await total(app.stores.read) == 11
        await pay(app, 100)
        await app.settle()
        assert await total(app.stores.read) == 111


async def test_an_operator_rebuilds_it_while_the_old_version_runs(log: Open, shared: Open) -> None:
    """The command line opens both databases; what runs stands aside, and `settle` does not wait for it."""
    async with till(1, log(), shared()) as old:
        await pay(old, 1, 2)
        await old.settle()
        async with administering(till(2, log(), shared())) as administration:
            assert await administration.rebuild("sums")
            (status,) = await administration.all()
            assert status.live is not None
            assert (status.live.version, status.live.position, status.head) == (2, 2, 2)
        await pay(old, 4)
        await old.settle()
        assert await total(old.stores.read) == 6


async def test_a_copy_of_the_one_database_goes_on_where_it_stood(log: Open, tmp_path: Path) -> None:
    """What was inline in it is as far as the log in the copy, and follows the log of the other one from there."""
    async with till(1, log(), mode="inline") as app:
        await pay(app, 1)
    shutil.copy(tmp_path / "log.db", tmp_path / "copy.db")
    async with till(1, log(), mode="inline") as app:
        await pay(app, 10)
    async with till(1, log(), SqliteStore(tmp_path / "copy.db")) as app:
        await pay(app, 100)
        await app.settle()
        assert await total(app.stores.read) == 111
        assert (await app.store.checkpoints.get("sums")).position == 2


async def test_neither_store_upgrades_its_tables_when_the_application_may_not(tmp_path: Path) -> None:
    """A read database that would is refused, as the other one is."""
    log, read = SqliteStore(tmp_path / "log.db", migrate=False), SqliteStore(tmp_path / "read.db")
    with pytest.raises(WiringError, match="migrate=False"):
        App("till", database=log, read_database=read, migrate=False).check()
    sound = App("till", database=tmp_path / "log.db", read_database=tmp_path / "read.db", migrate=False)
    assert [isinstance(store, SqliteStore) and store.migrates for store in sound.stores.opened] == [False, False]
