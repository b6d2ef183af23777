"""Appending on SQLite, every commit on the disk: commands through the bus, units of work as data, and sessions.

The twin calls sqlite3 in the same thread, with nothing in between.
"""

import asyncio
import importlib.util
import json
import sqlite3
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.append_by_hand import InThread, Work
from benchmarks.figures import Figure, Skipped
from benchmarks.notes import Note, Tables, WriteNote, notes
from benchmarks.promised import Writes, promised
from benchmarks.rounds import compare
from benchmarks.servers import run
from benchmarks.twins import AUDIT, INSERT, VERSION, connect, made
from benchmarks.work import DATA, HEADERS, batch, by_clients, new_streams
from twofold import App, Command, Event, Module, UnitOfWork
from twofold.clock import new_id
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite.sql import SqliteSessions
from twofold.messages import MessageType

TITLE = "Append on SQLite"
ABOUT = (
    "Each operation commits one event to a stream of its own, its version checked, with `synchronous = FULL`. A "
    "command goes through the bus of an application, and leaves an entry in the audit trail; a unit of work is what"
    " the store does by itself. The twin is plain sqlite3: the same rows over the same tables with the same "
    "settings, by three statements and one commit for each. With several clients the twin still goes one after the "
    "other, since sqlite3 has nothing better to offer. The event loop is uvloop's, as under `twofold run`. One at a"
    " time the figure is of the middle latencies, which a disk with a long tail disturbs less; with more it is of "
    "the rounds. The floor of a command is one by hand, without a pipeline, through a thread that commits for all "
    "who wait. That of what is promised goes through a bus and a check by hand, and then through twofold's store, "
    "with an event that is proved to be readable and an entry without secrets, which is sealed. That of a command "
    "with a session is SQLAlchemy itself: its Session without threads, pipeline and audit trail."
)

_FULL = "FULL"


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    order_id: UUID
    customer: str
    total: str


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[None]):
    """Record one event."""

    order_id: UUID
    customer: str = "Ada"
    total: str = "12.50"


orders = Module("orders")
orders.events(OrderPlaced)


@orders.handler
async def place_order(command: PlaceOrder, unit: UnitOfWork) -> None:
    unit.append(f"order-{command.order_id}", _placed(command), expected=0)


def _placed(command: PlaceOrder) -> OrderPlaced:
    return OrderPlaced(order_id=command.order_id, customer=command.customer, total=command.total)


def measure(*, quick: bool) -> Iterator[Figure | Skipped]:
    """Commands and units of work at 1, 8 and 32 clients, then commands with a session."""
    rounds, count = (2, 16) if quick else (41, 64)
    with tempfile.TemporaryDirectory() as folder:
        for clients, at_least in ((1, 0.6), (8, None), (32, 3.0)):
            yield run(_commands(Path(folder), rounds, count * max(1, clients // 4), clients, at_least=at_least))
        for clients in (1, 32):
            yield run(_floor(Path(folder), rounds, count * max(1, clients // 4), clients))
            yield run(_floor_with_promises(Path(folder), rounds, count * max(1, clients // 4), clients))
        for clients in (1, 8, 32):
            yield run(_units(Path(folder), rounds, count * max(1, clients // 4), clients))
        yield run(_sessions(Path(folder), rounds, count))
        if importlib.util.find_spec("aiosqlite") is None:
            yield Skipped("command with an AsyncSession, against aiosqlite", "aiosqlite is not installed")
            return
        for clients in (1, 16):
            path = Path(folder) / f"{clients}"
            path.mkdir()
            yield run(_sessions_of_aiosqlite(path, rounds, count * clients // 4, clients))
        yield run(_floor_of_sessions(Path(folder), rounds, count // 4))
        for clients in (1, 16):
            yield run(_floor_of_promised_sessions(Path(folder), rounds, count * max(1, clients // 4), clients))


async def _commands(folder: Path, rounds: int, count: int, clients: int, *, at_least: float | None) -> Figure:
    async with App("orders", modules=[orders], database=folder / f"command-{clients}.db") as app:
        caller = app.caller(user_id=HEADERS["user_id"])

        async def place(_: int) -> None:
            assert (await caller.execute(PlaceOrder(order_id=new_id()))).is_success

        what = "command that records one event"
        return await _against_sqlite3(folder, what, place, rounds, count, clients, at_least=at_least)


async def _units(folder: Path, rounds: int, count: int, clients: int) -> Figure:
    ours, twin = folder / f"ours-{clients}.db", await asyncio.to_thread(made, folder / f"twin-{clients}.db")
    store, connection = SqliteStore(ours), connect(twin)
    streams = new_streams()
    await store.start()

    async def append(_: int) -> None:
        await store.commit(batch(next(streams)))

    async def append_by_hand(_: int) -> None:
        _in_a_transaction(connection, _writing(next(streams), DATA))

    done = await compare(by_clients(append, count, clients), by_clients(append_by_hand, count, 1), rounds=rounds)
    await store.stop()
    connection.close()
    return done.figure(
        f"commit of a unit of work, {clients} at a time",
        "x",
        "plain sqlite3, one commit each",
        "1 event",
        durability=_FULL,
        clients=clients,
        of_middles=clients == 1,
    )


async def _floor(folder: Path, rounds: int, count: int, clients: int) -> Figure:
    """What a command by hand has of it when it goes through a thread that commits for all who wait."""
    async with InThread(await asyncio.to_thread(made, folder / f"floor-{clients}.db"), writes=True) as thread:

        async def place(_: int) -> None:
            await thread.run(_placing())

        what = "the floor: such a command by hand through a thread"
        return await _against_sqlite3(folder, what, place, rounds, count, clients)


async def _floor_with_promises(folder: Path, rounds: int, count: int, clients: int) -> Figure:
    """What is left when a command that promises the same is handled by hand, with twofold's store alone."""
    async with App("orders", modules=[orders], database=folder / f"promises-{clients}.db") as app:
        store, kind = app.store, MessageType(OrderPlaced)

        async def handle(command: PlaceOrder, writes: Writes[PlaceOrder]) -> None:
            placed = writes.append(kind, _placed(command), f"order-{command.order_id}", 0)
            await store.commit(writes.batch(command, placed))

        execute = promised(PlaceOrder, handle, scoped=False)

        async def place(_: int) -> None:
            assert (await execute(PlaceOrder(order_id=new_id()))).is_success

        what = "the floor of what is promised: such a command by hand through the store"
        return await _against_sqlite3(folder, what, place, rounds, count, clients)


async def _against_sqlite3(
    folder: Path,
    what: str,
    place: Callable[[int], Awaitable[None]],
    rounds: int,
    count: int,
    clients: int,
    *,
    at_least: float | None = None,
) -> Figure:
    """A way to place an order, against the statements alone in a file of their own."""
    connection = connect(await asyncio.to_thread(made, folder / f"{new_id()}.db"))

    async def place_alone(_: int) -> None:
        _in_a_transaction(connection, _placing())

    done = await compare(by_clients(place, count, clients), by_clients(place_alone, count, 1), rounds=rounds)
    connection.close()
    return done.figure(
        f"{what}, {clients} at a time",
        "x",
        "plain sqlite3, one commit each",
        "1 event, 1 entry of the audit trail",
        durability=_FULL,
        clients=clients,
        at_least=at_least,
        of_middles=clients == 1,
    )


_EVENT, _COMMAND = TypeAdapter(OrderPlaced), TypeAdapter(PlaceOrder)


def _placing() -> Work[None]:
    """A command by hand: what it writes."""
    command, began = PlaceOrder(order_id=new_id()), time.time_ns() // 1000
    payload = _COMMAND.dump_json(command).decode()
    ids = (new_id().bytes, HEADERS["correlation_id"], None, HEADERS["user_id"], None)
    entry = ("place_order", 1, *ids, payload, began, time.time_ns() // 1000 - began, "success", "")
    return _writing(f"order-{command.order_id}", _EVENT.dump_json(_placed(command)), entry)


def _writing(stream: str, data: bytes, entry: tuple[Any, ...] = ()) -> Work[None]:
    row = (new_id().bytes, "order_placed", 1, data, json.dumps(HEADERS), time.time_ns() // 1000, "[]")

    def write(connection: sqlite3.Connection) -> None:
        assert (connection.execute(VERSION, (stream,)).fetchone()[0] or 0) == 0
        position = connection.execute(INSERT, (stream, 1, *row)).lastrowid
        if entry:
            connection.execute(AUDIT, (*entry, position))

    return write


def _in_a_transaction(connection: sqlite3.Connection, write: Work[None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    write(connection)
    connection.execute("COMMIT")


async def _sessions(folder: Path, rounds: int, count: int) -> Figure:
    connection = connect(folder / "by-hand.db")
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")

    async def insert_by_hand(_: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO note (text) VALUES (?)", ("hello",))
        connection.execute("COMMIT")

    figure = await _against(folder / "a.db", insert_by_hand, rounds, count, 1, "plain sqlite3", at_least=None)
    connection.close()
    return figure


async def _sessions_of_aiosqlite(path: Path, rounds: int, count: int, clients: int) -> Figure:
    async with _sessions_by_aiosqlite(path / "aiosqlite.db") as insert:
        against = "aiosqlite + SQLAlchemy"
        return await _against(path / "b.db", insert, rounds, count, clients, against, at_least=1.5)


async def _floor_of_sessions(folder: Path, rounds: int, count: int) -> Figure:
    """What is left when nothing goes to another thread, no pipeline is run and no entry is written."""
    engine = create_engine(f"sqlite:///{folder / 'in-the-loop.db'}")
    event.listen(engine, "connect", _on_the_disk)
    Tables.metadata.create_all(engine)
    sessions = sessionmaker(engine, expire_on_commit=False)

    async def insert(_: int) -> None:
        with sessions() as session, session.begin():
            _insert_note(session)

    what = "the floor: SQLAlchemy's Session in the event loop"
    figure = await _against_aiosqlite(folder / "beside-the-loop.db", what, insert, rounds, count, 1)
    engine.dispose()
    return figure


async def _floor_of_promised_sessions(folder: Path, rounds: int, count: int, clients: int) -> Figure:
    """What is left when a command that promises the same is handled by hand, with the store and its session alone."""
    async with App("notes", modules=[notes], database=folder / f"by-the-store-{clients}.db") as app:
        store, sessions = app.store, SqliteSessions(cast("SqliteStore", app.store))

        async def handle(command: WriteNote, writes: Writes[WriteNote]) -> None:
            transaction = store.begin()
            async with sessions.write(transaction) as session:
                await session.run_sync(_insert_note)
                await transaction.commit(writes.batch(command))

        execute = promised(WriteNote, handle)

        async def insert(_: int) -> None:
            assert (await execute(WriteNote(text="hello"))).is_success

        what = "the floor of what is promised: such a command by hand through the store"
        twin = folder / f"beside-the-store-{clients}.db"
        return await _against_aiosqlite(twin, what, insert, rounds, count, clients)


async def _against_aiosqlite(
    path: Path, what: str, insert: Callable[[int], Awaitable[None]], rounds: int, count: int, clients: int
) -> Figure:
    async with _sessions_by_aiosqlite(path) as twin:
        done = await compare(by_clients(insert, count, clients), by_clients(twin, count, clients), rounds=rounds)
    against = "aiosqlite + SQLAlchemy"
    return done.figure(what, "x", against, "1 row", durability=_FULL, clients=clients, of_middles=clients == 1)


def _insert_note(session: Session) -> None:
    note = Note(text="hello")
    session.add(note)
    session.flush()
    assert note.id


def _on_the_disk(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


@asynccontextmanager
async def _sessions_by_aiosqlite(path: Path) -> AsyncGenerator[Callable[[int], Awaitable[None]]]:
    """What inserts a row by an AsyncSession of aiosqlite."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"timeout": 30})
    event.listen(engine.sync_engine, "connect", _on_the_disk)
    async with engine.begin() as connection:
        await connection.run_sync(Tables.metadata.create_all)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def insert(_: int) -> None:
        async with sessions() as session, session.begin():
            await session.run_sync(_insert_note)

    yield insert
    await engine.dispose()


async def _against(
    path: Path,
    twin: Callable[[int], Awaitable[None]],
    rounds: int,
    count: int,
    clients: int,
    name: str,
    *,
    at_least: float | None,
) -> Figure:
    command = WriteNote(text="hello")
    async with App("notes", modules=[notes], database=path) as app:

        async def execute(_: int) -> None:
            assert (await app.execute(command)).is_success

        done = await compare(by_clients(execute, count, clients), by_clients(twin, count, clients), rounds=rounds)
    return done.figure(
        "command with an AsyncSession",
        "x",
        name,
        "1 row",
        durability=_FULL,
        clients=clients,
        at_least=at_least,
        of_middles=clients == 1,
    )
