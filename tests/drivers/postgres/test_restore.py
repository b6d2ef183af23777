"""A log that was dumped and restored is the same log: readers go on where they stood."""

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from examples._demo.database import PostgresSchema
from tests.drivers.postgres.conftest import NewStore
from tools.postgres import programs
from tools.shared_postgres import fresh_database
from twofold.drivers.postgres import PostgresStore
from twofold.store import Append, Batch, Move
from twofold.testing._store_case import append, draft, drafts, whole_log

pytestmark = pytest.mark.anyio


async def test_everything_is_there_and_positions_go_on(new_store: NewStore, postgres_schema: PostgresSchema) -> None:
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
    async with fresh_database() as url:
        dump: list[str | Path] = [programs() / "pg_dump", f"--schema={postgres_schema.name}", postgres_schema.url]
        dumped = await asyncio.to_thread(_run, dump)
        restore: list[str | Path] = [programs() / "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", url]
        await asyncio.to_thread(_run, restore, dumped)
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


def _run(words: Sequence[str | Path], said: bytes = b"") -> bytes:
    return subprocess.run(words, check=True, capture_output=True, input=said).stdout
