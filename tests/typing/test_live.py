"""What a live projection gives has the types of its tables."""

from dataclasses import dataclass
from typing import Any, assert_type

import pytest
from sqlalchemy import Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import App, Event, Live, Module, Rows
from twofold.projections import LiveRows


class Base(DeclarativeBase):
    """The mapped classes of this file."""


class Row(Base):
    """A row."""

    __tablename__ = "rows"

    id: Mapped[int] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Happened(Event):
    """An event."""


class Ids:
    """A projection."""

    def happened(self, event: Happened, rows: Rows) -> None:
        """Fill a row."""
        rows.upsert(Row, {"id": 1})


@pytest.mark.anyio
async def test_rows_have_the_type_of_their_table() -> None:
    """Instances of a mapped class; of a table, whatever it holds."""
    module = Module("m")
    module.projection("ids", mode="live", tables=[Row])(Ids)
    async with App("m", modules=[module], database="memory:") as app:
        live = await app.get(Live[Ids])
        assert_type(live, Live[Ids])
        found = await live.read(stream="a", tags=["b"])
        assert_type(found, LiveRows)
        assert_type(found.rows(Row), list[Row])
        assert_type(found.row(Row, id=1), Row | None)
        table: Table[Any] = Base.metadata.tables["rows"]
        assert_type(found.rows(table), list[Any])
        assert found.rows(Row) == found.rows(table) == []
