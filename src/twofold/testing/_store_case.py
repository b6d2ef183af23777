"""What the parts of the store's conformance suite have in common: the store, its features, and events to put in it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from twofold.clock import new_id
from twofold.store import ANY_VERSION, Append, Batch, Draft, Move, Recorded, RowChange, Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFeatures:
    """What a store can do beyond the least; tests of what it cannot do are skipped.

    Args:
        sql: A held transaction gives functions a connection that can write.
        turns: A held transaction keeps other writers waiting.
        limits: A held transaction is ended when it is held too long.
        snapshots: It keeps snapshots; one that does not finds none.
    """

    sql: bool = False
    turns: bool = False
    limits: bool = False
    snapshots: bool = True


class StoreCase:
    """One store under test; the suite derives from it, and stores derive from the suite."""

    pytestmark: ClassVar = pytest.mark.anyio
    features: ClassVar[StoreFeatures] = StoreFeatures()
    table: ClassVar[Any] = "tally"
    """A table with a text key `name` and a column `count`; the `store` fixture has created it."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Stores are written for asyncio."""
        return "asyncio"

    @pytest.fixture
    def store(self) -> Store:
        """A store that is started, new and empty; to be replaced by an adapter's own."""
        raise NotImplementedError

    @pytest.fixture
    def impatient_store(self) -> Store:
        """The same, but no transaction may be held longer than a fifth of a second; for stores with limits."""
        pytest.skip("this store has no limits")

    async def find_row(self, store: Store, name: str) -> Mapping[str, Any] | None:
        """The row of `table` with this name; to be replaced by an adapter's own."""
        raise NotImplementedError

    async def write_row(self, transaction: Transaction, name: str, count: int) -> None:
        """Insert a row into `table` by SQL inside the transaction; for stores with SQL."""
        raise NotImplementedError

    def require_sql(self) -> None:
        """Skip the test where there is no SQL."""
        if not self.features.sql:
            pytest.skip("this store has no SQL")

    def require_turns(self) -> None:
        """Skip the test where transactions do not wait for each other."""
        if not self.features.turns:
            pytest.skip("this store has no turns")

    def require_snapshots(self) -> None:
        """Skip the test where no snapshot is kept."""
        if not self.features.snapshots:
            pytest.skip("this store keeps no snapshots")


def draft(kind: str = "happened", **facts: object) -> Draft:
    """An event with a new id."""
    return Draft(new_id(), kind, 1, json.dumps(facts).encode(), {"user_id": "ann"}, datetime.now(UTC), ("order:7",))


def drafts(count: int, kind: str = "happened") -> tuple[Draft, ...]:
    """Several events, numbered from 0."""
    return tuple(draft(kind, number=number) for number in range(count))


def append(stream: str, count: int = 1, expected: int = ANY_VERSION, kind: str = "happened") -> Batch:
    """A batch that appends events to one stream."""
    return Batch((Append(stream, drafts(count, kind), expected),))


def batch(*appends: Append, rows: Sequence[RowChange] = (), moves: Sequence[Move] = ()) -> Batch:
    """A batch of several parts."""
    return Batch(appends, tuple(rows), tuple(moves))


async def whole_log(store: Store) -> Sequence[Recorded]:
    """All events up to the head."""
    return await store.log.read(0, until=await store.log.head(), limit=100_000)


async def follow(store: Store, done: asyncio.Event) -> list[Recorded]:
    """What one sees who reads up to the head again and again, until all is done and once more."""
    seen, after, last = list[Recorded](), 0, False
    while not last:
        last = done.is_set()
        head = await store.log.head()
        assert head >= after
        seen.extend(await store.log.read(after, until=head, limit=100_000))
        after = head
        await asyncio.sleep(0)
    return seen


def prove_in_order(seen: Sequence[Recorded]) -> None:
    """Events came in the order of their positions, each once, and those of each stream without a gap."""
    positions = [event.position for event in seen]
    assert positions == sorted(set(positions))
    for stream in {event.stream for event in seen}:
        numbers = [event.version for event in seen if event.stream == stream]
        assert numbers == list(range(1, len(numbers) + 1))


async def versions(store: Store, stream: str) -> list[int]:
    """The versions that a stream has, in the order it gives them."""
    return [event.version for event in await store.log.read_stream(stream, limit=100_000)]
