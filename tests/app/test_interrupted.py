"""What was attempted comes to one end, also when nobody is left to tell it, and never to two."""

import asyncio
import contextvars
from collections import Counter
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from examples._demo.database import Database, PostgresSchema
from tests.app.bench import LIFECYCLE, Bench, Work, WorkAttempted, ended, lengths, told
from tests.app.test_lifecycle_events import Moody
from twofold import App, Context, Lifecycle, Module, Success
from twofold.clock import new_id
from twofold.dispatch import Idempotency
from twofold.errors import Interrupted, KeyInFlight, OutcomeUnknown, StoreUnavailable, WiringError
from twofold.store import Append, Batch, Draft, MemoryStore, Reply, Store

pytestmark = pytest.mark.anyio

SOON = 0.2


async def test_a_success_that_comes_late_is_refused_and_undone(each_database: Database) -> None:
    """Its attempt was closed before it committed: nothing of it is written, and its sender is told so."""
    bench = Bench()
    bench.gate.clear()
    async with bench.app(each_database.address, interrupted_after=SOON) as app:
        task = asyncio.create_task(app.execute(Work(name="chair")))
        await bench.started.wait()
        await ended(app)
        bench.gate.set()
        result = await task
        assert isinstance(result.error, Interrupted)
        assert await told(app) == ["attempted chair", "failed the chair: interrupted"]


async def test_a_failure_that_comes_late_is_not_told_twice(each_database: Database) -> None:
    """The attempt has its end; whoever waits for the command is given the bug all the same."""

    async def break_down() -> None:
        await ended(app)
        raise RuntimeError("broken")

    async with Bench(break_down).app(each_database.address, interrupted_after=SOON) as app:
        with pytest.raises(RuntimeError, match="broken"):
            await app.execute(Work(name="chair"))
        assert await told(app) == ["attempted chair", "failed the chair: interrupted"]


async def test_what_has_an_end_is_given_no_other_one(each_database: Database) -> None:
    """However old it is; and a checkpoint keeps the log from being read twice."""
    async with Bench().app(each_database.address, interrupted_after=SOON) as app:
        for name in "abc":
            await app.execute(Work(name=name))
        head = await app.store.log.head()
        async with asyncio.timeout(20):
            while (await app.store.checkpoints.get("twofold.attempts")).position < head:
                await app.store.wakeup.wait(head, 0.1)
        assert await lengths(app) == Counter({2: 3})


async def test_two_who_close_the_same_attempts(each_database: Database) -> None:
    """Are two workers: each attempt has one end, and whoever comes late finds out."""
    stuck = Bench()
    stuck.gate.clear()
    async with stuck.app(each_database.address) as alive:
        tasks = [asyncio.create_task(alive.execute(Work(name=f"chair {nth}"))) for nth in range(20)]
        async with asyncio.timeout(20):
            while (await lengths(alive)).total() < len(tasks):
                await alive.store.wakeup.wait(await alive.store.log.head(), 0.1)
        async with (
            Bench().app(each_database.address, interrupted_after=SOON) as one,
            Bench().app(each_database.address, interrupted_after=SOON) as other,
        ):
            await asyncio.gather(ended(one), ended(other))
            assert await lengths(one) == Counter({2: len(tasks)})
        stuck.gate.set()
        results = await asyncio.gather(*tasks)
        assert all(isinstance(result.error, Interrupted) for result in results)
        assert await lengths(alive) == Counter({2: len(tasks)})


async def test_whoever_closes_tells_the_audit_trail(each_database: Database) -> None:
    """A command whose process died could not: its entry says who had sent it, and when."""
    stuck = Bench()
    stuck.gate.clear()
    async with stuck.app(each_database.address) as alive:
        task = asyncio.create_task(alive.caller(user_id="ada").execute(Work(name="chair")))
        async with asyncio.timeout(20):
            while not (await lengths(alive)).total():
                await alive.store.wakeup.wait(await alive.store.log.head(), 0.1)
        async with Bench().app(each_database.address, interrupted_after=SOON) as other:
            await ended(other)
            (entry,) = [one async for one in other.audit.entries()]
        assert (entry.message, entry.version, entry.outcome, entry.user_id) == ("work", 1, "interrupted", "ada")
        begin, end = await alive.store.log.read(0, until=2, limit=2)
        assert (entry.time, entry.position) == (begin.time, end.position)
        assert str(entry.message_id) == begin.headers["causation_id"]
        stuck.gate.set()
        await task


class Lossy(Moody):
    """A store that loses what it does not know of."""

    async def commit(self, batch: Any) -> Any:
        """Commit, or lose it."""
        if self.moods and (mood := self.moods[0]):
            del self.moods[0]
            raise mood
        return await super().commit(batch)


@pytest.mark.parametrize("committed", [True, False])
async def test_an_outcome_that_nobody_knew_is_found_out(committed: bool) -> None:
    """If it was committed, the success is its end; if not, it was interrupted."""
    store = Moody() if committed else Lossy()
    store.moods = [None, OutcomeUnknown("no answer")]
    bench = Bench()
    async with bench.app(cast("Store", store), interrupted_after=SOON) as app:
        assert isinstance((await app.execute(Work(name="chair"))).error, OutcomeUnknown)
        assert bench.started.is_set()
        await ended(app)
        end = ["made chair", "succeeded chair"] if committed else ["failed the chair: interrupted"]
        assert await told(app) == ["attempted chair", *end]


class Away:
    """A store whose checkpoints are away for a while."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.looks = 0
        self.away = True

    def __getattr__(self, name: str) -> Any:
        if name == "checkpoints" and self.away:
            self.looks += 1
            raise StoreUnavailable("away")
        return getattr(self._store, name)


async def test_trouble_is_told_once_and_overcome(caplog: pytest.LogCaptureFixture) -> None:
    """While the store is away nothing can be closed; once it is back everything is."""
    bench, store = Bench(), Away()
    bench.gate.clear()
    store.away = False
    async with bench.app(cast("Store", store), interrupted_after=SOON) as app:
        store.away = True
        task = asyncio.create_task(app.execute(Work(name="chair")))
        await bench.started.wait()
        async with asyncio.timeout(10):
            while store.looks < 3:
                await app.store.wakeup.wait(10, 0.05)
        assert (await lengths(app))[1] == 1
        store.away = False
        await ended(app)
        bench.gate.set()
        assert isinstance((await task).error, Interrupted)
    told_of = [record for record in caplog.records if record.name == "twofold.attempts"]
    assert [record.levelname for record in told_of] == ["WARNING", "WARNING"]


async def test_what_cannot_be_recorded_is_told_and_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """An end that this application does not know, say: it is in the log, and the next attempt is closed."""
    bench, attempt = Bench(), new_id()
    bench.gate.clear()
    headers = {"if_interrupted": "gone {}", "causation_id": str(attempt)}
    begin = Draft(new_id(), "work_attempted", 1, b'{"name": "gone"}', headers, datetime.now(UTC))
    async with bench.app(interrupted_after=SOON) as app:
        await app.store.commit(Batch((Append(f"twofold-attempt-{attempt}", (begin,), 0),)))
        task = asyncio.create_task(app.execute(Work(name="chair")))
        async with asyncio.timeout(10):
            while (await lengths(app))[2] == 0:
                await app.store.wakeup.wait(await app.store.log.head(), 0.1)
        bench.gate.set()
        await task
        assert await told(app) == ["attempted gone", "attempted chair", "failed the chair: interrupted"]
    (first, *_) = [record for record in caplog.records if record.name == "twofold.attempts"]
    assert first.getMessage() == f"the attempt of message {attempt} was interrupted, which cannot be recorded"


async def test_what_an_end_is_made_of_goes_no_further() -> None:
    """The end that lies beside the beginning of an attempt is no trace header of those who react to it."""
    bench, seen = Bench(), list[Context]()

    @bench.module.on(WorkAttempted)
    async def note(event: WorkAttempted, context: Context) -> None:
        seen.append(context)

    async with bench.app() as app:
        await app.execute(Work(name="chair"))
        await app.settle()
    assert [dict(context.trace) for context in seen] == [{}]


@pytest.mark.parametrize(
    "lifecycle, headers",
    [
        (LIFECYCLE, {"if_interrupted"}),
        (Lifecycle(attempted=WorkAttempted, failed=LIFECYCLE.failed), set[str]()),
    ],
)
async def test_only_what_is_told_whole_is_closed(lifecycle: Lifecycle, headers: set[str]) -> None:
    """Where a success leaves nothing in the log, nobody can see that it was none."""
    async with Bench(lifecycle=lifecycle).app() as app:
        await app.execute(Work(name="chair"))
        begin, *_ = await app.store.log.read(0, until=2, limit=2)
        assert set(begin.headers) - {"causation_id", "correlation_id"} == headers
        assert (app.assembly.attempts is None) == (not headers)


def test_how_long_an_attempt_may_take() -> None:
    """As long as its timeout and a minute; without one as the application says; the longest of all counts."""

    def patience(**options: Any) -> float:
        module = Module("bench")

        async def work(command: Work) -> str:
            return "made"

        module.register(Work, work, lifecycle=LIFECYCLE, **options)
        attempts = App("bench", modules=[module], database="memory:", interrupted_after=100).assembly.attempts
        assert attempts is not None
        return attempts.patience

    assert (patience(timeout=5), patience()) == (65, 100)
    with pytest.raises(WiringError, match="interrupted_after"):
        App("bench", interrupted_after=0)


async def test_a_twin_in_another_process_attempts_nothing(each_database: Database) -> None:
    """It waits for the first one before it tells of an attempt, and is given its answer."""
    first, second = Bench(), Bench()
    first.gate.clear()
    async with first.app(each_database.address) as one, second.app(each_database.address) as other:
        task = asyncio.create_task(one.caller(idempotency_key="k").execute(Work(name="chair")))
        await first.started.wait()
        twin = asyncio.create_task(other.caller(idempotency_key="k").execute(Work(name="chair")))
        await asyncio.wait({twin}, timeout=0.1)
        first.gate.set()
        assert (await task, await twin) == (Success("made"), Success("made"))
        assert await told(one) == ["attempted chair", "made chair", "succeeded chair"]
        assert not second.started.is_set()


async def test_a_twin_that_may_not_wait_has_attempted_nothing(postgres_schema: PostgresSchema) -> None:
    """It is told to come again, and the log does not know of it. (On SQLite it waits for its turn to write first.)"""
    first = Bench()
    first.gate.clear()
    hasty = Bench().app(postgres_schema.address, idempotency=Idempotency(twin="refuse"))
    async with first.app(postgres_schema.address) as one, hasty as other:
        task = asyncio.create_task(one.caller(idempotency_key="k").execute(Work(name="chair")))
        await first.started.wait()
        result = await other.caller(idempotency_key="k").execute(Work(name="chair"))
        assert isinstance(result.error, KeyInFlight)
        first.gate.set()
        await task
        assert await told(one) == ["attempted chair", "made chair", "succeeded chair"]


class Raced:
    """A store where somebody is faster at the claim with a number."""

    def __init__(self, store: MemoryStore, claim: int) -> None:
        self._store = store
        self._claim = claim
        self.faster: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def begin(self) -> Any:
        """A transaction."""
        return _RacedTransaction(self, self._store.begin())

    async def at_claim(self) -> None:
        """Let the other one be faster."""
        self._claim -= 1
        if self._claim == 0:
            await asyncio.create_task(self.faster(), context=contextvars.Context())


class _RacedTransaction:
    def __init__(self, store: Raced, transaction: Any) -> None:
        self._store = store
        self._transaction = transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    async def claim(self, *arguments: Any) -> Reply | None:
        await self._store.at_claim()
        found: Reply | None = await self._transaction.claim(*arguments)
        return found


@pytest.mark.parametrize("claim, end", [(1, []), (2, ["failed the chair: replayed"])])
async def test_a_twin_that_is_overtaken(claim: int, end: list[str]) -> None:
    """Between its attempt and its work: then that attempt is over, and before it there is none."""
    inner = MemoryStore()
    raced = Raced(inner, claim)
    async with Bench().app(inner) as one, Bench().app(cast("Store", raced)) as other:

        async def first() -> None:
            assert await one.caller(idempotency_key="k").execute(Work(name="chair")) == Success("made")

        raced.faster = first
        assert await other.caller(idempotency_key="k").execute(Work(name="chair")) == Success("made")
        log = await told(one)
        assert sorted(log) == sorted(["attempted chair"] * (1 + len(end)) + ["made chair", "succeeded chair", *end])
        assert await lengths(one) == Counter({2: 1 + len(end)})
