"""A primary that dies, and its replica in its place: a store with the addresses of both goes on."""

import asyncio

import asyncpg
import pytest

from tests.app.apart import Count, Pay, Till
from tools.postgres import private_server, replica_of
from twofold import App
from twofold.drivers.postgres import PostgresStore
from twofold.errors import OutcomeUnknown, StoreUnavailable
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
