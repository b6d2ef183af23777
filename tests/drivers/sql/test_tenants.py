"""Rows of tenants: a session shows a message those of its own, and nothing that a handler writes gets at others."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import (
    ForeignKey,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, joinedload, mapped_column, relationship, selectinload

from twofold.messages import Context, Origin, entered
from twofold.sql import ForeignTenant, LiveTables, Sessions, TenantId, TenantRequired, every_tenant, live_tables
from twofold.store import Batch, Store, Upsert

pytestmark = pytest.mark.anyio


class Base(DeclarativeBase):
    pass


class Client(Base):
    __tablename__ = "clients"
    id: Mapped[int] = mapped_column(primary_key=True)
    invoices: Mapped[list["Invoice"]] = relationship(back_populates="client")


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(TenantId, index=True)
    client_id: Mapped[int | None] = mapped_column(ForeignKey("clients.id"), default=None)
    total: Mapped[int] = mapped_column(default=0)
    client: Mapped[Client | None] = relationship(back_populates="invoices")


TABLE: Any = Invoice.__table__
NORTH, SOUTH = [1, 2], [3]
ALL = [*NORTH, *SOUTH]


def acting(tenant: str | None) -> AbstractContextManager[Context]:
    return entered(Context(Origin(tenant=tenant)))


@pytest.fixture
async def shared(store: Store, sessions: Sessions) -> Sessions:
    await store.create_tables([Client, Invoice])
    rows = [Upsert(Invoice, {"id": n}, {"tenant": "north", "client_id": 1}) for n in NORTH]
    rows += [Upsert(Invoice, {"id": n}, {"tenant": "south", "client_id": 1}) for n in SOUTH]
    await store.commit(Batch(rows=(Upsert(Client, {"id": 1}, {}), *rows)))
    return sessions


other = aliased(Invoice)
READS: dict[str, Callable[[], Any]] = {
    "entities": lambda: select(Invoice.id),
    "a table": lambda: select(TABLE.c.id),
    "an alias": lambda: select(other.id),
    "a join": lambda: select(Invoice.id).join(Client),
    "the other side of a join": lambda: select(Invoice.id).select_from(Client).join(Client.invoices),
    "an outer join": lambda: select(Invoice.id).select_from(Client).outerjoin(Invoice),
    "a subquery": lambda: select(select(Invoice.id).subquery().c.id),
    "a common table expression": lambda: select(select(Invoice.id).cte("all_of_them").c.id),
    "a scalar subquery": lambda: select(Invoice.id).where(Invoice.id.in_(select(other.id))),
    "a union": lambda: union_all(select(Invoice.id).where(Invoice.id < 2), select(TABLE.c.id).where(TABLE.c.id > 1)),
    "two of them": lambda: select(Invoice.id).join(other, other.id == Invoice.id),
    "a condition that is always true": lambda: select(Invoice.id).where(or_(true(), Invoice.id == 1)),
    "a condition in text": lambda: select(Invoice.id).where(text("1 = 1 OR 1 = 1")),
    "a lock": lambda: select(Invoice.id).with_for_update(),
}


@pytest.mark.parametrize("name", READS)
async def test_a_message_reads_the_rows_of_its_tenant(shared: Sessions, store: Store, name: str) -> None:
    """However a SELECT names a table, it has the rows of one tenant, and those of another for another message."""
    transaction = store.begin()
    for tenant, ids in (("north", NORTH), ("south", SOUTH), ("nobody", [])):
        with acting(tenant):
            session = shared.write(transaction)
            found = await session.scalars(READS[name]())
            assert sorted(n for n in found if n is not None) == ids
            await session.close()
    await transaction.rollback()


async def test_what_a_row_leads_to_is_of_the_tenant_too(shared: Sessions) -> None:
    """Eager loading, aggregates, and rows by their key stay within the tenant."""
    with acting("south"):
        async with shared.read() as session:
            for load in (selectinload, joinedload):
                client = (await session.scalars(select(Client).options(load(Client.invoices)))).unique().one()
                assert [invoice.id for invoice in client.invoices] == SOUTH
                session.expunge_all()
            assert await session.get(Invoice, 1) is None
            assert await session.scalar(select(func.count()).select_from(Invoice)) == 1
            assert await session.scalar(select(exists().where(Invoice.id == 1))) is False


async def test_a_plain_def_is_guarded_too(shared: Sessions, store: Store) -> None:
    """A blocking session shows the rows of the tenant as well."""

    def run(connection: Any) -> list[int]:
        with shared.bound(connection), shared.read_blocking() as session, acting("south"):
            return list(session.scalars(select(Invoice.id)))

    assert await store.read(run) == SOUTH


async def test_a_message_without_a_tenant_is_refused(shared: Sessions) -> None:
    """Who belongs to no tenant sees nothing of any; tables without tenants are for everybody."""
    with acting(None):
        async with shared.read() as session:
            with pytest.raises(TenantRequired):
                await session.scalars(select(Invoice.id))
            assert (await session.scalars(select(Client.id))).all() == [1]


async def test_administration_says_so(shared: Sessions) -> None:
    """A block is about all tenants, and a message that is sent inside it is about its own again."""
    with acting("north"):
        async with shared.read() as session:
            with every_tenant():
                assert sorted(await session.scalars(select(Invoice.id))) == ALL
                with acting("south"):
                    assert (await session.scalars(select(Invoice.id))).all() == SOUTH
            assert sorted(await session.scalars(select(Invoice.id))) == NORTH


async def test_a_forged_tenant_is_refused(shared: Sessions) -> None:
    """A statement that names another tenant is told so."""
    with acting("north"):
        async with shared.read() as session:
            assert sorted(await session.scalars(select(Invoice.id).where(Invoice.tenant == "north"))) == NORTH
            with pytest.raises(ForeignTenant):
                await session.scalars(select(Invoice.id).where(Invoice.tenant == "south"))
            with pytest.raises(ForeignTenant):
                await session.scalars(select(Invoice.id).where(Invoice.tenant.in_(["north", "south"])))


CHANGES: dict[str, Callable[[], Any]] = {
    "update of entities": lambda: update(Invoice).values(total=9),
    "update of a table": lambda: update(TABLE).values(total=9),
    "update with a condition in text": lambda: update(TABLE).values(total=9).where(text("1 = 1 OR 1 = 1")),
    "update with a literal condition": lambda: update(TABLE).values(total=9).where(literal_column("1 = 1 OR 1 = 1")),
    "update from another": lambda: update(Invoice).values(total=9).where(Invoice.client_id == Client.id),
    "delete of entities": lambda: delete(Invoice),
    "delete of a table": lambda: delete(TABLE).where(text("1 = 1 OR 1 = 1")),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_message_changes_the_rows_of_its_tenant(shared: Sessions, store: Store, name: str) -> None:
    """UPDATE and DELETE of everything change what is the tenant's, and nothing else."""
    before = await _rows(shared, "south")
    transaction = store.begin()
    with acting("north"):
        session = shared.write(transaction)
        done: Any = await session.execute(CHANGES[name]())
        assert done.rowcount == len(NORTH)
        await session.close()
    await transaction.commit(Batch())
    assert await _rows(shared, "south") == before
    assert await _rows(shared, "north") == ([] if "delete" in name else [(1, "north", 9), (2, "north", 9)])


async def test_new_rows_belong_to_the_tenant(shared: Sessions, store: Store) -> None:
    """A new row has the tenant of its message, which need not be said, and may be."""
    transaction = store.begin()
    with acting("south"):
        session = shared.write(transaction)
        session.add(Invoice(id=10))
        session.add_all([Invoice(id=11), Invoice(id=12, tenant="south")])
        await session.flush()
        await session.execute(insert(Invoice), [{"id": 13}, {"id": 14}])
        await session.execute(insert(TABLE).values(id=15))
        await session.execute(insert(TABLE).values([{"id": 16}, {"id": 17}]))
        await session.execute(insert(TABLE), [{"id": 18, "tenant": "south"}])
        await session.close()
    await transaction.commit(Batch())
    assert await _rows(shared, "south") == [(n, "south", 0) for n in (3, *range(10, 19))]


def _upserting(database: str) -> Any:
    return (sqlite if database == "sqlite" else postgresql).insert(TABLE)


FORGED: dict[str, Callable[[], Any]] = {
    "a value": lambda: insert(TABLE).values(id=9, tenant="south"),
    "one of many": lambda: insert(TABLE).values([{"id": 8, "tenant": "north"}, {"id": 9, "tenant": "south"}]),
    "a value by its column": lambda: insert(TABLE).values({TABLE.c.id: 9, TABLE.c.tenant: "south"}),
    "an expression": lambda: insert(TABLE).values(id=9, tenant=func.lower("SOUTH")),
    "a value of another type": lambda: insert(TABLE).values(id=9, tenant=literal("south")),
    "a selection": lambda: insert(TABLE).from_select(["id", "tenant"], select(literal(9), literal("south"))),
    "what replaces": lambda: insert(TABLE).prefix_with("OR REPLACE").values(id=3),
    "a move": lambda: update(TABLE).values(tenant="south"),
    "a move of entities": lambda: update(Invoice).values({Invoice.tenant: "south"}),
    "a move of one's own": lambda: update(TABLE).values(tenant="north"),
}


@pytest.mark.parametrize("name", FORGED)
async def test_no_row_is_given_to_another_tenant(shared: Sessions, store: Store, name: str) -> None:
    """Whatever would write a row of another tenant is refused, however it says so."""
    transaction = store.begin()
    with acting("north"):
        session = shared.write(transaction)
        with pytest.raises(ForeignTenant):
            await session.execute(FORGED[name]())
        await session.close()
    await transaction.rollback()
    assert await _rows(shared, "south") == [(3, "south", 0)]


async def test_entities_of_another_tenant_are_not_saved(shared: Sessions, store: Store) -> None:
    """A new entity with another tenant is refused, and so is one that is to move."""
    for prepare in (_forge, _move):
        transaction = store.begin()
        with acting("north"):
            session = shared.write(transaction)
            await prepare(session)
            with pytest.raises(ForeignTenant):
                await session.flush()
            await session.close()
        await transaction.rollback()


async def test_an_upsert_leaves_the_row_of_another_tenant(shared: Sessions, store: Store, database: str) -> None:
    """An INSERT that meets a key of another tenant changes nothing there."""
    transaction = store.begin()
    with acting("north"):
        session = shared.write(transaction)
        for n in (1, 3):
            statement = _upserting(database).values(id=n, total=7)
            upsert = statement.on_conflict_do_update(index_elements=["id"], set_={"total": 7}, where=text("1=1 OR 1=1"))
            await session.execute(upsert)
        moving = _upserting(database).values(id=3).on_conflict_do_update(index_elements=["id"], set_={"tenant": "x"})
        with pytest.raises(ForeignTenant):
            await session.execute(moving)
        await session.close()
    await transaction.commit(Batch())
    assert await _rows(shared, "north") == [(1, "north", 7), (2, "north", 0)]
    assert await _rows(shared, "south") == [(3, "south", 0)]


async def test_rows_in_memory_are_of_the_tenant(shared: Sessions) -> None:
    """What a live projection has in memory is shown to a message as a table would be."""
    live: LiveTables = live_tables(shared)()
    live.change([Upsert(TABLE, {"id": n}, {"tenant": "north" if n in NORTH else "south"}) for n in ALL])
    with acting("south"):
        assert [row["id"] for row in live.rows(TABLE)] == SOUTH
        assert live.row(TABLE, id=1) is None
        with every_tenant():
            assert [row["id"] for row in live.rows(TABLE)] == ALL
    with acting(None), pytest.raises(TenantRequired):
        live.rows(TABLE)


async def _forge(session: Any) -> None:
    session.add(Invoice(id=9, tenant="south"))


async def _move(session: Any) -> None:
    invoice = await session.get(Invoice, 1)
    invoice.tenant = "south"


async def _rows(sessions: Sessions, tenant: str) -> list[tuple[int, str, int]]:
    with acting(tenant):
        async with sessions.read() as session:
            found = await session.execute(select(Invoice.id, Invoice.tenant, Invoice.total).order_by(Invoice.id))
            return [(row.id, row.tenant, row.total) for row in found]


async def test_what_is_read_the_short_way_is_of_its_tenant(shared: Sessions) -> None:
    """A statement that was met before, by another tenant or by somebody who sees all, shows each their own."""
    columns = select(TABLE.c.id).order_by(TABLE.c.id)
    for _ in range(2):
        for tenant, expected in (("north", NORTH), ("south", SOUTH), ("west", [])):
            with acting(tenant):
                async with shared.read() as session:
                    assert (await session.scalars(columns)).all() == expected
                    with every_tenant():
                        assert (await session.scalars(columns)).all() == ALL
    with acting(None), pytest.raises(TenantRequired):
        async with shared.read() as session:
            await session.scalars(columns)


async def test_no_parameter_names_another_tenant(shared: Sessions, store: Store) -> None:
    """Whatever a statement is given by name, the rows are those of the message's tenant."""
    given = {"twofold_tenant": "south"}
    with acting("north"):
        async with shared.read() as session:
            for _ in range(2):
                assert (await session.scalars(select(TABLE.c.id).order_by(TABLE.c.id), given)).all() == NORTH
                assert (await session.scalars(select(Invoice.id).order_by(Invoice.id).params(given))).all() == NORTH
        transaction = store.begin()
        writing = shared.write(transaction)
        await writing.execute(delete(TABLE), given)
        await writing.close()
        await transaction.commit(Batch())
    with every_tenant():
        async with shared.read() as session:
            assert (await session.scalars(select(TABLE.c.id))).all() == SOUTH
