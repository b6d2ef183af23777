"""Read replicas, with a real one: queries read there, and never miss what their caller has written."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import asyncpg
import pytest
from sqlalchemy import func, select, text

from tests.app.apart import Count, CountBlocking, Pay, Till
from tests.until import until
from tools.postgres import Server, private_server, replica_of
from twofold import App, Command, Module, Query, Success
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres.sql import PostgresSessions
from twofold.errors import StoreUnavailable, WiringError
from twofold.sql import BlockingReadSession, ReadSession

pytestmark = pytest.mark.anyio


class Pair(NamedTuple):
    """A primary and its replica."""

    primary: Server
    replica: Server


@pytest.fixture(scope="module")
def pair() -> Generator[Pair]:
    with private_server() as primary, replica_of(primary) as replica:
        yield Pair(primary, replica)


@pytest.fixture
async def database(pair: Pair) -> str:
    """An empty database, on both."""
    name = f"test_{secrets.token_hex(8)}"
    await on(pair.primary.url(), f"CREATE DATABASE {name}")
    await replayed(pair)
    return name


async def on(url: str, statement: str) -> Any:
    """The first value of a statement on a server."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def overhear(sent: list[str], connection: Any) -> None:
    """Note what a connection sends from now on."""
    connection.add_query_logger(lambda query: sent.append(query.query))


async def until_on(url: str, statement: str) -> None:
    """Wait until a statement says that it is so."""
    await until(lambda: on(url, statement), within=30)


async def replayed(pair: Pair) -> None:
    """Wait until the replica has what the primary has."""
    written = await on(pair.primary.url(), "SELECT pg_current_wal_lsn()::text")
    await until_on(pair.replica.url(), f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn")


@asynccontextmanager
async def lagging(pair: Pair) -> AsyncGenerator[None]:
    """The replica replays nothing for a block."""
    await on(pair.replica.url(), "SELECT pg_wal_replay_pause()")
    await until_on(pair.replica.url(), "SELECT pg_get_wal_replay_pause_state() = 'paused'")
    try:
        yield
    finally:
        await on(pair.replica.url(), "SELECT pg_wal_replay_resume()")


@dataclass(frozen=True, kw_only=True)
class AtReplica(Query[bool]):
    """Whether it is answered by a replica."""


@dataclass(frozen=True, kw_only=True)
class AtReplicaBlocking(Query[bool]):
    pass


@dataclass(frozen=True, kw_only=True)
class Decide(Command[bool]):
    """Whether a command that reads does so at a replica."""


places = Module("places")


@places.handler
async def at_replica(query: AtReplica, session: ReadSession) -> bool:
    return bool(await session.scalar(select(func.pg_is_in_recovery())))


@places.handler
def at_replica_blocking(query: AtReplicaBlocking, session: BlockingReadSession) -> bool:
    return bool(session.scalar(select(func.pg_is_in_recovery())))


@places.handler
async def decide(command: Decide, session: ReadSession) -> bool:
    return bool(await session.scalar(select(func.pg_is_in_recovery())))


def app_on(database: str, primary: Server, *replicas: str) -> App:
    """The till with replicas."""
    till = Till()
    store = PostgresStore(primary.url(database), replicas=replicas)
    return App("till", modules=[till.module(), places], database=store)


async def test_queries_read_at_a_replica(pair: Pair, database: str) -> None:
    """Those that await and those that block; commands read and write at the primary, and so does what follows."""
    async with app_on(database, pair.primary, pair.replica.url(database)) as app:
        assert await app.execute(AtReplica()) == await app.execute(AtReplicaBlocking()) == Success(True)
        assert await app.execute(Decide()) == Success(False)
        for _ in range(3):
            assert (await app.execute(Pay(payer="ada", amount=1))).is_success
        await app.settle(timeout=30)
        await replayed(pair)
        assert await app.execute(Count()) == await app.execute(CountBlocking()) == Success(3)


async def test_a_query_is_one_round_trip_there(pair: Pair, database: str) -> None:
    """Nothing goes around it, also in a process that only reads; the database refuses what would write."""
    store = PostgresStore(pair.primary.url(database), readers=1, replicas=[pair.replica.url(database)])
    await store.start()
    await replayed(pair)
    reading = store.read_only()
    await reading.start()
    for one in (store, reading):
        sent = list[str]()
        await one.read_statement(partial(overhear, sent))
        async with PostgresSessions(one).read() as session:
            assert list(await session.scalars(select(func.pg_is_in_recovery()))) == [True]
            assert sent == []  # statements of sessions are prepared, and not logged: there is nothing around them
            await session.execute(text("VALUES (1)"))
            await asyncio.sleep(0)  # asyncpg tells it in the next turn of the loop
            assert sent == ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK"]
        with pytest.raises(WiringError, match="tried to write"):
            await one.read_statement(lambda it: it.execute("DELETE FROM twofold_meta"))
    await reading.stop()
    await store.stop()


async def test_a_caller_sees_its_own_writes_there(pair: Pair, database: str) -> None:
    """A query with a position is answered by a replica that has replayed it."""
    async with app_on(database, pair.primary, pair.replica.url(database)) as app:
        caller = app.caller(wait=30)
        for number in range(1, 21):
            await caller.execute(Pay(payer="ada", amount=1))
            assert await caller.execute(Count()) == Success(number)
            assert await caller.execute(AtReplica()) == Success(True)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_replica_is_no_place_for_a_store(pair: Pair, database: str, read_only: bool) -> None:
    """The log is read at the primary, for only there it is known what is final; the error says where replicas go."""
    with pytest.raises(StoreUnavailable, match=r"is a primary.*replicas="):
        await PostgresStore(pair.replica.url(database), read_only=read_only).start()


async def test_a_replica_that_lags_is_passed_over(pair: Pair, database: str) -> None:
    """Who asks for nothing reads what it has; who has written reads at the primary, and waits no longer than it may."""
    async with app_on(database, pair.primary, pair.replica.url(database)) as app:
        caller = app.caller(wait=30)
        await caller.execute(Pay(payer="ada", amount=1))
        assert await caller.execute(Count()) == Success(1)
        async with lagging(pair):
            await caller.execute(Pay(payer="ada", amount=1))
            await app.settle(timeout=30)
            assert await app.execute(Count()) == Success(1)
            assert await caller.execute(Count()) == await caller.execute(CountBlocking()) == Success(2)
            assert await caller.execute(AtReplica()) == Success(False)
            assert await app.caller(position=caller.position, wait=0).execute(Count()) == Success(2)


async def test_a_replica_that_is_not_there_is_passed_over(pair: Pair, database: str) -> None:
    """For the next one, and at last for the primary; the application starts without any."""
    nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"
    async with app_on(database, pair.primary, nowhere, pair.replica.url(database)) as app:
        for _ in range(4):
            assert await app.execute(AtReplica()) == Success(True)
    async with app_on(database, pair.primary, nowhere) as app:
        caller = app.caller(wait=30)
        await caller.execute(Pay(payer="ada", amount=1))
        assert await caller.execute(Count()) == Success(1)
        assert await caller.execute(AtReplica()) == Success(False)


async def test_who_runs_it_is_told_which_replica_is_not_there(
    pair: Pair, database: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each outage, by hosts, ports and database; never who logs in, nor how. Those who read are answered."""
    monkeypatch.setattr("twofold.drivers.postgres._replicas._AWAY", 0.0)
    nowhere = "postgresql://ann:secret@127.0.0.1:1/nowhere"
    async with app_on(database, pair.primary, nowhere, pair.replica.url(database)) as app:
        for _ in range(4):
            assert await app.execute(AtReplica()) == Success(True)
    (told,) = [one.getMessage() for one in caplog.records if one.name == "twofold.postgres"]
    assert told.startswith(
        "replica 127.0.0.1:1, database nowhere is passed over: StoreUnavailable: PostgreSQL refuses, or is not there: "
    )
    assert "ann" not in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "address, told",
    [
        ("postgresql://ann:secret@127.0.0.1:1/shop?sslmode=maybe", "replica 127.0.0.1:1, database shop: "),
        ("postgresql://ann:my/secret@127.0.0.1/shop", "replica number 1: "),
    ],
)
async def test_an_address_of_a_replica_that_means_nothing_is_a_mistake(
    pair: Pair, database: str, address: str, told: str
) -> None:
    """It is told of which: by its place, or by its number where that cannot be told."""
    async with app_on(database, pair.primary, address) as app:
        with pytest.raises(WiringError) as raised:
            await app.execute(AtReplica())
    assert raised.value.detail.startswith(told)
    assert "secret" not in str(raised.value)


async def test_a_replica_that_dies_is_noticed(pair: Pair, database: str) -> None:
    """What it was answering fails as unavailable at worst; the queries after that are answered."""
    with replica_of(pair.primary) as mortal:
        async with app_on(database, pair.primary, mortal.url(database)) as app:
            assert await app.execute(AtReplica()) == Success(True)
            await asyncio.to_thread(mortal.kill)
            answers = [await app.execute(AtReplica()) for _ in range(3)]
            assert all(answer == Success(False) or answer.is_failure for answer in answers)
            assert answers[-1] == Success(False)
