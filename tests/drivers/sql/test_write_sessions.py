"""A session belongs to the unit of work: its rows commit with the events, and nothing it does ends the transaction."""

import asyncio
import gc
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, MissingGreenlet
from sqlalchemy.orm import Mapped, mapped_column, selectinload

from tests.drivers.sql.conftest import NewSessions, NewStore
from tests.drivers.sql.shop import Base, Customer, Order, event, names
from twofold.errors import StoreUnavailable, VersionConflict
from twofold.sql import RowConflict, Sessions
from twofold.store import Append, Batch, Store, Upsert

pytestmark = pytest.mark.anyio


class Counted(Base):
    __tablename__ = "counted"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column()
    count: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # as SQLAlchemy reads it


async def test_rows_and_events_commit_together(store: Store, sessions: Sessions) -> None:
    """What the session flushed, row changes and events are there after one commit, and not before."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    assert await names(sessions) == []
    committed = await transaction.commit(Batch((event(1),), (Upsert(Customer, {"id": 2}, {"name": "Bob"}),)))
    await session.close()
    assert await names(sessions) == ["Ada", "Bob"]
    assert await store.log.head() == committed.position == 1


async def test_a_refused_commit_leaves_no_rows(store: Store, sessions: Sessions) -> None:
    """A version conflict takes the rows of the session with it."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.commit()
    with pytest.raises(VersionConflict):
        await transaction.commit(Batch((Append("customer-1", event(1).events, expected=3),)))
    await session.close()
    assert await names(sessions) == []


async def test_a_rollback_leaves_nothing(store: Store, sessions: Sessions) -> None:
    """Rows are gone with the unit of work, even those that the session said to commit."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.commit()
    async with session.begin():
        session.add(Customer(id=2, name="Bob"))
    await transaction.rollback()
    await session.close()
    assert await names(sessions) == []


async def test_nothing_begins_before_the_first_statement(store: Store, sessions: Sessions) -> None:
    """A session that was only asked for does not hold the writer's turn."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await asyncio.wait_for(store.commit(Batch((event(1),))), timeout=5)
    await session.close()
    await transaction.commit(Batch())


async def test_entities_come_back_as_they_went(store: Store, sessions: Sessions) -> None:
    """Add, flush, get, select and eager loading work, and an entity is loaded once in a session."""
    transaction = store.begin()
    session = sessions.write(transaction)
    ada = Customer(name="Ada", orders=[Order(total=Decimal("1.10")), Order(total=Decimal("2.20"))])
    session.add(ada)
    await session.flush()
    assert ada.id == 1
    assert await session.get(Customer, 1) is ada
    assert await session.scalar(select(func.sum(Order.total))) == Decimal("3.30")
    session.expunge_all()
    found = await session.scalar(select(Customer).options(selectinload(Customer.orders)))
    assert found is not None
    assert found is not ada
    assert [order.total for order in found.orders] == [Decimal("1.10"), Decimal("2.20")]
    await session.delete(found.orders[0])
    found.name = "Ada Lovelace"
    assert await session.scalar(select(func.count()).select_from(Order)) == 1
    await transaction.commit(Batch())
    await session.close()
    assert await names(sessions) == ["Ada Lovelace"]


async def test_lazy_loading_is_refused(store: Store, sessions: Sessions) -> None:
    """A relationship that was not loaded says so, instead of blocking the event loop."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    session.expunge_all()
    ada = await session.get_one(Customer, 1)
    with pytest.raises(MissingGreenlet):
        _ = ada.orders
    await transaction.rollback()
    await session.close()


async def test_a_broken_constraint_can_be_survived(store: Store, sessions: Sessions) -> None:
    """An IntegrityError is SQLAlchemy's own; after the session's rollback the unit goes on, without what was undone."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.commit()
    session.add_all([Customer(id=2, name="Bob"), Customer(id=3, name="Ada")])
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        await session.flush()
    await session.rollback()
    session.add(Customer(id=4, name="Cid"))
    await session.flush()
    await transaction.commit(Batch((event(1),)))
    await session.close()
    assert await names(sessions) == ["Ada", "Cid"]


async def test_a_session_undoes_what_it_wrote_since_its_last_commit(store: Store, sessions: Sessions) -> None:
    """Rolling back again and again keeps what was committed before, and what others wrote in the unit."""
    transaction = store.begin()
    await transaction.run(lambda connection: connection.execute("INSERT INTO customers VALUES (1, 'Zoe')"))
    session = sessions.write(transaction)
    for number, (name, end) in enumerate(
        [("Ada", session.rollback), ("Bob", session.commit), ("Cid", session.rollback), ("Dan", session.commit)], 2
    ):
        session.add(Customer(id=number, name=name))
        await session.flush()
        await end()
    await session.rollback()
    await transaction.commit(Batch())
    await session.close()
    assert await names(sessions) == ["Zoe", "Bob", "Dan"]


async def test_savepoints(store: Store, sessions: Sessions) -> None:
    """A nested transaction that fails is undone alone, within one that is kept."""
    transaction = store.begin()
    session = sessions.write(transaction)

    async def fails() -> None:
        async with session.begin_nested():
            session.add(Customer(id=2, name="Bob"))
            await session.flush()
            session.add(Customer(id=3, name="Ada"))

    async with session.begin_nested():
        session.add(Customer(id=1, name="Ada"))
        with pytest.raises(IntegrityError):
            await fails()
        nested = await session.begin_nested()
        session.add(Customer(id=4, name="Cid"))
        await nested.rollback()
    await transaction.commit(Batch())
    await session.close()
    assert await names(sessions) == ["Ada"]


async def test_closing_keeps_what_was_flushed(store: Store, sessions: Sessions) -> None:
    """Closing or resetting lets go of objects only; the session can be used again."""
    transaction = store.begin()
    session = sessions.write(transaction)
    async with session:
        session.add(Customer(id=1, name="Ada"))
        await session.flush()
        nested = await session.begin_nested()
        session.add(Customer(id=2, name="Bob"))
        await session.flush()
    assert not nested.is_active
    session.add(Customer(id=3, name="Cid"))
    await session.flush()
    await session.reset()
    session.add(Customer(id=4, name="Dan"))
    await session.flush()
    await session.rollback()
    await transaction.commit(Batch())
    await session.close()
    assert await names(sessions) == ["Ada", "Bob", "Cid"]


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_closing_after_the_end_is_harmless(store: Store, sessions: Sessions, end: str) -> None:
    """A session with a savepoint open may be closed twice, after its unit of work has ended."""
    transaction = store.begin()
    session = sessions.write(transaction)
    nested = await session.begin_nested()
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    await (transaction.commit(Batch()) if end == "commit" else transaction.rollback())
    await session.close()
    await session.close()
    assert not nested.is_active
    assert await names(sessions) == (["Ada"] if end == "commit" else [])


async def test_a_cancelled_statement_leaves_nothing(store: Store, sessions: Sessions) -> None:
    """Cancelling a handler in the middle of a statement ends its session; the writer serves the next one."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    slow = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n")
    task = asyncio.create_task(session.execute(slow))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await transaction.rollback()
    await session.close()
    await store.commit(Batch(rows=(Upsert(Customer, {"id": 2}, {"name": "Bob"}),)))
    assert await names(sessions) == ["Bob"]


async def test_an_interrupted_session_cannot_be_revived(store: Store, sessions: Sessions) -> None:
    """After an interruption the session refuses to go on, whatever is tried."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    await session.invalidate()
    with pytest.raises(StoreUnavailable, match="interrupted"):
        await session.execute(select(1))
    await transaction.rollback()
    await session.close()


async def test_a_connection_that_is_closed_is_the_stores_still(store: Store, sessions: Sessions) -> None:
    """Closing SQLAlchemy's connection in the middle of its transaction undoes what the session wrote, and no more."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    connection = await session.connection()
    await connection.close()
    await session.close()
    await transaction.commit(Batch(rows=(Upsert(Customer, {"id": 2}, {"name": "Bob"}),)))
    assert await names(sessions) == ["Bob"]


async def test_many_rows_in_one_statement(store: Store, sessions: Sessions) -> None:
    """Inserting many, with and without what the database made of them, and reading in portions."""
    transaction = store.begin()
    session = sessions.write(transaction)
    await session.execute(insert(Customer), [{"name": f"c{n}"} for n in range(500)])
    ids = await session.scalars(insert(Customer).returning(Customer.id), [{"name": f"d{n}"} for n in range(500)])
    assert len(ids.all()) == 500
    result = await session.stream(select(Customer.name).order_by(Customer.id))
    assert [len(part) async for part in result.partitions(400)] == [400, 400, 200]
    await transaction.rollback()
    await session.close()


async def test_functions_that_sqlalchemy_promises(store: Store, sessions: Sessions) -> None:
    """Regular expressions work on the connection that writes and on those that read."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(name="Ada"))
    found = select(Customer.name).where(Customer.name.regexp_match("^A"))
    assert await session.scalar(found) == "Ada"
    await session.commit()
    await transaction.commit(Batch())
    await session.close()
    async with sessions.read() as reading:
        assert await reading.scalar(found) == "Ada"


async def test_sessions_of_a_store_share_what_was_compiled(store: Store, sessions: Sessions) -> None:
    """All sessions have one engine, so each statement is compiled once."""
    transaction = store.begin()
    made = sessions.write(transaction), sessions.write_blocking(transaction), sessions.read(), sessions.read_blocking()
    assert len({session.get_bind().engine for session in made}) == 1


async def test_a_forgotten_session_leaks_nothing(store: Store, sessions: Sessions) -> None:
    """A session that nobody closes goes away without a warning."""
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(id=1, name="Ada"))
    await session.flush()
    del session
    gc.collect()
    await transaction.commit(Batch())
    assert await names(sessions) == ["Ada"]


def test_plain_asyncio_is_enough(new_store: NewStore, new_sessions: NewSessions) -> None:
    """Sessions work in any event loop, with nothing set up around it."""

    async def main() -> list[str]:
        store = new_store()
        await store.start()
        await store.create_tables([Customer])
        sessions = new_sessions(store)
        transaction = store.begin()
        async with sessions.write(transaction) as session:
            session.add(Customer(name="Ada"))
            await session.flush()
            await transaction.commit(Batch())
        found = await names(sessions)
        await store.stop()
        return found

    assert asyncio.run(main()) == ["Ada"]


async def test_a_row_that_was_changed_since_it_was_read_is_a_conflict(store: Store, sessions: Sessions) -> None:
    """Of a class that has a version for SQLAlchemy; whoever flushes is told which row, and nothing of it is written."""

    await store.create_tables([Counted])
    transaction = store.begin()
    session = sessions.write(transaction)
    counted = Counted(id=7, count=1)
    session.add(counted)
    await session.commit()
    await session.refresh(counted)
    await session.execute(text("UPDATE counted SET version = 2, count = 9"))
    counted.count += 1
    with pytest.raises(RowConflict, match="counted-7 was changed by another command") as raised:
        await session.scalar(select(func.max(Customer.id)))
    assert isinstance(raised.value, VersionConflict)
    assert (raised.value.stream, raised.value.expected) == ("counted-7", 1)
    await transaction.rollback()
    await session.close()
