"""Copying the rows of tables into another database: all of them, as they are, and telling what cannot be."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import JSON, Computed, DateTime, ForeignKey, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Integer

from examples._demo.database import Database
from twofold.app._database import sessions_of, store_of
from twofold.drivers.sqlite import SqliteStore
from twofold.sql import ExactDecimal, View, copy_tables
from twofold.store import Batch, Store, Upsert

pytestmark = pytest.mark.anyio


class Tables(DeclarativeBase):
    """The tables."""


class Family(Tables):
    """Rows that refer to others of the same table."""

    __tablename__ = "family"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("family.id"))


class Member(Tables):
    """Values of many types, with a key of two columns; one is made of another one."""

    __tablename__ = "member"
    family: Mapped[int] = mapped_column(ForeignKey("family.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    called: Mapped[str | None] = mapped_column("name")
    worth: Mapped[Decimal] = mapped_column(ExactDecimal())
    born: Mapped[date]
    seen: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    facts: Mapped[Any] = mapped_column(JSON)
    adult: Mapped[bool]
    length: Mapped[int] = mapped_column(Computed("family + 1"))


class Listed(Tables):
    """Has a type that SQLite has not."""

    __tablename__ = "listed"
    id: Mapped[int] = mapped_column(primary_key=True)
    numbers: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class Behind(Tables):
    """Refers to it."""

    __tablename__ = "behind"
    id: Mapped[int] = mapped_column(ForeignKey("listed.id"), primary_key=True)


class New(Tables):
    """Is not in the database yet."""

    __tablename__ = "new"
    id: Mapped[int] = mapped_column(primary_key=True)


NAMES = View("family_names", select(Family.id, Family.parent), key=["id"], refresh_every=60)


async def opened(address: Any) -> Store:
    """A store."""
    store = store_of(address, "copying")
    await store.start()
    return store


async def rows(store: Store, entity: Any) -> list[Any]:
    """All rows of a table, by their columns."""
    sessions: Any = sessions_of(store)
    async with sessions.read() as session:
        return sorted(tuple(row) for row in await session.execute(select(*entity.__table__.columns)))


async def test_rows_come_over_as_they_are(each_database: Database, tmp_path: Path) -> None:
    """More than a page of them, of every type, with keys of their own tables and others."""
    source, target = await opened(each_database.address), await opened(tmp_path / "copy.db")
    try:
        await source.create_tables([Family, Member])
        families = [Upsert(Family, {"id": number}, {"parent": None}) for number in range(2500)]
        children = [Upsert(Family, {"id": number}, {"parent": 2499 - number}) for number in range(1200)]
        values = {
            "called": "Ada",
            "worth": Decimal("1234567890.01"),
            "born": date(1815, 12, 10),
            "seen": datetime(2030, 1, 2, tzinfo=UTC),
            "facts": {"a": [1, None]},
            "adult": True,
        }
        members = [Upsert(Member, {"family": 7, "id": UUID(int=number)}, values) for number in range(1001)]
        await source.commit(Batch(rows=(*families, *children, *members)))
        left_out = await copy_tables([Family, Member], source, _sessions(source), target)
        assert left_out == {}
        for entity, count in ((Family, 2500), (Member, 1001)):
            there, here = await rows(source, entity), await rows(target, entity)
            assert len(here) == count
            assert [_plain(row) for row in here] == [_plain(row) for row in there]
    finally:
        await source.stop()
        await target.stop()


async def test_what_cannot_come_over_is_told(each_database: Database, tmp_path: Path) -> None:
    """A type that SQLite has not, what refers to it, and a table that is not there; the others come."""
    source, target = await opened(each_database.address), await opened(tmp_path / "copy.db")
    try:
        on_postgres = not isinstance(source, SqliteStore)
        await source.create_tables([Family, Listed, Behind] if on_postgres else [Family])
        await source.commit(Batch(rows=(Upsert(Family, {"id": 1}, {"parent": None}),)))
        left_out = await copy_tables([Family, Listed, Behind, New, NAMES], source, _sessions(source), target)
        assert left_out.keys() == {"listed", "behind", "new", "family_names"}
        assert left_out["behind"] == ("it refers to listed" if on_postgres else "no such table: behind")
        assert "ARRAY" in left_out["listed"]
        assert await rows(target, Family) == [(1, None)]
    finally:
        await source.stop()
        await target.stop()


async def test_columns_that_one_side_has_alone_are_left_out(tmp_path: Path) -> None:
    """As when code is newer or older than the database."""

    def older(connection: Any) -> None:
        connection.execute("CREATE TABLE family (id INTEGER PRIMARY KEY, old TEXT)")
        connection.execute("INSERT INTO family VALUES (1, 'x')")

    source, target = SqliteStore(tmp_path / "source.db"), SqliteStore(tmp_path / "target.db")
    await source.start()
    await target.start()
    try:
        transaction = source.begin()
        await transaction.run(older)
        await transaction.commit(Batch())
        assert await copy_tables([Family], source, _sessions(source), target) == {}
        assert await rows(target, Family) == [(1, None)]
    finally:
        await source.stop()
        await target.stop()


def _sessions(store: Store) -> Any:
    return sessions_of(store)


def _plain(row: Any) -> list[Any]:
    """A row; SQLite has no zones, and what goes in as UTC comes out without."""
    return [one.replace(tzinfo=None) if isinstance(one, datetime) else one for one in row]
