"""As much of a PostgreSQL store as its sessions and row changes need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, final

import asyncpg

from twofold.drivers.postgres._rows import apply_rows, create_tables
from twofold.drivers.postgres._run import run
from twofold.errors import StoreUnavailable, VersionConflict
from twofold.store import Batch, Committed


@final
class FakePostgresStore:
    """Connects anew for everything that it does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transactions = list[FakeTransaction]()

    @property
    def log(self) -> FakePostgresStore:
        return self

    async def start(self) -> None:
        connection = await asyncpg.connect(self._url)
        await connection.execute("CREATE TABLE IF NOT EXISTS events (position serial, stream text)")
        await connection.close()

    async def stop(self) -> None:
        for transaction in self._transactions:
            await transaction.rollback()

    async def head(self) -> int:
        return int(await self.read(lambda connection: connection.fetchval("SELECT count(*) FROM events")))

    async def create_tables(self, tables: Collection[Any]) -> None:
        async def work(connection: Any) -> None:
            await create_tables(connection, tables)

        transaction = self.begin()
        await transaction.run(work)
        await transaction.commit(Batch())

    async def commit(self, batch: Batch) -> Committed:
        return await self.begin().commit(batch)

    async def read(self, work: Callable[[Any], Any]) -> Any:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return await run(work, connection)
        finally:
            await connection.close()

    def begin(self) -> FakeTransaction:
        transaction = FakeTransaction(self._url)
        self._transactions.append(transaction)
        return transaction


@final
class FakeTransaction:
    """A transaction on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._over = False

    @property
    def begun(self) -> bool:
        return self._connection is not None or self._over

    async def run(self, work: Callable[[Any], Any]) -> Any:
        async with self._turn:
            if self._over:
                raise StoreUnavailable("the transaction has ended")
            if self._connection is None:
                self._connection = await asyncpg.connect(self._url)
                await self._connection.execute("BEGIN")
            return await run(work, self._connection)

    async def commit(self, batch: Batch) -> Committed:
        try:
            committed = await self.run(lambda connection: write(connection, batch))
            await self.run(lambda connection: connection.execute("COMMIT"))
        finally:
            await self.rollback()
        assert isinstance(committed, Committed)
        return committed

    async def rollback(self) -> None:
        self._over = True
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def write(connection: Any, batch: Batch) -> Committed:
    await apply_rows(connection, batch.rows)
    position = 0
    for append in batch.appends:
        if append.expected > 0:
            raise VersionConflict(stream=append.stream, expected=append.expected, actual=0)
        position = await connection.fetchval(
            "INSERT INTO events (stream) VALUES ($1) RETURNING position", append.stream
        )
    return Committed(position)
