"""Catching up: an async projection that starts at the beginning of a log, and fills a table.

The twin reads the same log in pages of the same size with one connection, decodes with the same codec, and writes the
same rows and the same checkpoint.
"""

import asyncio
import itertools
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.figures import Figure, Run
from benchmarks.rounds import compare
from benchmarks.twins import connect
from twofold import App, Event, Module, Rows
from twofold.clock import new_id
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, Batch, Committed, Draft, Store

TITLE = "Projection catch-up"
ABOUT = (
    "From the start of the application to the moment when the projection has reached the head of the log. The "
    "projection upserts one row for each event; an order has four. The twin reads the same pages with one connection, "
    "decodes with the same codec, and writes the same rows and a checkpoint. p50 and p99 are of pages of 500 events."
)

_PAGE = 500
_PER_STREAM = 4


class Tables(DeclarativeBase):
    """The table of the projection."""


class Summary(Tables):
    """An order."""

    __tablename__ = "summary"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    quantity: Mapped[int]


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """Something about an order."""

    order_id: UUID
    status: str
    quantity: int


reading = Module("reading")


@reading.projection("summary", mode="async", tables=[Summary])
class Summaries:
    """One row for each order."""

    def counted(self, event: Counted, rows: Rows) -> None:
        rows.upsert(Summary, {"order_id": event.order_id}, status=event.status, quantity=event.quantity)


class Watched:
    """A store that tells of every batch it has committed."""

    def __init__(self, store: SqliteStore, note: Callable[[Batch], None]) -> None:
        self._store = store
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        done = await self._store.commit(batch)
        self._note(batch)
        return done


def watched(path: Path, note: Callable[[Batch], None]) -> Store:
    """A store that tells of every batch it has committed."""
    store: Any = Watched(SqliteStore(path), note)
    return cast("Store", store)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Events in a second, whether the cost of one is flat, and how memory grows."""
    rounds_of = {500: 2, 2_000: 2} if quick else {10_000: 5, 100_000: 3, 1_000_000: 1}
    costs: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, rounds in rounds_of.items():
            path = Path(folder) / f"{size}.db"
            asyncio.run(_fill(path, size))
            figure, cost = asyncio.run(_measured(path, size, rounds))
            costs[size] = cost
            yield figure
        first, *longer = costs
        fresh = [sys.executable, "-m", "benchmarks.catch_up", str(Path(folder) / f"{longer[0]}.db")]
        told = subprocess.run(fresh, cwd=Path(__file__).parent.parent, check=True, capture_output=True, text=True)
    for size in longer:
        yield Figure(
            what=f"cost of one event, {size:,} against {first:,}",
            value=costs[size] / costs[first],
            unit="x",
            against="itself with the shorter log",
            writes="1 row for each event",
            durability="FULL",
        )
    yield Figure(
        what=f"resident memory, from the first fifth of a log of {longer[0]:,} to its end",
        value=float(told.stdout),
        unit="MB",
        against="itself, in a fresh process",
        writes="1 row for each event",
        durability="FULL",
    )


async def _fill(path: Path, size: int) -> None:
    store = SqliteStore(path)
    await store.start()
    adapter = TypeAdapter(Counted)
    for orders in _chunks(size // _PER_STREAM, 250):
        appends: list[Append] = []
        for _ in orders:
            id_ = new_id()
            events = [
                Draft(
                    new_id(),
                    "counted",
                    1,
                    adapter.dump_json(Counted(order_id=id_, status="open", quantity=quantity)),
                    {"correlation_id": str(id_)},
                    datetime.now(UTC),
                )
                for quantity in range(_PER_STREAM)
            ]
            appends.append(Append(f"order-{id_}", tuple(events), 0))
        await store.commit(Batch(tuple(appends)))
    await store.stop()


def _chunks(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


async def _measured(path: Path, size: int, rounds: int) -> tuple[Figure, float]:

    async def ours() -> Run:
        _forget(path)
        commits: list[float] = []
        store = watched(path, lambda _: commits.append(time.perf_counter()))
        app = App("reading", modules=[reading], database=store)
        started = time.perf_counter()
        await app.start()
        await app.settle(timeout=120)
        seconds = time.perf_counter() - started
        await app.stop()
        return Run(size, seconds, _pages(started, commits))

    async def twin() -> Run:
        _forget(path)
        started = time.perf_counter()
        commits = _by_hand(path)
        return Run(size, time.perf_counter() - started, _pages(started, commits))

    done = await compare(ours, twin, rounds=rounds)
    figure = Figure(
        what=f"events in a second, a log of {size:,}",
        value=done.value("/s"),
        unit="/s",
        at_least=25_000,
        ours=done.spread,
        twin=done.twin_spread,
        against=f"sqlite3 by hand; twofold has {done.value('%'):.0f} % of it",
        writes="1 row for each event, 1 checkpoint for 500",
        durability="FULL",
    )
    return figure, 1 / done.rate


async def _growth(path: Path) -> float:
    """How much resident memory grows while the projection catches up, in MB, from the first fifth to the end."""
    _forget(path)
    resident: list[tuple[int, float]] = []

    store = watched(path, lambda batch: resident.extend((move.position, _resident()) for move in batch.moves))
    async with App("reading", modules=[reading], database=store) as app:
        await app.settle(timeout=120)
    last, grown = resident[-1]
    return grown - next(megabytes for position, megabytes in resident if position >= last / 5)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def _pages(started: float, commits: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise([started, *commits])]


def _forget(path: Path) -> None:
    """Make the projection start again."""
    connection = connect(path)
    connection.execute("DELETE FROM twofold_checkpoints")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS summary (order_id CHAR(32) NOT NULL PRIMARY KEY, "
        "status VARCHAR NOT NULL, quantity INTEGER NOT NULL)"
    )
    connection.execute("DELETE FROM summary")
    connection.close()


def _by_hand(path: Path) -> list[float]:
    connection = connect(path)
    decode = TypeAdapter(Counted).validate_json
    commits: list[float] = []
    position = 0
    while True:
        read = connection.execute(
            "SELECT data, position FROM twofold_events "
            "WHERE position > ? AND type = 'counted' ORDER BY position LIMIT ?",
            (position, _PAGE),
        ).fetchall()
        if not read:
            break
        rows: list[tuple[str, str, int]] = []
        for data, _ in read:
            event = decode(data)
            rows.append((event.order_id.hex, event.status, event.quantity))
        position = read[-1][1]
        _write(connection, rows, position)
        commits.append(time.perf_counter())
    connection.close()
    return commits


def _write(connection: sqlite3.Connection, rows: list[tuple[str, str, int]], position: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO summary (order_id, status, quantity) VALUES (?, ?, ?) ON CONFLICT (order_id) "
        "DO UPDATE SET status = excluded.status, quantity = excluded.quantity",
        rows,
    )
    connection.execute("REPLACE INTO twofold_checkpoints (name, position) VALUES ('by hand', ?)", (position,))
    connection.execute("COMMIT")


if __name__ == "__main__":
    print(asyncio.run(_growth(Path(sys.argv[1]))))
