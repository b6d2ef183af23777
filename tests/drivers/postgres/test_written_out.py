"""One event alone is written by a function with all written out that the one for batches calls: both do the same."""

import asyncio
from typing import Any

import pytest

from tests.drivers.postgres.conftest import Plain
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Call, Calls, _everything
from twofold.drivers.postgres._names import Names
from twofold.store import ANY_VERSION, Append, Batch
from twofold.testing._store_audit import entry
from twofold.testing._store_case import append, draft

pytestmark = pytest.mark.anyio

_LOCKS = (
    "SELECT classid, objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1, 2, 3"
)
_TABLES = ("twofold_events", "twofold_streams", "twofold_tags", "twofold_audit")
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def left_by(plain: Plain, call: Call) -> list[Any]:
    """What a call answers, the locks that it holds and the rows that it has written, all of which is taken back."""
    await plain.execute("BEGIN")
    answer = await call.send(plain)
    rows = [await plain.fetch(f"SELECT * FROM {table} ORDER BY 1, 2") for table in _TABLES]
    left = [answer, await plain.fetch(_LOCKS), rows]
    await plain.execute("ROLLBACK")
    await plain.execute("SELECT setval('twofold_positions', 7), setval('twofold_audit_numbers', 7)")
    return left


@pytest.mark.parametrize("entries", [0, 1, 2])
@pytest.mark.parametrize("tags", [0, 2, 300])
@pytest.mark.parametrize("expected", [ANY_VERSION, 0, 2], ids=["any", "new", "known"])
async def test_it_answers_locks_and_writes_the_same(
    store: PostgresStore, plain: Plain, calling: Calls, expected: int, tags: int, entries: int
) -> None:
    """Locks keep readers, conditions and seals apart from what is written: a lock less, and something is missed."""
    await store.commit(append("known", 2))
    await plain.execute("SELECT setval('twofold_positions', 7), setval('twofold_audit_numbers', 7)")
    stream = "new" if expected == 0 else "known"
    event = draft()._replace(tags=tuple(f"seat:{number}" for number in range(tags)))
    batch = Batch((Append(stream, (event,), expected),), audit=tuple(entry() for _ in range(entries)))
    short = calling.of(batch)
    assert short.query == calling.append
    assert await left_by(plain, short) == await left_by(plain, Call(batch, calling.commit, _everything(batch)))


async def test_it_draws_no_position_while_others_draw_a_run(
    store: PostgresStore, plain: Plain, postgres_url: str
) -> None:
    """Those of one batch are next to each other, so it waits until all of them are drawn."""
    async with plain.transaction():
        await plain.execute("SELECT pg_advisory_xact_lock($1)", Names(schema_of(postgres_url)).draw_key)
        drawing = asyncio.ensure_future(store.commit(append("a")))
        async with asyncio.timeout(20):
            while not await plain.fetchval(_WAITING):
                assert not drawing.done()
    assert (await drawing).position == 1
