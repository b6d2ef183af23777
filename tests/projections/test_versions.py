"""Steps from one version to the next, with somebody else who comes between two of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from twofold.dispatch import Mode, ProjectionDeclaration
from twofold.errors import CheckpointMoved, WiringError
from twofold.messages import Catalogue, Context, Event
from twofold.projections import (
    NEXT,
    Projection,
    Projector,
    Rows,
    inline_rows,
    lay,
    place,
    roll_back,
    standing,
    take_over,
)
from twofold.store import INLINE, MemoryStore, Move, Rearrangement, UnitOfWork
from twofold.store._memory_log import MemoryLog
from twofold.subscriptions import Subscription

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """An event."""


class Count:
    """Counts."""

    def counted(self, event: Counted, rows: Rows) -> None:
        rows.add("counts", {"name": "all"}, count=1)


class Stray:
    """Fills a table that it does not declare."""

    def counted(self, event: Counted, rows: Rows) -> None:
        rows.add("others", {"name": "all"}, count=1)


def counting(version: int, mode: Mode = "async", cls: type = Count) -> Projection:
    """The projection in a version."""
    return Projection.of(ProjectionDeclaration(name="counts", mode=mode, cls=cls, tables=("counts",), version=version))


CATALOGUE = Catalogue()
CATALOGUE.add(Counted)


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


async def count(store: MemoryStore, inline: Projection | None = None) -> None:
    """Record one event, with the inline projection of a process if it has one."""
    held = () if inline is None else (Move("counts", INLINE, INLINE, version=inline.version),)
    unit = UnitOfWork(store, CATALOGUE, Context(), inline_rows([] if inline is None else [inline]), held)
    unit.append("counter", Counted())
    await unit.commit()


async def follow(projection: Projection, store: MemoryStore) -> int:
    """Let it deal with everything that is in the log."""
    return await Subscription(Projector(projection, store, CATALOGUE), store, CATALOGUE).catch_up()


async def counted(store: MemoryStore) -> int:
    """The live count."""
    row = await store.read(lambda tables: tables.row("counts", name="all"))
    return 0 if row is None else row["count"]


async def built(version: int, store: MemoryStore, mode: Mode = "async") -> Projection:
    """A version that has been laid beside the live one."""
    projection = counting(version, mode)
    await lay(projection, store, await standing(store, "counts"))
    return projection


def between(monkeypatch: pytest.MonkeyPatch, come: Callable[[], Awaitable[object]]) -> None:
    """Let something happen right before the next rearrangement, once."""
    rearrange = MemoryStore.rearrange

    async def late(store: MemoryStore, change: Rearrangement) -> None:
        monkeypatch.setattr(MemoryStore, "rearrange", rearrange)
        await come()
        await rearrange(store, change)

    monkeypatch.setattr(MemoryStore, "rearrange", late)


async def test_an_old_follower_at_the_same_position_is_fenced_off(store: MemoryStore) -> None:
    """Though the checkpoint stands exactly where it left its own, it has another version: nothing is written."""
    await place(counting(1), store)
    await count(store)
    old = Subscription(Projector(counting(1), store, CATALOGUE), store, CATALOGUE)
    assert await old.catch_up() == 1
    assert await take_over(await built(2, store), store, CATALOGUE)
    await count(store)
    with pytest.raises(CheckpointMoved):
        await old.catch_up()
    assert (await counted(store), (await store.checkpoints.get("counts")).position) == (1, 1)


async def test_readers_never_go_back_in_time(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the live version gets ahead before the switch, the new one catches up once more."""
    old = counting(1)
    await place(old, store)
    await count(store)
    await follow(old, store)
    new = await built(2, store)

    async def ahead() -> None:
        await count(store)
        assert await follow(old, store) == 2

    between(monkeypatch, ahead)
    assert await take_over(new, store, CATALOGUE)
    assert (await counted(store), (await store.checkpoints.get("counts")).position) == (2, 2)


async def test_an_inline_event_right_before_a_step_counts_once_on_both_sides(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It commits with the rows of the side that is live then, and the other side finds it in the log."""
    old = counting(1, "inline")
    await take_over(await built(1, store, "inline"), store, CATALOGUE)
    await count(store, old)
    new = await built(2, store, "inline")
    between(monkeypatch, lambda: count(store, old))
    assert await take_over(new, store, CATALOGUE)
    assert await counted(store) == 2
    await count(store, new)
    between(monkeypatch, lambda: count(store, new))
    await roll_back(counting(3, "inline"), store, CATALOGUE)
    assert (await counted(store), (await store.checkpoints.get("counts")).version) == (2, 1)
    await roll_back(new, store, CATALOGUE)
    await count(store, new)
    assert await counted(store) == 5
    await roll_back(old, store, CATALOGUE)
    assert await counted(store) == 5


@pytest.mark.parametrize("before, after", [("inline", "inline"), ("async", "async"), ("inline", "async")])
async def test_it_takes_the_place_of_another_one_under_a_writer_that_never_pauses(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, before: Mode, after: Mode
) -> None:
    """Whenever it looks how far the log is, that has grown; the same when it goes back."""
    old, head = counting(1, before), MemoryLog.head
    await place(old, store)
    if before == "inline":
        await take_over(await built(1, store, before), store, CATALOGUE)

    async def grown(log: MemoryLog) -> int:
        found = await head(log)
        await count(store, live if live.mode == "inline" else None)
        return found

    live, new = old, await built(2, store, after)
    with monkeypatch.context() as writing:
        writing.setattr(MemoryLog, "head", grown)
        assert await take_over(new, store, CATALOGUE)
        live = new
    if after == "async":
        await follow(new, store)
    assert await counted(store) == await store.log.head()
    with monkeypatch.context() as writing:
        writing.setattr(MemoryLog, "head", grown)
        await roll_back(old, store, CATALOGUE)
        live = old
    if before == "async":
        await follow(old, store)
    assert await counted(store) == await store.log.head() >= 4


async def test_of_two_that_begin_to_build_one_does(store: MemoryStore) -> None:
    """The other one has seen something that is no more."""
    await place(counting(1), store)
    await place(counting(2), store)
    stands = await standing(store, "counts")
    assert (stands.live.version, stands.next.version) == (1, 0)
    await lay(counting(2), store, stands)
    with pytest.raises(CheckpointMoved):
        await lay(counting(3), store, stands)
    assert not await take_over(counting(3), store, CATALOGUE)


async def test_a_table_that_is_not_declared_is_not_filled_beside_the_live_one(store: MemoryStore) -> None:
    """It would be filled twice; the error says what to do."""
    await place(counting(1), store)
    await count(store)
    await lay(counting(2), store, await standing(store, "counts"))
    stray = Projector(counting(2, cls=Stray), store, CATALOGUE, place=NEXT)
    with pytest.raises(WiringError, match="changes the table others, which is not among its tables"):
        await Subscription(stray, store, CATALOGUE).catch_up()
