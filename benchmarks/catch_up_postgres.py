"""Catching up on PostgreSQL: the same projection over the same log, on a server with everything on the disk.

The twin reads the same log in pages of the same size with one connection of asyncpg, decodes with the same codec, and
writes the last row of each order in a page with one statement, and the checkpoint, in one transaction.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import asyncpg
from pydantic import TypeAdapter

from benchmarks import following
from benchmarks.figures import Figure
from benchmarks.following import PAGE, PER_STREAM, Counted
from tools.postgres import private_server
from twofold.drivers.postgres import PostgresStore
from twofold.store import Store

TITLE = "Projection catch-up on PostgreSQL"
ABOUT = (
    "The same projection; the server runs on the same machine with its defaults, `fsync` among them. The twin folds "
    "the rows of a page by order, as twofold does, and writes them with one statement. The log is loaded by one "
    "statement, into the tables and indexes of the store."
)

_FILL = """
INSERT INTO twofold_events (position, stream, version, id, type, schema_version, data, headers, time, tags)
SELECT n + 1, 'order-' || order_id, n % {per} + 1, gen_random_uuid(), 'counted', 1,
    convert_to(format('{{"order_id":"%s","status":"open","quantity":%s}}', order_id, n % {per}), 'UTF8'),
    format('{{"correlation_id":"%s"}}', order_id), now(), '[]'
FROM generate_series(0, {size} - 1) AS n, LATERAL (SELECT md5((n / {per})::text)::uuid AS order_id) AS o;
INSERT INTO twofold_streams (stream, version) SELECT stream, max(version) FROM twofold_events GROUP BY stream;
SELECT setval('twofold_positions', {size});
ANALYZE twofold_events, twofold_streams;
"""
_PAGE = "SELECT data, position FROM twofold_events WHERE position > $1 AND type = 'counted' ORDER BY position LIMIT $2"
_ROWS = (
    "INSERT INTO summary (order_id, status, quantity) SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[])"
    " ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, quantity = excluded.quantity"
)
_CHECKPOINT = (
    "INSERT INTO twofold_checkpoints (name, position) VALUES ('by hand', $1)"
    " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
)


class PostgresLog:
    """A log in a schema.

    Args:
        url: The database, with the schema as its `search_path`.
    """

    durability = "fsync"
    twin = "asyncpg by hand"

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def address(self) -> str:
        return self._url

    def store(self) -> Store:
        return PostgresStore(self._url, schema=parse_qs(urlsplit(self._url).query)["search_path"][0])

    async def fill(self, size: int) -> None:
        store = self.store()
        await store.start()
        await store.create_tables([following.Summary])
        await store.stop()
        connection = await asyncpg.connect(self._url)
        await connection.execute(_FILL.format(per=PER_STREAM, size=size))
        await connection.execute("CHECKPOINT")
        await connection.close()

    async def forget(self) -> None:
        connection = await asyncpg.connect(self._url)
        await connection.execute("TRUNCATE twofold_checkpoints, summary")
        await connection.close()

    async def by_hand(self) -> list[float]:
        connection = await asyncpg.connect(self._url)
        decode = TypeAdapter(Counted).validate_json
        commits, position = list[float](), 0
        while page := await connection.fetch(_PAGE, position, PAGE):
            events = {event.order_id: event for event in (decode(data) for data, _ in page)}.values()
            columns = zip(*((event.order_id, event.status, event.quantity) for event in events), strict=True)
            position = page[-1]["position"]
            async with connection.transaction():
                await connection.execute(_ROWS, *columns)
                await connection.execute(_CHECKPOINT, position)
            commits.append(time.perf_counter())
        await connection.close()
        return commits


def measure(*, quick: bool) -> Iterator[Figure]:
    """Logs of several sizes, each in a schema of its own."""
    with private_server() as server:
        yield from following.measure(lambda size: PostgresLog(f"{server.url()}&search_path=log_{size}"), quick=quick)


if __name__ == "__main__":
    print(asyncio.run(following.growth(PostgresLog(sys.argv[1]))))
