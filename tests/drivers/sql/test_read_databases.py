"""Read models in a database of their own, whichever kind either of the two is."""

import asyncio
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.app.apart import Count, CountBlocking, Note, Pay, SumOf, Till
from tools.shared_postgres import fresh_database
from twofold import Success
from twofold.errors import NotYetVisible

pytestmark = pytest.mark.anyio


class Databases(NamedTuple):
    """Where commands write, and where queries read."""

    write: str
    read: str
    nowhere: str


@pytest.fixture(params=["sqlite, postgres", "postgres, sqlite", "postgres, postgres"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Databases]:
    with asyncio.Runner() as runner, ExitStack() as stack:

        def fresh(kind: str, name: str) -> str:
            if kind == "sqlite":
                return str(tmp_path / f"{name}.db")
            database = fresh_database()
            url = runner.run(database.__aenter__())
            stack.callback(lambda: runner.run(database.__aexit__(None, None, None)))
            return url

        write, read = request.param.split(", ")
        nowhere = str(tmp_path / "nowhere.db") if write == "sqlite" else "postgresql://nobody@127.0.0.1:1/nowhere"
        yield Databases(fresh(write, "write"), fresh(read, "read"), nowhere)


async def test_either_goes_with_either(databases: Databases) -> None:
    """Commands, projections, writers, views and reactions each in their place; each event counts once."""
    for round_ in (0, 3):
        till = Till()
        async with till.app(databases.write, databases.read) as app:
            caller = app.caller(wait=30)
            for number in range(round_ + 1, round_ + 4):
                assert await caller.execute(Pay(payer="ada", amount=2)) == Success(2 * number)
                assert await caller.execute(Count()) == await caller.execute(CountBlocking()) == Success(number)
            await app.settle(timeout=30)
            assert await app.execute(SumOf(payer="ada")) == Success(2 * round_ + 6)
            assert len(till.indexed) == len(till.thanked) == 3
            assert [event.type for event in await app.stores.read.log.read(0, until=99, limit=99)] == []
            there = {one.name for one in await app.stores.read.checkpoints.all()}
            assert there == {"payments", "index", "sums"}


async def test_a_query_service_needs_the_read_database_only(databases: Databases) -> None:
    """It waits for positions, of what its projection wants and of what it does not, and never sees the log."""
    async with (
        Till().app(databases.write, databases.read, "worker"),
        Till().app(databases.write, databases.read, "api-commands") as commands,
        Till().app(databases.nowhere, databases.read, "api-queries") as queries,
    ):
        caller = commands.caller()
        for number in range(1, 4):
            await caller.execute(Pay(payer="ada", amount=1))
            await caller.execute(Note())
            assert await queries.caller(position=caller.position, wait=30).execute(Count()) == Success(number)
        result = await queries.caller(position=caller.position + 1, wait=0.05).execute(Count())
        assert isinstance(result.error, NotYetVisible)
