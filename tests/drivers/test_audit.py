"""The audit trail against somebody who changes the tables by SQL: it is found, with the first bad entry."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Batch, Store, Verdict, seal, verify
from twofold.testing._store_audit import entry

pytestmark = pytest.mark.anyio

_NOW = datetime(2030, 1, 2, tzinfo=UTC)


async def sealed(store: Store) -> bytes:
    """Put six entries into three blocks; the hash of the last one."""
    await store.start()
    for _ in range(3):
        await store.commit(Batch(audit=(entry(), entry())))
        await seal(store.audit, _NOW)
    last = await store.audit.last_block()
    assert last is not None
    return last.hash


class Sqlite:
    """A file, and somebody who takes the triggers away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore(path)

    async def run(self, *statements: str) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            connection.execute("DROP TRIGGER twofold_audit_cuts_insert")
            for table in ("twofold_audit", "twofold_audit_blocks", "twofold_audit_cuts"):
                for trigger in ("update", "delete", "replace"):
                    connection.execute(f"DROP TRIGGER IF EXISTS {table}_{trigger}")
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()


class Postgres:
    """A schema, and somebody who owns it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = PostgresStore(url, schema=schema_of(url))

    async def run(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            for table in ("twofold_audit", "twofold_audit_blocks", "twofold_audit_cuts"):
                await connection.execute(f"DROP TRIGGER twofold_append_only ON {table}")
                await connection.execute(f"DROP TRIGGER twofold_cut_only ON {table}")
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> "Sqlite | Postgres":
    """A database of each kind, without tables yet."""
    if request.param == "sqlite":
        return Sqlite(tmp_path / "trail.db")
    return Postgres(request.getfixturevalue("postgres_url"))


@pytest.mark.parametrize(
    "statements, entry_, block, text",
    [
        (["UPDATE twofold_audit SET payload = '{\"a\":2}' WHERE number = 3"], 3, 2, "entry 3 was changed"),
        (["UPDATE twofold_audit SET user_id = NULL WHERE number = 4"], 4, 2, "entry 4 was changed"),
        (["UPDATE twofold_audit SET duration = duration + 1 WHERE number = 6"], 6, 3, "entry 6 was changed"),
        (["DELETE FROM twofold_audit WHERE number = 3"], 4, 2, "an entry before entry 4 is missing"),
        (["DELETE FROM twofold_audit WHERE number = 4"], 4, 2, "missing at the end of block 2, up to 4"),
        (
            [f"UPDATE twofold_audit SET number = {new} WHERE number = {old}" for old, new in ((1, 9), (2, 1), (9, 2))],
            1,
            1,
            "put in the place of another",
        ),
        (["DELETE FROM twofold_audit WHERE number > 4"], 6, 3, "missing at the end of block 3"),
        (["UPDATE twofold_audit_blocks SET last = 5 WHERE number = 3"], None, 3, "block 3 was changed"),
        (["DELETE FROM twofold_audit_blocks WHERE number = 1"], None, 2, "block 1 is missing"),
        (["UPDATE twofold_audit_blocks SET previous = hash WHERE number = 2"], None, 2, "does not follow"),
    ],
)
async def test_a_change_is_found(
    statements: list[str], entry_: int | None, block: int, text: str, database: "Sqlite | Postgres"
) -> None:
    """A value changed, an entry taken away, two in each other's place, or a block: told with the first that is bad."""
    await sealed(database.store)
    try:
        await database.run(*statements)
        flaw = (await verify(database.store.audit)).flaw
    finally:
        await database.store.stop()
    assert flaw is not None
    assert (flaw.entry, flaw.block, text in flaw.text) == (entry_, block, True), flaw


async def test_a_tail_that_is_cut_is_found_by_the_anchor(database: "Sqlite | Postgres") -> None:
    """The rest is right in itself: only who has noted the last hash elsewhere can tell."""
    anchor = await sealed(database.store)
    try:
        await database.run(
            "DELETE FROM twofold_audit WHERE number > 4", "DELETE FROM twofold_audit_blocks WHERE number > 2"
        )
        alone: Verdict = await verify(database.store.audit)
        anchored = await verify(database.store.audit, anchor)
    finally:
        await database.store.stop()
    assert (alone.entries, alone.flaw) == (4, None)
    assert anchored.flaw is not None
    assert "the end was cut off" in anchored.flaw.text


async def test_the_database_refuses_every_change(postgres_url: str) -> None:
    """Even to whoever owns the tables, as long as the triggers are there."""
    database = Postgres(postgres_url)
    await sealed(database.store)
    await database.store.stop()
    connection = await asyncpg.connect(postgres_url)
    try:
        for table in ("twofold_audit", "twofold_audit_blocks", "twofold_audit_cuts"):
            for change in (f"UPDATE {table} SET number = 9", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                    await connection.execute(change)
    finally:
        await connection.close()


async def test_a_late_commit_is_sealed_too(postgres_url: str) -> None:
    """While a transaction that has written its entry is open, nothing behind it is final; then all of it is sealed."""
    database = Postgres(postgres_url)
    await database.store.start()
    connection = await asyncpg.connect(postgres_url)
    try:
        await database.store.commit(Batch(audit=(entry(),)))
        slow = connection.transaction()
        await slow.start()
        call = database.store._calls.of(Batch(audit=(entry(code="slow"),)))
        await connection.execute(call.query, *call.values)
        await database.store.commit(Batch(audit=(entry(code="quick"),)))
        assert (await database.store.audit.bound(), await seal(database.store.audit, _NOW)) == (1, 1)
        await slow.commit()
        assert await seal(database.store.audit, _NOW) == 2
        assert (await verify(database.store.audit)).entries == 3
    finally:
        await connection.close()
        await database.store.stop()
