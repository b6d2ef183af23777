"""Commands that a handler sends share its session, each in a part that is undone alone."""

from inspect import isawaitable
from typing import Any

import pytest
from sqlalchemy.util.concurrency import await_

from tests.drivers.sql.shop import Customer, names
from twofold.sql import Sessions, SqlPart, WriteSession
from twofold.store import Batch, Store, Transaction

pytestmark = pytest.mark.anyio


@pytest.fixture
def transaction(store: Store) -> Transaction:
    return store.begin()


@pytest.fixture
def part(sessions: Sessions, transaction: Transaction) -> SqlPart:
    return SqlPart(sessions, transaction)


async def add(session: WriteSession, name: str) -> None:
    session.add(Customer(name=name))
    await session.flush()


async def test_a_part_is_undone_alone(sessions: Sessions, transaction: Transaction, part: SqlPart) -> None:
    """Undoing the inner part keeps the outer one, and what came before and after."""
    await add(part.session, "before")
    await part.savepoint()
    await add(part.session, "outer")
    await part.savepoint()
    await add(part.session, "inner")
    await part.undo()
    await part.release()
    await add(part.session, "after")
    await part.flush()
    await transaction.commit(Batch())
    await part.close()
    assert await names(sessions) == ["before", "outer", "after"]


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "reset"])
async def test_a_part_stays_undoable(sessions: Sessions, transaction: Transaction, part: SqlPart, end: str) -> None:
    """Whatever a handler does to the session within its part, undoing it undoes all of it and nothing else."""
    await add(part.session, "before")
    await part.savepoint()
    await add(part.session, "first")
    await getattr(part.session, end)()
    await add(part.session, "second")
    await part.undo()
    await add(part.session, "after")
    await transaction.commit(Batch())
    await part.close()
    assert await names(sessions) == ["before", "after"]


async def test_a_rollback_within_a_part_is_the_part_s(
    sessions: Sessions, transaction: Transaction, part: SqlPart
) -> None:
    """A handler that rolls back undoes what its own part wrote, and may go on."""
    await add(part.session, "before")
    await part.savepoint()
    await add(part.session, "undone")
    await part.session.rollback()
    await add(part.session, "kept")
    await part.release()
    await transaction.commit(Batch())
    await part.close()
    assert await names(sessions) == ["before", "kept"]


async def test_a_part_that_broke_a_constraint_is_undone(
    sessions: Sessions, transaction: Transaction, part: SqlPart
) -> None:
    """After a flush that failed the part is undone, and the outer handler goes on with the same session."""
    await add(part.session, "before")
    await part.savepoint()
    part.session.add_all([Customer(name="new"), Customer(name="before")])
    with pytest.raises(Exception, match=r"(?i)unique"):
        await part.flush()
    await part.undo()
    await add(part.session, "after")
    await transaction.commit(Batch())
    await part.close()
    assert await names(sessions) == ["before", "after"]


async def test_parts_hold_for_every_writer(sessions: Sessions, transaction: Transaction, part: SqlPart) -> None:
    """What a `def` handler or bare SQL writes within a part is undone with it, as the session's own rows are."""

    def handler(connection: Any) -> None:
        with sessions.bound(connection):
            part.blocking.add(Customer(name="blocking"))
            part.blocking.flush()
        inserted = connection.execute("INSERT INTO customers (name) VALUES ('bare')")
        if isawaitable(inserted):
            await_(inserted)

    await part.savepoint()
    await transaction.run(handler)
    await part.undo()
    await part.savepoint()
    await transaction.run(lambda connection: connection.execute("INSERT INTO customers (name) VALUES ('kept')"))
    part.blocking.add(Customer(name="flushed on release"))
    await part.release()
    await transaction.commit(Batch())
    await part.close()
    assert await names(sessions) == ["kept", "flushed on release"]
