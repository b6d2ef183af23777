"""Loading an aggregate: with as many events as it has, and with a snapshot of most of them.

The twin is the same repository with an aggregate of 50 events, so the figure says how many such loads one is worth.
"""

import asyncio
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from benchmarks.figures import Figure
from benchmarks.postgres_commands import Account, PaidIn
from benchmarks.rounds import compare
from benchmarks.work import by_clients
from tools.postgres import private_server
from twofold.aggregates import Repository, SnapshotPolicy, every
from twofold.clock import new_id
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.messages import Catalogue, Context
from twofold.store import Append, Batch, Draft, Store, UnitOfWork

TITLE = "Loading an aggregate"
ABOUT = (
    "An aggregate is loaded from its stream, in a unit of work that is thrown away; its snapshot was taken with the "
    "last of the events, and none is behind it. The twin is the same without a snapshot, with 50 events. p50 and p99 "
    "are of single loads. PostgreSQL runs on the same machine."
)

_TWIN = 50


class Kept(Account):
    """The same, with snapshots."""

    stream_name = "account"
    snapshots: ClassVar[SnapshotPolicy | None] = every(1_000)

    balance: int = 0


def measure(*, quick: bool) -> Iterator[Figure]:
    """Streams of several lengths on both stores, with and without a snapshot."""
    rounds, count, sizes = (2, 4, (10, 200)) if quick else (11, 40, (10, 1_000, 10_000))
    with tempfile.TemporaryDirectory() as folder:
        for size, kind in itertools.product(sizes, (Account, Kept)):
            yield asyncio.run(_loads("SQLite", SqliteStore(Path(folder) / "a.db"), kind, rounds, count, size))
    with private_server() as server:
        for size, kind in itertools.product(sizes, (Account, Kept)):
            yield asyncio.run(_loads("PostgreSQL", PostgresStore(server.url()), kind, rounds, count, size))


async def _loads(database: str, store: Store, kind: type[Account], rounds: int, count: int, size: int) -> Figure:
    await store.start()
    catalogue = Catalogue()
    catalogue.add(PaidIn)
    account, twin = await _account(store, size), await _account(store, _TWIN)
    with_snapshot = kind is Kept
    if with_snapshot:
        await _snapshot(store, catalogue, account)

    async def load(_: int) -> None:
        found = await Repository(kind, UnitOfWork(store, catalogue, Context()), store, catalogue).find(account)
        assert found is not None
        assert found.balance == found.version == size

    async def load_twin(_: int) -> None:
        found = await Repository(Account, UnitOfWork(store, catalogue, Context()), store, catalogue).find(twin)
        assert found is not None
        assert found.version == _TWIN

    done = await compare(by_clients(load, count, 1), by_clients(load_twin, count, 1), rounds=rounds)
    await store.stop()
    return Figure(
        what=f"{size:,} events{' with a snapshot' if with_snapshot else ''}, {database}",
        value=1 / done.middle_ratio,
        unit="x",
        at_most=1 if with_snapshot and size == 10_000 else None,
        ours=done.spread,
        twin=done.twin_spread,
        against=f"a load of {_TWIN} events",
        writes="nothing",
        durability="none",
    )


async def _account(store: Store, size: int) -> UUID:
    account = new_id()
    data = b'{"account_id":"%s","amount":1}' % str(account).encode()
    events = [Draft(new_id(), "paid_in", 1, data, {}, Context().time) for _ in range(size)]
    await store.commit(Batch((Append(f"account-{account}", tuple(events), 0),)))
    return account


async def _snapshot(store: Store, catalogue: Catalogue, account: UUID) -> None:
    """Have one taken, however short the stream is."""

    class Now(Kept):
        snapshots: ClassVar[SnapshotPolicy | None] = every(1)

    Now.__qualname__ = Kept.__qualname__
    unit = UnitOfWork(store, catalogue, Context())
    await Repository(Now, unit, store, catalogue).find(account)
    await unit.commit()
    assert await store.find_snapshot(f"account-{account}")
