"""Short batches are written by functions with all written out that the one for any batch calls: all do the same."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import asyncpg
import pytest

from tests.drivers.postgres.conftest import Plain
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Call, Calls, _everything, send_each
from twofold.drivers.postgres._commits import _EACH
from twofold.drivers.postgres._names import Names
from twofold.store import ANY_VERSION, Append, Batch, Committed
from twofold.testing._store_audit import entry
from twofold.testing._store_case import append, draft

pytestmark = pytest.mark.anyio

_LOCKS = (
    "SELECT classid, objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1, 2, 3"
)
_TABLES = ("twofold_events", "twofold_streams", "twofold_tags", "twofold_audit")
_WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def left_by(plain: Plain, sent: Awaitable[object]) -> list[Any]:
    """What a call answers, the locks that it holds and the rows that it has written, all of which is taken back."""
    await plain.execute("BEGIN")
    answer = await sent
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
    whole = Call(batch, calling.commit, _everything(batch))
    assert await left_by(plain, short.send(plain)) == await left_by(plain, whole.send(plain))


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("entries", [0, 1, 2])
async def test_entries_alone_lock_and_write_the_same(plain: Plain, calling: Calls, entries: int) -> None:
    """What a command with a session of SQLAlchemy leaves beside its rows."""
    await plain.execute("SELECT setval('twofold_positions', 7), setval('twofold_audit_numbers', 7)")
    batch = Batch(audit=tuple(entry(user_id="ada") for _ in range(entries)))
    short, whole = calling.of(batch), Call(batch, calling.commit, _everything(batch))
    assert short.query == calling.commit_entries
    answered, locks, rows = await left_by(plain, short.send(plain))
    assert (answered, len(locks), len(rows[-1])) == (Committed(0, {}), min(entries, 1), entries)
    assert [answered, locks, rows] == await left_by(plain, whole.send(plain))


@pytest.mark.parametrize("entries", [0, 1, 2])
@pytest.mark.parametrize("tags", [0, 2, 120])
async def test_together_they_lock_and_write_the_same(
    store: PostgresStore, plain: Plain, postgres_url: str, calling: Calls, tags: int, entries: int
) -> None:
    """As one batch of all of them would; but an entry of the trail has the position of its own event."""
    await store.commit(append("known", 2))
    await plain.execute("SELECT setval('twofold_positions', 7), setval('twofold_audit_numbers', 7)")
    batches = list[Batch]()
    for stream, expected in (("new", 0), ("known", 2), ("any", ANY_VERSION), ("known", 3)):
        event = draft()._replace(tags=tuple(f"seat:{stream}-{number}" for number in range(tags)))
        batches.append(Batch((Append(stream, (event,), expected),), audit=tuple(entry() for _ in range(entries))))
    audit = (kept for one in batches for kept in one.audit)
    batch = Batch(tuple(one.appends[0] for one in batches), audit=tuple(audit))
    whole = Call(batch, calling.commit, _everything(batch))
    answers, locks, (*written, trail) = await left_by(plain, together(plain, postgres_url, calling, batches))
    answer, other_locks, (*other_written, other_trail) = await left_by(plain, whole.send(plain))
    assert [one.position for one in answers] == [8, 9, 10, 11]
    assert {stream: version for one in answers for stream, version in one.versions.items()} == answer.versions
    assert (locks, written) == (other_locks, other_written)
    assert [{**one, "position": 11} for one in trail] == [{**one, "position": 11} for one in other_trail]
    assert [one["position"] for one in trail] == [8 + number // entries for number in range(4 * entries)]


async def together(plain: Plain, url: str, calling: Calls, batches: Sequence[Batch]) -> Sequence[Any]:
    """Send short calls as a group."""
    each = Names(schema_of(url)).sql(_EACH)
    return await send_each(plain, each, [calling.of(batch) for batch in batches], 20)


async def test_together_they_draw_while_nobody_else_does(
    store: PostgresStore, plain: Plain, postgres_url: str, calling: Calls
) -> None:
    """Their positions are told by the first of them; one alone draws beside others."""
    other = await asyncpg.connect(postgres_url)
    try:
        async with other.transaction():
            await other.execute("SELECT pg_advisory_xact_lock_shared($1)", Names(schema_of(postgres_url)).draw_key)
            with pytest.raises(asyncpg.LockNotAvailableError):
                await together(plain, postgres_url, calling, [append("a"), append("b")])
            (alone,) = await together(plain, postgres_url, calling, [append("a")])
    finally:
        await other.close()
    assert alone == Committed(1, {"a": 1})


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
