"""The transaction of a message: the outcome decides, and a command inside another is a part of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.store.spy import Attempted, Happened, begun, known, types, written
from twofold.dispatch import Dispatcher, Router, Settings
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import Classifier, Conflict, OutcomeUnknown, Refused, StoreUnavailable, WiringError
from twofold.messages import Catalogue, Command, Context, Query
from twofold.result import Failure, Result, Success
from twofold.store import (
    Batch,
    Committed,
    MemoryStore,
    Move,
    Store,
    Transaction,
    UnitOfWork,
    carrying,
    current_unit,
    read_only_stage,
    refuse_in_query,
    transaction_stage,
)

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Outer(Command[Any]):
    """A command."""


@dataclass(frozen=True, kw_only=True)
class Inner(Command[Any]):
    """A command that the other one sends."""

    n: int = 0


@dataclass(frozen=True, kw_only=True)
class Ask(Query[Any]):
    """A query."""


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


def dispatcher(store: Store, catalogue: Catalogue | None = None) -> Dispatcher:
    """A dispatcher whose commands run in transactions of a store."""
    events = catalogue or known()
    stages = (
        transaction_stage(lambda context: UnitOfWork(store, events, context), events, Classifier()),
        read_only_stage(),
    )
    return Dispatcher(router=Router(Settings(between=stages)))


def unit() -> UnitOfWork:
    """The unit of work that the test expects to be in."""
    found = current_unit()
    assert found is not None
    return found


async def test_a_success_commits(store: MemoryStore) -> None:
    """What the handler has added is in the log when the answer is there."""
    buses = dispatcher(store)

    async def handle(command: Outer) -> int:
        unit().record(Happened())
        assert await types(store) == []
        return 1

    buses.register_command(Outer, handle)
    assert await buses.dispatch(Outer()) == Success(1)
    assert await types(store) == ["happened"]


@pytest.mark.parametrize("ending", [Failure("no"), Refused("no"), KeyError("bug"), asyncio.CancelledError()])
async def test_anything_else_rolls_back(store: MemoryStore, ending: Any) -> None:
    """A Failure, a refusal that is raised, a bug, a cancellation; the session is closed each time."""
    buses, sessions, transactions = dispatcher(store), list[Any](), list[Transaction]()

    async def handle(command: Outer) -> Any:
        unit().record(Happened())
        sessions.append(await begun(unit()))
        transactions.append(unit().transaction)
        if isinstance(ending, BaseException):
            raise ending
        return ending

    buses.register_command(Outer, handle)
    answers: list[Any] = [*await asyncio.gather(buses.dispatch(Outer()), return_exceptions=True)]
    expected = getattr(ending, "error", ending)
    assert [type(getattr(answer, "error", answer)) for answer in answers] == [type(expected)]
    assert sessions[0].notes == ["close"]
    with pytest.raises(StoreUnavailable, match="has ended"):
        await transactions[0].run(lambda tables: None)
    assert await types(store) == []
    assert current_unit() is None


async def test_what_survives_a_refusal_is_committed_though_nothing_was_begun(store: MemoryStore) -> None:
    """What is told of a command inside, by one that is then refused and has run nothing in the store."""
    buses = dispatcher(store)

    async def handle(command: Outer) -> Any:
        unit().append("order-1", Happened())
        unit().attempts.tell(Attempted(), expected=0, of=Context())
        return Failure(Refused("no"))

    buses.register_command(Outer, handle)
    assert isinstance((await buses.dispatch(Outer())).error, Refused)
    assert await types(store) == ["attempted"]


async def test_two_commands_at_once_have_a_unit_each(store: MemoryStore) -> None:
    """However they overlap."""
    buses, both = dispatcher(store), asyncio.Barrier(2)

    async def handle(command: Outer) -> UnitOfWork:
        before = unit()
        await both.wait()
        assert unit() is before
        return before

    buses.register_command(Outer, handle)
    one, two = await asyncio.gather(buses.dispatch(Outer()), buses.dispatch(Outer()))
    assert one.unwrap() is not two.unwrap()


async def test_a_store_that_refuses_is_a_failure(store: MemoryStore) -> None:
    """Not a crash, and not a Success."""
    buses = dispatcher(store)
    buses.register_command(Outer, lambda command: unit().record(Happened()))
    await store.stop()
    assert isinstance((await buses.dispatch(Outer())).error, StoreUnavailable)


class TestNested:
    """A command inside another."""

    async def test_it_joins_the_transaction(self, store: MemoryStore) -> None:
        """Both commit at the end, in the order in which things happened."""
        buses = dispatcher(store)

        async def outer(command: Outer) -> None:
            unit().record(Happened(n=1))
            await buses.dispatch(Inner(n=2))
            assert await types(store) == []
            unit().record(Happened(n=3))

        buses.register_command(Outer, outer)
        buses.register_command(Inner, lambda command: unit().record(Happened(n=command.n)))
        await buses.dispatch(Outer())
        assert [entry.data for entry in await written(store)] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']

    @pytest.mark.parametrize("ending", [Failure("no"), Refused("no"), KeyError("bug")])
    async def test_its_failure_undoes_it_alone(self, store: MemoryStore, ending: Any) -> None:
        """The command around it may go on."""
        buses = dispatcher(store)

        async def inner(command: Inner) -> Any:
            unit().record(Happened(n=2))
            if isinstance(ending, Exception):
                raise ending
            return ending

        async def outer(command: Outer) -> None:
            unit().record(Happened(n=1))
            try:
                await buses.dispatch(Inner())
            except KeyError:
                """A bug in the inner one, that the outer one lives with."""

        buses.register_command(Outer, outer)
        buses.register_command(Inner, inner)
        await buses.dispatch(Outer())
        assert [entry.data for entry in await written(store)] == [b'{"n":1}']

    async def test_the_outer_failure_undoes_both(self, store: MemoryStore) -> None:
        """The inner Success was only a part."""
        buses = dispatcher(store)

        async def outer(command: Outer) -> Any:
            assert (await buses.dispatch(Inner())).is_success
            return Failure("no")

        buses.register_command(Outer, outer)
        buses.register_command(Inner, lambda command: unit().record(Happened()))
        await buses.dispatch(Outer())
        assert await types(store) == []

    async def test_commands_sent_side_by_side_do_not_mix(self, store: MemoryStore) -> None:
        """One that fails takes nothing of the other with it."""
        buses, first_began = dispatcher(store), asyncio.Event()

        async def inner(command: Inner) -> Any:
            if command.n == 2:
                return Failure("no")
            first_began.set()
            await asyncio.sleep(0)
            unit().record(Happened(n=command.n))
            await asyncio.sleep(0)
            return None

        async def second() -> Any:
            await first_began.wait()
            return await buses.dispatch(Inner(n=2))

        async def outer(command: Outer) -> Any:
            return await asyncio.gather(buses.dispatch(Inner(n=1)), second(), buses.dispatch(Inner(n=3)))

        buses.register_command(Outer, outer)
        buses.register_command(Inner, inner)
        result: Result[Any, Any] = await buses.dispatch(Outer())
        assert [one.is_success for one in result.value] == [True, False, True]
        assert [entry.data for entry in await written(store)] == [b'{"n":1}', b'{"n":3}']

    async def test_one_that_is_not_awaited_is_no_silent_loss(self, store: MemoryStore) -> None:
        """The outer one does not commit over it; the mistake is raised."""
        buses, go = dispatcher(store), asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def inner(command: Inner) -> None:
            unit().record(Happened())
            await go.wait()

        async def outer(command: Outer) -> None:
            tasks.append(asyncio.create_task(buses.dispatch(Inner())))
            await asyncio.sleep(0)

        buses.register_command(Outer, outer)
        buses.register_command(Inner, inner)
        with pytest.raises(WiringError, match="await what it sends"):
            await buses.dispatch(Outer())
        go.set()
        with pytest.raises(WiringError, match="await what it sends"):
            await tasks[0]
        assert await types(store) == []

    async def test_one_that_is_sent_after_the_end_has_its_own_transaction(self, store: MemoryStore) -> None:
        """A task that the handler has left behind; its events are written and not lost in an ended unit."""
        buses, ended = dispatcher(store), asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def late() -> Any:
            await ended.wait()
            return await buses.dispatch(Inner())

        buses.register_command(Outer, lambda command: tasks.append(asyncio.create_task(late())))
        buses.register_command(Inner, lambda command: unit().record(Happened()))
        await buses.dispatch(Outer())
        ended.set()
        assert await tasks[0] == Success(None)
        assert await types(store) == ["happened"]

    async def test_one_of_another_application_does_not_join(self, store: MemoryStore) -> None:
        """It commits by itself, to its own store."""
        other_store = MemoryStore()
        await other_store.start()
        mine, other = dispatcher(store), dispatcher(other_store)

        async def outer(command: Outer) -> Any:
            unit().record(Happened())
            assert (await other.dispatch(Inner())).is_success
            return Failure("no")

        mine.register_command(Outer, outer)
        other.register_command(Inner, lambda command: unit().record(Attempted()))
        await mine.dispatch(Outer())
        assert (await types(store), await types(other_store)) == ([], ["attempted"])


class TestQueries:
    """A query changes nothing."""

    async def test_it_has_no_unit(self, store: MemoryStore) -> None:
        """And may be asked inside a command, which goes on in its own unit."""
        buses = dispatcher(store)

        async def outer(command: Outer) -> None:
            assert (await buses.dispatch(Ask())).is_success
            unit().record(Happened())

        buses.register_command(Outer, outer)
        buses.register_query(Ask, lambda query: current_unit())
        assert await buses.dispatch(Ask()) == Success(None)
        await buses.dispatch(Outer())
        assert await types(store) == ["happened"]

    async def test_it_sends_no_command(self, store: MemoryStore) -> None:
        """That is a mistake in the code, so it is raised."""
        buses = dispatcher(store)

        async def ask(query: Ask) -> Any:
            return await buses.dispatch(Outer())

        buses.register_query(Ask, ask)
        buses.register_command(Outer, lambda command: None)
        with pytest.raises(WiringError, match="a query changes nothing"):
            await buses.dispatch(Ask())
        assert (await buses.dispatch(Outer())).is_success
        refuse_in_query(object())


class TestCarried:
    """A checkpoint that moves with a reaction."""

    async def test_it_commits_with_the_unit(self, store: MemoryStore) -> None:
        """Whether or not the handler has written anything; a Failure leaves it where it was."""
        buses = dispatcher(store)
        buses.register_command(Inner, lambda command: Failure("no") if command.n else None)
        with carrying(Batch(moves=(Move("r", 5, 0),))):
            await buses.dispatch(Inner(n=1))
            assert (await store.checkpoints.get("r")).position == 0
            await buses.dispatch(Inner())
        assert (await store.checkpoints.get("r")).position == 5

    async def test_a_task_that_is_left_behind_does_not_carry_it(self, store: MemoryStore) -> None:
        """What it sends later is not refused for a checkpoint that has moved already."""
        buses, ended = dispatcher(store), asyncio.Event()
        tasks: list[asyncio.Task[Any]] = []

        async def late() -> Any:
            await ended.wait()
            return await buses.dispatch(Inner())

        buses.register_command(Outer, lambda command: tasks.append(asyncio.create_task(late())))
        buses.register_command(Inner, lambda command: unit().record(Happened()))
        with carrying(Batch(moves=(Move("r", 5, 0),))):
            await buses.dispatch(Outer())
        ended.set()
        assert await tasks[0] == Success(None)
        assert (await store.checkpoints.get("r")).position == 5

    async def test_a_second_owner_is_refused(self, store: MemoryStore) -> None:
        """Its work is rolled back with its checkpoint."""
        buses = dispatcher(store)
        buses.register_command(Inner, lambda command: unit().record(Happened()))
        results: list[Result[Any, Any]] = []
        for _ in range(2):
            with carrying(Batch(moves=(Move("r", 5, 0),))):
                results.append(await buses.dispatch(Inner()))
        assert results[0].is_success
        assert isinstance(results[1].error, Conflict)
        assert await types(store) == ["happened"]


class FullStore:
    """A store that takes nothing but what a unit commits in its transaction."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        """Refuse."""
        raise StoreUnavailable("the disk is full")


@pytest.fixture
async def told() -> AsyncIterator[list[dict[str, Any]]]:
    """What is told to the event loop, which logs it by itself; the test plugin would fail the test by it."""
    loop, found = asyncio.get_running_loop(), list[dict[str, Any]]()

    def note(loop: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
        found.append(what)
        loop.default_exception_handler(what)

    before = loop.get_exception_handler()
    loop.set_exception_handler(note)
    yield found
    loop.set_exception_handler(before)


class TestSurvivorsThatCannot:
    """Events that should outlive a roll-back, and a store that refuses them."""

    @pytest.mark.parametrize(
        "ending", [Failure("no"), Failure(Refused("no")), Refused("no"), KeyError("bug")], ids=repr
    )
    async def test_their_error_never_takes_the_place_of_the_outcome(
        self, store: MemoryStore, ending: Any, told: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
    ) -> None:
        """The caller gets the Failure or the bug as it was; the lost events are told with their error, and logged."""
        buses = dispatcher(FullStore(store))

        async def handle(command: Outer) -> Any:
            await begun(unit())
            await unit().record_surviving(Attempted())
            if isinstance(ending, BaseException):
                raise ending
            return ending

        buses.register_command(Outer, handle)
        answers: list[Any] = [*await asyncio.gather(buses.dispatch(Outer()), return_exceptions=True)]
        assert getattr(answers[0], "error", answers[0]) is getattr(ending, "error", ending)
        (what,) = told
        assert isinstance(what["exception"], StoreUnavailable)
        assert what["message"].startswith("attempted cannot be committed after the roll-back of message ")
        assert [line.levelno for line in caplog.records if what["message"] in line.getMessage()] == [logging.ERROR]
        assert await types(store) == []

    async def test_a_commit_that_is_refused_keeps_its_own_error(
        self, store: MemoryStore, told: list[dict[str, Any]]
    ) -> None:
        """A conflict is answered as one, so that the caller decides again."""
        buses = dispatcher(FullStore(store))

        async def handle(command: Outer) -> None:
            await begun(unit())
            await unit().record_surviving(Attempted())
            unit().append("order-1", Happened(), expected=3)

        buses.register_command(Outer, handle)
        assert isinstance((await buses.dispatch(Outer())).error, Conflict)
        assert [type(what["exception"]) for what in told] == [StoreUnavailable]


class SlowStore:
    """A store whose commit is carried through once it has begun, as the port demands, and takes a while."""

    def __init__(self, store: MemoryStore) -> None:
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.done = asyncio.Event()
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        """Begin, and wait to be let go."""
        return await asyncio.shield(asyncio.ensure_future(self._commit(batch)))

    async def _commit(self, batch: Batch) -> Committed:
        self.began.set()
        await self.go.wait()
        committed = await self._store.commit(batch)
        self.done.set()
        return committed


class TestCancelled:
    """A caller that goes away."""

    async def test_during_the_commit_it_is_whole(self, store: MemoryStore) -> None:
        """What was begun is carried through, and nothing of it is undone."""
        slow = SlowStore(store)
        buses = dispatcher(slow)

        async def handle(command: Outer) -> None:
            unit().append("a", Happened(n=1), Happened(n=2))
            unit().append("b", Happened(n=3))

        buses.register_command(Outer, handle)
        task = asyncio.create_task(buses.dispatch(Outer()))
        await slow.began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        slow.go.set()
        async with asyncio.timeout(5):
            await slow.done.wait()
        assert await types(store) == ["happened"] * 3

    async def test_at_any_moment_on_sqlite_a_unit_is_whole_or_absent(self, tmp_path: Path) -> None:
        """Cancelled after every number of turns of the loop; what was answered is there."""
        store = SqliteStore(tmp_path / "log.db")
        await store.start()
        try:
            buses, answered = dispatcher(store), set[int]()

            async def handle(command: Inner) -> None:
                n = command.n
                unit().append(f"a-{n}", Happened(n=n), Happened(n=n))
                unit().append(f"b-{n}", Happened(n=n))

            async def send(n: int) -> None:
                if (await buses.dispatch(Inner(n=n))).is_success:
                    answered.add(n)

            buses.register_command(Inner, handle)
            for n in range(40):
                task = asyncio.create_task(send(n))
                for _ in range(n % 8):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await send(1000)
            log = [entry async for entry in _all(store)]
            counts = {n: sum(f'"n":{n}}}' in data for data in log) for n in range(40)}
            assert set(counts.values()) <= {0, 3}
            assert all(counts[n] == 3 for n in answered if n < 1000)
        finally:
            await store.stop()


async def _all(store: SqliteStore) -> AsyncIterator[str]:
    for entry in await store.log.read(0, until=await store.log.head(), limit=1000):
        yield entry.data.decode()


async def test_an_unknown_outcome_is_told(store: MemoryStore) -> None:
    """Neither a Success nor a time-out: it may have been written."""

    class Lost:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def commit(self, batch: Batch) -> Committed:
            raise OutcomeUnknown

    buses = dispatcher(Lost())
    buses.register_command(Outer, lambda command: unit().record(Happened()))
    assert isinstance((await buses.dispatch(Outer())).error, OutcomeUnknown)
