"""Writers to other technologies: at least once, in order, and exact for whoever writes under the position."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from twofold import App, Event, Module
from twofold.errors import Fault
from twofold.messages import Context
from twofold.store import Fact, MemoryStore, Recorded

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """An event."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Emptied(Event):
    """Another."""


@dataclass(frozen=True, kw_only=True)
class Unwanted(Event):
    """One that no writer wants."""


class Index:
    """A technology that the writers write to."""

    def __init__(self) -> None:
        self.calls: list[list[tuple[int, int]]] = []
        self.trouble: dict[int, Exception] = {}

    async def put(self, *entries: tuple[int, int]) -> None:
        self.calls.append([*entries])
        for _, number in entries:
            if number in self.trouble:
                raise self.trouble[number]


class OneByOne:
    def __init__(self, index: Index) -> None:
        self.index = index

    async def counted(self, event: Counted, recorded: Recorded) -> None:
        await self.index.put((recorded.position, event.number))

    async def emptied(self, event: Emptied) -> None:
        await self.index.put((0, 0))


class Batched:
    def __init__(self, index: Index) -> None:
        self.index = index

    async def write(self, facts: Sequence[Fact]) -> None:
        await self.index.put(*((fact.recorded.position, fact.event.number) for fact in facts))


def app_with(index: Index, *, batched: bool = False, store: MemoryStore | None = None) -> App:
    module = Module("m")
    module.provide(Index, index)
    module.events(Unwanted)
    if batched:
        module.writer("index", events=[Counted])(Batched)
    else:
        module.writer("index")(OneByOne)
    return App("m", modules=[module], database=store or MemoryStore())


async def record(app: App, *events: Event, stream: str = "numbers") -> None:
    unit = app.new_unit(Context())
    unit.append(stream, *events)
    await unit.commit()


async def test_each_event_goes_to_its_method_with_its_position() -> None:
    """In the order of the log; what it does not want is not decoded for it."""
    index = Index()
    async with app_with(index) as app:
        await record(app, Counted(number=7), Unwanted(), Emptied(), Counted(number=8))
        await app.settle()
        assert index.calls == [[(1, 7)], [(0, 0)], [(4, 8)]]
        assert (await app.store.checkpoints.get("index")).position == 4
        assert [one.name for one in await app.progress()] == ["index"]


async def test_a_batch_is_handed_over_at_once() -> None:
    """A page of the log is one call."""
    index, store = Index(), MemoryStore()
    app = app_with(index, batched=True, store=store)
    app.check()
    await store.start()
    await record(app, *(Counted(number=n) for n in range(1200)))
    async with app:
        await app.settle()
    assert [len(call) for call in index.calls] == [500, 500, 200]
    assert [number for call in index.calls for _, number in call] == list(range(1200))


@pytest.mark.parametrize("shape", ["one by one", "batched"])
async def test_a_crash_between_writing_and_the_checkpoint_gives_the_events_again(tmp_path: Path, shape: str) -> None:
    """With the same positions, so that upserts under them end in exactly what was recorded."""
    for kill_at, code in ((3, -signal.SIGKILL), (0, 0)):
        arguments = ("-m", "tests.app.outside", str(tmp_path), str(kill_at), shape)
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
        assert await process.wait() == code
    with closing(sqlite3.connect(tmp_path / "elsewhere.db")) as elsewhere:
        told = elsewhere.execute("SELECT position, number FROM told").fetchall()
        counted = elsewhere.execute("SELECT position, number FROM counted ORDER BY position").fetchall()
    assert told == [(1, 10), (2, 20), (3, 30), (1, 10), (2, 20), (3, 30), (4, 40), (5, 50)]
    assert counted == [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50)]


@pytest.mark.parametrize("batched", [False, True])
async def test_what_cannot_be_written_is_put_aside_and_the_rest_flows(batched: bool) -> None:
    """With the rest of its stream; the others of its batch are not to blame."""
    index = Index()
    index.trouble[13] = ArithmeticError("unlucky")
    async with app_with(index, batched=batched) as app:
        await record(app, Counted(number=1))
        await record(app, Counted(number=13), Counted(number=14), stream="unlucky")
        await record(app, Counted(number=2))
        await app.settle()
        parked = await app.store.parked.list("index", limit=10)
        assert [(one.position, one.stream) for one in parked] == [(2, "unlucky"), (3, "unlucky")]
        written = {number for call in index.calls for _, number in call if 13 not in [n for _, n in call]}
        assert {1, 2} <= written


async def test_a_technology_that_is_away_is_waited_for() -> None:
    """However often it takes; nothing is put aside."""
    index = Index()
    failed = asyncio.Event()
    index.trouble[1] = ConnectionError("away")
    app = app_with(index)
    app.observe(observer=lambda trouble: failed.set())
    async with app:
        await record(app, Counted(number=1))
        async with asyncio.timeout(10):
            await failed.wait()
        index.trouble.clear()
        await app.settle()
        assert index.calls[-1] == [(1, 1)]
        assert await app.store.parked.list("index", limit=10) == []


def only(module: Module) -> Fault:
    faults = App("m", modules=[module], database="memory:").check()
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


class Blocking:
    def counted(self, event: Counted) -> None: ...


class Empty:
    pass


class Answering:
    async def counted(self, event: Counted) -> int:
        return 1


class Asking:
    async def counted(self, event: Counted, index: Index) -> None: ...


class Twice:
    async def counted(self, event: Counted) -> None: ...

    async def counted_too(self, event: Counted) -> None: ...


class Both:
    async def counted(self, event: Counted) -> None: ...

    async def write(self, facts: Sequence[Fact]) -> None: ...


class Deaf:
    async def write(self, facts: Sequence[Fact]) -> None: ...


class Strange:
    async def write(self, number: int) -> None: ...


class Untyped:
    def __init__(self, index) -> None:  # type: ignore[no-untyped-def]  # the mistake that is told at the start
        """Made with nobody knows what."""

    async def counted(self, event: Counted) -> None: ...


@pytest.mark.parametrize(
    "cls, events, code",
    [
        (Blocking, (), "async_mistake"),
        (Empty, (), "no_event"),
        (Answering, (), "unusable_answer"),
        (Asking, (), "untyped_parameter"),
        (Twice, (), "same_event"),
        (Both, (), "same_event"),
        (Deaf, (), "no_event"),
        (Deaf, (Index,), "no_event"),
        (OneByOne, (Counted,), "same_event"),
        (Strange, (), "no_event"),
        (Untyped, (), "untyped_parameter"),
    ],
)
def test_shapes_that_cannot_work_are_faults(cls: type, events: Any, code: str) -> None:
    """Each is told at the start, with the class or method that has it."""
    module = Module("m")
    module.writer("index", events=events)(cls)
    fault = only(module)
    assert fault.where.startswith(f"writer index: {cls.__module__}.{cls.__name__}")
    assert fault.code == code
    assert fault.hint


def test_what_it_needs_and_nothing_provides_is_a_fault() -> None:
    """Like that of a handler."""
    module = Module("m")
    module.writer("index")(OneByOne)
    assert (only(module).where, only(module).code) == ("OneByOne", "missing_dependency")


def test_two_of_one_name_are_a_fault() -> None:
    """They would share a checkpoint; so would a writer and a projection."""
    module = Module("m")
    module.provide(Index, Index())
    module.writer("index")(OneByOne)
    module.writer("index", events=[Counted])(Batched)
    assert (only(module).where, only(module).code) == ("writer index", "duplicate_name")
