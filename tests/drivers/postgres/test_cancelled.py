"""A caller that is cancelled while its transaction begins leaves no transaction behind on the connection."""

import asyncio

import pytest

from tests.drivers.postgres.conftest import NewStore
from twofold.testing._store_case import append, whole_log

pytestmark = pytest.mark.anyio


async def test_what_the_next_one_commits_is_committed(new_store: NewStore) -> None:
    """At whatever moment the one before was cancelled: a commit that was acknowledged stays."""
    store = new_store(pool_size=1)
    await store.start()
    try:
        for turns in range(60):
            transaction = store.begin()
            begun = asyncio.create_task(transaction.run(lambda connection: connection.fetchval("SELECT 1")))
            for _ in range(turns % 20):
                await asyncio.sleep(0)
            begun.cancel()
            await asyncio.gather(begun, return_exceptions=True)
            await transaction.rollback()
            await store.commit(append(f"stream-{turns}"))
            assert len(await whole_log(store)) == turns + 1
    finally:
        await store.stop()
