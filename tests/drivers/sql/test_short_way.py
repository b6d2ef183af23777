"""The short way of a SELECT of columns gives what SQLAlchemy's session gives, and is not gone where it could not."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any, Final, cast

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Engine,
    Integer,
    MetaData,
    Numeric,
    Table,
    bindparam,
    event,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound, StatementError
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.orm import Session as OrmSession

from tests.drivers.sql.shop import Customer, Order
from twofold.errors import Invalid
from twofold.sql import Sessions, WriteRefused
from twofold.store import Batch, Store, Upsert

pytestmark = pytest.mark.anyio

_DAY: Final = date(2026, 2, 28)
_customers: Final = cast("Table", Customer.__table__)
_orders: Final = cast("Table", Order.__table__)
_COLUMNS = select(_customers.c.id, _customers.c.name)
_BY_NAME = _COLUMNS.where(_customers.c.name == bindparam("name"))
_BY_ID = _COLUMNS.where(_customers.c.id == bindparam("id"))


@pytest.fixture(autouse=True)
async def rows(store: Store) -> None:
    customers = [Upsert(Customer, {"id": n}, {"name": name}) for n, name in enumerate("abcde", 1)]
    await store.commit(Batch(rows=(*customers, Upsert(Order, {"id": 1}, {"customer_id": 1}))))


@contextmanager
def _listening(target: Any, name: str, listener: Callable[..., None]) -> Generator[None]:
    event.listen(target, name, listener)
    try:
        yield
    finally:
        event.remove(target, name, listener)


async def _known(sessions: Sessions, statement: Any, params: dict[str, Any] | None = None) -> list[Any]:
    """What a statement gives where SQLAlchemy has met its like: past SQLAlchemy's session, which is not even made."""
    async with sessions.read() as first:
        ordinary = (await first.execute(statement, params)).all()
    async with sessions.read() as again:
        found = (await again.execute(statement, params)).all()
        assert (await again.scalars(statement, params)).all() == [row[0] for row in found]
        assert "sync_session" not in vars(again)
    assert found == ordinary
    return list(found)


async def test_columns_come_the_short_way(sessions: Sessions) -> None:
    """Rows of columns are the same past SQLAlchemy's session as through it, whatever the statement looks like."""
    assert await _known(sessions, _BY_ID, {"id": 2}) == [(2, "b")]
    assert await _known(sessions, _BY_ID, {"id": 9}) == []
    assert await _known(sessions, _COLUMNS.where(_customers.c.name > "c").order_by(_customers.c.id).limit(1)) == [
        (4, "d")
    ]
    pairs = select(_customers.c.id, _orders.c.id).join_from(_customers, _orders)
    assert await _known(sessions, pairs) == [(1, 1)]
    assert await _known(sessions, select(func.count().label("n"), literal(Decimal("1.50"), Numeric(10, 2)))) == [
        (1, Decimal("1.50"))
    ]
    assert await _known(sessions, select(literal(_DAY, Date), literal(True, Boolean))) == [(_DAY, True)]


async def test_values_of_an_earlier_statement_are_not_kept(sessions: Sessions) -> None:
    """Equal statements are compiled once; each has its own values, and names its own columns."""
    for number, name in enumerate("abcde", 1):
        label = func.upper(_customers.c.name).label("shown")
        async with sessions.read() as session:
            result = await session.execute(select(label, _customers.c.id).where(_customers.c.id == number))
            row = result.mappings().one()
        assert (row[label], row["shown"], row[_customers.c.id]) == (name.upper(), name.upper(), number)


async def test_results_of_the_short_way_are_results(sessions: Sessions) -> None:
    """All that a result offers is there: scalars, names, two of one name, one, none, and parts."""
    both = select(_customers.c.id, _orders.c.id).join_from(_customers, _orders)
    ordered = _COLUMNS.order_by(_customers.c.id)
    for _ in range(2):
        async with sessions.read() as session:
            assert (await session.scalars(ordered.with_only_columns(_customers.c.name))).all() == list("abcde")
            assert await session.scalar(_BY_ID, {"id": 3}) == 3
            assert await session.scalar(_BY_ID, {"id": 9}) is None
            assert [*(await session.execute(ordered)).columns("name")] == [(name,) for name in "abcde"]
            assert [len(part) for part in (await session.execute(ordered)).partitions(2)] == [2, 2, 1]
            assert (await session.execute(_BY_ID, {"id": 1})).one()._asdict() == {"id": 1, "name": "a"}
            with pytest.raises(NoResultFound):
                (await session.execute(_BY_ID, {"id": 9})).one()
            with pytest.raises(MultipleResultsFound):
                (await session.execute(_COLUMNS)).one_or_none()
            assert list((await session.execute(both)).keys()) == ["id", "id_1"]


async def test_what_the_short_way_cannot_do_is_done_all_the_same(sessions: Sessions) -> None:
    """Lists of values, options, objects, and whoever listens to sessions have SQLAlchemy's session."""
    heard: list[str] = []

    def listen(state: ORMExecuteState) -> None:
        heard.append(str(state.statement)[:6])

    for _ in range(2):
        async with sessions.read() as session:
            some = _COLUMNS.where(_customers.c.id.in_([1, 2])).order_by(_customers.c.id)
            assert (await session.execute(some)).all() == [(1, "a"), (2, "b")]
            options = {"preserve_rowcount": True}
            assert (await session.execute(_BY_ID, {"id": 1}, execution_options=options)).one() == (1, "a")
            customer = await session.get(Customer, 1)
            assert customer is not None
            assert (await session.execute(_BY_ID, {"id": 1})).one() == (1, "a")
        async with sessions.read() as session:
            with pytest.raises(DBAPIError, match="nowhere"):
                await session.execute(_BY_ID.execution_options(schema_translate_map={None: "nowhere"}), {"id": 1})
            await session.rollback()
            session.add(Customer(name="z"))
            with pytest.raises(WriteRefused):
                await session.execute(_BY_ID, {"id": 1})
        async with sessions.read() as session:
            _ = await session.connection(execution_options={"schema_translate_map": {None: "nowhere"}})
            with pytest.raises(DBAPIError, match="nowhere"):
                await session.execute(_BY_ID, {"id": 1})
    assert heard == []
    with _listening(OrmSession, "do_orm_execute", listen):
        async with sessions.read() as session:
            assert (await session.execute(_BY_ID, {"id": 1})).one() == (1, "a")
    async with sessions.read() as session:
        event.listen(session.sync_session, "do_orm_execute", listen)
        assert (await session.execute(_BY_ID, {"id": 1})).one() == (1, "a")
    assert heard == ["SELECT", "SELECT"]


async def test_whoever_traces_sql_hears_of_it(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of SQLAlchemy's engines and connections, by which SQL is traced, come of every statement."""
    told: list[str] = []
    monkeypatch.setattr(Engine, "_has_events", False)  # SQLAlchemy does not take it back when nobody listens any more

    def tell(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        told.append(statement[:6])

    assert await _known(sessions, _BY_ID, {"id": 1}) == [(1, "a")]
    with _listening(Engine, "before_cursor_execute", tell):
        async with sessions.read() as session:
            assert (await session.execute(_BY_ID, {"id": 1})).one() == (1, "a")
    assert told == ["SELECT"]


async def test_a_read_that_was_cancelled_ends_nothing_else(sessions: Sessions, store: Store) -> None:
    """Whoever gives up waiting for one statement has a session for the next, on whichever way it went."""
    for statement in (_BY_ID, select(Customer).where(Customer.id == bindparam("id"))):
        async with sessions.read() as session:
            for _ in range(3):
                reading = asyncio.ensure_future(session.execute(statement, {"id": 1}))
                await asyncio.sleep(0)
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
            assert await session.scalar(select(Customer.name).where(Customer.id == 1)) == "a"
            assert len((await session.execute(statement, {"id": 1})).all()) == 1
            assert await session.scalar(_BY_ID, {"id": 2}) == 2


async def test_a_result_says_as_much_on_either_way(sessions: Sessions) -> None:
    """What code asks a result of a SELECT works the first time, and every time after it."""
    for _ in range(2):
        async with sessions.read() as session:
            found: Any = await session.execute(_BY_ID, {"id": 1})
            assert (found.returns_rows, list(found.keys())) == (True, ["id", "name"])
            assert found.rowcount in (-1, 1)  # what was not counted is -1
            untyped: Any = session
            with pytest.raises(TypeError):
                await untyped.execute(_BY_ID, {"id": 1}, nonsense=None)


async def test_what_fails_on_the_short_way_fails_as_sqlalchemy_says(sessions: Sessions, store: Store) -> None:
    """An error is SQLAlchemy's, or the store's, on whichever way it came, and the next statement is none the worse."""
    gone = Table("gone", MetaData(), Column("id", Integer, primary_key=True))
    await store.create_tables([gone])
    assert await _known(sessions, select(gone.c.id)) == []
    assert await _known(sessions, _BY_ID, {"id": 1}) == [(1, "a")]
    later = select(literal(1)).where(literal(_DAY, Date) < bindparam("day", type_=Date))
    assert await _known(sessions, later, {"day": date(2026, 3, 1)}) == [(1,)]
    transaction = store.begin()
    writing = sessions.write(transaction)
    await writing.execute(text("DROP TABLE gone"))
    await transaction.commit(Batch())
    await writing.close()
    async with sessions.read() as session:
        with pytest.raises(DBAPIError, match="gone"):
            await session.execute(select(gone.c.id))
        with pytest.raises(Invalid, match=r"^a number is beyond what can be stored$"):
            await session.execute(_BY_ID, {"id": 2**70})
        with pytest.raises(Invalid, match=r"^a text has characters that cannot be stored$"):
            await session.execute(_BY_NAME, {"name": "\ud800"})
        with pytest.raises(StatementError, match="required"):
            await session.execute(_BY_ID, {"other": 1})
        with pytest.raises(StatementError):
            await session.execute(later, {"day": "no date"})
        assert (await session.execute(_BY_ID, {"id": 1})).one() == (1, "a")
