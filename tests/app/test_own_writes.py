"""A caller sees its own writes: its queries wait for the read models, and no longer than they are told."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.app.notes import Kept, Notes, Read, ReadLengths, ReadNothing, Write, WriteTwice, Wrote, texts
from twofold import App, Command, Module, Query, Refused, Rows, Success, UnitOfWork
from twofold.app.explanation import explain
from twofold.errors import Category, NotYetVisible, StoreUnavailable, WiringError
from twofold.messages import Receipt
from twofold.store import Batch, MemoryStore, Move

pytestmark = pytest.mark.anyio


async def test_a_query_sees_what_its_caller_has_written() -> None:
    """Time and again, and at once."""
    async with Notes().app() as app:
        caller = app.caller(user_id="ada")
        for number, text in enumerate(texts(20), start=1):
            assert (await caller.execute(Write(texts=(text,)))).is_success
            assert len((await caller.execute(Read())).unwrap()) == number
            assert caller.position == number


async def test_the_position_counts_whatever_was_committed() -> None:
    """Commands, events by hand, and what survives a refusal, early or late; never what was undone."""
    async with Notes().app() as app:
        caller = app.caller()
        assert caller.position == 0
        await caller.execute(Write(texts=("lost",), refused=True))
        assert caller.position == 0
        await caller.execute(Write(texts=("a", "b")))
        assert caller.position == 2
        await caller.execute(Write(texts=("lost",), surviving=("kept",), refused=True))
        assert caller.position == 3
        await caller.publish(Kept())
        assert caller.position == 4
        await caller.execute(WriteTwice())
        assert caller.position == 5
        await caller.execute(Write())
        assert caller.position == 5
        assert app.caller().position == 0


async def test_what_survives_late_counts() -> None:
    """What is committed after the roll-back of a unit that held a transaction."""
    module = Module("late")
    module.events(Kept)

    @dataclass(frozen=True)
    class Late(Command[None]): ...

    @module.handler
    async def late(command: Late, unit: UnitOfWork) -> None:
        await unit.transaction.run(lambda tables: None)
        await unit.record_surviving(Kept())
        raise Refused("no")

    async with App("late", modules=[module], database="memory:") as app:
        caller = app.caller()
        assert (await caller.execute(Late())).is_failure
        assert caller.position == 1


async def test_what_nobody_shows_in_time_is_a_failure_that_says_so() -> None:
    """It is unavailable, and names the position, how far it is, and who is behind; the projection stays as it is."""
    notes = Notes()
    notes.held.add("texts")
    async with notes.app() as app:
        caller = app.caller(wait=0.05)
        await caller.publish(Kept())
        assert (await app.caller(position=1, wait=30).execute(Read())) == Success([])
        await caller.execute(Write(texts=("a",)))
        assert (await app.caller(position=2, wait=30).execute(ReadLengths())).is_success
        result = await caller.execute(Read())
        assert isinstance(result.error, NotYetVisible)
        assert (result.error.position, result.error.reached, result.error.behind) == (2, 1, ("texts",))
        assert result.error.category is Category.UNAVAILABLE
        assert str(result.error) == (
            "position 2 is not yet visible in texts (at 1) after 0.05 s"
            " (ask again: a worker that takes over from a dead one waits for its lease first; when it stays so, one is"
            " missing, or its projection or view fails, and the log of the workers says why)"
        )
        notes.held.clear()
        assert (await app.caller(position=2, wait=30).execute(Read())) == Success(["a"])


async def test_the_application_says_how_long_and_a_caller_may_know_better() -> None:
    """Nought looks once."""
    notes = Notes()
    notes.held.add("texts")
    async with notes.app(wait=0) as app:
        await app.execute(Write(texts=("a",)))
        for caller in (app.caller(position=1), app.caller(position=1, wait=0.02)):
            result = await caller.execute(Read())
            assert isinstance(result.error, NotYetVisible)
            assert caller.origin.receipt is not None
            assert result.error.waited == caller.origin.receipt.wait


@pytest.mark.parametrize("wait", [-1, float("inf"), float("nan")])
async def test_nobody_can_wait_such_a_time(wait: float) -> None:
    """It is said where it is asked for."""
    with pytest.raises(WiringError, match="cannot wait"):
        Notes().app().caller(wait=wait)


async def test_a_caller_goes_on_where_another_has_come() -> None:
    """By its position, which is all that has to be carried."""
    async with Notes().app() as app:
        first = app.caller()
        await first.execute(Write(texts=("a",)))
        assert await app.caller(position=first.position).execute(Read()) == Success(["a"])


async def test_a_position_that_is_not_there_yet_is_waited_for_in_vain() -> None:
    """Nothing that comes later is taken for it."""
    async with Notes().app() as app:
        await app.execute(Write(texts=("a",)))
        await app.settle()
        caller = app.caller(position=2, wait=0.02)
        assert isinstance((await caller.execute(Read())).error, NotYetVisible)
        assert (await app.has_reached(1), await app.has_reached(2)) == (True, False)
        await app.execute(Write(texts=("b",)))
        assert await app.caller(position=2, wait=30).execute(Read()) == Success(["a", "b"])


async def test_a_handler_waits_only_for_what_it_reads() -> None:
    """For all of them unless it says so; for none when it reads none."""
    notes = Notes()
    notes.held.add("texts")
    async with notes.app() as app:
        caller = app.caller(wait=0.02)
        await caller.execute(Write(texts=("abc",)))
        assert (await caller.execute(ReadNothing())).is_success
        assert await app.caller(position=1, wait=30).execute(ReadLengths()) == Success([3])
        assert isinstance((await caller.execute(Read())).error, NotYetVisible)


async def test_who_does_not_ask_does_not_wait() -> None:
    """The application itself, a caller that has written nothing, a command, and a query that a handler sends."""
    notes = Notes()
    notes.held.update({"texts", "lengths"})
    async with notes.app(wait=0) as app:
        await app.execute(Write(texts=("a",)))
        assert await app.execute(Read()) == Success([])
        assert await app.caller().execute(Read()) == Success([])
        caller = app.caller(position=1)
        assert (await caller.execute(Write(texts=("b",)))).is_success
        assert (await caller.execute(WriteTwice())).is_success
        assert (await caller.execute(Read())).is_failure


async def test_whoever_projects_it_is_seen() -> None:
    """Also when the projection runs elsewhere, and only its checkpoint tells; and one that another runs inline."""
    store = MemoryStore()
    notes = Notes(store=store)
    notes.held.update({"texts", "lengths"})
    async with notes.app() as app:
        await app.execute(Write(texts=("a",)))
        waiting = asyncio.create_task(app.caller(position=1, wait=30).execute(Read()))
        await store.commit(Batch(moves=(Move("texts", 1, 0), Move("lengths", -1, 0))))
        assert (await waiting).is_success


async def test_events_that_a_projection_does_not_want_keep_nobody_waiting() -> None:
    """Its checkpoint stands still, and there is nothing for it to show."""
    store = MemoryStore()
    notes = Notes(store=store)
    notes.held.update({"texts", "lengths"})
    async with notes.app() as app:
        await app.execute(Write(texts=("a",)))
        await store.commit(Batch(moves=(Move("texts", 1, 0), Move("lengths", 1, 0))))
        for _ in range(3):
            await app.execute(Write(silent=True))
        assert (await app.caller(position=4, wait=30).execute(Read())).is_success
        await app.execute(Write(texts=("b",), silent=True))
        result = await app.caller(position=6, wait=0.3).execute(Read())
        assert isinstance(result.error, NotYetVisible)
        assert result.error.reached == 4


async def test_many_that_wait_ask_once() -> None:
    """Queries that wait at the same time share what the store tells them."""
    store = MemoryStore()
    notes = Notes(store=store)
    notes.held.update({"texts", "lengths"})
    looks = 0

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(store.checkpoints, name)

        async def all(self) -> Any:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0)
            return await store.checkpoints.all()

    class Counted:
        checkpoints = Counting()

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    app = notes.app()
    app.use_database(Counted())
    async with app:
        await app.execute(Write(texts=("a",)))
        callers = [app.caller(position=1, wait=0) for _ in range(50)]
        looks = 0
        results = await asyncio.gather(*(caller.execute(Read()) for caller in callers))
        assert all(isinstance(result.error, NotYetVisible) for result in results)
        assert looks < 50  # one that asks by itself asks once at least


async def test_a_store_that_does_not_answer_is_a_failure() -> None:
    """As for everything that needs it."""
    store = MemoryStore()
    notes = Notes(store=store)
    notes.held.add("texts")

    class Deaf:
        asked = False

        def __getattr__(self, name: str) -> Any:
            if name == "checkpoints" and self.asked:
                raise StoreUnavailable("gone")
            return getattr(store, name)

    deaf = Deaf()
    app = notes.app()
    app.use_database(deaf)
    async with app:
        await app.execute(Write(texts=("a",)))
        deaf.asked = True
        result = await app.caller(position=1).execute(Read())
        assert isinstance(result.error, StoreUnavailable)
        deaf.asked = False


async def test_a_store_that_takes_its_time_takes_no_more_than_the_caller_has() -> None:
    """The wait ends, whatever it waits for."""
    store = MemoryStore()
    notes = Notes(store=store)
    notes.held.add("texts")

    class Slow:
        goes_on = asyncio.Event()

        def __getattr__(self, name: str) -> Any:
            return getattr(store.checkpoints, name)

        async def all(self) -> Any:
            await self.goes_on.wait()
            return await store.checkpoints.all()

    class Slowed:
        checkpoints = Slow()

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    app = notes.app()
    app.use_database(Slowed())
    Slow.goes_on.set()
    async with app, asyncio.timeout(30):
        await app.execute(Write(texts=("a",)))
        Slow.goes_on.clear()
        callers = [app.caller(position=1, wait=0.05) for _ in range(3)]
        results = await asyncio.gather(*(caller.execute(Read()) for caller in callers))
        Slow.goes_on.set()
        assert all(isinstance(result.error, NotYetVisible) for result in results)


async def test_what_is_inline_needs_no_stage() -> None:
    """Nor does a command, nor a query that reads nothing."""
    app = Notes().app()
    stages = {name: explain(app, name).handlers[0].stages for name in ("read", "read_lengths", "read_nothing", "write")}
    assert [name for name, found in stages.items() if "own writes" in found] == ["read", "read_lengths"]
    assert stages["read"] == ("logging", "validation", "own writes", "read only")


async def test_what_is_read_has_to_be_there() -> None:
    """An unknown name keeps the application from starting, and so does a command that says what it reads."""
    module = Module("odd")

    @dataclass(frozen=True)
    class Ask(Query[int]): ...

    @dataclass(frozen=True)
    class Tell(Command[None]): ...

    async def ask(query: Ask) -> int:
        return 1

    async def tell(command: Tell) -> None: ...

    module.register(Ask, ask, reads=["order_summry", "what"])
    module.register(Tell, tell, reads=["order_summary"])

    @module.projection("order_summary", mode="inline", tables=["order_summary"])
    class OrderSummary:
        def told(self, event: Wrote, rows: Rows) -> None: ...

    faults = App("odd", modules=[module], database="memory:").check()
    unknown = "unknown_projection"
    assert [(fault.code, fault.text, fault.hint) for fault in faults] == [
        (unknown, "reads 'order_summry', and no projection or view is called that", "did you mean order_summary?"),
        (
            unknown,
            "reads 'what', and no projection or view is called that",
            "name a projection or a view of this application",
        ),
        ("reads_nothing", "handles a command and says what it reads", "only a query waits: leave reads= out"),
    ]
    with pytest.raises(WiringError, match="use a list of names"):
        module.register(Ask, ask, reads="order_summary")


def test_a_receipt_only_grows() -> None:
    """A commit that appended nothing, or one that ends late, takes nothing back."""
    receipt = Receipt(3)
    for position in (0, 7, 5):
        receipt.note(position)
    assert (receipt.asked, receipt.written, receipt.position) == (3, 7, 7)
