"""Snapshots: the state is kept beside its stream when a policy says so, and is what all the events come to."""

import logging
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.aggregates.stocking import Counted, Price, Put, Shelf, Stock, stocked, stocking
from tests.aggregates.summing import Add, folds, opaque, summing
from twofold import App, Event, Success
from twofold.aggregates import Loaded, after_event, every, slower_than, state_codec
from twofold.clock import new_id
from twofold.errors import WiringError
from twofold.messages import Catalogue, Context
from twofold.store import Batch, MemoryStore, Snapshot, Store, UnitOfWork
from twofold.testing import VirtualClock

pytestmark = pytest.mark.anyio


async def kept(app: App, shelf: str = "a") -> int:
    """The version of the snapshot of a shelf; 0 for none."""
    found = await app.store.find_snapshot(f"shelf-{shelf}")
    return 0 if found is None else found.version


async def test_a_load_folds_what_is_behind_the_snapshot(address: str) -> None:
    """Every third event that has to be folded makes one, and the answers are as without."""
    async with App("stocking", modules=[stocking(Shelf)], database=address) as app:
        assert [(await app.execute(Stock())).value for _ in range(4)] == [0, 1, 2, 3]
        assert await kept(app) == 3
        assert await stocked(app, 1) == 2  # the fourth event, and the one it records
        assert await stocked(app, 7) == 3 + 4 + 2 + 3 + 4 + 2 + 3
        assert await kept(app) == 9
        assert (await app.execute(Stock())).value == 12


async def test_a_command_that_is_refused_keeps_none(address: str) -> None:
    """A snapshot commits with what the command writes, or not at all."""
    async with App("stocking", modules=[stocking(Shelf)], database=address) as app:
        await stocked(app, 3)
        assert (await app.execute(Stock(refuse=True))).is_failure
        assert await kept(app) == 0


@pytest.mark.parametrize("change", ["version", "field"])
async def test_one_of_an_older_class_is_not_used(address: str, change: str) -> None:
    """Whether its class says so by a version, or has other fields; a new one takes its place."""

    class Older(Shelf):
        stream_name = "shelf"
        __qualname__ = "Shelf"

    class Newer(Older):
        __qualname__ = "Shelf"

    if change == "version":
        Newer.snapshot_version = 2
    else:
        Newer.__annotations__ = {"owner": str}
    database: str | Store = MemoryStore() if address == "memory:" else address
    async with App("stocking", modules=[stocking(Older)], database=database) as app:
        await stocked(app, 4)
        old = await app.store.find_snapshot("shelf-a")
    async with App("stocking", modules=[stocking(Newer)], database=database) as app:
        assert await stocked(app, 1) == 4 + 1
        new = await app.store.find_snapshot("shelf-a")
        assert old is not None
        assert new is not None
        assert (old.version, new.version, old.schema != new.schema) == (3, 4, True)
        assert await stocked(app, 1) == 1 + 1


@pytest.mark.parametrize("wrong", ["state", "event", "ahead"])
async def test_one_that_does_not_fit_is_not_used(address: str, caplog: pytest.LogCaptureFixture, wrong: str) -> None:
    """One that cannot be read, of another history, or ahead of its stream: it is told, and all events are folded."""
    async with App("stocking", modules=[stocking(Shelf)], database=address) as app:
        await stocked(app, 4)
        good = await app.store.find_snapshot("shelf-a")
        assert good is not None
        changes: dict[str, Any] = {"state": {"state": b'{"prices": 7}'}, "event": {"event_id": new_id()}}
        bad = good._replace(version=4 if wrong != "ahead" else 9, **changes.get(wrong, {}))
        if wrong == "state":
            last = (await app.store.log.read_stream("shelf-a"))[-1]
            bad = bad._replace(event_id=last.id)
        await app.store.commit(Batch(snapshots=(bad,)))
        with caplog.at_level(logging.WARNING, "twofold.snapshots"):
            assert await stocked(app, 1) == 4 + 1
        expected = "its state cannot be read" if wrong == "state" else "the stream has another event there"
        assert [record.getMessage() for record in caplog.records if record.name == "twofold.snapshots"] == [
            f"the snapshot of shelf-a at version {bad.version} is not used: {expected}"
        ]


async def test_without_a_policy_nobody_asks_for_a_snapshot() -> None:
    """An aggregate that has none costs what it cost before."""

    class Plain(Shelf):
        stream_name = "shelf"
        snapshots = None

    class Asked:
        def __init__(self) -> None:
            self.asked, self.store = 0, MemoryStore()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.store, name)

        async def find_snapshot(self, stream: str) -> Snapshot | None:
            self.asked += 1
            return await self.store.find_snapshot(stream)

    for kind, asked in ((Plain, 0), (Shelf, 5)):
        store = Asked()
        async with App("stocking", modules=[stocking(kind)], database=cast("Store", store)) as app:
            await stocked(app, 5)
        assert store.asked == asked


def test_policies_compose() -> None:
    """Either of two, or both; an empty load is never asked about."""

    def loaded(folded: int = 1, seconds: float = 0.0, *events: Event) -> Loaded:
        return Loaded(folded, events, seconds)

    assert [every(3)(loaded(folded)) for folded in (2, 3, 4)] == [False, True, True]
    assert [slower_than(0.5)(loaded(1, seconds)) for seconds in (0.5, 0.6)] == [False, True]
    assert [after_event(Counted)(loaded(1, 0, *events)) for events in ((), (Counted(),))] == [False, True]
    either, both = every(3) | slower_than(0.5), every(3) & slower_than(0.5)
    for folded, seconds in ((2, 0.1), (2, 0.9), (3, 0.1), (3, 0.9)):
        one, other = folded >= 3, seconds > 0.5
        assert either(loaded(folded, seconds)) is (one or other)
        assert both(loaded(folded, seconds)) is (one and other)
    with pytest.raises(WiringError, match="at least"):
        every(0)


async def test_a_slow_load_is_told_by_the_clock_of_its_message() -> None:
    """So a test need not be slow."""
    clock = VirtualClock()

    class Slow(Shelf):
        stream_name = "shelf"
        snapshots = slower_than(2)

        def evolve(self, event: Event) -> None:
            clock.advance(seconds=1)
            super().evolve(event)

    store = MemoryStore()
    async with App("stocking", modules=[stocking(Slow)], database=store, clock=clock) as app:
        await stocked(app, 3)
        assert await kept(app) == 0
        await stocked(app, 1)
        assert await kept(app) == 3


@given(st.lists(st.tuples(st.sampled_from("ab"), st.decimals("0", "9", places=2)), max_size=12), st.data())
def test_a_snapshot_and_the_rest_come_to_what_all_events_come_to(
    puts: list[tuple[str, Decimal]], data: st.DataObject
) -> None:
    """Wherever the snapshot was taken."""
    events = [Put(shelf="a", thing=thing, price=price) for thing, price in puts] + [Counted()]
    cut = data.draw(st.integers(1, len(events)))
    codec = state_codec(Shelf)
    whole, first = Shelf.rebuild(events), Shelf.rebuild(events[:cut])
    assert whole is not None
    assert first is not None
    restored = Shelf()
    vars(restored).update(codec.read(codec.write(first)) or {})
    resumed = Shelf.rebuild(events[cut:], version=len(events), start=restored)
    assert resumed is not None
    assert (resumed.state, resumed.version) == (whole.state, whole.version)


def test_what_the_class_does_not_annotate_is_not_kept_silently() -> None:
    """It would be missing after the next load; nor is a value that is not as annotated."""
    shelf = Shelf()
    vars(shelf)["colour"] = "red"
    with pytest.raises(WiringError, match="Shelf has a snapshot, and no annotation of colour"):
        state_codec(Shelf).write(shelf)
    shelf = Shelf()
    shelf.prices = {"cup": "cheap"}  # type: ignore[dict-item]  # the mistake
    with pytest.raises(WiringError, match="is not as annotated"):
        state_codec(Shelf).write(shelf)
    shelf.prices = {"cup": [Price(Decimal("NaN"))]}
    with pytest.raises(WiringError, match="would not come back from JSON as it was"):
        state_codec(Shelf).write(shelf)


async def test_a_snapshot_that_cannot_be_taken_costs_no_command(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """All events are folded, as if there were no policy, and it is said once why."""

    class Untidy(Shelf):
        stream_name = "shelf"

        def evolve(self, event: Event) -> None:
            super().evolve(event)
            self.colour = "red"

    async with App("stocking", modules=[stocking(Untidy)], database=address) as app:
        assert [(await app.execute(Stock())).value for _ in range(8)] == list(range(8))
        assert await kept(app) == 0
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 1
    assert "no snapshot of shelf-a is kept" in said[0]
    assert "no annotation of colour" in said[0]


def test_bytes_and_numbers_come_back_whatever_is_in_them() -> None:
    """As they do in the fields of an event."""

    class Drawer(Shelf):
        inside: bytes = b""
        width: float = 0

    drawer = Drawer()
    drawer.inside, drawer.width = b"\xff\x00", float("inf")
    codec = state_codec(Drawer)
    assert codec.read(codec.write(drawer)) == vars(drawer) | {"inside": b"\xff\x00", "width": float("inf")}


@pytest.mark.parametrize(
    "annotation, code, text",
    [(object(), "unencodable", "has no form in JSON"), (SecretStr, "secret_in_snapshot", "as asterisks")],
)
async def test_a_state_that_cannot_be_kept_is_found_at_the_start(annotation: Any, code: str, text: str) -> None:
    """Not at the hundredth event."""

    class Odd(Shelf):
        pass

    Odd.__annotations__ = {"odd": annotation}
    (fault,) = App("stocking", modules=[stocking(Odd)], database="memory:").check()
    assert fault.code == code
    assert text in fault.text


async def test_a_decider_has_snapshots_of_its_state(address: str) -> None:
    """The type of it is what `evolve` answers."""
    async with App("sums", modules=[summing(every(2))], database=address) as app:
        assert [(await app.execute(Add(number=number))).value for number in (1, 2, 3)] == [1, 3, 6]
        found = await app.store.find_snapshot("sum-a")
        assert found is not None
        assert (found.version, found.state) == (2, b'{"state":3}')
        folds.clear()
        assert await app.execute(Add(number=4)) == Success(10)
        assert folds == [3, 4]


def test_a_decider_whose_state_cannot_be_kept_is_found_at_the_start() -> None:
    """It says what to annotate."""
    faults = App("sums", modules=[summing(every(2), opaque)], database="memory:").check()
    (fault,) = [fault for fault in faults if fault.code == "unencodable"]
    assert "evolve" in fault.hint


async def test_the_clock_of_a_unit_is_that_of_its_message() -> None:
    """What loads in it need not ask for another."""
    clock = VirtualClock()
    assert UnitOfWork(MemoryStore(), Catalogue(), Context(clock=clock)).clock is clock
