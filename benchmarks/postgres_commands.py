"""Commands on PostgreSQL, through the bus of an application: with a session, and by an aggregate.

The twins do by hand, with asyncpg alone, what the command comes to in the database.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.figures import Figure
from benchmarks.notes import Note, WriteNote, notes
from benchmarks.promised import Writes, promised
from benchmarks.rounds import compare
from benchmarks.servers import run
from benchmarks.work import HEADERS, by_clients
from tools.postgres import Server, private_server
from twofold import Aggregate, App, Command, Event, Module, Repository, Result, Success
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres.sql import PostgresSessions
from twofold.messages import MessageType
from twofold.store import read_stored

TITLE = "Commands on PostgreSQL"
ABOUT = (
    "A command through the bus, with the middleware that every command has, and an entry in the audit trail, which the "
    "twins write too. With a session it inserts a row by SQLAlchemy's ORM; the twin sends BEGIN, two INSERTs and "
    "COMMIT, and one floor is SQLAlchemy's AsyncSession by itself, without twofold and without the entry. "
    "Event-sourced, it loads an account from its 20 events and appends one, its version checked; the twin reads, "
    "decodes and folds the same, and writes the same rows into tables with the same indexes by one prepared statement "
    "that checks the version. It has no context, no shared commits and no seal on its trail, and readers may miss its "
    "positions. The floors of what is promised have them: a bus, a check and a scope of dishka by hand, and then "
    "twofold's store and its session, with an event that is proved to be readable and an entry that is sealed. The "
    "event loop is uvloop's, as under `twofold run`; the server runs with its defaults, `fsync` among them."
)

_DURABILITY = "fsync"
_FLOOR = "the floor of what is promised"
_EVENTS: Final = 20
_FILL: Final = """
INSERT INTO {schema}.twofold_events (position, stream, version, id, type, schema_version, data, headers, time, tags)
SELECT n + 1, 'account-' || account_id, n % {events} + 1, gen_random_uuid(), 'paid_in', 1,
    convert_to(format('{{"account_id":"%s","amount":%s}}', account_id, n % {events}), 'UTF8'), '{{}}', now(), '[]'
FROM generate_series(0, {size} - 1) AS n, LATERAL (SELECT md5((n / {events})::text)::uuid AS account_id) AS o;
INSERT INTO {schema}.twofold_streams (stream, version)
SELECT stream, max(version) FROM {schema}.twofold_events GROUP BY stream;
SELECT setval('{schema}.twofold_positions', {size});
ANALYZE {schema}.twofold_events, {schema}.twofold_streams;
"""
_LOAD: Final = "SELECT version, data FROM twin.twofold_events WHERE stream = $1 ORDER BY version"
_APPEND: Final = """
WITH moved AS (
    UPDATE twin.twofold_streams SET version = version + 1 WHERE stream = $1 AND version = $2 RETURNING version
), appended AS (
    INSERT INTO twin.twofold_events (position, stream, version, id, type, schema_version, data, headers, time, tags)
    SELECT nextval('twin.twofold_positions'), $1, version, $3, 'paid_in', 1, $4, $5, $6, '[]' FROM moved
    RETURNING position
)
INSERT INTO twin.twofold_audit
    (number, message, version, message_id, correlation_id, payload, time, duration, outcome, code, position)
SELECT nextval('twin.twofold_audit_numbers'), 'pay_in', 1, $7, $8, $9, $6, $10, 'success', '', position FROM appended
RETURNING position
"""
_ENTRY: Final = """
INSERT INTO twin.twofold_audit
    (number, message, version, message_id, correlation_id, payload, time, duration, outcome, code, position)
VALUES (nextval('twin.twofold_audit_numbers'), 'write_note', 1, $1, $2, $3, $4, $5, 'success', '', 0)
"""


@dataclass(frozen=True, kw_only=True)
class PaidIn(Event):
    """Money came in."""

    account_id: UUID
    amount: int


class Account(Aggregate):
    """What somebody has."""

    id: UUID
    balance = 0

    def pay_in(self, amount: int) -> None:
        self.record(PaidIn(account_id=self.id, amount=amount))

    def evolve(self, event: Event) -> None:
        match event:
            case PaidIn():
                self.id = event.account_id
                self.balance += event.amount
            case _:
                pass


@dataclass(frozen=True, kw_only=True)
class PayIn(Command[int]):
    """Load an account and record one event."""

    account_id: UUID
    amount: int


accounts = Module("accounts")
accounts.events(PaidIn)


@accounts.handler
async def pay_in(command: PayIn, repository: Repository[Account]) -> Result[int]:
    account = (await repository.get(command.account_id)).unwrap()
    account.pay_in(command.amount)
    await repository.save(account)
    return Success(account.balance)


def measure(*, quick: bool) -> Iterator[Figure]:
    """A command with a session, and an event-sourced one, at 1 and 8 clients."""
    rounds, count = (2, 16) if quick else (21, 200)
    with private_server() as server:
        for clients in (1, 8):
            yield from run(_sessions(server, rounds, count, clients))
        for clients in (1, 8):
            yield from run(_event_sourced(server, rounds, count, clients))


async def _sessions(server: Server, rounds: int, count: int, clients: int) -> list[Figure]:
    connections = [await asyncpg.connect(server.url()) for _ in range(clients)]
    twins = PostgresStore(server.url(), schema="twin")
    await twins.start()
    await twins.stop()
    commands = TypeAdapter(WriteNote)
    engine = create_async_engine(server.url().replace("postgresql://", "postgresql+asyncpg://"), pool_size=clients)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def by_hand(client: int) -> None:
        began, connection = time.time_ns(), connections[client]
        async with connection.transaction():
            await connection.fetchval("INSERT INTO note (text) VALUES ($1) RETURNING id", "hello")
            payload = commands.dump_json(WriteNote(text="hello")).decode()
            facts = (new_id(), HEADERS["correlation_id"], payload, datetime.now(UTC), (time.time_ns() - began) // 1000)
            await connection.execute(_ENTRY, *facts)

    async def by_sqlalchemy(_: int) -> None:
        async with sessions() as session, session.begin():
            await _insert(session)

    store = PostgresStore(server.url())
    async with App("notes", modules=[notes], database=store) as app:
        of_units = PostgresSessions(store)

        async def handle(command: WriteNote, writes: Writes[WriteNote]) -> None:
            transaction = store.begin()
            async with of_units.write(transaction) as session:
                await _insert(session)
                await transaction.commit(writes.batch(command))

        with_promises = promised(WriteNote, handle)

        async def execute_by_hand(_: int) -> None:
            assert (await with_promises(WriteNote(text="hello"))).is_success

        async def execute(_: int) -> None:
            assert (await app.execute(WriteNote(text="hello"))).is_success

        twin = by_clients(by_hand, count, clients)
        done = await compare(by_clients(execute, count, clients), twin, rounds=rounds)
        floor = await compare(by_clients(by_sqlalchemy, count, clients), twin, rounds=rounds)
        promising = await compare(by_clients(execute_by_hand, count, clients), twin, rounds=rounds)
    await engine.dispose()
    await connections[0].execute("DROP SCHEMA twin CASCADE")
    for connection in connections:
        await connection.close()
    against, writes = "BEGIN, INSERT, INSERT, COMMIT with asyncpg", "1 row, 1 entry of the audit trail"
    kept: dict[str, Any] = {"durability": _DURABILITY, "clients": clients}
    less = "1 row, the twin an entry of the audit trail too"
    return [
        done.figure("command with an AsyncSession", "%", against, writes, at_least=40, **kept),
        floor.figure("the floor: SQLAlchemy's AsyncSession by itself", "%", against, less, **kept),
        promising.figure(f"{_FLOOR}: such a command by hand through the store", "%", against, writes, **kept),
    ]


async def _insert(session: AsyncSession) -> None:
    note = Note(text="hello")
    session.add(note)
    await session.flush()
    assert note.id


async def _event_sourced(server: Server, rounds: int, count: int, clients: int) -> tuple[Figure, Figure]:
    connections = [await asyncpg.connect(server.url()) for _ in range(clients)]
    store, twins = PostgresStore(server.url(), schema="ours"), PostgresStore(server.url(), schema="twin")
    await twins.start()
    await twins.stop()
    async with App("accounts", modules=[accounts], database=store) as app:
        ids = await _fill(connections[0], 2 * (rounds + 1) * count)
        ours, twin = iter(ids), iter(ids)
        loads = [await connection.prepare(_LOAD) for connection in connections]
        appends = [await connection.prepare(_APPEND) for connection in connections]
        codec, commands = TypeAdapter(PaidIn), TypeAdapter(PayIn)

        async def execute(_: int) -> None:
            assert (await app.execute(PayIn(account_id=next(ours), amount=7))).is_success

        async def by_hand(client: int) -> None:
            account_id, began = next(twin), time.time_ns()
            stream = f"account-{account_id}"
            found = await loads[client].fetch(stream)
            balance, version = sum(codec.validate_json(data).amount for _, data in found), found[-1]["version"]
            assert balance == sum(range(_EVENTS))
            data, headers = codec.dump_json(PaidIn(account_id=account_id, amount=7)), json.dumps(HEADERS)
            row = (stream, version, new_id(), data, headers, datetime.now(UTC))
            payload = commands.dump_json(PayIn(account_id=account_id, amount=7)).decode()
            entry = (new_id(), HEADERS["correlation_id"], payload, (time.time_ns() - began) // 1000)
            assert await appends[client].fetchval(*row, *entry)

        kind = MessageType(PaidIn)

        async def handle(command: PayIn, writes: Writes[PayIn]) -> None:
            stream = f"account-{command.account_id}"
            found = await read_stored(app.store.log, stream)
            assert sum(kind.decode(one.data).amount for one in found) == sum(range(_EVENTS))
            event = PaidIn(account_id=command.account_id, amount=command.amount)
            await app.store.commit(writes.batch(command, writes.append(kind, event, stream, found[-1].version)))

        with_promises = promised(PayIn, handle)

        async def execute_by_hand(_: int) -> None:
            assert (await with_promises(PayIn(account_id=next(ours), amount=7))).is_success

        alone = by_clients(by_hand, count, clients)
        done = await compare(by_clients(execute, count, clients), alone, rounds=rounds)
        floor = await compare(by_clients(execute_by_hand, count, clients), alone, rounds=rounds)
    for connection in connections:
        await connection.execute("DROP SCHEMA IF EXISTS ours, twin CASCADE")
        await connection.close()
    against, writes = "asyncpg by hand, the same rows and indexes", "1 event, 1 version, 1 entry of the audit trail"
    said = done.figure(
        f"command that loads {_EVENTS} events and appends 1",
        "%",
        against,
        writes,
        durability=_DURABILITY,
        clients=clients,
        at_least=85,
    )
    return said, floor.figure(
        f"{_FLOOR}: such a command by hand through the store",
        "%",
        against,
        f"{writes}, sealed",
        durability=_DURABILITY,
        clients=clients,
    )


async def _fill(connection: Any, count: int) -> list[UUID]:
    """Accounts with 20 events each, the same ones for both."""
    for schema in ("ours", "twin"):
        await connection.execute(_FILL.format(schema=schema, events=_EVENTS, size=count * _EVENTS))
    await connection.execute("CHECKPOINT")
    rows = await connection.fetch("SELECT DISTINCT stream FROM twin.twofold_events")
    return [UUID(row["stream"].removeprefix("account-")) for row in rows]
