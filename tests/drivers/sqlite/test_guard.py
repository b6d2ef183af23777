"""SQL of users runs inside a transaction that is not theirs to end."""

import ast
import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from twofold import App, Module
from twofold.drivers import sqlite
from twofold.drivers.sqlite import SqliteStore, _audit_tables, _closing_tables, _schema
from twofold.drivers.sqlite._append import EVENTS
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite.sql import SqliteSessions
from twofold.errors import WiringError
from twofold.messages import Command
from twofold.store import Batch, Transaction, Upsert
from twofold.testing._store_case import append

pytestmark = pytest.mark.anyio

Work = Callable[[sqlite3.Connection], object]

ENDINGS = [
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT twofold_unit",
    "RELEASE twofold_unit",
    "ROLLBACK TO Twofold_Unit",
    "ATTACH ':memory:' AS other",
    "DETACH main",
]
METHODS: list[Work] = [
    lambda connection: connection.commit(),
    lambda connection: connection.rollback(),
    lambda connection: connection.executescript("SELECT 1"),
]
REFUSED: list[Work] = [*(lambda connection, sql=sql: connection.execute(sql) for sql in ENDINGS), *METHODS]

EVENT = "(position, stream, version, id, type, schema_version, data, headers, time, tags)"
FORGED = f"REPLACE INTO twofold_events {EVENT} SELECT 1, 'created', 1, id, 'forged', 1, data, '{{}}', 0, '[]'"
FORGERIES = [
    f"{FORGED} FROM twofold_events",
    "INSERT INTO twofold_events DEFAULT VALUES",
    "UPDATE twofold_events SET type = 'forged'",
    "DELETE FROM Twofold_Events",
    "WITH gone AS (SELECT 1) DELETE FROM main.twofold_events",
    "UPDATE twofold_audit SET outcome = 'forged'",
    "DELETE FROM twofold_checkpoints",
    "UPDATE twofold_meta SET value = '99'",
    "UPDATE sqlite_sequence SET seq = 0",
    "UPDATE sqlite_sequence SET name = 'forged'",
    "INSERT INTO sqlite_sequence VALUES ('twofold_events', 0)",
    "DELETE FROM sqlite_sequence",
    "DROP TRIGGER twofold_audit_update",
    "DROP INDEX twofold_replies_by_expiry",
    "DROP TABLE twofold_tags",
    "ALTER TABLE twofold_events ADD COLUMN more",
    "ALTER TABLE twofold_events DROP COLUMN tags",
    "ALTER TABLE twofold_events RENAME COLUMN tags TO labels",
    "ALTER TABLE twofold_events RENAME TO events",
    "ALTER TABLE mine RENAME TO twofold_events",
    "ALTER TABLE notes RENAME TO twofold_mine",
    "CREATE TRIGGER mine AFTER INSERT ON twofold_events BEGIN SELECT 1; END",
    "CREATE TEMP TRIGGER mine AFTER INSERT ON main.twofold_events BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER twofold_mine AFTER INSERT ON notes BEGIN SELECT 1; END",
    "CREATE UNIQUE INDEX mine ON twofold_events (type)",
    "CREATE INDEX twofold_mine ON notes (text)",
    "CREATE TABLE twofold_mine (text)",
    "CREATE TABLE twofold_mine AS SELECT * FROM twofold_events",
    "CREATE TEMP TABLE twofold_events (text)",
    "CREATE VIEW twofold_mine AS SELECT 1",
    "CREATE TEMP VIEW twofold_events AS SELECT 1",
    "CREATE VIRTUAL TABLE twofold_mine USING fts5(text)",
    "PRAGMA writable_schema = ON",
    "PRAGMA main.writable_schema(RESET)",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA schema_version = 1",
    "PRAGMA temp_store = MEMORY",  # it drops what is temporary
    "DROP TABLE temp.twofold_joint",
    "DROP TRIGGER temp.twofold_joint_entry",
    "INSERT INTO twofold_joint (kind, value0) VALUES (2, 'red')",
    "PRAGMA query_only = ON",
    "PRAGMA busy_timeout = 1",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA legacy_alter_table = ON",
    "PRAGMA locking_mode = EXCLUSIVE",
]
WRITES = re.compile(r"(INSERT|UPDATE|DELETE|REPLACE) .*(twofold_|sqlite_sequence)", re.DOTALL)
notes = Table("notes", MetaData(), Column("text", Text, primary_key=True), Column("count", Integer))


@dataclass(frozen=True)
class Forge(Command[None]):
    sql: str


async def create(store: SqliteStore) -> None:
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("CREATE TABLE notes (text UNIQUE)"))
    await transaction.commit(append("created"))


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])


@pytest.mark.parametrize("work", REFUSED)
async def test_a_user_cannot_end_the_transaction(store: SqliteStore, work: Work) -> None:
    """Transaction control is refused to a user's function, in SQL and by methods; the transaction goes on."""
    await create(store)
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("INSERT INTO notes VALUES ('before')"))
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await transaction.run(work)
    await transaction.run(lambda connection: connection.execute("INSERT INTO notes VALUES ('after')"))
    assert await store.read(count) == 0
    await transaction.commit(append("done"))
    assert await store.read(count) == 2


async def test_savepoints_of_a_users_own_work(store: SqliteStore) -> None:
    """SQLAlchemy's savepoints, and others with names of their own, undo a part of what ran."""
    await create(store)
    transaction = store.begin()

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES ('kept')")
        connection.execute("SAVEPOINT sa_savepoint_1")
        connection.execute("INSERT INTO notes VALUES ('undone')")
        connection.execute("ROLLBACK TO SAVEPOINT sa_savepoint_1")
        connection.execute("RELEASE SAVEPOINT sa_savepoint_1")

    await transaction.run(work)
    await transaction.commit(append("done"))
    assert await store.read(count) == 1


def kept(connection: sqlite3.Connection) -> list[object]:
    """What twofold has written, and how its tables are made."""
    tables = "twofold_events", "twofold_audit", "twofold_meta", "sqlite_sequence", "sqlite_master"
    return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


@pytest.mark.parametrize("sql", FORGERIES)
@pytest.mark.parametrize("way", ["function", "session", "blocking session"])
async def test_what_is_twofolds_is_only_read(store: SqliteStore, way: str, sql: str) -> None:
    """A user's function and a session may neither write to tables of twofold nor change, drop or hide them."""
    await create(store)
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("CREATE TEMP TABLE mine (text)"))
    before = await transaction.run(kept)
    with pytest.raises((sqlite3.DatabaseError, DBAPIError), match=r"not authorized: \w"):
        await WAYS[way](SqliteSessions(store), transaction, sql)
    assert await transaction.run(kept) == before
    await transaction.commit(append("done"))
    assert await store.read(head) == 2


async def by_function(_: SqliteSessions, transaction: Transaction, sql: str) -> None:
    await transaction.run(lambda connection: connection.execute(sql))


async def by_session(sessions: SqliteSessions, transaction: Transaction, sql: str) -> None:
    session = sessions.write(transaction)
    try:
        await session.execute(text(sql))
    finally:
        await session.close()


async def by_blocking_session(sessions: SqliteSessions, transaction: Transaction, sql: str) -> None:
    def work(connection: GuardedConnection) -> None:
        with sessions.bound(connection), sessions.write_blocking(transaction) as session:
            session.execute(text(sql))

    await transaction.run(work)


WAYS = {"function": by_function, "session": by_session, "blocking session": by_blocking_session}


async def test_a_refusal_says_why(store: SqliteStore) -> None:
    """SQLite itself calls every refusal `not authorized`."""
    transaction = store.begin()
    with pytest.raises(sqlite3.DatabaseError) as caught:
        await transaction.run(lambda connection: connection.execute("DELETE FROM twofold_events"))
    assert str(caught.value) == "not authorized: twofold_events is twofold's: it can be read, and not written"
    await transaction.rollback()


@pytest.mark.parametrize("sql", ["DROP TRIGGER twofold_audit_update", f"{FORGED} FROM twofold_events"])
async def test_a_command_cannot_forge_the_log(path: Path, sql: str) -> None:
    """Its session refuses what it asks for; reading the log is no forgery."""
    module = Module("forging")

    @module.handler
    async def forge(command: Forge, session: AsyncSession) -> None:
        await session.execute(text(command.sql))

    async with App("forging", modules=[module], database=path) as app:
        with pytest.raises(DBAPIError, match="not authorized"):
            await app.execute(Forge(sql=sql))
        await app.execute(Forge(sql="SELECT * FROM twofold_events"))


async def test_what_is_twofolds_can_be_read(store: SqliteStore) -> None:
    """By functions and sessions; names of columns, and of tables that only hold the word, are anybody's."""
    await create(store)
    transaction = store.begin()
    session = SqliteSessions(store).write(transaction)
    assert await transaction.run(head) == 1
    assert await session.scalar(text("SELECT count(*) FROM twofold_events JOIN twofold_meta")) == 2
    assert await session.scalar(text("PRAGMA writable_schema")) == 0
    for sql in (
        "CREATE TABLE my_twofold_notes (twofold_column INTEGER PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO my_twofold_notes SELECT max(position) FROM twofold_events",
        "UPDATE my_twofold_notes SET twofold_column = 7",
        "ALTER TABLE my_twofold_notes ADD COLUMN more",
        "CREATE VIEW my_events AS SELECT * FROM twofold_events",
        "PRAGMA defer_foreign_keys = ON",
        "DROP TABLE notes",
    ):
        await session.execute(text(sql))
    await transaction.commit(append("done"))
    await session.close()
    assert await store.read(lambda connection: connection.execute("SELECT * FROM my_twofold_notes").fetchall()) == [
        (7, None)
    ]


async def test_no_trigger_of_a_user_writes_what_is_twofolds(store: SqliteStore) -> None:
    """One that hangs on a user's table is refused when it fires, under rows that twofold writes there too."""
    await store.create_tables([notes])
    transaction = store.begin()
    trigger = "CREATE TRIGGER sly AFTER INSERT ON notes BEGIN DELETE FROM twofold_checkpoints; END"
    await transaction.run(lambda connection: connection.execute(trigger))
    await transaction.commit(append("created"))
    with pytest.raises(sqlite3.DatabaseError, match="twofold_checkpoints is twofold's"):
        await store.commit(Batch(rows=(Upsert(notes, {"text": "a"}, {"count": 1}),)))
    assert await store.read(count) == 0


async def test_no_way_leads_around_the_authorizer(store: SqliteStore) -> None:
    """What it is not asked about is refused by the connection; and a function in a function is guarded to its end."""
    await create(store)
    transaction = store.begin()
    refused: list[Work] = [
        lambda connection: connection.blobopen("twofold_events", "data", 1),
        lambda connection: connection.set_authorizer(None),
        lambda connection: connection.set_authorizer(authorizer_callback=None),
    ]
    for work in refused:
        with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
            await transaction.run(work)

    def read_and_forge(connection: GuardedConnection) -> None:
        with connection.blobopen("twofold_events", "data", 1, readonly=True) as blob:
            assert blob.read()
        assert connection.run(head) == 1
        connection.execute("DELETE FROM twofold_checkpoints")

    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await transaction.run(read_and_forge)
    await transaction.rollback()


async def test_the_drivers_statements_are_not_found_by_their_words(store: SqliteStore) -> None:
    """A statement that is compiled already is not asked about, so the driver's own have words that nobody knows."""
    await create(store)
    words = EVENTS.one.partition(" /*")[0]
    transaction = store.begin()
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await transaction.run(lambda connection: connection.execute(words, ("a", 1, b"", "a", 1, b"", "", 0, "")))
    await transaction.rollback()


def test_each_statement_of_the_driver_is_marked() -> None:
    """Those that write to its tables are given to `own`; the steps of the schema make what nobody else may."""
    steps = {Path(module.__file__ or "").name for module in (_schema, _audit_tables, _closing_tables)}
    sources = [one for one in files(sqlite).iterdir() if one.name.endswith(".py") and one.name not in steps]
    assert [found for one in sources for found in unmarked(ast.parse(one.read_text()))] == []


def unmarked(tree: ast.AST) -> Iterator[str]:
    """Statements that write to tables of twofold, and are no argument of `own`."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id == "own":
        return
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str) and WRITES.match(tree.value):
        yield tree.value
    for child in ast.iter_child_nodes(tree):
        yield from unmarked(child)


@pytest.mark.parametrize("sql", ["INSERT INTO notes VALUES (1)", "DELETE FROM twofold_events", "DROP TABLE notes"])
async def test_a_reader_cannot_write(store: SqliteStore, sql: str) -> None:
    """The database refuses whatever a reader's function writes."""
    await create(store)
    with pytest.raises(WiringError, match="tried to write"):
        await store.read(lambda connection: connection.execute(sql))


@pytest.mark.parametrize(
    "pragma", ["query_only = OFF", "case_sensitive_like = 1", "writable_schema(ON)", "main.cache_size = 1"]
)
async def test_a_reader_sets_nothing(store: SqliteStore, pragma: str) -> None:
    """Others have the same connection after it: what it may do, and how it compares, is not for one of them to say."""
    await create(store)

    def sly(connection: sqlite3.Connection) -> object:
        connection.execute(f"PRAGMA {pragma}")
        return connection.execute("CREATE TEMP TABLE notes (text)")

    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await store.read(sly)
    assert await store.read(count) == 0


async def test_a_reader_may_ask(store: SqliteStore) -> None:
    """How a table is made, and what a setting is, is no secret; SQLAlchemy's inspection asks so, too."""
    await create(store)

    def ask(connection: sqlite3.Connection) -> tuple[str, int]:
        column = connection.execute("PRAGMA main.table_info('notes')").fetchone()[1]
        return column, connection.execute("PRAGMA query_only").fetchone()[0]

    assert await store.read(ask) == ("text", 1)


async def test_a_reader_sees_one_moment(store: SqliteStore) -> None:
    """One function reads one snapshot, whatever commits meanwhile; the next one sees the news."""
    await store.commit(append("a"))
    looked, committed = threading.Event(), threading.Event()

    def look_twice(connection: sqlite3.Connection) -> list[int]:
        first = head(connection)
        looked.set()
        committed.wait(20)
        return [first, head(connection)]

    reading = asyncio.create_task(store.read(look_twice))
    await asyncio.to_thread(looked.wait, 20)
    await store.commit(append("a"))
    committed.set()
    assert await reading == [1, 1]
    assert await store.read(head) == 2


async def test_an_error_of_a_reader_leaves_its_connection_usable(path: Path) -> None:
    """What a function raises reaches its caller; the next one on the same connection is not in its snapshot."""
    store = SqliteStore(path, readers=1)
    await store.start()
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda connection: head(connection) / 0)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.read(lambda connection: connection.execute("SELECT * FROM nowhere"))
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await store.read(lambda connection: connection.execute("COMMIT"))
    await store.commit(append("a"))
    assert await store.read(head) == 1
    await store.stop()


def head(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM twofold_events").fetchone()[0])


async def test_no_mark_is_kept_in_the_file(store: SqliteStore) -> None:
    """Where a handler could read it, and write the driver's own words."""
    await store.create_tables([notes])
    kept = await store.read(lambda connection: connection.execute("SELECT sql FROM sqlite_master").fetchall())
    assert [sql for (sql,) in kept if sql is not None and "/*" in sql] == []
