"""What sessions on SQLite do in their own way: writers take turns, and the database guards the transaction."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.drivers.sql.shop import Customer, event, names, prove_out_of_reach
from twofold.drivers.sqlite import SqliteStore
from twofold.drivers.sqlite.sql import SqliteSessions
from twofold.errors import StoreUnavailable
from twofold.sql import Sessions
from twofold.store import Batch, Store

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.mark.parametrize(
    "statement", ["COMMIT", "ROLLBACK", "BEGIN", "RELEASE twofold_unit", "ATTACH DATABASE 'other.db' AS other"]
)
async def test_the_transaction_is_out_of_reach(store: Store, sessions: Sessions, statement: str) -> None:
    """SQL that would end the unit's transaction, or reach another file, is refused by the database."""
    await prove_out_of_reach(store, sessions, statement, DBAPIError, "not authorized")


async def test_sessions_take_turns(store: Store, sessions: Sessions) -> None:
    """Of two sessions, the second one's first statement waits until the first one's unit has ended."""
    order = list[str]()

    async def unit(name: str, begun: asyncio.Event, go: asyncio.Event) -> None:
        transaction = store.begin()
        session = sessions.write(transaction)
        begun.set()
        count = await session.scalar(select(func.count()).select_from(Customer))
        order.append(f"{name} sees {count}")
        await go.wait()
        session.add(Customer(name=name))
        await session.flush()
        await transaction.commit(Batch())
        order.append(f"{name} done")
        await session.close()

    first, second, go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    one = asyncio.create_task(unit("Ada", first, go))
    await first.wait()
    two = asyncio.create_task(unit("Bob", second, go))
    await second.wait()
    go.set()
    await asyncio.gather(one, two)
    assert order[0] == "Ada sees 0"
    assert "Bob sees 1" in order
    assert await names(sessions) == ["Ada", "Bob"]


async def test_a_unit_that_was_held_too_long_is_unavailable(tmp_path: Path) -> None:
    """A statement after the turn was taken away raises the store's own error, and nothing is written."""
    store = SqliteStore(tmp_path / "slow.db", turn_timeout=0.05)
    await store.start()
    await store.create_tables([Customer])
    sessions = SqliteSessions(store)
    transaction = store.begin()
    session = sessions.write(transaction)
    session.add(Customer(name="Ada"))
    await session.flush()
    await store.commit(Batch((event(1),)))  # waits until the turn is free
    session.add(Customer(name="Bob"))
    with pytest.raises(StoreUnavailable, match="held longer"):
        await session.flush()
    await session.close()
    assert await names(sessions) == []
    await store.stop()


async def test_wrong_sql_is_an_operational_error(store: Store, sessions: Sessions) -> None:
    """Errors of SQLite reach the handler as SQLAlchemy's, with the statement."""
    transaction = store.begin()
    session = sessions.write(transaction)
    with pytest.raises(OperationalError, match="no such table: nowhere") as caught:
        await session.execute(text("SELECT * FROM nowhere"))
    assert caught.value.statement == "SELECT * FROM nowhere"
    await transaction.rollback()
    await session.close()


async def test_other_errors_stay_what_they_are(sessions: Sessions) -> None:
    """A mistake in the SQL is no refusal to write."""
    async with sessions.read() as reading:
        with pytest.raises(OperationalError, match="no such column"):
            await reading.execute(text("SELECT nowhere FROM customers"))
        with pytest.raises(DBAPIError, match="not authorized"):
            await reading.execute(text("ATTACH DATABASE 'other.db' AS other"))
