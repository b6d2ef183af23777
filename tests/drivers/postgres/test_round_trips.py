"""What goes over the wire: an append is one round trip, and a connection is reset only when something went wrong."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.drivers.postgres.conftest import Plain
from tests.drivers.postgres.proxy import Proxy
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.errors import VersionConflict
from twofold.store import Append, Batch, Condition, Move, Reply, Selection, Snapshot
from twofold.testing._store_audit import entry
from twofold.testing._store_case import append, draft, drafts

pytestmark = pytest.mark.anyio

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def tagged(stream: str) -> Append:
    """An event that carries the name of its stream as a tag."""
    return Append(stream, (draft()._replace(tags=(stream,)),), 0)


def conditional(stream: str) -> Batch:
    """An event that nothing like it may come before."""
    condition = Condition(0, (Selection(tags=frozenset({stream})),))
    return Batch((tagged(stream),), conditions=(condition,))


def replied(stream: str) -> Batch:
    """An event with a reply to a key."""
    return append(stream)._replace(reply=Reply(stream.encode(), "pay", b"f", b"1", NOW, NOW + timedelta(days=1)))


def whole(stream: str) -> Batch:
    """All at once."""
    return Batch(
        (tagged(stream), Append(f"{stream}-2", drafts(2))),
        moves=(Move(stream, 1, 0),),
        conditions=conditional(stream).conditions,
        audit=(entry(), entry()),
        reply=replied(stream).reply,
        snapshots=(Snapshot(stream, 1, new_id(), "order/1", b"{}"),),
    )


def after(proxy: Proxy, last: str) -> Sequence[bytes]:
    """What was said on a connection behind the last turn that has a word."""
    (turns,) = (turns for turns in proxy.turns if any(last.encode() in turn for turn in turns))
    behind = max(nth for nth, turn in enumerate(turns) if last.encode() in turn) + 1
    return [turn for turn in turns[behind:] if turn]


@pytest.mark.parametrize(
    "make",
    [
        append,
        lambda stream: append(stream, 20),
        lambda stream: Batch((tagged(stream),)),
        lambda stream: append(stream)._replace(audit=(entry(),)),
        conditional,
        replied,
        whole,
    ],
    ids=["one event", "twenty events", "tags", "an audit entry", "a condition", "a reply", "everything"],
)
async def test_an_append_is_one_round_trip(behind: PostgresStore, proxy: Proxy, make: Callable[[str], Batch]) -> None:
    """Whatever commits with it: there is no BEGIN before it, no COMMIT behind it, and nothing beside it."""
    await behind.commit(make("first"))  # a connection has each statement prepared once
    await behind.commit(make("counted"))
    said = after(proxy, "first")
    assert (len(said), b"counted" in said[0]) == (1, True)


async def test_appends_that_are_asked_for_together_are_one_round_trip(behind: PostgresStore, proxy: Proxy) -> None:
    """For all of them; whoever conflicts costs the others none."""
    for name in ("first", "counted"):
        batches = [append(f"{name}-{number}", 1, number % 2) for number in range(5)]
        told = await asyncio.gather(*map(behind.commit, batches), return_exceptions=True)
        assert sum(isinstance(one, VersionConflict) for one in told) == 2
    said = after(proxy, "first")
    assert (len(said), b"counted-0" in said[0], b"counted-4" in said[0]) == (1, True, True)


async def test_a_connection_that_did_well_is_given_back_as_it_is(behind: PostgresStore, proxy: Proxy) -> None:
    """Whatever was done on it, and refused by the log: nothing is sent for that."""
    await behind.commit(append("first"))
    with pytest.raises(VersionConflict):
        await behind.commit(append("first", 1, 7))
    held = behind.begin()
    await held.run(lambda connection: connection.execute("SELECT 'held'"))
    await held.commit(append("held"))
    undone = behind.begin()
    await undone.run(lambda connection: connection.execute("SELECT 'undone'"))
    await undone.rollback()
    await behind.read(lambda connection: connection.fetchval("SELECT 'read'"))
    await behind.log.head()
    assert any(b"'undone'" in turn for turns in proxy.turns for turn in turns)
    assert resets(proxy) == 0


async def test_after_an_error_a_connection_is_reset_once(behind: PostgresStore, proxy: Proxy) -> None:
    """Before the next one has it, and no more often."""
    with pytest.raises(asyncpg.DivisionByZeroError):
        await behind.read_statement(lambda connection: connection.execute("SELECT 1 / 0"))
    for _ in range(3):  # by the one connection that reads
        await behind.log.head()
    assert resets(proxy) == 1


async def test_after_a_cancellation_a_connection_is_reset_once(
    behind: PostgresStore, proxy: Proxy, plain: Plain
) -> None:
    """What its last user has left on it is not there for the next one."""

    async def leave(connection: Plain) -> None:
        await connection.fetchval("SELECT set_config('twofold.left', 'behind', false)")
        await connection.execute("SELECT pg_sleep(60)")

    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND datname = current_database()"
    leaving = asyncio.create_task(behind.read_statement(leave))
    while not await plain.fetchval(asleep):
        await plain.execute("SELECT pg_stat_clear_snapshot()")
    leaving.cancel()
    (told,) = await asyncio.gather(leaving, return_exceptions=True)
    assert isinstance(told, asyncio.CancelledError)
    found = "SELECT coalesce(current_setting('twofold.left', true), '')"
    for _ in range(3):  # by the one connection that reads
        assert await behind.read_statement(lambda connection: connection.fetchval(found)) == ""
    assert resets(proxy) == 1


def resets(proxy: Proxy) -> int:
    """How often a connection was reset."""
    return sum(b"RESET ALL" in turn for turns in proxy.turns for turn in turns)
