"""Catching up on SQLite: an async projection that starts at the beginning of a log, and fills a table.

The twin reads the same log in pages of the same size with one connection, decodes with the same codec, and writes the
same rows and the same checkpoint.
"""

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks import following
from benchmarks.figures import Figure
from benchmarks.following import PAGE, PER_STREAM, Counted
from benchmarks.twins import connect
from twofold.clock import new_id
from twofold.drivers.sqlite import SqliteStore
from twofold.store import Append, Batch, Draft, Store

TITLE = "Projection catch-up"
ABOUT = (
    "From the start of the application to the moment when the projection has reached the head of the log. The "
    "projection upserts one row for each event; an order has four. The twin reads the same pages with one connection, "
    "decodes with the same codec, and writes the same rows and a checkpoint. p50 and p99 are of pages of 500 events. "
    "Pages are read from everywhere in the log; an append is of one event to a new stream."
)


class SqliteLog:
    """A log in a file.

    Args:
        path: The file.
    """

    durability = "FULL"
    twin = "sqlite3 by hand"

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def address(self) -> str:
        return str(self._path)

    def store(self) -> Store:
        return SqliteStore(self._path)

    async def fill(self, size: int) -> None:
        store = SqliteStore(self._path)
        await store.start()
        adapter = TypeAdapter(Counted)
        for orders in _chunks(size // PER_STREAM, 250):
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
                    for quantity in range(PER_STREAM)
                ]
                appends.append(Append(f"order-{id_}", tuple(events), 0))
            await store.commit(Batch(tuple(appends)))
        await store.stop()

    async def forget(self) -> None:
        connection = connect(self._path)
        connection.execute("DELETE FROM twofold_checkpoints")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS summary (order_id CHAR(32) NOT NULL PRIMARY KEY, "
            "status VARCHAR NOT NULL, quantity INTEGER NOT NULL)"
        )
        connection.execute("DELETE FROM summary")
        connection.close()

    async def by_hand(self) -> list[float]:
        connection = connect(self._path)
        decode = TypeAdapter(Counted).validate_json
        commits: list[float] = []
        position = 0
        while True:
            read = connection.execute(
                "SELECT data, position FROM twofold_events "
                "WHERE position > ? AND type = 'counted' ORDER BY position LIMIT ?",
                (position, PAGE),
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


def measure(*, quick: bool) -> Iterator[Figure]:
    """Logs of several sizes, each in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        yield from following.measure(lambda size: SqliteLog(Path(folder) / f"{size}.db"), quick=quick)


def _chunks(count: int, size: int) -> Iterator[range]:
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


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
    print(asyncio.run(following.growth(SqliteLog(Path(sys.argv[1])))))
