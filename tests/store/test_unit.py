"""The unit of work: whole or not at all, in order, and never silently short of anything."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import pytest

from tests.store.spy import Attempted, BrokenSession, Happened, SpySession, begun, known, new_unit, types, written
from twofold.errors import StoreUnavailable, VersionConflict, WiringError
from twofold.messages import Command, Context, Event, Origin, Receipt
from twofold.store import Fact, MemoryStore, Move, UnitOfWork, Upsert, current_unit, working

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    """An open store of its own for each test."""
    store = MemoryStore()
    await store.start()
    yield store
    await store.stop()


async def test_everything_commits_together(store: MemoryStore) -> None:
    """Events, rows and a checkpoint."""
    unit = new_unit(store)
    unit.append("order-1", Happened(n=1), Happened(n=2), expected=0)
    unit.change(Upsert("orders", {"id": 1}, {"status": "placed"}))
    unit.move(Move(name="summary", position=7, expected=0))
    committed = await unit.commit()
    assert (committed.position, committed.versions) == (2, {"order-1": 2})
    assert await types(store) == ["happened", "happened"]
    assert (await store.checkpoints.get("summary")).position == 7
    assert await store.read(lambda tables: tables.row("orders", id=1)) == {"id": 1, "status": "placed"}


async def test_nothing_is_written_when_one_thing_does_not_fit(store: MemoryStore) -> None:
    """A unit of several events and streams is never torn."""
    unit = new_unit(store)
    unit.append("order-1", Happened(n=1), Happened(n=2))
    unit.append("order-2", Happened(n=3), expected=5)
    unit.change(Upsert("orders", {"id": 1}, {"status": "placed"}))
    with pytest.raises(VersionConflict):
        await unit.commit()
    assert await types(store) == []
    assert await store.read(lambda tables: tables.row("orders", id=1)) is None


async def test_events_keep_the_order_in_which_they_were_recorded(store: MemoryStore) -> None:
    """Across streams too: a projection behind the log sees what an inline one saw."""
    seen: list[int] = []

    async def inline(facts: Sequence[Fact], unit: UnitOfWork) -> None:
        seen.extend(fact.event.n for fact in facts)

    unit = UnitOfWork(store, known(), Context(), inline)
    for n, stream in enumerate(["a", "b", "a", "a", "b"]):
        unit.append(stream, Happened(n=n))
    await unit.commit()
    log = await written(store)
    assert [entry.stream for entry in log] == ["a", "b", "a", "a", "b"]
    assert [entry.version for entry in log] == [1, 1, 2, 3, 2]
    assert seen == [0, 1, 2, 3, 4]


async def test_only_events_are_added(store: MemoryStore) -> None:
    """A command is refused however it comes: appended, recorded by itself, received, or from what records events."""

    @dataclass(frozen=True, kw_only=True)
    class Happen(Command[None]):
        """A command."""

    class Recording:
        def drain(self) -> tuple[str, int, list[object]]:
            return "order-1", 0, [Happen()]

    catalogue = known()
    catalogue.add(Happen)
    unit = UnitOfWork(store, catalogue, Context())
    unit.sources.enlist(cast("Any", Recording()))
    adding: list[Callable[[], object]] = [
        lambda: unit.append("order-1", Happen()),
        lambda: unit.record(Happen()),
        lambda: unit.receive("order-1", Happen(), Context()),
    ]
    for add in adding:
        with pytest.raises(WiringError, match=r"Happen is recorded, and it is a command: only events are; execute it"):
            add()
    with pytest.raises(WiringError, match=r"Happen is recorded, and it is a command"):
        await unit.commit()
    assert await types(store) == []


async def test_who_appends_wrongly_is_told_how(store: MemoryStore) -> None:
    """Without a stream, what is no event, or an event that nobody knows; and the unit goes on."""

    @dataclass(frozen=True, kw_only=True)
    class Unnamed(Event):
        """Known to no catalogue."""

    unit = new_unit(store)
    with pytest.raises(WiringError, match=r"Happened stands where the name of a stream belongs: append\(stream, event"):
        unit.append(cast("Any", Happened(n=1)))
    with pytest.raises(WiringError, match="bytes stands where the name of a stream belongs"):
        unit.append(cast("Any", b"order-1"), Happened(n=1))
    with pytest.raises(WiringError, match="str is recorded, and is no event: derive it from Event"):
        unit.append("order-1", "it happened")
    with pytest.raises(WiringError, match=r"Unnamed is recorded, and this application does not know it: .*events\(\)"):
        unit.append("order-1", Unnamed())
    unit.append("order-1", Happened(n=2))
    await unit.commit()
    assert await types(store) == ["happened"]


@pytest.mark.parametrize("versions", [(0, 0), (1, 0), (0, 2)])
async def test_every_expected_version_is_checked(store: MemoryStore, versions: tuple[int, int]) -> None:
    """The second append of a stream counts what the first one added."""
    unit = new_unit(store)
    for expected in versions:
        unit.append("order-1", Happened(), expected=expected)
    with pytest.raises(VersionConflict):
        await unit.commit()
    assert await types(store) == []


async def test_versions_that_follow_each_other_fit(store: MemoryStore) -> None:
    """With other streams between them, and with an append that takes any version."""
    unit = new_unit(store)
    unit.append("order-1", Happened(n=1), Happened(n=2), expected=0)
    unit.append("order-1", Happened(n=3), expected=2)
    unit.append("order-2", Happened(n=4))
    unit.append("order-1", Happened(n=5))
    unit.append("order-1", Happened(n=6), expected=4)
    assert (await unit.commit()).versions == {"order-1": 5, "order-2": 1}


async def test_inline_projections_know_the_version_where_it_is_known(store: MemoryStore) -> None:
    """Of streams appended with an expected version; never a position."""
    seen: list[tuple[str, int, int]] = []

    async def inline(facts: Sequence[Fact], unit: UnitOfWork) -> None:
        seen.extend((fact.recorded.stream, fact.recorded.version, fact.recorded.position) for fact in facts)
        unit.change(Upsert("seen", {"id": 1}, {"count": len(facts)}))

    unit = UnitOfWork(store, known(), Context(), inline)
    unit.append("a", Happened(), Happened(), expected=0)
    unit.append("b", Happened())
    unit.append("a", Happened())
    await unit.commit()
    assert seen == [("a", 1, 0), ("a", 2, 0), ("b", 0, 0), ("a", 3, 0)]
    assert await store.read(lambda tables: tables.row("seen", id=1)) == {"id": 1, "count": 4}


async def test_an_event_is_encoded_when_it_is_recorded(store: MemoryStore) -> None:
    """What a handler does to it afterwards changes nothing; its headers say what caused it."""

    @dataclass(kw_only=True)
    class Mutable(Event):
        n: int

    unit = new_unit(store, Context(Origin(user_id="ada", correlation_id="c")))
    unit.catalogue.add(Mutable)
    event = Mutable(n=1)
    unit.record(event)
    event.n = 2
    await unit.commit()
    (entry,) = await written(store)
    assert entry.data == b'{"n":1}'
    assert entry.headers["correlation_id"] == "c"
    assert entry.headers["user_id"] == "ada"
    assert entry.stream == f"message-{entry.headers['causation_id']}"


async def test_an_event_that_nobody_declared_is_refused(store: MemoryStore) -> None:
    """It could never be decoded."""

    class Unknown(Event):
        pass

    with pytest.raises(WiringError, match="Unknown is recorded"):
        new_unit(store).record(Unknown())


async def test_an_empty_unit_asks_nothing_of_the_store() -> None:
    """A command that changes nothing costs no commit; this store is closed."""
    assert (await new_unit(MemoryStore()).commit()).position == 0


class TestEnding:
    """What comes too late is an error or gets a unit of its own, and is never lost in silence."""

    @pytest.mark.parametrize("end", ["commit", "rollback", "end"])
    async def test_an_ended_unit_takes_nothing_more(self, store: MemoryStore, end: str) -> None:
        """A handler that kept it finds out."""
        unit = new_unit(store)
        await getattr(unit, end)()
        assert not unit.open
        with pytest.raises(WiringError, match="Happened came after the unit of work had ended"):
            unit.record(Happened())
        with pytest.raises(WiringError, match="Attempted came after"):
            await unit.record_surviving(Attempted())

    async def test_a_task_that_is_left_behind_has_no_unit(self, store: MemoryStore) -> None:
        """It outlives the block, and what it sends gets a unit of its own."""
        ended = asyncio.Event()

        async def late() -> UnitOfWork | None:
            await ended.wait()
            return current_unit()

        async with working(new_unit(store)) as unit:
            task = asyncio.create_task(late())
            assert current_unit() is unit
        ended.set()
        assert await task is None
        assert current_unit() is None

    async def test_an_error_rolls_back_and_closes_the_session(self, store: MemoryStore) -> None:
        """In this order, and the error is the one that was raised."""
        with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
            async with working(new_unit(store)) as unit:
                session = await begun(unit)
                unit.record(Happened())
                raise KeyError
        assert session.notes == ["close"]
        with pytest.raises(StoreUnavailable, match="has ended"):
            await unit.transaction.run(lambda tables: None)
        assert await types(store) == []

    async def test_a_unit_of_another_application_is_not_the_current_one(self, store: MemoryStore) -> None:
        """Two applications in one interpreter do not meet."""
        async with working(new_unit(store)) as unit:
            assert current_unit(unit.catalogue) is unit
            assert current_unit(known()) is None


class TestSurvivors:
    """Events that outlive a roll-back."""

    async def test_before_the_first_write_they_commit_at_once(self, store: MemoryStore) -> None:
        """Nothing holds the writer's turn, so nothing waits for it."""
        unit = new_unit(store)
        await unit.record_surviving(Attempted())
        assert await types(store) == ["attempted"]
        await unit.rollback()
        await unit.end()
        assert await types(store) == ["attempted"]

    async def test_later_they_wait_for_the_roll_back(self, store: MemoryStore) -> None:
        """The unit's transaction has the writer's turn; they come right after it."""
        unit = new_unit(store)
        await begun(unit)
        unit.record(Happened())
        await unit.record_surviving(Attempted())
        assert await types(store) == []
        await unit.rollback()
        await unit.end()
        assert await types(store) == ["attempted"]

    async def test_they_commit_with_a_unit_that_commits(self, store: MemoryStore) -> None:
        """In the same transaction, so that a Success never lacks them."""
        unit = new_unit(store)
        await begun(unit)
        unit.record(Happened())
        await unit.record_surviving(Attempted())
        await unit.commit()
        assert await types(store) == ["happened", "attempted"]
        await unit.end()
        assert await types(store) == ["happened", "attempted"]

    async def test_they_commit_once_though_whoever_is_told_of_it_breaks(self, store: MemoryStore) -> None:
        """What is committed is committed by then, and nothing of it is committed a second time."""

        def told(facts: Sequence[Fact], position: int) -> None:
            raise KeyError(position)

        unit = UnitOfWork(store, known(), Context(), told=told)
        await begun(unit)
        unit.record(Happened())
        await unit.record_surviving(Attempted())
        with pytest.raises(KeyError, match="2"):
            await unit.commit()
        await unit.end()
        assert await types(store) == ["happened", "attempted"]

    async def test_they_survive_the_part_they_were_recorded_in(self, store: MemoryStore) -> None:
        """Undoing a part is a roll-back too."""
        unit = new_unit(store)
        await begun(unit)
        await unit.begin_part()
        unit.record(Happened())
        await unit.record_surviving(Attempted())
        await unit.undo_part()
        await unit.commit()
        assert await types(store) == ["attempted"]

    async def test_an_attempt_that_survives_is_nothing_that_was_decided_about(self, store: MemoryStore) -> None:
        """Whoever sent the message hears of no version, though the attempt of a command inside has reached one."""
        receipt = Receipt()
        unit = new_unit(store, Context(Origin(receipt=receipt)))
        unit.attempts.tell(Attempted(), expected=0, of=Context())
        await unit.rollback()
        await unit.end()
        assert await types(store) == ["attempted"]
        assert (receipt.written, receipt.version) == (1, None)


class TestParts:
    """Parts that can be undone alone."""

    async def test_a_part_that_raises_is_undone_and_the_rest_commits(self, store: MemoryStore) -> None:
        """With `async with unit:`, and one inside another."""
        unit = new_unit(store)
        unit.record(Happened(n=1))
        async with unit:
            unit.record(Happened(n=2))
            with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
                async with unit:
                    unit.record(Happened(n=3))
                    unit.change(Upsert("orders", {"id": 1}, {}))
                    unit.move(Move(name="x", position=1, expected=0))
                    raise KeyError
        await unit.commit()
        assert [entry.data for entry in await written(store)] == [b'{"n":1}', b'{"n":2}']
        assert (await store.checkpoints.get("x")).position == 0
        assert await store.read(lambda tables: tables.row("orders", id=1)) is None

    async def test_the_session_has_a_savepoint_for_each_part(self, store: MemoryStore) -> None:
        """Released when it is kept, rolled back to when it is undone."""
        unit = new_unit(store)
        session = await begun(unit)
        async with unit:
            pass
        with pytest.raises(KeyError):  # the block is what is tested
            async with unit:
                raise KeyError
        await unit.commit()
        assert session.notes == ["savepoint", "release", "savepoint", "undo", "flush"]

    async def test_a_session_that_is_born_in_an_undone_part_goes_with_it(self, store: MemoryStore) -> None:
        """All of its transaction was the part's; the next one begins anew."""
        unit = new_unit(store)
        with pytest.raises(KeyError):  # noqa: PT012  # the block is what is tested
            async with unit:
                first = await begun(unit)
                raise KeyError
        assert first.notes == ["close"]
        second = await begun(unit)
        unit.record(Happened())
        await unit.commit()
        assert second.notes == ["flush"]
        assert await types(store) == ["happened"]

    async def test_parts_side_by_side_wait_for_each_other(self, store: MemoryStore) -> None:
        """Undoing one never takes what the other has added."""
        unit, begun_first = new_unit(store), asyncio.Event()

        async def keep() -> None:
            async with unit:
                begun_first.set()
                await asyncio.sleep(0)
                unit.record(Happened(n=1))
                async with unit:
                    await asyncio.sleep(0)
                    unit.record(Happened(n=2))

        async def fail() -> None:
            await begun_first.wait()
            async with unit:
                unit.record(Happened(n=3))
                raise KeyError

        await asyncio.gather(keep(), fail(), keep(), return_exceptions=True)
        await unit.commit()
        assert [entry.data for entry in await written(store)] == [b'{"n":1}', b'{"n":2}'] * 2

    async def test_a_unit_inside_a_part_of_another_has_parts_of_its_own(self, store: MemoryStore) -> None:
        """And the outer one goes on where it was: what is undone is undone in the unit that it was added to."""
        outer, inner = new_unit(store), new_unit(store)
        async with asyncio.timeout(5), working(outer), outer:
            outer.append("outer", Happened(n=1))
            async with working(inner):
                async with inner:
                    inner.append("inner", Happened(n=2))
                with suppress(LookupError):
                    async with inner:
                        inner.append("inner", Happened(n=3))
                        raise LookupError
                await inner.commit()
            async with outer:
                outer.append("outer", Happened(n=4))
        await outer.commit()
        assert [(entry.stream, entry.data) for entry in await written(store)] == [
            ("inner", b'{"n":2}'),
            ("outer", b'{"n":1}'),
            ("outer", b'{"n":4}'),
        ]

    async def test_a_part_that_cannot_begin_lets_the_next_one_in(self, store: MemoryStore) -> None:
        """Its savepoint failed, and nothing is left locked."""
        unit = new_unit(store)
        unit.participant(lambda transaction: BrokenSession())
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                async with asyncio.timeout(5), unit:
                    """Never gets here."""

    async def test_a_unit_does_not_commit_over_an_open_part(self, store: MemoryStore) -> None:
        """A handler that does not wait for what it sends is told so, before anything is written."""
        unit = new_unit(store)
        unit.record(Happened())
        await unit.begin_part()
        with pytest.raises(WiringError, match="await what it sends"):
            await unit.commit()
        assert await types(store) == []

    async def test_rows_are_not_written_in_a_part(self, store: MemoryStore) -> None:
        """They belong to the whole, and a part that is undone would take them with it."""
        unit = new_unit(store)
        unit.change(Upsert("seen", {"id": 1}, {}))
        async with unit:
            with pytest.raises(WiringError, match="not in a part"):
                await unit.write_rows()
        await unit.commit()
        assert await store.read(lambda tables: tables.row("seen", id=1)) == {"id": 1}

    async def test_events_of_a_part_are_caused_by_the_parts_message(self, store: MemoryStore) -> None:
        """The chain of causes has every link."""
        outer = Context(Origin(correlation_id="c"))
        inner = Context(parent=outer)
        unit = new_unit(store, outer)
        unit.record(Happened(n=1))
        await unit.begin_part(inner)
        unit.record(Happened(n=2))
        await unit.keep_part()
        unit.record(Happened(n=3))
        await unit.commit()
        log = await written(store)
        assert [entry.headers["causation_id"] for entry in log] == [
            str(context.message_id) for context in (outer, inner, outer)
        ]
        assert {entry.headers["correlation_id"] for entry in log} == {"c"}


async def test_there_is_one_session_per_unit(store: MemoryStore) -> None:
    """Whoever asks for it."""
    unit = new_unit(store)
    first = unit.participant(lambda transaction: SpySession())
    assert unit.participant(lambda transaction: SpySession()) is first


@pytest.mark.parametrize("wrong", [None, "many", float("nan"), [1]])
async def test_an_event_that_could_not_be_read_again_is_not_recorded(store: MemoryStore, wrong: object) -> None:
    """A handler's mistake would lose its stream for good; nothing is written with it either."""
    unit = new_unit(store)
    unit.append("order-1", Happened(n=1))
    for add in (unit.record, lambda event: unit.append("order-1", event)):
        with pytest.raises(WiringError, match="Happened is recorded, and could not be read again: n: "):
            add(Happened(n=wrong))  # type: ignore[arg-type]  # the mistake
    await unit.commit()
    assert await types(store) == ["happened"]
