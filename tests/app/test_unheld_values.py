"""What a column does not hold is a mistake of the projection that gives it, and none of whoever sent the command."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import DateTime, Numeric, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database, SqliteFile
from tests.app.selecting import selected
from tests.web.shop import client_of, crashes, recorded
from twofold import App, Command, Event, EventBus, Module, Rows
from twofold.dispatch import Mode
from twofold.sql import ExactDecimal

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Show(Command[None]):
    what: str


@dataclass(frozen=True, kw_only=True)
class Shown(Event):
    what: str


class Tables(DeclarativeBase):
    pass


class Row(Tables):
    __tablename__ = "shown"

    id: Mapped[int] = mapped_column(primary_key=True)
    must: Mapped[str] = mapped_column(default="")
    once: Mapped[str | None] = mapped_column(unique=True)
    text: Mapped[str | None] = mapped_column(String(3))
    moment: Mapped[datetime | None] = mapped_column(DateTime)
    price: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    cents: Mapped[Decimal | None] = mapped_column(ExactDecimal(2))


VALUES: dict[str, Any] = {
    "must": None,
    "once": "twice",
    "text": "canary",
    "moment": datetime(2026, 1, 2, tzinfo=UTC),
    "price": Decimal(12345),
    "cents": Decimal("0.001"),
}
KEPT = {"text", "moment", "price"}
"""What SQLite does not look at."""


class Shows:
    def shown(self, event: Shown, rows: Rows) -> None:
        rows.upsert(Row, {"id": 1}, once="twice")
        rows.upsert(Row, {"id": 2}, **{event.what: VALUES[event.what]})


def module_in(mode: Mode) -> Module:
    module = Module("shows")
    module.projection("shows", mode=mode, tables=[Row])(Shows)

    @module.handler
    async def show(command: Show, events: EventBus) -> None:
        await events.publish(Shown(what=command.what))

    return module


@pytest.mark.parametrize("what", VALUES)
async def test_inline_it_is_a_crash_that_the_log_tells_of(
    each_database: Database, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """Nothing is written, nothing gets out, and the log names the table; SQLite keeps most of what it is given."""
    app = App("shows", modules=[module_in("inline")], database=each_database.address)
    async with client_of(app, app.http()) as client:
        answer = await client.post("/commands/show", json={"what": what}, headers={"x-correlation-id": "abc"})
        if isinstance(each_database, SqliteFile) and what in KEPT:
            assert answer.status_code == 204
            return
        assert await recorded(app) == []
        assert await selected(app.store, "SELECT id FROM shown") == []
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["correlation_id"]) == (500, "internal_error", "abc")
    assert not [word for word in ("shown", what, "canary") if word in answer.text]
    (record,) = crashes(caplog.records)
    told = logging.Formatter().format(record)
    # No database has to look at an ExactDecimal to refuse it.
    rows = f"while rows of the table 'shown' were written: id, {what}"
    note = "for the column shown.cents" if what == "cents" else rows
    assert note in told
    assert "canary" not in told


async def test_behind_the_log_it_is_parked_with_the_table(each_database: Database) -> None:
    """Its trace says what the projection was at."""
    async with App("shows", modules=[module_in("async")], database=each_database.address) as app:
        (await app.execute(Show(what="must"))).unwrap()
        await app.settle()
        (parked,) = await app.parked.list()
    assert "while rows of the table 'shown' were written: id, must" in parked.trace
