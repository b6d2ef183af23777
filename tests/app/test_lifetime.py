"""Starting, changing, stopping: the table is fixed while the application runs, and nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.bank import Announce, Announced, Balances, Deposit, Open, WhoAmI, app_on, bank, told
from twofold import App, Context, Event, EventBus, Module, Result
from twofold.dispatch import Next
from twofold.errors import StartError, StoreUnavailable, WiringError
from twofold.messages import Kind
from twofold.result import Success
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


async def test_before_and_after_it_runs_it_takes_no_message() -> None:
    """It says so, instead of losing it."""
    app = app_on(MemoryStore())
    for _ in range(2):
        assert not app.running
        for call in (app.execute(WhoAmI()), app.publish(Announced(text="x")), app.settle(), app.progress()):
            with pytest.raises(WiringError, match="is not running"):
                await call
        async with app:
            assert app.running


async def test_starting_and_stopping_twice_is_harmless() -> None:
    """And leaves no task behind."""
    before = asyncio.all_tasks()
    app = app_on(MemoryStore())
    await app.start()
    await app.start()
    await app.stop()
    await app.stop()
    assert asyncio.all_tasks() == before


async def test_the_last_block_that_is_left_stops_it() -> None:
    """One inside of another one leaves the application to that, and so does one in a thread."""
    app = app_on(MemoryStore())
    async with app:
        with pytest.raises(KeyError):
            async with app:
                raise KeyError
        assert await app.execute(Open(owner="ada")) == Success("ada")
        await asyncio.to_thread(_use_in_thread, app)
        assert await app.execute(Deposit(owner="ada", amount=1)) == Success(6)
    assert not app.running
    await app.start()
    async with app:
        pass
    assert not app.running


def _use_in_thread(app: App) -> None:
    with app.sync as bank:
        assert bank.execute(Deposit(owner="ada", amount=5)) == Success(5)


class Opened:
    """How many stores in memory are open; others come in between while one starts and stops."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.at_most = 0
        start, stop = MemoryStore.start, MemoryStore.stop

        async def start_slowly(store: MemoryStore) -> None:
            await start(store)
            self.now += 1
            self.at_most = max(self.at_most, self.now)
            await asyncio.sleep(0)

        async def stop_slowly(store: MemoryStore) -> None:
            await asyncio.sleep(0)
            await stop(store)
            self.now -= 1

        monkeypatch.setattr(MemoryStore, "start", start_slowly)
        monkeypatch.setattr(MemoryStore, "stop", stop_slowly)


async def test_who_starts_it_at_once_starts_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one waits until it runs, and so does who stops it meanwhile."""
    opened, app = Opened(monkeypatch), app_on(MemoryStore())
    await asyncio.gather(app.start(), app.start())
    assert app.running
    assert opened.at_most == 1
    await asyncio.gather(app.stop(), app.stop())
    await asyncio.gather(app.start(), app.stop())
    assert not app.running
    assert (opened.now, opened.at_most) == (0, 1)


async def test_blocks_may_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """In tasks that know nothing of each other, some of which begin while the last one before them is being left."""
    opened, app = Opened(monkeypatch), app_on(MemoryStore())

    async def visit(number: int) -> None:
        for turn in range(number, number + 9):
            async with app:
                for _ in range(turn % 4):
                    await asyncio.sleep(0)
                assert isinstance(await app.execute(WhoAmI()), Success)
            for _ in range(turn % 3):
                await asyncio.sleep(0)

    await asyncio.gather(*map(visit, range(5)))
    assert not app.running
    assert (opened.now, opened.at_most) == (0, 1)


async def test_a_block_that_could_not_begin_does_not_count() -> None:
    """Once it starts, its own block stops it."""
    app = App("unsound", modules=[Module("a"), Module("a")], database="memory:")
    with pytest.raises(StartError):
        async with app:
            pass
    app.modules.pop()
    app.use_profile("development")
    async with app:
        assert app.running
    assert not app.running


async def test_it_goes_on_where_it_stood() -> None:
    """Started again on the same store: nothing is lost, and nothing is projected twice."""
    store = MemoryStore()
    app = app_on(store)
    for amount in (5, 6):
        async with app:
            await app.execute(Open(owner="ada"))
            await app.execute(Deposit(owner="ada", amount=amount))
            await app.settle()
    async with app:
        await app.settle()
        shown: Any = (await app.execute(Balances())).unwrap()
        assert shown["soon"] == shown["now"] == [{"owner": "ada", "balance": 11}]


async def test_while_it_runs_it_cannot_be_changed() -> None:
    """Whatever is changed would hold for some messages and not for others."""

    async def middleware(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        return await call_next(message, context)

    async with app_on(MemoryStore()) as app:
        changes: list[Callable[[], None]] = [
            lambda: app.mount(Module("late")),
            lambda: app.use(middleware),
            lambda: app.override(str, ""),
            app.observe,
            lambda: app.use_database("memory:"),
            lambda: app.use_role("worker"),
        ]
        for change in changes:
            with pytest.raises(WiringError, match="is running"):
                change()


async def test_what_is_changed_before_holds() -> None:
    """Modules, middleware, overrides, observers, the database; also after it was checked."""
    store, seen = MemoryStore(), list[str]()

    class Numbers:
        def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None:
            seen.append(f"{kind} {message} {outcome}")

    async def note(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        seen.append(type(message).__name__)
        return await call_next(message, context)

    app = App("bank", database="memory:")
    app.mount(bank())
    assert app.check() != []
    app.override(MemoryStore, store)
    app.use_database(store)
    app.use(note, when=Announce)
    app.observe(meter=Numbers())
    assert app.check() == []
    async with app:
        await app.execute(Announce(texts=("a",)))
        await app.execute(WhoAmI())
    assert seen == ["Announce", "command announce success", "query who_am_i success"]
    assert await told(store) == [("announced", b'{"text":"a"}')]


async def test_a_fault_opens_nothing() -> None:
    """The store is not even started; `check` and `start` tell the same."""
    store = MemoryStore()
    app = App("bank", modules=[bank()], database=store)
    with pytest.raises(StartError) as raised:
        await app.start()
    assert list(raised.value.faults) == app.check() != []
    with pytest.raises(StoreUnavailable):
        await store.read(lambda tables: None)


async def test_a_start_that_fails_later_closes_the_store_again() -> None:
    """Whatever goes wrong."""
    store = MemoryStore()

    class NoTables:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def create_tables(self, tables: Collection[Any]) -> None:
            raise StoreUnavailable("read only")

    module = Module("state")
    module.state("a table")
    app = App("bank", modules=[module], database=NoTables())
    with pytest.raises(StoreUnavailable, match="read only"):
        await app.start()
    assert not app.running
    with pytest.raises(StoreUnavailable):
        await store.read(lambda tables: None)


async def test_a_stop_that_fails_closes_everything_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what failed: here, the checkpoints cannot be given back any more."""
    closed = list[str]()

    class Mail:
        pass

    async def open_mail() -> AsyncIterator[Mail]:
        yield Mail()
        closed.append("mail")

    module = Module("mail")
    module.provide(Mail, open_mail, scope="app")
    store = MemoryStore()
    app = app_on(store, module)
    await app.start()
    await app.get(Mail)

    async def release(self: object, owner: str, names: Collection[str] | None = None) -> None:
        raise StoreUnavailable("the database is away")

    monkeypatch.setattr(type(store.checkpoints), "release", release)
    with pytest.raises(StoreUnavailable, match="is away"):
        await app.stop()
    assert closed == ["mail"]
    assert not app.running
    with pytest.raises(StoreUnavailable):
        await store.read(lambda tables: None)


class Bells:
    """Messages of a module of its own: events that a reaction answers with another one."""

    def __init__(self) -> None:
        self.module = Module("bells")

        @dataclass(frozen=True, kw_only=True)
        class Rung(Event):
            pass

        @dataclass(frozen=True, kw_only=True)
        class Heard(Event):
            pass

        self.rung, self.heard = Rung, Heard
        self.module.events(Rung, Heard)


async def test_what_is_being_handled_is_finished_first(tmp_path: Path) -> None:
    """An event that is on its way to a reaction when the application stops is handled, once, with what comes of it."""
    begun, go_on, runs, bells = asyncio.Event(), asyncio.Event(), list[object](), Bells()

    @bells.module.on(bells.rung)
    async def hear(event: object, events: EventBus) -> None:
        runs.append(event)
        await events.publish(bells.heard())

    async def on_its_way(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        begun.set()
        await go_on.wait()
        return await call_next(message, context)

    app = App("bells", modules=[bells.module], database=tmp_path / "bells.db")
    app.use(on_its_way)
    await app.start()
    await app.publish(bells.rung())
    await begun.wait()
    stopping = asyncio.create_task(app.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    async with app:
        await app.settle()
        assert [kind for kind, _ in await told(app.store)] == ["rung", "heard"]
    assert len(runs) == 1


async def test_two_applications_in_one_interpreter_do_not_meet() -> None:
    """Not in their handlers, not in their stores, and not when one calls the other."""
    here, there = MemoryStore(), MemoryStore()
    module = Module("bridge")
    other = app_on(there)

    async with other, app_on(here, module) as app:
        await other.execute(Open(owner="ada"))
        assert (await app.execute(Deposit(owner="ada", amount=1))).is_failure
        await app.execute(Open(owner="ada"))
        await asyncio.gather(
            *(one.execute(Deposit(owner="ada", amount=n)) for n, one in ((1, app), (2, other), (3, app), (4, other)))
        )
        assert len(await told(here)) + len(await told(there)) >= 4
        assert {type_ for type_, _ in await told(here)} == {"opened", "changed"}


async def test_one_application_may_call_another_inside_a_command() -> None:
    """Each has its own transaction: what the other one did stands, though the caller is refused."""
    here, there = MemoryStore(), MemoryStore()
    other = app_on(there)

    async def call(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        await other.execute(Announce(texts=("there",)))
        return await call_next(message, context)

    app = app_on(here)
    app.use(call, at="inner", when=Announce)
    async with other, app:
        assert (await app.execute(Announce(texts=("here",), ending="refuse"))).is_failure
    assert await told(here) == []
    assert await told(there) == [("announced", b'{"text":"there"}')]


async def test_a_dependency_that_lives_as_long_as_the_application_can_be_had() -> None:
    """And is closed with it."""
    closed: list[str] = []

    class Mail:
        pass

    async def open_mail() -> AsyncIterator[Mail]:
        yield Mail()
        closed.append("mail")

    module = Module("mail")
    module.provide(Mail, open_mail, scope="app")
    async with app_on(MemoryStore(), module) as app:
        assert isinstance(await app.get(Mail), Mail)
        assert closed == []
    assert closed == ["mail"]


async def test_an_answer_of_a_middleware_is_given_as_it_is() -> None:
    """Without a transaction."""

    async def answer(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        return Success("cached")

    app = app_on(MemoryStore())
    app.use(answer, when=Kind.QUERY)
    async with app:
        assert (await app.execute(WhoAmI())).unwrap() == "cached"


async def test_a_block_after_a_stop_by_hand_is_the_last_one() -> None:
    """Whoever stops it by hand leaves all blocks that there are; the next one begins anew."""
    app = App("life", database="memory:")
    await app.__aenter__()
    await app.stop()
    async with app:
        assert app.running
    assert not app.running
    await app.start()
    await app.__aexit__(None, None, None)
    assert not app.running
