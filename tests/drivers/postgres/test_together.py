"""Appends that are asked for at the same time share a transaction, and each of them is told its own truth."""

import asyncio

import pytest

from tests.drivers.postgres.conftest import NewStore, Plain
from twofold.drivers.postgres import PostgresStore
from twofold.errors import Invalid, VersionConflict
from twofold.store import Append, Batch, Committed, Selection
from twofold.testing._store_case import append, draft, versions, whole_log

pytestmark = pytest.mark.anyio


async def test_one_conflicts_one_is_cancelled_and_the_rest_go_through(store: PostgresStore, plain: Plain) -> None:
    """In one transaction, at positions next to each other in the order of asking; the other two leave nothing."""
    await store.commit(append("taken"))
    appends = [append("a", 1, 0), append("taken", 1, 0), append("b", 1, 0), append("gone", 1, 0), append("a", 1, 1)]
    tasks = [asyncio.create_task(store.commit(batch)) for batch in appends]
    await asyncio.sleep(0)
    tasks[3].cancel()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    first, conflict, second, cancelled, third = told
    assert isinstance(conflict, VersionConflict)
    assert (conflict.stream, conflict.expected, conflict.actual) == ("taken", 0, 1)
    assert isinstance(cancelled, asyncio.CancelledError)
    assert [first, second, third] == [Committed(2, {"a": 1}), Committed(3, {"b": 1}), Committed(4, {"a": 2})]
    assert [(event.stream, event.version) for event in await whole_log(store)] == [
        ("taken", 1), ("a", 1), ("b", 1), ("a", 2),
    ]  # fmt: skip
    assert await _transactions(plain) == 2


async def test_those_who_wait_for_a_connection_go_together(new_store: NewStore, plain: Plain) -> None:
    """While all connections are in use appends gather; who gives up meanwhile ends at once, and leaves nothing."""
    store = new_store(pool_size=1)
    await store.start()
    held = store.begin()
    await held.run(lambda connection: connection.execute("SELECT 1"))
    tasks = list[asyncio.Task[Committed]]()
    for number in range(40):
        tasks.append(asyncio.create_task(store.commit(append(f"s-{number}", 1, 0))))
        await asyncio.sleep(0)
    tasks[7].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[7]
    assert not any(task.done() for task in tasks if task is not tasks[7])
    await held.rollback()
    await asyncio.gather(*tasks[:7], *tasks[8:])
    assert [event.stream for event in await whole_log(store)] == [f"s-{number}" for number in range(40) if number != 7]
    assert await _transactions(plain) == 2
    await store.stop()


async def test_a_lock_keeps_only_its_own_append_waiting(store: PostgresStore, plain: Plain) -> None:
    """An append whose stream is held by somebody keeps nobody else; cancelled once sent, it is carried through."""
    await store.commit(append("held"))
    await plain.execute("BEGIN; SELECT * FROM twofold_streams WHERE stream = 'held' FOR UPDATE")
    waits, cancelled, free = (asyncio.create_task(store.commit(append(stream))) for stream in ("held", "held", "free"))
    assert await free == Committed(2, {"free": 1})
    cancelled.cancel()
    assert await _done_in_this_turn(waits, cancelled) == set()
    await plain.execute("ROLLBACK")
    assert (await waits).versions["held"] in (2, 3)
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await versions(store, "held") == [1, 2, 3]


async def test_what_postgresql_cannot_hold_fails_alone(store: PostgresStore) -> None:
    """A name with a NUL in it is invalid; appends that were asked for with it are not."""
    told = await asyncio.gather(*map(store.commit, map(append, ("a", "n\0", "b"))), return_exceptions=True)
    assert [type(one) for one in told] == [Committed, Invalid, Committed]


async def test_tags_stay_with_their_events(store: PostgresStore) -> None:
    """Events of different appends are found by their own tags, and not by those of a neighbour that conflicts."""
    await store.commit(append("taken"))
    tags = {"a": ("x", "y"), "taken": ("x",), "b": (), "c": ("y", "y")}
    batches = [Batch((Append(stream, (draft()._replace(tags=said),), 0),)) for stream, said in tags.items()]
    await asyncio.gather(*map(store.commit, batches), return_exceptions=True)
    for tag, streams in {"x": ["a"], "y": ["a", "c"]}.items():
        found = await store.log.read(0, until=9, limit=9, where=[Selection(tags=frozenset({tag}))])
        assert [event.stream for event in found] == streams


async def _transactions(plain: Plain) -> int:
    """How many transactions have written the log."""
    found: int = await plain.fetchval("SELECT count(DISTINCT xmin::text) FROM twofold_events")
    return found


async def _done_in_this_turn(*tasks: asyncio.Task[Committed]) -> set[asyncio.Task[Committed]]:
    await asyncio.sleep(0)
    return {task for task in tasks if task.done()}
