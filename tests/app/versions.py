"""A till in several versions, each as its release has it: the same projection, with other rows and other columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Column, Integer, MetaData, String, Table

from tests.until import until
from twofold import App, Event, Module, Rows
from twofold.dispatch import Mode, Switch
from twofold.drivers.postgres import PostgresStore
from twofold.messages import Context
from twofold.store import Aside, MemoryStore, Store, beside, table_name

Look: TypeAlias = Callable[[int], None]
Open: TypeAlias = Callable[[], Store]


@dataclass(frozen=True, kw_only=True)
class Paid(Event):
    """An event that every version wants."""

    amount: int
    who: str = "all"


@dataclass(frozen=True, kw_only=True)
class Refunded(Event):
    """An event that only newer versions want."""

    amount: int
    who: str = "all"


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """An event that none wants."""


def sums_of(version: int) -> Table[Any]:
    """The table as a version declares it: one name, and from version 2 on another column, with an index."""
    return Table(
        "sums",
        MetaData(),
        Column("who", String, primary_key=True),
        Column("total", Integer, nullable=False),
        *([Column("events", Integer, nullable=False, index=True)] if version > 1 else []),
    )


SUMS = {version: sums_of(version) for version in (1, 2, 3)}


def till(
    version: int | None,
    store: Store,
    read: Store | None = None,
    *,
    mode: Mode = "async",
    switch: Switch = "auto",
    look: Look = lambda _: None,
) -> App:
    """An application with a version of the projection, or without it; `look` sees every amount that it is given."""
    module = Module("till")
    module.events(Paid, Refunded, Noted)
    if version is None:
        return App("till", modules=[module], database=store, read_database=read)
    table, factor = SUMS[version], version
    declare = module.projection("sums", mode=mode, tables=[table], version=version, switch=switch)
    if version == 1:

        @declare
        class Sums:
            def paid(self, event: Paid, rows: Rows) -> None:
                look(event.amount)
                rows.add(table, {"who": event.who}, total=event.amount)

    else:

        @declare
        class NewSums:
            def paid(self, event: Paid, rows: Rows) -> None:
                look(event.amount)
                rows.add(table, {"who": event.who}, total=factor * event.amount, events=1)

            def refunded(self, event: Refunded, rows: Rows) -> None:
                rows.add(table, {"who": event.who}, total=-factor * event.amount, events=1)

    return App("till", modules=[module], database=store, read_database=read)


async def record(app: App, *events: Event) -> None:
    """Record events in one unit of work."""
    unit = app.new_unit(Context())
    unit.append("till", *events)
    await unit.commit()


async def pay(app: App, *amounts: int) -> None:
    """Record payments in one unit of work."""
    await record(app, *(Paid(amount=amount) for amount in amounts))


async def rows_of(store: Store, place: str | None = None) -> list[Mapping[str, Any]]:
    """All rows of the live table, or of the one that stands aside, by key."""
    name = table_name(SUMS[1]) if place is None else beside(table_name(SUMS[1]), place)

    async def fetch(connection: Any) -> list[Mapping[str, Any]]:
        if await connection.fetchval("SELECT to_regclass($1)::text", name) is None:
            return []
        return [dict(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')]

    def look(source: Any) -> Any:
        if isinstance(store, MemoryStore):
            return [dict(row) for row in source.rows(name)]
        if isinstance(store, PostgresStore):
            return fetch(source)
        if not source.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone():
            return []
        cursor = source.execute(f'SELECT * FROM "{name}"')
        columns = [one[0] for one in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor]

    return sorted(await store.read(look), key=lambda row: str(row["who"]))


async def total(store: Store) -> int | None:
    """The live total."""
    return next((row["total"] for row in await rows_of(store) if row["who"] == "all"), None)


async def standing(store: Store) -> dict[str, int]:
    """The versions that the store has, by checkpoint."""
    return {one.name: one.version for one in await store.checkpoints.all()}


def aside(version: int, place: str) -> Aside:
    """The table that stands aside."""
    return Aside(SUMS[version], place, (SUMS[version],))


async def until_status(app: App, name: str, text: str) -> None:
    """Wait until an application says this of a projection; empty for nothing."""

    async def is_so() -> bool:
        status = {one.name: one.status for one in await app.progress()}.get(name)
        return text in (status or "") if text else not status

    await until(is_so)
