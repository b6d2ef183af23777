"""When connections break and servers die: what was acknowledged is there, and every other answer is true."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.app.till import Pay, Till
from tests.app.versions import till
from tests.drivers.postgres.conftest import NewStore, Plain
from tests.drivers.postgres.load import Load
from tests.drivers.postgres.proxy import Proxy
from tests.drivers.postgres.schema import schema_of
from tools.postgres import Server, private_server
from twofold import App, Command, Module, Refused
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._append import Call
from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._connection import Server as _Reached
from twofold.drivers.postgres._pool import Pool
from twofold.errors import OutcomeUnknown, StoreUnavailable
from twofold.store import ANY_VERSION, Append, AuditSearch, Batch, Committed, Reply, seal
from twofold.testing._store_audit import entry
from twofold.testing._store_case import append, draft, versions, whole_log

pytestmark = pytest.mark.anyio
WAITS: Final = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")


@pytest.fixture
def server() -> Iterator[Server]:
    with private_server() as server:
        yield server


@pytest.mark.parametrize("held", [False, True])
async def test_a_lost_answer_is_looked_up(behind: PostgresStore, proxy: Proxy, held: bool) -> None:
    """When the answer to a commit is lost but the server is there, the caller learns what became of it."""
    proxy.deaf_after = b"COMMIT\0" if held else b"lost"
    transaction = behind.begin()
    if held:
        await transaction.run(lambda connection: connection.execute("SELECT 1"))
    assert await transaction.commit(append("lost", 1, 0)) == Committed(2, {"lost": 1})
    assert proxy.cut.is_set()
    assert await versions(behind, "lost") == [1]
    await behind.commit(append("lost", 1, 1))


@pytest.mark.parametrize("held", [False, True])
async def test_a_commit_answered_by_nobody_is_unknown(
    behind: PostgresStore, proxy: Proxy, store: PostgresStore, held: bool
) -> None:
    """When nobody can be asked the outcome is unknown; the work is whole, and its retry is one conflict away."""
    proxy.deaf_after, proxy.for_good = b"COMMIT\0" if held else b"lost", True
    transaction = behind.begin()
    if held:
        await transaction.run(lambda connection: connection.execute("SELECT 1"))
    with pytest.raises(OutcomeUnknown):
        await transaction.commit(append("lost", 3, 0))
    assert await versions(store, "lost") == [1, 2, 3]


async def test_a_keyed_command_whose_answer_is_lost_converges(
    behind: PostgresStore, proxy: Proxy, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can be asked what became of it, and it says so; sent again under its key it is answered, and done once."""
    till, find = Till(), PostgresStore.find_reply

    async def out_of_reach(asked: PostgresStore, key: bytes, now: datetime) -> Reply | None:
        if proxy.cut.is_set() and asked is behind:
            raise StoreUnavailable("out of reach")
        return await find(asked, key, now)

    monkeypatch.setattr(PostgresStore, "find_reply", out_of_reach)
    async with till.app(behind) as app, Till().app(store) as elsewhere:
        before = await store.log.head()
        caller = app.caller(idempotency_key="k-1")
        proxy.deaf_after, proxy.for_good = b"COMMIT\0", True
        assert isinstance((await caller.execute(Pay(amount=Decimal(1)))).error, OutcomeUnknown)
        slip = (await elsewhere.caller(idempotency_key="k-1").execute(Pay(amount=Decimal(1)))).unwrap()
        proxy.cut.clear()
        assert (await caller.execute(Pay(amount=Decimal(1)))).unwrap() == slip
        assert (len(till.begun), await store.log.head()) == (1, before + 1)


async def test_an_unknown_outcome_is_looked_up_by_its_key(behind: PostgresStore, proxy: Proxy) -> None:
    """A command that writes no events leaves nothing else to look for."""
    runs, module = list[int](), Module("silent")

    @dataclass(frozen=True)
    class Count(Command[int]): ...

    @module.handler
    def count(command: Count) -> int:
        runs.append(1)
        return len(runs)

    async with App("silent", modules=[module], database=behind) as app:
        proxy.deaf_after = b"COMMIT\0"
        assert (await app.caller(idempotency_key="k-1").execute(Count())).unwrap() == 1
        assert proxy.cut.is_set()
        assert (await app.caller(idempotency_key="k-1").execute(Count())).unwrap() == 1


def _refused(message: str, count: int = 1) -> Batch:
    """What commands that were refused leave, which is nothing in the log."""
    now = datetime.now(UTC)
    return Batch(audit=tuple(entry(message=message, time=now, outcome="refused") for _ in range(count)))


async def _trail(store: PostgresStore) -> list[UUID]:
    return [entry.message_id for entry in await store.audit.find(AuditSearch(outcome="refused"))]


async def test_a_lost_answer_is_looked_up_in_the_trail(behind: PostgresStore, proxy: Proxy) -> None:
    """What leaves nothing but entries is found by them, also when one of them was there before."""
    batch = _refused("lost", 2)
    first, second = batch.audit
    await behind.commit(Batch(audit=(second,)))
    await seal(behind.audit, first.time)
    proxy.deaf_after = b"lost"
    assert await behind.commit(batch) == Committed()
    assert proxy.cut.is_set()
    assert await _trail(behind) == [second.message_id, first.message_id, second.message_id]


@pytest.mark.parametrize("long_ago", [False, True])
async def test_entries_that_are_not_all_there_were_not_written(
    behind: PostgresStore, plain: Plain, long_ago: bool
) -> None:
    """Another one of the same command is none of them, nor is what was sealed long before they were made."""
    batch = _refused("lost", 2)
    first, second = batch.audit
    if long_ago:
        await behind.commit(batch)
        await seal(behind.audit, first.time - timedelta(hours=1))
    else:
        await behind.commit(Batch(audit=(first, second._replace(duration=second.duration * 2))))
    stuck = "FROM pg_locks WHERE NOT granted AND relation = 'twofold_audit'::regclass"
    await plain.execute("BEGIN; LOCK TABLE twofold_audit IN EXCLUSIVE MODE")
    committing = asyncio.create_task(behind.commit(batch))
    while not await plain.fetchval(f"SELECT count(*) {stuck}"):
        assert not committing.done()
    await plain.execute(f"SELECT pg_terminate_backend(pid) {stuck}")
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        await committing
    await plain.execute("ROLLBACK")
    assert await _trail(behind) == [first.message_id, second.message_id]


@pytest.mark.parametrize("held", [False, True])
async def test_what_entries_do_not_prove_is_unknown(
    behind: PostgresStore, proxy: Proxy, store: PostgresStore, held: bool
) -> None:
    """When nobody can be asked for them, or when more than they was in a transaction."""
    proxy.deaf_after, proxy.for_good = b"COMMIT\0" if held else b"lost", not held
    batch, transaction = _refused("lost"), behind.begin()
    if held:
        await transaction.run(lambda connection: connection.execute("SELECT 1"))
    with pytest.raises(OutcomeUnknown):
        await transaction.commit(batch)
    assert proxy.cut.is_set()
    assert await _trail(store) == [batch.audit[0].message_id]


@pytest.mark.parametrize("entries, for_good", [(1, False), (2, True)])
async def test_a_refusal_whose_answer_is_lost_stays_in_the_trail(
    behind: PostgresStore, proxy: Proxy, entries: int, for_good: bool
) -> None:
    """Once when the trail can be asked for it; else it is written again, with its id."""
    module = Module("stern")

    @dataclass(frozen=True)
    class Ask(Command[None]): ...

    @module.handler
    def ask(command: Ask) -> None:
        raise Refused("no")

    async with App("stern", modules=[module], database=behind) as app:
        proxy.deaf_after, proxy.for_good = b'"refused"', for_good
        assert isinstance((await app.execute(Ask())).error, Refused)
        await proxy.cut.wait()
        proxy.for_good = False
    await behind.start()
    found = await _trail(behind)
    assert (len(found), len({*found})) == (entries, 1)


async def _lose(connection: Connection, plain: Plain) -> None:
    """Let the server end a connection, and wait until its client knows."""
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _: ended.set())
    await plain.execute(f"SELECT pg_terminate_backend({connection.get_server_pid()})")
    await ended.wait()


@pytest.mark.parametrize("batch", [append("lost", 2), _refused("lost")])
@pytest.mark.parametrize("held", [False, True])
async def test_a_commit_that_was_not_sent_is_no_unknown_one(
    behind: PostgresStore, proxy: Proxy, plain: Plain, monkeypatch: pytest.MonkeyPatch, batch: Batch, held: bool
) -> None:
    """Its connection was lost just before: nothing was written, and nobody needs to be asked for that."""
    take, send = Pool.take, Call.send

    async def take_lost(pool: Pool) -> Connection:
        connection = await take(pool)
        await _lose(connection, plain)
        return connection

    async def send_and_lose(call: Call, connection: Connection, timeout: float | None = None) -> Committed:
        committed = await send(call, connection, timeout)
        await _lose(connection, plain)
        return committed

    transaction = behind.begin()
    if held:
        await transaction.run(lambda connection: connection.execute("SELECT 1"))
    proxy.for_good = True
    proxy.cut.set()
    with monkeypatch.context() as lossy:
        lossy.setattr(*(Call, "send", send_and_lose) if held else (Pool, "take", take_lost))
        with pytest.raises(StoreUnavailable, match="before the commit was sent"):
            await transaction.commit(batch)
    proxy.for_good = False
    assert (await behind.commit(batch)).versions == {append.stream: len(append.events) for append in batch.appends}


async def test_a_lost_answer_is_looked_up_for_each(behind: PostgresStore, proxy: Proxy) -> None:
    """When the answer to several is lost but the server is there, each learns whether it is written."""
    proxy.deaf_after = b"lost"
    batches = [append("lost", 1, 0), append("a", 1, 0), append("lost", 1, ANY_VERSION)]
    first, conflict, second = await asyncio.gather(*map(behind.commit, batches), return_exceptions=True)
    assert proxy.cut.is_set()
    assert [first, second] == [Committed(2, {"lost": 1}), Committed(3, {"lost": 2})]
    assert isinstance(conflict, StoreUnavailable)
    assert not isinstance(conflict, OutcomeUnknown)
    assert await versions(behind, "a") == [1]


async def test_answered_by_nobody_all_are_unknown(behind: PostgresStore, proxy: Proxy, store: PostgresStore) -> None:
    """When nobody can be asked, none of them is told that it was done, or was not."""
    proxy.deaf_after, proxy.for_good = b"lost", True
    told = await asyncio.gather(*(behind.commit(append("lost")) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [OutcomeUnknown] * 3
    assert await versions(store, "lost") == [1, 2, 3]


async def test_what_was_lost_before_the_commit_was_not_written(behind: PostgresStore, proxy: Proxy) -> None:
    """A held transaction whose connection breaks before COMMIT is sent is gone, and says so."""
    held = behind.begin()
    await held.run(lambda connection: connection.execute("SELECT 1"))
    proxy.deaf_after = b"SELECT 2"
    with pytest.raises(StoreUnavailable):
        await held.run(lambda connection: connection.execute("SELECT 2"))
    with pytest.raises(StoreUnavailable):
        await held.commit(append("lost"))
    assert await versions(behind, "lost") == []


async def test_a_server_that_waits_is_not_waited_for_without_end(new_store: NewStore, plain: Plain) -> None:
    """A commit that cannot get its stream in time is refused, and nothing of it is written later."""
    store = new_store(commit_timeout=0.6)
    await store.start()
    await store.commit(append("a"))
    await plain.execute("BEGIN; SELECT * FROM twofold_streams FOR UPDATE")
    with pytest.raises(StoreUnavailable, match="lock timeout"):
        await store.commit(append("a"))
    await plain.execute("ROLLBACK")
    assert (await store.commit(append("a"))).versions == {"a": 2}
    await store.stop()


@pytest.mark.parametrize("how", ["one event", "several", "a held unit", "a statement of one"])
async def test_what_the_server_ends_for_its_time_leaves_nothing(
    store: PostgresStore, plain: Plain, postgres_url: str, how: str
) -> None:
    """Where PostgreSQL has a `statement_timeout`: who is ended is told so, and neither rows nor locks are left.

    Its connection serves on, and others go on at once.
    """
    await store.commit(append("a"))
    await plain.execute("CREATE TABLE tally (name text)")
    limited = PostgresStore(f"{postgres_url}&statement_timeout=600", schema=schema_of(postgres_url), pool_size=1)
    await limited.start()
    pid = await _writer(limited)
    await plain.execute("BEGIN; SELECT * FROM twofold_streams FOR UPDATE")
    transaction = limited.begin()
    if how.startswith("a "):
        await transaction.run(lambda connection: connection.execute("INSERT INTO tally VALUES ('left')"))
    doing = (
        transaction.run(lambda connection: connection.execute("SELECT pg_sleep(60)"))
        if how == "a statement of one"
        else transaction.commit(append("a", 1 if how == "one event" else 3))
    )
    with pytest.raises(StoreUnavailable, match="statement timeout"):
        await doing
    locks = "SELECT count(*) FROM pg_locks WHERE pid = $1 AND (locktype = 'advisory' OR mode = 'RowExclusiveLock')"
    assert await plain.fetchval(locks, pid) == 0
    await plain.execute("ROLLBACK")
    await transaction.rollback()
    assert (await store.commit(append("a"))).versions == {"a": 2}
    assert (await limited.commit(append("a"))).versions == {"a": 3}
    assert (await versions(store, "a"), await plain.fetchval("SELECT count(*) FROM tally")) == ([1, 2, 3], 0)
    assert await _writer(limited) == pid
    await limited.stop()


async def test_connections_whose_other_end_is_gone_are_given_up(proxy: Proxy, postgres_url: str) -> None:
    """Nobody says so, as when a router has forgotten them: who waits on one is told, and who comes then is answered."""

    def one(connection: Plain) -> Any:
        return connection.fetchval("SELECT 1")

    limits: dict[str, Any] = {"readers": 2, "read_timeout": 0.2, "turn_timeout": 0.5, "acquire_timeout": 1.0}
    store = PostgresStore(proxy.url, schema=schema_of(postgres_url), **limits)
    await store.start()
    await store.commit(append("before"))
    held, begun = store.begin(), store.begin()
    await held.run(one)
    await asyncio.gather(store.read(one), store.read(one), store.checkpoints.renew("nobody"))
    proxy.forget()
    waiting = [store.read(one), store.log.head(), store.checkpoints.renew("nobody"), held.run(one)]
    for told in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(told, StoreUnavailable)
    assert await store.read(one) == await begun.run(one) == 1
    await begun.rollback()
    assert (await store.commit(append("after", 1, 0))).versions == {"after": 1}
    await store.stop()


async def test_the_system_looks_for_the_other_end(proxy: Proxy, postgres_url: str) -> None:
    """So that one of which nothing is heard for half a minute is gone for statements without a bound too."""
    database = urlsplit(postgres_url).path
    address = f"postgresql://postgres:@127.0.0.1:{await proxy.open_port()}{database}"
    server = _Reached(dsn=address, connect_timeout=5, lock_timeout=5, read_timeout=5)
    for connect in (server.connect, server.connect_reader):
        connection: Any = await connect()
        reached = connection._transport.get_extra_info("socket")
        assert reached.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        waits = [reached.getsockopt(socket.IPPROTO_TCP, getattr(socket, name, 0)) for name in WAITS]
        assert sum((waits[0], waits[1] * waits[2])) <= 30
        await connection.close()


async def test_streams_in_opposite_order_do_not_stop_each_other(store: PostgresStore) -> None:
    """Batches that touch the same streams in opposite order all succeed."""
    forth, back = [Append("a", ()), Append("b", ())], [Append("b", ()), Append("a", ())]
    batches = [
        Batch(tuple(one._replace(events=(draft(),), expected=ANY_VERSION) for one in order))
        for order in [forth, back] * 20
    ]
    await asyncio.gather(*map(store.commit, batches))
    assert len(await versions(store, "a")) == len(await versions(store, "b")) == 40


async def test_a_deadlock_is_run_again(store: PostgresStore, plain: Plain) -> None:
    """A batch that PostgreSQL gives up because of a deadlock with others is sent again by itself."""
    await store.commit(append("a"))
    await store.commit(append("b"))
    await plain.execute("BEGIN")
    await plain.execute("SET LOCAL deadlock_timeout = '1min'")  # so it is the store's transaction that finds out
    await plain.execute("SELECT * FROM twofold_streams WHERE stream = 'b' FOR UPDATE")
    both = asyncio.create_task(store.commit(Batch((Append("a", (draft(),)), Append("b", (draft(),))))))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not await plain.fetchval(waiting):
        await plain.execute("SELECT pg_stat_clear_snapshot()")
    await plain.execute("SELECT * FROM twofold_streams WHERE stream = 'a' FOR UPDATE")
    await plain.execute("ROLLBACK")
    assert (await asyncio.wait_for(both, 20)).versions == {"a": 2, "b": 2}


async def test_connections_that_are_killed_are_replaced(store: PostgresStore, plain: Plain) -> None:
    """Under load, sessions are terminated again and again: what was acknowledged is there once, errors are typed."""
    pids = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'twofold' AND datname = current_database()"
    )
    load = Load(store)
    await load.under(lambda: plain.execute(pids), rounds=8)
    await load.check()


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_may_restart(server: Server, end: str) -> None:
    """Restarted or killed under load, the server comes back with what was acknowledged, and the store with it."""
    store = PostgresStore(server.url())
    await store.start()

    async def restart() -> None:
        await asyncio.to_thread(getattr(server, end))
        await asyncio.to_thread(server.start)

    load = Load(store)
    await load.under(restart, rounds=2)
    await load.check()
    await store.stop()


async def test_a_database_that_is_away_is_no_fault_of_a_projection(
    proxy: Proxy, postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks after its versions says so in one line, as a warning, and goes on when it is back."""
    logger, told = logging.getLogger("twofold.projection"), asyncio.Event()

    def hear(_: logging.LogRecord) -> bool:
        told.set()
        return True

    logger.addFilter(hear)
    try:
        async with till(1, PostgresStore(proxy.url, schema=schema_of(postgres_url), acquire_timeout=0.2)) as app:
            await proxy.close()
            await asyncio.wait_for(told.wait(), 20)
            await proxy.open()
            await app.settle()
    finally:
        logger.removeFilter(hear)
    (line,) = [one for one in caplog.records if one.name == "twofold.projection"]
    assert (line.levelname, line.exc_info) == ("WARNING", None)
    assert line.getMessage().startswith("versions of projections wait for what is away: StoreUnavailable: ")
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_a_lost_notification_only_delays(new_store: NewStore, store: PostgresStore, plain: Plain) -> None:
    """Another process learns of an append by notification, and looks by itself once its listener was cut off."""
    other = new_store()
    await other.start()
    for _ in range(2):
        head = await other.log.head()
        waiting = asyncio.create_task(other.wakeup.wait(head, 60))
        while not await _listeners(plain) >= 2:
            await plain.execute("SELECT pg_stat_clear_snapshot()")
        await store.commit(append("a"))
        await asyncio.wait_for(waiting, 20)
        await plain.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE query ~ 'LISTEN|pg_notify' AND pid <> pg_backend_pid() AND datname = current_database()"
        )
    await asyncio.wait_for(other.wakeup.wait(await other.log.head(), 0.01), 20)
    assert len(await whole_log(other)) == 2
    await other.stop()


async def _listeners(plain: Plain) -> int:
    found: int = await plain.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'LISTEN|pg_notify' AND state = 'idle'"
        " AND pid <> pg_backend_pid() AND datname = current_database()"
    )
    return found


async def _writer(store: PostgresStore) -> int:
    """The process of the server that writes for a store."""
    held = store.begin()
    pid: int = await held.run(lambda connection: connection.fetchval("SELECT pg_backend_pid()"))
    await held.rollback()
    return pid
