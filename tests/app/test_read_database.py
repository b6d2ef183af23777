"""Read models in a database of their own: what follows the log lives there, and the log and its commands do not."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.app.apart import Count, CountBlocking, Note, Pay, SumOf, Till
from tests.until import until
from tests.web.shop import client_of
from twofold import App, Success, Unavailable
from twofold.app.administration import administering
from twofold.app.diagnosis import examine
from twofold.errors import NotYetVisible, StoreUnavailable
from twofold.store import Batch, Move
from twofold.subscriptions import LogReplaced, Trouble

pytestmark = pytest.mark.anyio


@pytest.fixture
def write(tmp_path: Path) -> Path:
    return tmp_path / "write.db"


@pytest.fixture
def read(tmp_path: Path) -> Path:
    return tmp_path / "read.db"


def names(file: Path, statement: str) -> set[str]:
    """The first column of what a statement selects."""
    connection = sqlite3.connect(file)
    try:
        return {row[0] for row in connection.execute(statement)}
    finally:
        connection.close()


def tables(file: Path) -> set[str]:
    """The tables of the application in a file."""
    return {"account", "payment", "sums"} & names(file, "SELECT name FROM sqlite_master WHERE type = 'table'")


async def test_each_database_has_its_side(write: Path, read: Path) -> None:
    """Rows, views and the checkpoints of those who fill them there; state, events and reactions here."""
    till = Till()
    async with till.app(write, read) as app:
        caller = app.caller(wait=30)
        for number in range(1, 4):
            assert await caller.execute(Pay(payer="ada", amount=2)) == Success(2 * number)
            assert await caller.execute(Count()) == await caller.execute(CountBlocking()) == Success(number)
        await app.settle()
        assert await app.execute(SumOf(payer="ada")) == Success(6)
        progress = {one.name: (one.lag, one.owned, one.parked) for one in await app.progress()}
    assert progress == dict.fromkeys(["payments", "index", "sums", "till.thank:paid"], (0, True, 0))
    assert (till.indexed, till.thanked[-1]) == ([1, 2, 3], "ada 6")
    assert (tables(write), tables(read)) == ({"account"}, {"payment", "sums"})
    checkpoints = "SELECT name FROM twofold_checkpoints"
    assert (names(write, checkpoints), names(read, checkpoints)) == ({"till.thank:paid"}, {"payments", "index", "sums"})
    events = "SELECT position FROM twofold_events"
    assert (len(names(write, events)), len(names(read, events))) == (3, 0)


async def test_it_goes_on_where_it_stood(write: Path, read: Path) -> None:
    """After a restart nothing is projected, written or reacted to twice; both databases are closed in between."""
    till = Till()
    for _ in range(2):
        app = till.app(write, read)
        async with app:
            stores = app.stores.opened
            await app.execute(Pay(payer="ada", amount=1))
            await app.settle()
        for store in stores:
            with pytest.raises(StoreUnavailable):
                await store.log.head()
    assert (till.indexed, till.thanked) == ([1, 2], ["ada 1", "ada 2"])


def test_sessions_are_asked_of_their_own_database(write: Path, read: Path) -> None:
    """Those that write are missing where the one knows no SQL, those that read where the other does."""
    for app, session in ((Till().app("memory:", read), "AsyncSession"), (Till().app(write, "memory:"), "ReadSession")):
        unmet = [fault for fault in app.check() if fault.code == "missing_dependency"]
        assert unmet
        for fault in unmet:
            assert session in fault.text
            assert fault.hint == "MemoryStore knows no SQL: use a database that does, a file for SQLite"


async def test_the_environment_names_it(write: Path, read: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TWOFOLD_READ_DATABASE; named twice, a database is one database."""
    monkeypatch.setenv("TWOFOLD_DATABASE", str(write))
    monkeypatch.setenv("TWOFOLD_READ_DATABASE", str(read))
    assert Till().app(None).stores.apart
    monkeypatch.setenv("TWOFOLD_READ_DATABASE", str(write))
    assert not Till().app(None).stores.apart
    assert Till().app(None, read).stores.apart


async def test_one_that_cannot_be_opened_leaves_none_open(write: Path, tmp_path: Path) -> None:
    """The application does not start, and can be started once it is there."""
    app = Till().app(write, tmp_path / "no" / "read.db")
    with pytest.raises(StoreUnavailable):
        await app.start()
    with pytest.raises(StoreUnavailable):
        await app.store.log.head()
    (tmp_path / "no").mkdir()
    async with app:
        assert app.running


async def test_an_inline_projection_needs_the_write_database(write: Path, read: Path) -> None:
    """It is a fault at the start; without a read database it is none."""
    till = Till(mode="inline")
    [fault] = till.app(write, read).check()
    assert (fault.where, fault.code) == ("projection payments", "inline_apart")
    assert fault.text == "is inline, and no transaction of a command reaches the read database"
    assert till.app(write).check() == []


async def test_what_was_inline_moves_out_and_back(write: Path, read: Path) -> None:
    """In the read database it begins with the log; back in the write database it goes on where it left: each once."""
    expected = 0
    for till, reading in ((Till(mode="inline"), None), (Till(), read), (Till(), None), (Till(mode="inline"), None)):
        async with till.app(write, reading) as app:
            caller = app.caller(wait=30)
            await caller.execute(Pay(payer="ada", amount=1))
            await app.settle()
            expected = await app.store.log.head()
            assert await caller.execute(Count()) == Success(expected)
    assert expected == 4


async def test_an_old_checkpoint_beside_the_log_says_nothing(write: Path, read: Path) -> None:
    """Whoever waits looks at the read database, though a checkpoint of the same name is far ahead in the other."""
    async with Till().app(write) as app:
        await app.execute(Pay(payer="ada", amount=1))
        await app.settle()
    async with Till().app(write, read, "worker"):
        pass
    async with Till().app(write, read, "api-commands") as commands:
        caller = commands.caller(wait=0)
        await caller.execute(Pay(payer="ada", amount=1))
        await commands.store.commit(Batch(moves=(Move("payments", 2, 1),)))
        await _behind(commands, read)
        assert isinstance((await caller.execute(Count())).error, NotYetVisible)


async def _behind(app: App, read: Path) -> None:
    stands = await app.stores.read.checkpoints.get("payments")
    assert stands.position < 2


class TestQueryService:
    """A process that opens nothing but the read database."""

    async def test_it_has_no_access_to_the_write_database(self, write: Path, read: Path, tmp_path: Path) -> None:
        """It answers, and waits for positions, though its setting for the other one names what is not there."""
        nowhere = tmp_path / "no" / "such.db"
        async with (
            Till().app(write, read, "worker"),
            Till().app(write, read, "api-commands") as commands,
            Till().app(nowhere, read, "api-queries") as queries,
        ):
            caller = commands.caller()
            for number in range(1, 4):
                await caller.execute(Pay(payer="ada", amount=1))
                asking = queries.caller(position=caller.position, wait=30)
                assert await asking.execute(Count()) == await asking.execute(SumOf(payer="ada")) == Success(number)
            await queries.settle(timeout=30)
            lags = {one.name: one.lag for one in await queries.progress()}
            assert lags == {"payments": 0, "index": 0, "sums": 0}
            assert isinstance((await queries.execute(Pay(payer="ada", amount=1))).error, StoreUnavailable)
        assert not nowhere.parent.exists()

    async def test_it_waits_for_what_no_projection_wants(self, write: Path, read: Path) -> None:
        """A checkpoint that lives apart from the log moves with it, so that a position is found to be reached."""
        async with (
            Till().app(write, read, "worker"),
            Till().app(write, read, "api-commands") as commands,
            Till().app("postgresql://nobody@127.0.0.1:1/nowhere", read, "api-queries") as queries,
        ):
            caller = commands.caller()
            await caller.execute(Note())
            assert await queries.caller(position=caller.position, wait=30).execute(Count()) == Success(0)

    async def test_a_position_that_never_comes_is_waited_for(self, write: Path, read: Path) -> None:
        """It cannot know better than that it may come: when the time is over it says how far it is."""
        async with Till().app(write, read) as app:
            await app.execute(Pay(payer="ada", amount=1))
            await app.settle()
        async with Till().app(write.parent / "absent.db", read, "api-queries") as queries:
            assert await queries.has_reached(99)
            result = await queries.caller(position=99, wait=0.05).execute(Count())
            assert isinstance(result.error, NotYetVisible)
            assert (result.error.position, result.error.reached, result.error.behind) == (99, 1, ("payments", "sums"))
            assert await queries.caller(position=1, wait=0).execute(Count()) == Success(1)

    async def test_it_waits_for_a_worker_to_prepare(self, write: Path, read: Path) -> None:
        """As with one database."""
        app = Till().app(write, read, "api-queries")
        with pytest.raises(Unavailable):
            await app.start()
        async with Till().app(write, read, "worker"):
            pass
        async with app:
            assert not read.with_name("absent.db").exists()

    async def test_what_reads_the_log_is_a_fault_there(self, write: Path, read: Path) -> None:
        """A query of a live projection, or of the store itself."""
        till = Till()
        app = till.app(write, read, "api-queries")
        app.mount(till.live())
        assert [fault.code for fault in app.check()] == ["no_log"]
        app.use_role("all")
        assert app.check() == []


class TestCommandService:
    """A process that takes commands, which need the write database alone."""

    async def test_it_takes_commands_before_there_is_a_read_database(self, write: Path, tmp_path: Path) -> None:
        """It opens that once it is there and a worker has prepared it; what reads from it is unavailable until then."""
        read = tmp_path / "later" / "read.db"
        async with Till().app(write):
            pass
        async with Till().app(write, read, "api-commands") as commands:
            assert await commands.execute(Pay(payer="ada", amount=1)) == Success(1)
            assert isinstance((await commands.execute(Count())).error, StoreUnavailable)
            assert await commands.away() == ["read database"]
            assert await commands.away(needed=True) == []
            assert [(one.name, one.lag) for one in await commands.needed_progress()] == [("till.thank:paid", 1)]
            with pytest.raises(StoreUnavailable):
                await commands.progress()
            read.parent.mkdir()
            async with Till().app(write, read, "worker") as worker:
                await worker.settle()
                await until(lambda: _are_there(commands))
                assert await commands.execute(Count()) == Success(1)
                assert {one.lag for one in await commands.progress()} == {0}
        with pytest.raises(StoreUnavailable):
            await commands.stores.read.log.head()

    async def test_it_does_not_read_what_no_worker_has_prepared(self, write: Path, read: Path) -> None:
        """Nor does it wait for that: there are no tables yet, or not those of its version."""
        async with Till().app(write):
            pass
        async with Till().app(write, read, "api-commands") as commands:
            assert await commands.away() == ["read database"]
            assert await commands.execute(Pay(payer="ada", amount=1)) == Success(1)

    async def test_it_does_not_start_beside_what_is_ahead_of_the_log(self, write: Path, read: Path) -> None:
        """An older backup of the log was restored: what it takes would have positions that were given out before."""
        await _ahead(write, read)
        commands = Till().app(write, read, "api-commands")
        with pytest.raises(LogReplaced):
            await commands.start()
        with pytest.raises(StoreUnavailable):
            await commands.store.log.head()

    async def test_it_is_not_ready_once_it_finds_that(
        self, write: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The read database was away at the start, so nobody knew; a worker refuses, and the log says what to do."""
        here, away = tmp_path / "here", tmp_path / "away"
        here.mkdir()
        await _ahead(write, read := here / "read.db")
        here.rename(away)
        commands = Till().app(write, read, "api-commands")
        async with client_of(commands, commands.http()) as client:
            assert (await client.get("/health/ready")).status_code == 200
            away.rename(here)
            await until(lambda: commands.overtaken)
            answer = await client.get("/health/ready")
            assert (answer.status_code, answer.json()["status"]) == (503, "unready")
            (line,) = [one.getMessage() for one in caplog.records if "not ready" in one.getMessage()]
            assert "twofold db restored" in line
            with pytest.raises(LogReplaced):
                await Till().app(write, read, "worker").start()
        assert not commands.overtaken


async def _are_there(app: App) -> bool:
    return not await app.away()


async def _ahead(write: Path, read: Path) -> None:
    """Leave a read database that has seen more than is in the log."""
    backup = write.with_name("backup.db")
    for _ in range(2):
        async with Till().app(write, read) as app:
            await app.execute(Pay(payer="ada", amount=1))
            await app.settle()
        if not backup.exists():
            shutil.copy(write, backup)
    for file in write.parent.glob("write.db*"):
        file.unlink()
    backup.rename(write)


async def test_a_def_cannot_use_both(write: Path, read: Path) -> None:
    """Its thread has the connection of one of them."""
    till = Till()
    app = till.app(write, read)
    app.mount(till.both())
    assert [fault.code for fault in app.check()] == ["two_databases"]
    alone = till.app(write)
    alone.mount(till.both())
    assert alone.check() == []


@pytest.mark.parametrize("role", ["all", "worker", "api-commands"])
async def test_a_log_that_ends_before_what_was_read_of_another_is_refused(write: Path, read: Path, role: str) -> None:
    """It was made anew, or one of the two addresses is wrong. Who only reads there is told nothing."""
    async with Till().app(write, read) as app:
        await app.execute(Pay(payer="ada", amount=1))
        await app.settle()
    other = Till().app(write.with_name("other.db"), read, role)
    with pytest.raises(LogReplaced, match="stands at 1 of another log; this one ends at 0") as refused:
        await other.start()
    assert "wrong address" in refused.value.hint
    assert "twofold projections reset" in refused.value.hint
    (fault,) = [one for one in await examine(other) if one.severity == "fault"]
    assert (fault.where, fault.code) == ("the read database", "log_replaced")
    async with Till().app(write.with_name("nowhere.db"), read, "api-queries") as app:
        assert await app.execute(Count()) == Success(1)


async def test_a_log_that_was_made_anew_is_built_from_anew(write: Path, read: Path) -> None:
    """As the error says; the writer has another name."""
    async with Till().app(write, read) as app:
        await app.execute(Pay(payer="ada", amount=1))
        await app.settle()
    for file in write.parent.glob("write.db*"):
        file.unlink()
    async with administering(Till(index="index-2").app(write, read)) as administration:
        assert await administration.reset("payments")
    async with Till(index="index-2").app(write, read) as app:
        await app.execute(Pay(payer="eve", amount=2))
        await app.settle()
        assert await app.execute(SumOf(payer="eve")) == Success(2)
        assert not any(one.error for one in await app.progress())
        assert await app.execute(Count()) == Success(1)


async def test_a_log_that_was_made_anew_is_noticed(write: Path, read: Path) -> None:
    """What is in the read database belongs to another log: nothing of the new one is mixed into it."""
    async with Till().app(write, read) as app:
        await app.execute(Pay(payer="ada", amount=1))
        await app.settle()
    for file in write.parent.glob("write.db*"):
        file.unlink()
    async with Till().app(write) as app:
        await app.execute(Note())
        await app.settle()
    troubles: list[Trouble] = []

    async def both_told() -> bool:
        return {"payments", "index"} <= {trouble.subscription for trouble in troubles}

    app = Till().app(write, read)
    app.observe(observer=troubles.append)
    async with app:
        await app.execute(Pay(payer="eve", amount=1))
        await app.execute(Pay(payer="eve", amount=1))
        await until(both_told)
        assert await app.execute(Count()) == Success(1)
        progress = {one.name: one for one in await app.progress()}
        assert "LogReplaced" in progress["payments"].error
        assert {name for name, one in progress.items() if one.stuck(60)} >= {"payments", "index"}
        assert {one.reason for one in progress.values()} == {"", "log_replaced"}
        assert progress["till.thank:paid"].error == ""
    assert all(isinstance(trouble.error, LogReplaced) for trouble in troubles if trouble.subscription != "sums")


async def test_what_is_parked_is_found_wherever_it_is(write: Path, read: Path) -> None:
    """Of the projection there, of the reaction here: listed together, and mended or dropped each in its place."""
    till = Till(fails=True)
    async with till.app(write, read) as app:
        await app.execute(Pay(payer="ada", amount=-1))
        await app.settle(timeout=30)
        parked = await app.parked.list()
        assert [(one.subscription, one.position) for one in parked] == [("payments", 1), ("till.thank:paid", 1)]
        assert [one.subscription for one in await app.parked.list(limit=1)] == ["payments"]
        assert {one.name: one.parked for one in await app.progress()}["payments"] == 1
        shown = await app.parked.show("payments", 1)
        assert shown.recorded is not None
        await app.parked.edit("payments", 1, '{"payer": "ada", "amount": 7}')
        assert await app.parked.retry_all("payments") == 1
        await app.execute(Note())
        await until_parked(app, ["till.thank:paid"])
        assert await app.parked.drop("till.thank:paid", 1) == 0
        assert await app.parked.list() == []
        assert await app.execute(Count()) == Success(1)


async def until_parked(app: App, names: list[str]) -> None:
    """Wait until only these have something parked."""
    while [one.subscription for one in await app.parked.list()] != names:
        await app.settle(timeout=30)
