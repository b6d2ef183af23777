"""Telling other processes of an append, and hearing of theirs: also when that is lost, and while the server is away."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, TypeAlias, cast

import pytest

from tests.app.versions import pay, till, total
from tests.drivers.postgres.conftest import Connect, NewStore, Plain
from tests.drivers.postgres.proxy import Proxy
from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore, _listen
from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._listen import Ear
from twofold.drivers.postgres._names import Names
from twofold.store import Bell, Committed
from twofold.testing._store_case import append

pytestmark = pytest.mark.anyio

Heard: TypeAlias = asyncio.Queue[tuple[int, str]]


@pytest.fixture
def channel(postgres_url: str) -> str:
    """Where it is told that the log has grown."""
    return Names(schema_of(postgres_url)).channel


@pytest.fixture
async def heard(connect: Connect, channel: str) -> Heard:
    """What another program hears there, and from which process of the server."""
    heard, listener = Heard(), await connect()

    def hear(_: Any, pid: int, _channel: str, payload: str) -> None:
        heard.put_nowait((pid, payload))

    await listener.add_listener(channel, hear)
    return heard


@pytest.fixture
async def alone(new_store: NewStore) -> AsyncIterator[PostgresStore]:
    """A store that writes on one connection."""
    store = new_store(pool_size=1)
    await store.start()
    yield store
    await store.stop()


async def written(store: PostgresStore, how: str) -> Committed:
    """What an append comes to, in each of the ways that there are."""
    if how == "held":
        transaction = store.begin()
        await transaction.run(lambda connection: connection.execute("SELECT 1"))
        return await transaction.commit(append("a"))
    if how == "together":
        return (await asyncio.gather(*(store.commit(append("a")) for _ in range(3))))[-1]
    return await store.commit(append("a", 2 if how == "several" else 1))


@pytest.mark.parametrize("how", ["one", "several", "together", "held"])
async def test_whoever_commits_does_not_notify(alone: PostgresStore, heard: Heard, how: str) -> None:
    """It is told by another connection: inside a commit it would have all commits of the server queue for one lock."""
    held = alone.begin()
    writer = await held.run(lambda connection: connection.fetchval("SELECT pg_backend_pid()"))
    await held.rollback()
    committed, told = await written(alone, how), ""
    while told != str(committed.position):
        pid, told = await asyncio.wait_for(heard.get(), 20)
        assert pid != writer


async def test_nobody_is_told_before_the_commit(
    alone: PostgresStore, heard: Heard, plain: Plain, connect: Connect, channel: str
) -> None:
    """Whoever hears of an event can read it."""
    await alone.commit(append("a"))
    assert (await asyncio.wait_for(heard.get(), 20))[1] == "1"
    await plain.execute("BEGIN; SELECT * FROM twofold_streams FOR UPDATE")
    committing = asyncio.create_task(alone.commit(append("a")))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await plain.fetchval(waiting):
        await plain.execute("SELECT pg_stat_clear_snapshot()")
    await (await connect()).execute("SELECT pg_notify($1, 'waiting')", channel)
    assert (await asyncio.wait_for(heard.get(), 20))[1] == "waiting"
    await plain.execute("ROLLBACK")
    assert (await committing).position == 2
    assert (await asyncio.wait_for(heard.get(), 20))[1] == "2"


async def test_what_nobody_is_told_of_is_found_by_the_poll(
    behind: PostgresStore, proxy: Proxy, store: PostgresStore, channel: str
) -> None:
    """The notification is lost on its way: who follows looks by itself, within its bound of a second and a little."""
    writing = till(1, store)
    writing.use_role("api-commands")
    async with till(1, behind), writing:
        await pay(writing, 1)
        await _until_total(store, 1)
        proxy.loses = channel.encode()
        paid = time.monotonic()
        await pay(writing, 2)
        await asyncio.wait_for(proxy.lost.wait(), 20)
        await _until_total(store, 3)
        assert time.monotonic() - paid < 5


async def test_an_outage_is_one_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried to listen again; the next tries are told at DEBUG."""
    monkeypatch.setattr(_listen, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(_listen, "_LAST_PAUSE", 0.002)
    tries, enough = list[int](), asyncio.Event()

    async def refuse() -> Connection:
        tries.append(1)
        if len(tries) == 4:
            enough.set()
        raise ConnectionRefusedError("nobody there")

    ear = Ear(refuse, cast("Names", None), Bell())
    with caplog.at_level(logging.DEBUG, logger="twofold.postgres"):
        ear.open()
        await enough.wait()
        await ear.close()
    assert [record.levelno for record in caplog.records[:3]] == [logging.WARNING, logging.DEBUG, logging.DEBUG]


async def _until_total(store: PostgresStore, wanted: int) -> None:
    async with asyncio.timeout(20):
        while await total(store) != wanted:
            pass
