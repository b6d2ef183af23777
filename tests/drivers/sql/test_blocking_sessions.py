"""A `def` handler runs whole where its connection is, and uses a plain `Session` there."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.drivers.sql.shop import Customer, Order, event, names
from twofold import EventBus, Query, QueryBus
from twofold.errors import Invalid, WiringError
from twofold.sql import Sessions, WriteRefused
from twofold.store import Batch, Store, Upsert

pytestmark = pytest.mark.anyio

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Ask(Query[int]):
    """A query."""


def inside(sessions: Sessions, handler: Callable[[], T]) -> Callable[[Any], T]:
    def work(connection: Any) -> T:
        with sessions.bound(connection):
            return handler()

    return work


async def test_a_plain_handler_writes_with_its_unit(store: Store, sessions: Sessions) -> None:
    """Rows of a blocking session commit with the events; lazy loading works, since nothing is awaited."""
    transaction = store.begin()
    session = sessions.write_blocking(transaction)

    def handler() -> int:
        session.add(Customer(id=1, name="Ada", orders=[Order(), Order()]))
        session.flush()
        session.expunge_all()
        return len(session.get_one(Customer, 1).orders)

    assert await transaction.run(inside(sessions, handler)) == 2
    await transaction.commit(Batch((event(1),)))
    session.close()
    assert await names(sessions) == ["Ada"]
    assert await store.log.head() == 1


async def test_it_undoes_what_it_wrote(store: Store, sessions: Sessions) -> None:
    """Commit, rollback, close and savepoints mean what they mean to an asynchronous session."""
    transaction = store.begin()
    session = sessions.write_blocking(transaction)

    def handler() -> None:
        session.add(Customer(name="Ada"))
        session.commit()
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(Customer(name="Ada"))
        session.add(Customer(name="Bob"))
        session.flush()
        session.rollback()
        session.add(Customer(name="Cid"))
        session.flush()
        session.close()
        session.add(Customer(name="Dan"))
        session.flush()
        session.reset()
        session.add(Customer(name="Eve"))
        session.flush()
        session.rollback()

    await transaction.run(inside(sessions, handler))
    await transaction.commit(Batch())
    session.close()
    assert await names(sessions) == ["Ada", "Cid", "Dan"]


async def test_what_a_database_refuses_is_told_without_values(store: Store, sessions: Sessions) -> None:
    """Neither that of a row that is there already, nor a number that no column holds, which is invalid."""
    for customers, error in (
        ([Customer(name="kanarienvogel"), Customer(name="kanarienvogel")], IntegrityError),
        ([Customer(id=7**30, name="Ada")], Invalid),
    ):
        transaction = store.begin()
        session = sessions.write_blocking(transaction)

        def handler(session: Session = session, customers: list[Customer] = customers) -> None:
            session.add_all(customers)
            session.flush()

        with pytest.raises(error) as raised:
            await transaction.run(inside(sessions, handler))
        await transaction.rollback()
        session.close()
        told = "".join(traceback.format_exception(raised.value))
        assert "kanarienvogel" not in told
        assert str(7**30) not in told


async def test_outside_its_thread_it_refuses(store: Store, sessions: Sessions) -> None:
    """A blocking session that is used anywhere else says where it works, instead of blocking the event loop."""
    transaction = store.begin()
    for session in (sessions.write_blocking(transaction), sessions.read_blocking()):
        with pytest.raises(WiringError, match="plain `def` handler"):
            session.scalar(select(1))
        session.close()
    await transaction.run(inside(sessions, lambda: None))
    with pytest.raises(WiringError):
        await transaction.run(lambda connection: sessions.write_blocking(transaction).scalar(select(1)))
    await transaction.rollback()


async def test_it_cannot_wait_for_a_message(store: Store, sessions: Sessions) -> None:
    """It holds what the message may need: the turn of the writer, a thread that reads, the event loop."""
    queries, events = QueryBus(), EventBus()
    queries.register(Ask, lambda query: 1)

    def handler() -> None:
        with pytest.raises(WiringError, match="await"):
            queries.sync.execute(Ask())
        with pytest.raises(WiringError, match="await"):
            events.sync.publish(event(1))

    transaction = store.begin()
    await transaction.run(inside(sessions, handler))
    await transaction.rollback()
    await store.read(inside(sessions, handler))


async def test_a_plain_query_reads_one_snapshot(store: Store, sessions: Sessions) -> None:
    """All statements of one blocking query see the same, and the database refuses its writes."""
    await store.commit(Batch(rows=(Upsert(Customer, {"id": 1}, {"name": "Ada"}),)))
    session = sessions.read_blocking()

    def handler() -> int | None:
        session.add(Customer(name="Bob"))
        with pytest.raises(WriteRefused):
            session.flush()
        session.rollback()
        return session.scalar(select(func.count()).select_from(Customer))

    assert await store.read(inside(sessions, handler)) == 1
    session.close()


async def test_bindings_nest(store: Store, sessions: Sessions) -> None:
    """A binding within a binding gives way to the outer one when it ends."""
    session = sessions.read_blocking()

    def handler() -> int | None:
        with sessions.bound(None):
            pass
        return session.scalar(select(1))

    assert await store.read(inside(sessions, handler)) == 1
    session.close()
