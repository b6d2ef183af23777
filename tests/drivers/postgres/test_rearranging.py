"""Tables that change their names in PostgreSQL: references follow, what would not is refused, readers go on."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.drivers.postgres.conftest import NewStore, Plain
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._rearrange import patiently
from twofold.errors import StoreUnavailable, WiringError
from twofold.store import (
    Aside,
    Batch,
    Checkpoint,
    Rearrangement,
    Recorded,
    Remainder,
    Selection,
    Upsert,
    beside,
    table_name,
)
from twofold.testing._store_case import append

pytestmark = pytest.mark.anyio


class Base(DeclarativeBase):
    pass


class Line(Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[int] = mapped_column("order_id", ForeignKey("bill.id"), index=True)


class Bill(Base):
    __tablename__ = "bill"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(index=True)
    before: Mapped[int | None] = mapped_column(ForeignKey("bill.id"))
    __table_args__ = (UniqueConstraint("text", "before", name="bill_once"),)


TABLES = (Line, Bill)
NAMES = tuple(map(table_name, TABLES))


@pytest.fixture
async def bills(new_store: NewStore) -> AsyncIterator[PostgresStore]:
    """A store with live rows, and others beside them."""
    store = new_store()
    await store.start()
    await store.create_tables(TABLES)
    await store.commit(Batch(rows=(Upsert(Bill, {"id": 1}, {"text": "old"}), Upsert(Line, {"id": 1}, {"order": 1}))))
    await build(store)
    yield store
    await store.stop()


async def build(store: PostgresStore) -> None:
    """Build new rows beside the live ones."""
    line, bill = (Aside(table, "next", TABLES) for table in TABLES)
    place = Checkpoint(name="bills@next", version=2, tables=NAMES)
    await store.rearrange(Rearrangement(creates=(line, bill), places=(place,)))
    await store.commit(Batch(rows=(Upsert(bill, {"id": 1}, {"text": "new"}), Upsert(line, {"id": 1}, {"order": 1}))))


async def switch(store: PostgresStore) -> None:
    """Let them take the place."""
    await store.rearrange(
        Rearrangement(
            drops=tuple(beside(name, "previous") for name in NAMES),
            forgets=("bills@previous",),
            renames=(
                *((name, beside(name, "previous")) for name in NAMES),
                *((beside(name, "next"), name) for name in NAMES),
            ),
            checkpoints=(("bills", "bills@previous"), ("bills@next", "bills")),
            tables=NAMES,
        )
    )


async def test_references_stay_within_their_side_however_often_it_switches(bills: PostgresStore, plain: Plain) -> None:
    """And every side has one set of indexes and keys."""
    for _ in range(3):
        await switch(bills)
        await build(bills)
        await bills.create_tables(TABLES)
    keys = await plain.fetch(
        "SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
    )
    sides = ("", "__next", "__previous")
    pairs = {(f"{child}{side}", f"bill{side}") for child in ("line", "bill") for side in sides}
    assert {(row["child"], row["parent"]) for row in keys} == pairs
    indexes = await plain.fetch(
        "SELECT tablename, count(*) FROM pg_indexes WHERE schemaname = current_schema()"
        " AND (tablename LIKE 'line%' OR tablename LIKE 'bill%') GROUP BY 1"
    )
    assert {row["tablename"]: row["count"] for row in indexes} == {
        f"{table}{side}": count for table, count in (("line", 2), ("bill", 3)) for side in sides
    }
    assert await plain.fetchval("SELECT text FROM line JOIN bill ON bill.id = order_id") == "new"


@pytest.mark.parametrize(
    "statement, said",
    [
        ("CREATE TABLE note (bill integer REFERENCES bill (id))", "table note uses bill"),
        ("CREATE VIEW shown AS SELECT text FROM bill", "view shown uses bill"),
    ],
)
async def test_what_would_go_with_the_old_rows_is_refused(
    bills: PostgresStore, plain: Plain, statement: str, said: str
) -> None:
    """A reference from outside, and a view, mean a table and not its name; nothing is changed."""
    await plain.execute(statement)
    with pytest.raises(WiringError, match=said):
        await switch(bills)
    assert await plain.fetchval("SELECT text FROM bill") == "old"
    assert (await bills.checkpoints.get("bills@next")).version == 2


async def test_what_is_left_of_the_log_is_what_everybody_has_drawn(bills: PostgresStore, plain: Plain) -> None:
    """It waits for whoever has drawn a position and not committed yet, and whoever appends later waits behind it."""
    seen = list[list[int]]()

    def settle(events: Sequence[Recorded], head: int) -> Batch:
        seen.append([event.position for event in events])
        return Batch()

    async def waiting(count: int) -> None:
        async with asyncio.timeout(10):
            while await plain.fetchval(_WAITING) < count:
                pass

    drawn = plain.transaction()
    await drawn.start()
    await plain.fetchval(_APPEND)
    settling = asyncio.ensure_future(bills.rearrange(Rearrangement(remainder=Remainder(0, Selection(), settle))))
    await waiting(1)
    appending = asyncio.ensure_future(bills.commit(append("b")))
    await waiting(2)
    await drawn.commit()
    await settling
    assert (seen, (await appending).position) == ([[1]], 2)


_WAITING = (
    "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database AND d.datname = current_database()"
    " WHERE locktype = 'advisory' AND NOT granted"
)
_APPEND = (
    "SELECT twofold_append_audited("
    "'a', -1, gen_random_uuid(), 'happened', 1, convert_to('{}', 'UTF8'), '{}', now(), '[]', NULL, NULL)"
)


async def test_it_waits_for_a_long_reader_and_lets_others_pass(bills: PostgresStore, plain: Plain) -> None:
    """While somebody reads on and on, new readers wait a second and no longer; once that has ended, it switches."""
    reading = plain.transaction()
    await reading.start()
    assert await plain.fetchval("SELECT text FROM bill") == "old"
    switching = asyncio.ensure_future(switch(bills))
    seen = {await bills.read(lambda connection: connection.fetchval("SELECT text FROM bill")) for _ in range(3)}
    assert seen == {"old"}
    await reading.rollback()
    await switching
    assert await plain.fetchval("SELECT text FROM bill") == "new"


async def test_it_gives_up_when_somebody_reads_all_the_time(
    bills: PostgresStore, plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as unavailable, with who reads what and what to do, and nothing is changed."""
    monkeypatch.setattr("twofold.drivers.postgres._rearrange._TRIES", 2)
    async with plain.transaction():
        assert await plain.fetchval("SELECT text FROM bill") == "old"
        with pytest.raises(StoreUnavailable, match="somebody uses bill all the time") as refused:
            await switch(bills)
        pid = await plain.fetchval("SELECT pg_backend_pid()")
        hint = f"end the long transaction (pid {pid} in pg_stat_activity), or try it again; nothing was changed"
        assert refused.value.hint == hint
    assert await plain.fetchval("SELECT text FROM bill") == "old"


async def test_it_gives_up_on_what_nobody_uses_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what is no table: there is nobody to name."""
    monkeypatch.setattr("twofold.drivers.postgres._rearrange._TRIES", 1)

    async def rearranged() -> None:
        raise StoreUnavailable("refused") from asyncpg.LockNotAvailableError("no")

    async def used() -> dict[str, list[int]]:
        return {}

    with pytest.raises(StoreUnavailable, match="in use all the time") as refused:
        await patiently(rearranged, used)
    assert refused.value.hint == "try it again; nothing was changed"
