"""The session of a query reads what is committed, and the database refuses its writes."""

import pytest
from sqlalchemy import delete, func, inspect, select, text, update
from sqlalchemy.orm import selectinload

from tests.drivers.sql.shop import Customer, Order, names
from twofold.errors import Invalid, WiringError
from twofold.sql import ReadSession, Sessions, WriteRefused, page_of, sort_by
from twofold.store import Batch, Store, Upsert

pytestmark = pytest.mark.anyio


@pytest.fixture
async def reading(store: Store, sessions: Sessions) -> ReadSession:
    customers = [Upsert(Customer, {"id": n}, {"name": name}) for n, name in enumerate("abcde", 1)]
    order = Upsert(Order, {"id": 1}, {"customer_id": 1})
    await store.commit(Batch(rows=(*customers, order)))
    return sessions.read()


async def test_entities_with_what_belongs_to_them(reading: ReadSession) -> None:
    """Selecting with eager loading gives entities, which stay readable after the session is closed."""
    async with reading:
        query = select(Customer).options(selectinload(Customer.orders)).order_by(Customer.id)
        found = (await reading.scalars(query)).all()
    assert [(customer.name, len(customer.orders)) for customer in found[:2]] == [("a", 1), ("b", 0)]


async def test_writes_are_refused_by_the_database(reading: ReadSession) -> None:
    """Whatever would change something through a read session is refused with its statement."""
    async with reading:
        for statement in (
            update(Customer).values(name="z"),
            delete(Order),
            text("INSERT INTO customers (name) VALUES ('z')"),
            text("DROP TABLE orders"),
            text("CREATE TABLE other (id INTEGER)"),
        ):
            with pytest.raises(WriteRefused) as caught:
                await reading.execute(statement)
            assert str(statement)[:6] in str(caught.value)
            assert isinstance(caught.value, WiringError)
            await reading.rollback()
        assert (await reading.scalars(select(Customer.name).order_by(Customer.id))).all() == list("abcde")


_BEYOND = r"^a number is beyond what can be stored$"


async def test_a_number_that_no_column_holds_is_invalid(store: Store, sessions: Sessions, reading: ReadSession) -> None:
    """Whoever asks for it, writes it or has it in a row of a read model is told so, in words that name no database."""
    for beyond in (2**63, -(2**70)):
        async with reading:
            with pytest.raises(Invalid, match=_BEYOND):
                await reading.get(Customer, beyond)
        transaction = store.begin()
        session = sessions.write(transaction)
        session.add(Customer(id=beyond, name="z"))
        with pytest.raises(Invalid, match=_BEYOND):
            await session.flush()
        await transaction.rollback()
        await session.close()
        with pytest.raises(Invalid, match=_BEYOND):
            await store.commit(Batch(rows=(Upsert(Customer, {"id": beyond}, {"name": "z"}),)))
    assert await names(sessions) == list("abcde")


async def test_an_entity_that_was_added_is_refused(reading: ReadSession) -> None:
    """What is added to a read session is not silently dropped: the next select or commit is refused."""
    async with reading:
        reading.add(Customer(name="z"))
        with pytest.raises(WriteRefused, match="INSERT INTO customers"):
            await reading.scalars(select(Customer))
        await reading.rollback()
        reading.add(Customer(name="z"))
        with pytest.raises(WriteRefused):
            await reading.commit()


async def test_what_was_read_is_let_go(reading: ReadSession) -> None:
    """An object is the session's until it ends, in a transaction or without one; then the session may begin anew."""
    query = select(Customer).where(Customer.id == 1)
    async with reading:
        ada = (await reading.scalars(query)).one()
        assert not reading.in_transaction()  # which is what makes it quick
        assert (await reading.scalars(query)).one() is ada
        assert ada in reading
    assert inspect(ada).detached
    async with reading, reading.begin():
        other = (await reading.scalars(query)).one()
        assert other is not ada
    assert inspect(other).detached
    assert ada.name == other.name == "a"


async def test_a_connection_has_options_of_its_own(reading: ReadSession) -> None:
    """What one statement asks for concerns that session alone."""
    async with reading:
        connection = await reading.connection(execution_options={"whose": "mine"})
        assert connection.sync_connection is not None
        assert connection.sync_connection.get_execution_options()["whose"] == "mine"
        assert await connection.scalar(select(func.count()).select_from(Customer)) == 5


async def test_each_statement_sees_what_was_committed(reading: ReadSession, store: Store) -> None:
    """A read session holds nothing: a later statement sees a later commit."""
    async with reading:
        count = text("SELECT count(*) FROM customers")
        assert await reading.scalar(count) == 5
        await store.commit(Batch(rows=(Upsert(Customer, {"id": 6}, {"name": "f"}),)))
        assert await reading.scalar(count) == 6


async def test_pages(reading: ReadSession) -> None:
    """A page has its items and the total; one behind the end is empty, and still has the total."""
    async with reading:
        query = select(Customer).order_by(Customer.id)
        second = await page_of(reading, query, lambda row: row[0].name, page=2, page_size=2)
        assert (second.items, second.total, second.pages, second.has_next) == (("c", "d"), 5, 3, True)
        entities = await page_of(reading, query.where(Customer.id > 3))
        assert [customer.name for customer in entities.items] == ["d", "e"]
        behind = await page_of(reading, query, page=9)
        assert (behind.items, behind.total) == ((), 5)


@pytest.mark.parametrize(
    "page, page_size, field",
    [(0, 20, "page"), (10**19, 20, "page"), (1, 0, "page_size"), (1, 201, "page_size"), (-1, 20, "page")],
)
async def test_a_page_without_bounds_is_refused(reading: ReadSession, page: int, page_size: int, field: str) -> None:
    """Pages start at 1, and their size is bounded: both are the client's mistakes."""
    async with reading:
        with pytest.raises(Invalid) as caught:
            await page_of(reading, select(Customer), page=page, page_size=page_size)
    assert caught.value.findings[0].field == field


@pytest.mark.parametrize(
    "sort, expected",
    [("", "abcde"), ("name", "abcde"), ("-name", "edcba"), ("odd, -name", "dbeca"), ("-odd,name", "acebd")],
)
async def test_sorting_by_what_is_allowed(reading: ReadSession, sort: str, expected: str) -> None:
    """Fields are named by the client, one or several, up or down."""
    query = sort_by(select(Customer.name), sort, {"name": Customer.name, "odd": Customer.id % 2})
    async with reading:
        assert "".join((await reading.scalars(query)).all()) == expected


@pytest.mark.parametrize("sort", ["id", "name,id", "--name", "name desc", "name; DROP TABLE customers", "-"])
async def test_sorting_by_anything_else_is_refused(sort: str) -> None:
    """A field that was not declared is the client's mistake, and never reaches the SQL."""
    with pytest.raises(Invalid, match="only by name") as caught:
        sort_by(select(Customer.name), sort, {"name": Customer.name})
    assert caught.value.findings[0].field == "sort"
