"""An older backup is restored: what follows the log elsewhere is not misled, and no position is used a second time."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from examples._demo.database import PostgresSchema
from tests.app.apart import Count, Pay, SumOf, Till
from tests.until import until
from tools.postgres import programs
from twofold import App, Success
from twofold.app.administration import administering
from twofold.app.restoring import go_on
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import Refused, WiringError
from twofold.projections import lay, standing
from twofold.store import GAP, Batch, MemoryStore, Move, Recorded, Store
from twofold.subscriptions import LogReplaced

pytestmark = pytest.mark.anyio


class Database(Protocol):
    """A database with backups."""

    def open(self) -> Store: ...

    async def back_up(self) -> None: ...

    async def restore(self) -> None: ...


class File:
    """A file of SQLite, and a copy of it by SQLite's own means."""

    def __init__(self, path: Path) -> None:
        self._path, self._copy = path, path.with_suffix(".backup")

    def open(self) -> Store:
        return SqliteStore(self._path)

    async def back_up(self) -> None:
        with closing(sqlite3.connect(self._path)) as source, closing(sqlite3.connect(self._copy)) as copy:
            source.backup(copy)

    async def restore(self) -> None:
        for file in self._path.parent.glob(f"{self._path.name}*"):
            file.unlink()
        self._path.write_bytes(self._copy.read_bytes())


class Schema:
    """A schema of PostgreSQL, and a dump of it."""

    def __init__(self, schema: PostgresSchema, dump: Path) -> None:
        self._schema, self._dump = schema, dump

    def open(self) -> Store:
        url, name = self._schema.url, self._schema.name
        path = f"{url}{'&' if '?' in url else '?'}search_path={name}"
        return PostgresStore(path, schema=name, pool_size=3, readers=2)

    async def back_up(self) -> None:
        await _run("pg_dump", f"--schema={self._schema.name}", f"--file={self._dump}", self._schema.url)

    async def restore(self) -> None:
        await self._execute(f"DROP SCHEMA {self._schema.name} CASCADE")
        url = f"--dbname={self._schema.url}"
        await _run("psql", "--quiet", "--set=ON_ERROR_STOP=1", url, f"--file={self._dump}")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._schema.url)
        await connection.execute(statement)
        await connection.close()


async def _run(program: str, *words: str) -> None:
    command: list[str | Path] = [programs() / program, *words]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "till.db")


@pytest.fixture
def schema(postgres_schema: PostgresSchema, tmp_path: Path) -> Schema:
    return Schema(postgres_schema, tmp_path / "dump.sql")


@pytest.fixture(params=["sqlite", "postgres"])
def one(request: pytest.FixtureRequest) -> Database:
    """A database of each kind."""
    found: Database = request.getfixturevalue({"sqlite": "file", "postgres": "schema"}[request.param])
    return found


@pytest.fixture(params=["sqlite beside postgres", "postgres beside sqlite"])
def both(request: pytest.FixtureRequest, file: File, schema: Schema) -> tuple[Database, Database]:
    """A database that the log is in, and one to read from."""
    return (file, schema) if request.param.startswith("sqlite") else (schema, file)


@pytest.fixture
def files(file: File, tmp_path: Path) -> tuple[Database, Database]:
    """The same, of the kind that is quicker."""
    return file, File(tmp_path / "read.db")


async def pay(app: App, *payers: str) -> None:
    """Pay 1 each, and wait until everybody has seen it."""
    for payer in payers:
        assert isinstance(await app.execute(Pay(payer=payer, amount=1)), Success)
    await app.settle(timeout=30)


async def log_of(database: Database) -> Sequence[Recorded]:
    """All events."""
    store = database.open()
    await store.start()
    found = await store.log.read(0, until=await store.log.head(), limit=1000)
    await store.stop()
    return found


async def lose(app: Callable[[], App], database: Database) -> None:
    """Record three payments, and two that are lost."""
    async with app() as running:
        await pay(running, "ada", "ada", "ada")
    await database.back_up()
    async with app() as running:
        await pay(running, "eve", "eve")
    await database.restore()


async def test_a_log_that_others_are_ahead_of_is_not_written_to(files: tuple[Database, Database]) -> None:
    """Nothing starts on it, whatever its role, and nothing is rebuilt from it: positions would come again."""
    till, (write, read) = Till(), files
    await lose(lambda: till.app(write.open(), read.open()), write)
    for role in ("all", "worker", "api-commands"):
        with pytest.raises(LogReplaced, match="stands at 5, and the log ends at 3") as refused:
            await till.app(write.open(), read.open(), role).start()
        assert "twofold db restored" in refused.value.hint
    with pytest.raises(LogReplaced):
        async with administering(till.app(write.open(), read.open())):
            pass
    assert [one.position for one in await log_of(write)] == [1, 2, 3]


async def test_a_read_database_that_was_ahead_is_built_anew(both: tuple[Database, Database]) -> None:
    """What has seen what was lost is refused until then, all else goes on; at last the rows are those of the log."""
    till, (write, read) = Till(), both
    await lose(lambda: till.app(write.open(), read.open()), write)
    found = await go_on(till.app(write.open(), read.open()))
    assert (found.epoch.head, found.epoch.start) == (3, 5 + GAP)
    assert (found.projections, found.writers) == (("payments",), ("index",))
    till.thanked.clear()
    async with till.app(write.open(), read.open()) as app:
        assert await app.execute(Pay(payer="bob", amount=1)) == Success(1)

        async def told() -> bool:
            errors = {one.name: one.error for one in await app.progress()}
            return {name for name, error in errors.items() if "LogReplaced" in error} == {"payments", "index"}

        await until(told)
    async with administering(till.app(write.open(), read.open())) as administration:
        assert await administration.reset("payments")
    till = replace(till, index="index-2")
    async with till.app(write.open(), read.open()) as app:
        await pay(app, "bob")
        assert await app.execute(Count()) == Success(5)
        sums = [await app.execute(SumOf(payer=payer)) for payer in ("ada", "bob", "eve")]
        assert [one.unwrap() for one in sums] == [3, 2, None]
        assert {one.name: (one.lag, one.error) for one in await app.progress()} == dict.fromkeys(
            ("payments", "index-2", "sums", "till.thank:paid"), (0, "")
        )
    positions = [one.position for one in await log_of(write)]
    assert positions == [1, 2, 3, 6 + GAP, 7 + GAP]
    assert till.indexed == positions


async def test_a_read_database_that_was_not_ahead_goes_on(files: tuple[Database, Database]) -> None:
    """It has seen nothing that was lost: every event that the log has counts once, and none is missed."""
    till, (write, read) = Till(), files
    async with till.app(write.open(), read.open()) as app:
        await pay(app, "ada", "ada", "ada")
    await write.back_up()
    async with till.app(write.open(), read.open(), "api-commands") as commands:
        await commands.execute(Pay(payer="eve", amount=1))
    await write.restore()
    found = await go_on(till.app(write.open(), read.open()))
    assert (found.epoch.head, found.epoch.start, found.projections, found.writers) == (3, 3 + GAP, (), ())
    async with till.app(write.open(), read.open()) as app:
        await pay(app, "bob")
        assert await app.execute(Count()) == Success(4)
        assert [(await app.execute(SumOf(payer=payer))).unwrap() for payer in ("ada", "bob", "eve")] == [3, 1, None]
    assert till.indexed == [1, 2, 3, 4 + GAP]
    assert [one.split()[0] for one in till.thanked] == ["ada", "ada", "ada", "bob"]


async def test_what_was_being_built_from_what_is_lost_is_dropped(files: tuple[Database, Database]) -> None:
    """It would be refused for ever; the next rebuild begins with the first event."""
    till, (write, read) = Till(), files
    await lose(lambda: till.app(write.open(), read.open()), write)
    (payments,) = till.app(write.open(), read.open()).assembly.projections
    reading = read.open()
    await reading.start()
    stands = await standing(reading, "payments")
    await lay(payments, reading, stands)
    await reading.commit(Batch(moves=(Move("payments@next", 4, 0, epoch=stands.live.epoch),)))
    await go_on(till.app(write.open(), read.open()))
    stands = await standing(reading, "payments")
    assert (stands.live.position, stands.next.version) == (5, 0)
    await reading.stop()


async def test_one_database_goes_on_by_itself(one: Database) -> None:
    """All that follows came with the backup; positions that clients hold are those of nothing new."""
    till = Till()
    await lose(lambda: till.app(one.open()), one)
    found = await go_on(till.app(one.open()))
    assert (found.epoch.head, found.epoch.start, found.projections, found.writers) == (3, 3 + GAP, (), ())
    async with till.app(one.open()) as app:
        await pay(app, "bob")
        assert await app.caller(position=5, wait=10).execute(Count()) == Success(4)
        assert [(await app.execute(SumOf(payer=payer))).unwrap() for payer in ("ada", "bob", "eve")] == [3, 1, None]
    assert [one.position for one in await log_of(one)] == [1, 2, 3, 4 + GAP]
    assert till.indexed == [1, 2, 3, 4, 5, 4 + GAP]


async def test_nothing_goes_on_under_a_process_that_runs(file: File) -> None:
    """It shows that it lives; an owner that only the backup remembers does not, and is watched for a lease."""
    till = Till()

    def app() -> App:
        return App("till", modules=[till.module()], database=file.open(), lease=0.5)

    async with app() as running:
        await pay(running, "ada")
        with pytest.raises(Refused, match="stop every process"):
            await go_on(app())
        await file.back_up()
        assert (await running.store.log.head()) == 1
    await file.restore()
    assert (await go_on(app())).epoch.start == 1 + GAP
    async with app() as running:
        await pay(running, "ada")
        assert await running.execute(Count()) == Success(2)


async def test_a_store_that_cannot_be_restored_says_so() -> None:
    """It is a mistake of whoever asks."""

    memory = MemoryStore()

    class Other:
        def __getattr__(self, name: str) -> Any:
            if name.endswith("_epoch"):
                raise AttributeError(name)
            return getattr(memory, name)

    other: Any = Other()
    with pytest.raises(WiringError, match="cannot be restored"):
        await go_on(App("till", database=other))
