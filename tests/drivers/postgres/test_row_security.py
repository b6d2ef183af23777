"""Row security: the database itself keeps the rows of tenants apart, whatever SQL a handler sends."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.drivers.postgres.schema import schema_of
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.postgres._address import store_at
from twofold.drivers.postgres.sql import PostgresSessions
from twofold.errors import FaultError, ForeignTenant, WiringError
from twofold.messages import Context, Origin, entered
from twofold.sql import TenantId, View, every_tenant, refresh_statements
from twofold.store import Aside, Batch, Rearrangement, Upsert, beside

pytestmark = pytest.mark.anyio


class Base(DeclarativeBase):
    pass


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(TenantId, index=True)
    total: Mapped[int] = mapped_column(default=0)


ALL = text("SELECT id FROM invoices ORDER BY id")
NORTH, SOUTH = [1, 2], [3]


def acting(tenant: str | None) -> AbstractContextManager[Context]:
    return entered(Context(Origin(tenant=tenant)))


@pytest.fixture
def new_store(owner_url: str) -> Callable[..., PostgresStore]:
    """Makes stores of a role that owns the tables."""

    def make(**settings: Any) -> PostgresStore:
        given = {"row_security": True, "pool_size": 1, "readers": 1, **settings}
        return PostgresStore(owner_url, schema=schema_of(owner_url), **given)

    return make


@pytest.fixture
async def store(new_store: Callable[..., PostgresStore]) -> AsyncIterator[PostgresStore]:
    """One connection that writes and one that reads, so that whatever is left on one is met again."""
    store = new_store()
    await store.start()
    await store.create_tables([Invoice])
    rows = [("north", n) for n in NORTH] + [("south", n) for n in SOUTH]
    await store.commit(Batch(rows=tuple(Upsert(Invoice, {"id": n}, {"tenant": tenant}) for tenant, n in rows)))
    yield store
    await store.stop()


@pytest.fixture
def sessions(store: PostgresStore) -> PostgresSessions:
    return PostgresSessions(store)


async def seen(sessions: PostgresSessions, tenant: str | None) -> list[int]:
    """What a query sees by SQL as text."""
    with acting(tenant):
        async with sessions.read() as session:
            return list(await session.scalars(ALL))


async def test_sql_as_text_has_the_rows_of_one_tenant(store: PostgresStore, sessions: PostgresSessions) -> None:
    """In a query, a command and a plain `def`, one after the other on the same connection; nobody has none."""
    for tenant, ids in (("north", NORTH), ("south", SOUTH), ("nobody", []), (None, []), ("", []), ("north", NORTH)):
        assert await seen(sessions, tenant) == ids

        def plainly(connection: Any) -> list[int]:
            with sessions.bound(connection), sessions.read_blocking() as session:
                return list(session.scalars(ALL))

        with acting(tenant):
            assert await store.read(plainly) == ids
            transaction = store.begin()
            session = sessions.write(transaction)
            assert list(await session.scalars(ALL)) == ids
            await session.close()
            await transaction.rollback()
    async with sessions.read() as reader:
        assert list(await reader.scalars(ALL)) == [*NORTH, *SOUTH]


async def test_text_changes_no_row_of_another_tenant(store: PostgresStore, sessions: PostgresSessions) -> None:
    """What it would change is not there, and what it would leave behind is refused with a typed error."""
    transaction = store.begin()
    with acting("south"):
        session = sessions.write(transaction)
        changed: Any = await session.execute(text("UPDATE invoices SET total = 7"))
        assert changed.rowcount == 1
        for statement in (
            "INSERT INTO invoices (id, tenant, total) VALUES (9, 'north', 0)",
            "UPDATE invoices SET tenant = 'north'",
            "INSERT INTO invoices (id, tenant, total) VALUES (1, 'south', 0) ON CONFLICT (id) DO UPDATE SET total = 1",
        ):
            part = await session.begin_nested()
            with pytest.raises(ForeignTenant):
                await session.execute(text(statement))
            await part.rollback()
        assert list(await session.scalars(ALL)) == SOUTH
        await session.close()
    await transaction.commit(Batch())
    async with sessions.read() as reader:
        totals = select(Invoice.tenant, func.sum(Invoice.total)).group_by(Invoice.tenant)
        assert {row[0]: row[1] for row in await reader.execute(totals)} == {"north": 0, "south": 7}


async def test_administration_sees_all_for_a_block(store: PostgresStore, sessions: PostgresSessions) -> None:
    """It is the same block as for statements of SQLAlchemy, and behind it there is one tenant again."""
    with acting("north"):
        transaction = store.begin()
        for session in (sessions.read(), sessions.write(transaction)):
            with every_tenant():
                assert list(await session.scalars(ALL)) == [*NORTH, *SOUTH]
            assert list(await session.scalars(ALL)) == NORTH
            with every_tenant():
                assert list(await session.scalars(ALL)) == [*NORTH, *SOUTH]
                with acting("south"):
                    assert list(await session.scalars(ALL)) == SOUTH
            await session.close()
        await transaction.rollback()


async def test_whatever_is_undone_a_message_keeps_to_its_tenant(
    store: PostgresStore, sessions: PostgresSessions
) -> None:
    """Savepoints, a session that begins anew, and a part that fails while all tenants are seen."""
    transaction = store.begin()
    with acting("north"):
        session = sessions.write(transaction)
        assert list(await session.scalars(ALL)) == NORTH
        await session.rollback()
        assert list(await session.scalars(ALL)) == NORTH
        part = await session.begin_nested()
        with every_tenant(), pytest.raises(DBAPIError):
            await session.execute(text("SELECT 1 / 0"))
        await part.rollback()
        assert list(await session.scalars(ALL)) == NORTH
        await transaction.mark()
        with acting("south"):
            assert list(await session.scalars(ALL)) == SOUTH
        await transaction.revert()
        for tenant, ids in (("south", SOUTH), ("north", NORTH)):
            with acting(tenant):
                assert list(await session.scalars(ALL)) == ids
        await session.close()
    await transaction.rollback()

    def plainly(connection: Any) -> None:
        with sessions.bound(connection), sessions.read_blocking() as session, acting("south"):
            with pytest.raises(DBAPIError):
                session.execute(text("SELECT 1 / 0"))
            session.rollback()
            assert list(session.scalars(ALL)) == SOUTH

    await store.read(plainly)


async def test_rows_of_projections_are_those_of_all_tenants(store: PostgresStore, sessions: PostgresSessions) -> None:
    """An inline one changes rows of other tenants in the transaction of a message, which still sees its own alone."""
    transaction = store.begin()
    with acting("north"):
        session = sessions.write(transaction)
        assert list(await session.scalars(ALL)) == NORTH
        await transaction.change([Upsert(Invoice, {"id": 4}, {"tenant": "south"})])
        raw = await transaction.run(lambda connection: connection.fetch("SELECT id FROM invoices ORDER BY id"))
        assert [row["id"] for row in raw] == NORTH
        assert list(await session.scalars(ALL)) == NORTH
        await session.close()
        await transaction.commit(Batch(rows=(Upsert(Invoice, {"id": 5}, {"tenant": "south"}),)))
        await store.commit(Batch(rows=(Upsert(Invoice, {"id": 6}, {"tenant": "south"}),)))
    assert await seen(sessions, "south") == [*SOUTH, 4, 5, 6]


async def test_tables_that_take_the_place_are_as_secure(store: PostgresStore, sessions: PostgresSessions) -> None:
    """A version of a projection is built with row security, filled with the rows of all, and keeps it."""
    built, aside = beside("invoices", "next"), Aside(Invoice, "next", (Invoice,))
    await store.rearrange(Rearrangement(creates=(aside,)))
    await store.commit(Batch(rows=tuple(Upsert(aside, {"id": n}, {"tenant": "south"}) for n in (7, 8))))
    await store.rearrange(Rearrangement(drops=("invoices",), renames=((built, "invoices"),)))
    assert (await seen(sessions, "north"), await seen(sessions, "south")) == ([], [7, 8])


async def test_a_view_is_made_of_all_rows(store: PostgresStore, sessions: PostgresSessions) -> None:
    """Whoever creates and refreshes it is no message."""
    view = View(
        "totals",
        select(Invoice.tenant, func.count().label("many")).group_by(Invoice.tenant),
        key=["tenant"],
        refresh_every=60,
    )
    await store.create_tables([view])
    await store.commit(Batch(rows=(Upsert(Invoice, {"id": 4}, {"tenant": "east"}),)))
    transaction = store.begin()
    session = sessions.write(transaction)
    for statement in refresh_statements(view, sessions.dialect):
        await session.execute(statement)
    await session.close()
    await transaction.commit(Batch())
    async with sessions.read() as reader:
        found = await reader.execute(select(view.c.tenant, view.c.many).order_by(view.c.tenant))
        assert [tuple(row) for row in found] == [("east", 1), ("north", 2), ("south", 1)]
    with acting("south"):
        async with sessions.read() as reader:
            assert list(await reader.scalars(select(view.c.many))) == [1]


async def test_another_program_sees_no_row(store: PostgresStore, owner_url: str) -> None:
    """Not even the owner, unless it says whose rows it is about."""
    connection = await asyncpg.connect(owner_url)
    try:
        assert await connection.fetch("SELECT * FROM invoices") == []
        await connection.execute("SELECT set_config('twofold.tenant', 'south', false)")
        assert [row["id"] for row in await connection.fetch("SELECT * FROM invoices")] == SOUTH
    finally:
        await connection.close()


@pytest.mark.parametrize("tenant", ["o'neill", "back\\'slash", "'; DROP TABLE invoices; --", "ünï-☃", "$1"])
async def test_a_tenant_is_a_text_whatever_is_in_it(
    store: PostgresStore, sessions: PostgresSessions, tenant: str
) -> None:
    """Its name ends up in no SQL."""
    with acting(tenant):
        transaction = store.begin()
        session = sessions.write(transaction)
        await session.execute(insert(Invoice).values(id=4))
        await session.close()
        await transaction.commit(Batch())
    assert await seen(sessions, tenant) == [4]
    assert await seen(sessions, "south") == SOUTH


async def test_it_takes_no_round_trip_of_its_own(
    store: PostgresStore, sessions: PostgresSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose rows a transaction is about is said with what begins it; a query has a transaction for that."""
    sent = list[str]()
    kind = asyncpg.Connection
    for name in ("execute", "prepare"):
        method = getattr(kind, name)

        def spying(self: Any, query: str, *arguments: Any, method: Callable[..., Any] = method, **options: Any) -> Any:
            sent.append(query)
            return method(self, query, *arguments, **options)

        monkeypatch.setattr(kind, name, spying)
    with acting("north"):
        transaction = store.begin()
        session = sessions.write(transaction)
        for _ in range(2):
            await session.execute(update(Invoice).values(total=1))
        await session.close()
        await transaction.commit(Batch())
    assert len([one for one in sent if "twofold.tenant" in one]) == 1
    assert sent[0].startswith("BEGIN")
    assert "twofold.tenant" in sent[0]
    sent.clear()
    assert await seen(sessions, "north") == NORTH
    assert len(sent) == 3
    assert sent[0].startswith("BEGIN")
    assert sent[-1] == "ROLLBACK"
    sent.clear()
    async with sessions.read() as reader:
        await reader.scalars(ALL)
    assert len(sent) == 1


async def test_a_role_that_is_above_it_is_refused(postgres_url: str) -> None:
    """Row security that does not hold would be no help."""
    store = PostgresStore(postgres_url, schema=schema_of(postgres_url), row_security=True)
    with pytest.raises(FaultError, match="superuser"):
        await store.start()


async def test_tables_get_it_and_keep_it(new_store: Callable[..., PostgresStore]) -> None:
    """Those that are there get it when the tables are made again; whoever does not know of it is told."""
    plain = new_store(row_security=False)
    await plain.start()
    await plain.create_tables([Invoice])
    await plain.commit(Batch(rows=(Upsert(Invoice, {"id": 1}, {"tenant": "north"}),)))
    await plain.stop()
    for _ in range(2):
        secured = new_store()
        await secured.start()
        await secured.create_tables([Invoice])
        assert await seen(PostgresSessions(secured), "south") == []
        assert await seen(PostgresSessions(secured), "north") == [1]
        await secured.stop()
    plain = new_store(row_security=False)
    await plain.start()
    with pytest.raises(FaultError, match="row_security=on"):
        await plain.create_tables([Invoice])
    await plain.stop()


async def test_an_address_says_so(owner_url: str) -> None:
    """With `on` or `off`, for a store that only reads as well."""
    at = f"{owner_url}&schema={schema_of(owner_url)}&row_security="
    worker = store_at(f"{at}on")
    await worker.start()
    await worker.create_tables([Invoice])
    await worker.stop()
    reader = store_at(f"{at}on").read_only()
    await reader.start()
    await reader.stop()
    with pytest.raises(WiringError, match="row_security='perhaps'"):
        store_at(f"{at}perhaps")
