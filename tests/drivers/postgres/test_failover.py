"""A primary that dies, and its replica in its place: a store with the addresses of both goes on."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.app.apart import Count, Pay, Till
from tools.postgres import private_server, replica_of
from twofold import App, Success
from twofold.app.administration import administering
from twofold.app.restoring import go_on
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.store import GAP
from twofold.testing._store_case import whole_log

pytestmark = pytest.mark.anyio


async def test_the_replica_that_takes_its_place_is_found() -> None:
    """Nothing acknowledged is lost, commands fail as unavailable meanwhile, and projections go on where they stood."""
    with private_server(synchronous_standby_names="*") as primary, replica_of(primary) as replica:
        url = f"postgresql://postgres:@/postgres?host={primary.folder},{replica.folder}"
        till = Till()
        store = PostgresStore(url, acquire_timeout=2)
        async with App("till", modules=[till.module()], database=store) as app:
            for _ in range(5):
                assert (await app.execute(Pay(payer="ada", amount=1))).is_success
            primary.kill()
            refused = (await app.execute(Pay(payer="ada", amount=1))).error
            assert isinstance(refused, StoreUnavailable | OutcomeUnknown)
            replica.promote()
            paid = 5
            async with asyncio.timeout(30):
                while paid < 8:
                    paid += (await app.execute(Pay(payer="ada", amount=1))).is_success
            await app.settle(timeout=30)
            log = await whole_log(store)
            assert len(log) >= paid  # what was told to be unknown may be there
            assert (await app.caller(position=log[-1].position).execute(Count())).value == len(log)
        connection = await asyncpg.connect(replica.url())
        assert await connection.fetchval("SELECT count(*) FROM twofold_events") == len(log)
        await connection.close()


@pytest.mark.faults
async def test_one_that_was_behind_takes_its_place_once_that_is_told(tmp_path: Path) -> None:
    """What was lost is in the read database: that is found out, and it is built anew; no position comes again."""
    till = Till()
    with private_server() as primary, replica_of(primary) as replica:

        def app(index: str) -> App:
            till.index = index
            url = f"postgresql://postgres:@/postgres?host={primary.folder},{replica.folder}"
            return till.app(PostgresStore(url, acquire_timeout=2), SqliteStore(tmp_path / "read.db"))

        async def pay(running: App, *payers: str) -> None:
            for payer in payers:
                assert isinstance(await running.execute(Pay(payer=payer, amount=1)), Success)
            await running.settle(timeout=30)

        async with app("index") as running:
            await pay(running, "ada", "ada", "ada")
            await _replayed(primary.url(), replica.url())
            replica.stop()
            await pay(running, "eve", "eve")
        primary.kill()
        replica.start()
        replica.promote()
        found = await go_on(app("index"))
        assert (found.epoch.head, found.projections, found.writers) == (3, ("payments",), ("index",))
        assert found.epoch.start >= 5 + GAP
        async with administering(app("index-2")) as administration:
            assert await administration.reset("payments")
        async with app("index-2") as running:
            await pay(running, "bob")
            assert await running.execute(Count()) == Success(4)
            assert [one.error for one in await running.progress()] == [""] * 4
            positions = [event.position for event in await whole_log(running.store)]
        assert positions == [1, 2, 3, found.epoch.start + 1]
        assert till.indexed == [1, 2, 3, 4, 5, *positions]


async def _replayed(primary: str, replica: str) -> None:
    """Wait until a replica has what its primary has."""
    first, second = await asyncpg.connect(primary), await asyncpg.connect(replica)
    written = await first.fetchval("SELECT pg_current_wal_lsn()::text")
    async with asyncio.timeout(30):
        while not await second.fetchval(f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"):
            pass
    await first.close()
    await second.close()
