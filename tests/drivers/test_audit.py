"""The audit trail against somebody who changes the tables by SQL: it is found, with the first bad entry."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.drivers.postgres.schema import schema_of
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.store import (
    NO_KEYS,
    AuditBlock,
    AuditCut,
    AuditKeyMissing,
    AuditKeys,
    Batch,
    Store,
    Verdict,
    prune,
    seal,
    verify,
)
from twofold.testing._store_audit import entry

pytestmark = pytest.mark.anyio

_NOW = datetime(2030, 1, 2, tzinfo=UTC)
_DAY = timedelta(days=1)


async def seal_one(store: Store, keys: AuditKeys, day: int = 0) -> None:
    """Put two entries into a block."""
    await store.commit(Batch(audit=(entry(), entry())))
    await seal(store.audit, _NOW + day * _DAY, keys)


async def sealed(store: Store, keys: AuditKeys = NO_KEYS) -> bytes:
    """Put six entries into three blocks, a day after another; the hash of the last one."""
    await store.start()
    for day in range(3):
        await seal_one(store, keys, day)
    last = await store.audit.last_block()
    assert last is not None
    return last.hash


class Sqlite:
    """A file, and somebody who takes the triggers away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore(path)

    def blob(self, value: bytes) -> str:
        return f"x'{value.hex()}'"

    def moment(self, time: datetime) -> str:
        return str(int(time.timestamp()) * 1_000_000)

    async def run(self, *statements: str, guarded: bool = False) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (name,) in () if guarded else names:
                connection.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()


class Postgres:
    """A schema, and somebody who owns it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = PostgresStore(url, schema=schema_of(url))

    def blob(self, value: bytes) -> str:
        return f"'\\x{value.hex()}'::bytea"

    def moment(self, time: datetime) -> str:
        return f"'{time.isoformat()}'::timestamptz"

    async def run(self, *statements: str, guarded: bool = False) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            for table in () if guarded else ("twofold_audit", "twofold_audit_blocks", "twofold_audit_cuts"):
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


async def cut(store: Store, keys: AuditKeys = NO_KEYS) -> None:
    """Take the first of three blocks away, and seal the entry that tells of it."""
    await sealed(store, keys)
    assert (await prune(store.audit, _NOW + _DAY, rule="keep a day", now=_NOW + 3 * _DAY, keys=keys)).blocks == 1
    await seal(store.audit, _NOW + 3 * _DAY, keys)
    assert (await verify(store.audit, keys=keys)).flaw is None


_MOVED = "block = 2, entry = 4, previous = (SELECT hash FROM twofold_audit_blocks WHERE number = 2)"
_SECOND = ["DELETE FROM twofold_audit WHERE number <= 4", "DELETE FROM twofold_audit_blocks WHERE number = 2"]


@pytest.mark.parametrize(
    "statements, text",
    [
        (_SECOND, "block 2 is missing"),
        (["UPDATE twofold_audit_cuts SET rule = 'keep a dax'"], "the record of what was taken away was changed"),
        ([f"UPDATE twofold_audit_cuts SET {_MOVED}", *_SECOND], "the record of what was taken away was changed"),
        (["DELETE FROM twofold_audit_cuts"], "block 1 is missing"),
        (["UPDATE twofold_audit SET user_id = 'bob' WHERE message = 'twofold.audit_cut'"], "entry 7 was changed"),
        (["UPDATE twofold_audit SET number = 1 WHERE number = 3"], "entry 1 was changed"),
        (["UPDATE twofold_audit_blocks SET number = 1 WHERE number = 2"], "block 1 is there, though it was taken away"),
        (["DELETE FROM twofold_audit_blocks", "DELETE FROM twofold_audit"], "block 2 is missing, and all behind it"),
    ],
)
@pytest.mark.parametrize("keys", [NO_KEYS, AuditKeys("k" * 32)], ids=["plain", "keyed"])
async def test_a_change_of_what_is_kept_of_a_cut_is_found(
    statements: list[str], text: str, keys: AuditKeys, database: "Sqlite | Postgres"
) -> None:
    """Blocks taken away without the rule, a byte of its record changed, its record moved or gone, entries put back."""
    await cut(database.store, keys)
    try:
        await database.run(*statements)
        flaw = (await verify(database.store.audit, keys=keys)).flaw
    finally:
        await database.store.stop()
    assert flaw is not None
    assert text in flaw.text


async def test_a_cut_that_was_made_anew_is_found(database: "Sqlite | Postgres") -> None:
    """Without a key anybody can give it the right hash: but the entry that is sealed tells of something else."""
    await cut(database.store)
    try:
        second, known = (await database.store.audit.blocks())[0], await database.store.audit.last_cut()
        assert known is not None
        forged = AuditCut.of(second, None, before=known.before, rule=known.rule, time=known.time, keys=NO_KEYS)
        await database.run(f"UPDATE twofold_audit_cuts SET {_MOVED}, hash = {database.blob(forged.hash)}", *_SECOND)
        flaw = (await verify(database.store.audit)).flaw
    finally:
        await database.store.stop()
    assert flaw is not None
    assert "no entry tells of it" in flaw.text


async def test_a_cut_by_somebody_without_the_key_is_found(database: "Sqlite | Postgres") -> None:
    """The database lets go by a record that is true, and an entry can tell of it: only who has the key can seal it."""
    keys = AuditKeys("k" * 32)
    await sealed(database.store, keys)
    try:
        first = (await database.store.audit.blocks())[0]
        when = _NOW + _DAY
        forged = AuditCut.of(first, None, before=when, rule="keep a day", time=when, keys=NO_KEYS)
        with pytest.raises(AuditKeyMissing):
            await prune(database.store.audit, when, rule="keep a day", now=when)
        assert await database.store.audit.cut(forged, forged.entry_of(None, new_id()))
        await seal(database.store.audit, when, keys)
        verdict = await verify(database.store.audit, keys=keys)
    finally:
        await database.store.stop()
    assert verdict.flaw is not None
    assert "without the key" in verdict.flaw.text


async def test_a_chain_that_was_made_anew_without_the_key_is_found(database: "Sqlite | Postgres") -> None:
    """A block of plain hashes behind one with a key is no part of the chain."""
    keys = AuditKeys("k" * 32)
    await sealed(database.store, keys)
    try:
        with pytest.raises(AuditKeyMissing):
            await seal_one(database.store, NO_KEYS)
        *_, second, _ = await database.store.audit.blocks()
        texts = await database.store.audit.texts(after=4, until=6, limit=2)
        forged = AuditBlock.of(texts, replace(second, key=""), _NOW)
        hashes = f"hash = {database.blob(forged.hash)}, digests = {database.blob(forged.digests)}"
        await database.run(
            f"UPDATE twofold_audit_blocks SET key = '', time = {database.moment(_NOW)}, {hashes} WHERE number = 3"
        )
        verdict = await verify(database.store.audit, keys=keys)
    finally:
        await database.store.stop()
    assert verdict.flaw is not None
    assert (verdict.entries, verdict.flaw.text) == (4, "block 3 is sealed without a key, behind one that has one")


async def test_an_anchor_shows_a_cut_tail_behind_a_cut_beginning(database: "Sqlite | Postgres") -> None:
    """The hash that the record keeps is one, too; one from before it tells nothing any more."""
    await cut(database.store)
    try:
        known, (*_, last) = await database.store.audit.last_cut(), await database.store.audit.blocks()
        assert known is not None
        for anchor in (known.previous, last.hash):
            assert (await verify(database.store.audit, anchor)).flaw is None
        await database.run(
            "DELETE FROM twofold_audit_blocks WHERE number = 4", "DELETE FROM twofold_audit WHERE number > 7"
        )
        assert (await verify(database.store.audit)).flaw is None
        flaw = (await verify(database.store.audit, last.hash)).flaw
    finally:
        await database.store.stop()
    assert flaw is not None
    assert "the end was cut off" in flaw.text


async def test_no_other_way_leads_past_the_rule(database: "Sqlite | Postgres") -> None:
    """After a cut, too, the database refuses to take away what it does not name, and a record that is not true."""
    await cut(database.store)
    await database.store.stop()
    columns = "number, block, entry, previous, before, rule, time, key, hash"
    forged = "2, 3, 5, previous, before, rule, time, key, hash"
    for refused in (
        "DELETE FROM twofold_audit WHERE number = 3",
        "DELETE FROM twofold_audit_blocks WHERE number = 2",
        "DELETE FROM twofold_audit_cuts",
        "UPDATE twofold_audit_cuts SET block = 2",
        f"INSERT INTO twofold_audit_cuts ({columns}) SELECT {forged} FROM twofold_audit_cuts",
    ):
        with pytest.raises((sqlite3.IntegrityError, asyncpg.InsufficientPrivilegeError), match="append-only"):
            await database.run(refused, guarded=True)
