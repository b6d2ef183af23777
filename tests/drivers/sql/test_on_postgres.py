"""What sessions on PostgreSQL do in their own way: they work side by side, each on a connection of its own."""

import asyncio
import contextvars
import enum
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ARRAY, Column, DateTime, Enum, Integer, MetaData, String, Table, func, select, text
from sqlalchemy.dialects.postgresql import DOMAIN, ENUM, INT4RANGE, JSONB, Range
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from tests.drivers.sql.conftest import NewSessions, NewStore
from tests.drivers.sql.shop import Customer, names, prove_out_of_reach
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres.sql import PostgresSessions
from twofold.errors import WiringError
from twofold.sql import Sessions, WriteRefused
from twofold.store import Batch, Delete, Store, Upsert

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["postgres"], indirect=True),
]


class Base(DeclarativeBase):
    pass


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[Any] = mapped_column(JSONB)
    words: Mapped[list[str]] = mapped_column(ARRAY(String(9)))
    pages: Mapped[Range[int]] = mapped_column(INT4RANGE)
    time: Mapped[datetime] = mapped_column(DateTime(timezone=True))


VALUES: dict[str, Any] = {
    "body": {"a": [1, {"b": None}], "c": "\\ü"},
    "words": ["one", "two"],
    "pages": Range(1, 5),
    "time": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
}


@pytest.mark.parametrize(
    "statement",
    [
        "COMMIT",
        "rollback",
        "BEGIN",
        "END",
        "ABORT",
        "SAVEPOINT mine",
        "RELEASE sa_session",
        "ROLLBACK TO sa_session",
        "START TRANSACTION",
        "PREPARE TRANSACTION 'x'",
        "PREPARE mine AS SELECT 1",
        "DEALLOCATE ALL",
        "SET search_path TO other",
        "SET TRANSACTION READ WRITE",
        "RESET ALL",
        " -- a comment\n COMMIT",
        "/* one /* in the other */ */ /**/ commit AND CHAIN",
    ],
)
async def test_the_transaction_is_out_of_reach(store: Store, sessions: Sessions, statement: str) -> None:
    """SQL that would end the unit's transaction, or change the connection for its next user, is refused."""
    await prove_out_of_reach(store, sessions, statement, WiringError, "belongs to the store")


async def test_nor_is_it_in_reach_of_a_statement_with_several_sets_of_values(store: Store, sessions: Sessions) -> None:
    """Which goes to the server by another way."""
    transaction = store.begin()
    async with sessions.write(transaction) as session:
        with pytest.raises(WiringError, match="belongs to the store"):
            await session.execute(text("COMMIT"), [{}, {}])
    await transaction.rollback()


@pytest.mark.parametrize(
    "statement",
    ["SET LOCAL search_path TO public", "SET CONSTRAINTS ALL DEFERRED", "SELECT 'COMMIT'", "/* end */ SELECT 1"],
)
async def test_what_ends_with_the_transaction_is_allowed(store: Store, sessions: Sessions, statement: str) -> None:
    """A setting for the rest of the transaction is the user's own business."""
    transaction = store.begin()
    async with sessions.write(transaction) as session:
        await session.execute(text(statement))
    await transaction.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT set_config('app.user', 'ada', false)",
        "SELECT set_config('search_path', 'nowhere', false)",
        "SELECT pg_advisory_lock(7)",
        "/* mine */ CREATE TEMPORARY TABLE mine (a int)",
        "SELECT 1 AS a INTO TEMP mine",
        "DO $$ BEGIN PERFORM set_config('app.user', 'ada', false); END $$",
    ],
)
async def test_what_outlasts_a_transaction_is_not_there_for_the_next(
    store: PostgresStore, sessions: Sessions, statement: str
) -> None:
    """On whatever connection it comes to; a reader's, too, where the server lets it."""
    left = (
        "SELECT current_setting('app.user', true), current_setting('search_path'), to_regclass('pg_temp.mine'),"
        " (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND pid = pg_backend_pid())"
    )

    async def found() -> set[tuple[Any, ...]]:
        transactions = [store.begin() for _ in range(5)]
        rows = [await one.run(lambda connection: connection.fetchrow(left)) for one in transactions]
        async with sessions.read() as reader:
            rows.append((await reader.execute(text(left))).one())
        for one in transactions:
            await one.rollback()
        return {(row[0] or None, *row[1:]) for row in rows}

    before = await found()
    transaction = store.begin()
    async with sessions.write(transaction) as session:
        await session.execute(text(statement))
        await transaction.commit(Batch())
    with suppress(DBAPIError, WriteRefused):
        async with sessions.read() as reader:
            await reader.execute(text(statement))
    assert await found() == before


async def test_sessions_work_side_by_side(store: Store, sessions: Sessions) -> None:
    """Two units of work write at the same time; neither waits for the other, nor sees what it has not committed."""
    transactions = [store.begin(), store.begin()]
    ada, bob = [sessions.write(transaction) for transaction in transactions]
    ada.add(Customer(name="Ada"))
    await ada.flush()
    bob.add(Customer(name="Bob"))
    await bob.flush()
    assert await bob.scalar(select(func.count()).select_from(Customer)) == 1
    await asyncio.gather(*[transaction.commit(Batch()) for transaction in transactions])
    assert await names(sessions) == ["Ada", "Bob"]


async def test_wrong_sql_is_an_error_of_sqlalchemy_s(store: Store, sessions: Sessions) -> None:
    """Errors of PostgreSQL reach the handler as SQLAlchemy's, with the statement and the code."""
    transaction = store.begin()
    session = sessions.write(transaction)
    with pytest.raises(ProgrammingError, match='"nowhere" does not exist') as caught:
        await session.execute(text("SELECT * FROM nowhere"))
    assert caught.value.statement == "SELECT * FROM nowhere"
    assert caught.value.orig is not None
    assert getattr(caught.value.orig, "sqlstate", None) == "42P01"
    with pytest.raises(DBAPIError, match="aborted"):
        await session.execute(text("SELECT 1"))
    await session.rollback()
    assert await session.scalar(text("SELECT 1")) == 1
    await transaction.rollback()
    await session.close()


async def test_a_rollback_is_the_session_s_own(store: Store, sessions: Sessions) -> None:
    """A session that began the transaction begins it anew; one that came later keeps what was written before it."""
    for before in (False, True):
        transaction = store.begin()
        if before:
            await transaction.run(lambda connection: connection.execute("INSERT INTO customers VALUES (7, 'Zoe')"))
        session = sessions.write(transaction)
        session.add_all([Customer(id=1, name="Ada"), Customer(id=2, name="Ada")])
        with pytest.raises(IntegrityError):
            await session.flush()
        await session.rollback()
        session.add(Customer(id=3, name=f"Cid {before}"))
        await session.commit()
        session.add(Customer(id=4, name="Dan"))
        await session.flush()
        await session.rollback()
        await transaction.commit(Batch())
        await session.close()
        assert await names(sessions) == (["Cid True", "Zoe"] if before else ["Cid False"])
        await store.commit(Batch())
        cleaning = store.begin()
        await cleaning.run(lambda connection: connection.execute("DELETE FROM customers"))
        await cleaning.commit(Batch())


async def test_types_of_postgresql(store: Store, sessions: Sessions) -> None:
    """Documents, arrays, ranges and moments come back as they went, from a session and from a row change."""
    await store.create_tables([Document])
    await store.commit(Batch(rows=tuple(Upsert(Document, {"id": n}, VALUES) for n in (1, 2))))
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Document(id=3, **VALUES))
    await session.flush()
    session.expunge_all()
    found = (await session.scalars(select(Document).where(Document.body["c"].astext == "\\ü"))).all()
    assert [{name: getattr(document, name) for name in VALUES} for document in found] == [VALUES] * 3
    await transaction.rollback()
    await session.close()
    as_text = await store.read(lambda connection: connection.fetchval("SELECT body FROM documents LIMIT 1"))
    assert isinstance(as_text, str)  # the driver's own statements see JSON as text


async def test_blocking_handlers_take_turns_in_the_loop(store: Store, sessions: Sessions) -> None:
    """Plain handlers that wait for the database let each other run, and each keeps its own connection and context."""
    number = contextvars.ContextVar[int]("number")

    def inside(handler: Callable[[], int]) -> Callable[[Any], int]:
        context = contextvars.copy_context()

        def work(connection: Any) -> int:
            with sessions.bound(connection):
                return context.run(handler)

        return work

    async def unit(n: int) -> tuple[int, int]:
        number.set(n)
        transaction = store.begin()
        session = sessions.write_blocking(transaction)

        def handler() -> int:
            session.add(Customer(id=n, name=f"c{n}"))
            session.flush()
            before = session.scalar(text("SELECT pg_backend_pid()"))
            session.scalar(text("SELECT pg_sleep(0.01)::text"))
            assert session.scalar(text("SELECT pg_backend_pid()")) == before
            return number.get()

        got = await transaction.run(inside(handler))
        await transaction.commit(Batch())
        session.close()
        return n, got

    assert await asyncio.gather(*[unit(n) for n in range(1, 5)]) == [(n, n) for n in range(1, 5)]
    assert await names(sessions) == ["c1", "c2", "c3", "c4"]


async def test_a_reader_cannot_make_itself_a_writer(sessions: Sessions) -> None:
    """Whatever a read session sends, the transaction stays one that only reads."""
    async with sessions.read() as session:
        with pytest.raises(WiringError):
            await session.execute(text("SET TRANSACTION READ WRITE"))
        with pytest.raises(DBAPIError):
            await session.execute(text("SELECT set_config('transaction_read_only', 'off', true)"))
        with pytest.raises(WriteRefused):
            await session.execute(text("INSERT INTO customers (name) VALUES ('z')"))


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Length(UserDefinedType[str]):
    """A type that twofold knows nothing of."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        return "interval"


named_types = Table(
    "Named",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("colour", Enum(Colour)),
    Column("colours", ARRAY(Enum(Colour, name="Colours"))),
    Column("digits", DOMAIN("digits", Integer, check="VALUE < 10")),
    Column("plain", Enum("a", "b", native_enum=False)),
    Column("given", ENUM("x", "y", name="given", create_type=False)),
)


async def test_types_of_tables_are_created_with_them(store: Store, sessions: Sessions) -> None:
    """Enumerations and domains are made before the tables that need them, once, and come back as they went."""
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("CREATE TYPE given AS ENUM ('x', 'y')"))
    await transaction.commit(Batch())
    for _ in range(2):
        await store.create_tables([named_types])
    values = {"colour": Colour.RED, "colours": [Colour.BLUE, Colour.RED], "digits": 7, "plain": "b", "given": "y"}
    await store.commit(Batch(rows=(Upsert(named_types, {"id": 1}, values),)))
    some = {name: values[name] for name in ("colour", "digits", "plain", "given")}
    await store.commit(Batch(rows=tuple(Upsert(named_types, {"id": n}, some) for n in (2, 3))))
    async with sessions.read() as session:
        rows = (await session.execute(select(named_types).order_by(named_types.c.id))).mappings().all()
    assert [dict(row) for row in rows] == [
        {"id": 1, **values},
        *[{"id": n, "colours": None, **some} for n in (2, 3)],
    ]


async def test_tables_are_created_by_one_of_many(new_store: NewStore, new_sessions: NewSessions) -> None:
    """Processes that start at the same time do not trip over each other's tables and types."""
    stores = [new_store() for _ in range(6)]
    for store in stores:
        await store.start()
    table = Table("raced", MetaData(), Column("id", Integer, primary_key=True), Column("colour", Enum(Colour)))
    await asyncio.gather(*[store.create_tables([table]) for store in stores])
    async with new_sessions(stores[0]).read() as session:
        assert (await session.execute(select(table))).all() == []
    for store in stores:
        await store.stop()


async def test_a_type_that_is_not_known_goes_row_by_row(store: Store) -> None:
    """Values that might not fit into an array are sent with their own rows, and end as all others."""
    lengths = Table("lengths", MetaData(), Column("id", Integer, primary_key=True), Column("length", Length))
    await store.create_tables([lengths])
    rows = tuple(Upsert(lengths, {"id": n}, {"length": timedelta(hours=n)}) for n in (1, 2, 3))
    await store.commit(Batch(rows=(*rows, *[Delete(lengths, {"id": 1})])))
    found = await store.read(lambda connection: connection.fetch("SELECT id, length FROM lengths ORDER BY id"))
    assert list(map(tuple, found)) == [(2, timedelta(hours=2)), (3, timedelta(hours=3))]


async def test_a_connection_that_is_gone_is_forgotten(store: Store, sessions: Sessions) -> None:
    """What a connection had prepared is let go of with it."""
    assert isinstance(sessions, PostgresSessions)
    transaction = store.begin()
    async with sessions.write(transaction) as session:
        for _ in range(2):
            await session.execute(text("SELECT 1"))
    await transaction.run(lambda connection: connection.terminate())
    await asyncio.sleep(0)  # asyncpg tells it to whoever listens in the next round of the loop
    assert not sessions._dialect._adapted
    await transaction.rollback()
