"""A log that was dumped and restored is the same log: readers go on where they stood."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from examples._demo.database import PostgresSchema
from tests.drivers.postgres.conftest import NewStore, Open
from tools.postgres import private_server, programs
from tools.shared_postgres import fresh_database
from twofold.drivers.postgres import PostgresStore
from twofold.store import GAP, Append, Batch, Move
from twofold.testing._store_case import append, draft, drafts, whole_log

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def new_cluster() -> AsyncGenerator[str]:
    """A database of a server that has never seen anything: its transactions and positions begin anew."""
    with private_server() as server:
        yield server.url()


@pytest.mark.parametrize("elsewhere", [fresh_database, new_cluster])
async def test_everything_is_there_and_positions_go_on(
    new_store: NewStore, postgres_schema: PostgresSchema, elsewhere: Callable[[], AbstractAsyncContextManager[str]]
) -> None:
    """Events, positions, epoch, checkpoints and parts of streams; what comes next is behind the old head."""
    old = new_store()
    await old.start()
    await old.commit(append("a", 3))
    await old.commit(Batch((Append("b", drafts(2)),), moves=(Move("p", 4, 0),)))
    with pytest.raises(Exception, match="expected at version 7"):
        await old.commit(append("a", 1, expected=7))
    before, epoch = await whole_log(old), await old.log.epoch()
    head = await old.log.head()
    await old.stop()
    async with elsewhere() as url:
        await _restore(url, await _dump(postgres_schema))
        new = PostgresStore(url, schema=postgres_schema.name)
        await new.start()
        assert await whole_log(new) == before
        assert (await new.log.epoch(), (await new.checkpoints.get("p")).position) == (epoch, 4)
        assert await new.log.head() == head
        committed = await new.commit(Batch((Append("a", (draft(),), 3),), moves=(Move("p", 5, 4),)))
        assert committed.position > head
        assert committed.versions == {"a": 4}
        assert [event.position for event in await new.log.read(head, until=committed.position, limit=9)] == [
            committed.position
        ]
        await new.stop()


async def test_it_ends_at_its_last_event(new_store: NewStore, postgres_schema: PostgresSchema, opened: Open) -> None:
    """Not where the sequence stands: of what was on its way during the dump somebody else may have seen the end."""
    old = new_store()
    await old.start()
    await old.commit(append("a", 3))
    slow = await opened("slow", 2)
    dumped = await _dump(postgres_schema)
    await slow.execute("COMMIT")
    assert (await old.log.head(), len(await whole_log(old))) == (5, 5)
    await old.stop()
    async with fresh_database() as url:
        await _restore(url, dumped)
        new = PostgresStore(url, schema=postgres_schema.name)
        await new.start()
        first, second = await new.begin_epoch(5), await new.begin_epoch(0)
        assert (first.head, first.start) == (3, 5 + GAP)
        assert (second.head, second.start) == (first.start, first.start + GAP)
        await new.stop()


async def _dump(schema: PostgresSchema) -> bytes:
    words: list[str | Path] = [programs() / "pg_dump", "--no-owner", f"--schema={schema.name}", schema.url]
    return await asyncio.to_thread(_run, words)


async def _restore(url: str, dumped: bytes) -> None:
    words: list[str | Path] = [programs() / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]
    await asyncio.to_thread(_run, words, dumped)


def _run(words: Sequence[str | Path], said: bytes = b"") -> bytes:
    return subprocess.run(words, check=True, capture_output=True, input=said).stdout
