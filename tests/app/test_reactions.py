"""Reactions: handlers of events behind the log; their work and their checkpoint commit together."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.app.bank import Announce, Announced, Deposit, Open, app_on, told
from twofold import CommandBus, Context, EventBus, Exists, Module, Unavailable
from twofold.clock import new_id
from twofold.errors import CheckpointMoved, Conflict, HandlersFailed, TimedOut, WiringError
from twofold.store import Batch, MemoryStore, Move
from twofold.subscriptions import Trouble, log_failure

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Stopped:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Noon."""
        return NOON

    def monotonic(self) -> float:
        """Nothing passes."""
        return 0.0


@pytest.fixture
def store() -> MemoryStore:
    """A store of its own for each test."""
    return MemoryStore()


async def test_a_reaction_sends_commands_and_publishes(store: MemoryStore) -> None:
    """Everything it causes is one transaction, in the same story, as the same user, after the event."""
    module, seen = Module("more"), list[Context]()

    @module.on(Announced)
    async def react(event: Announced, bus: CommandBus, events: EventBus, context: Context) -> None:
        if event.text == "open":
            await bus.execute(Open(owner="ada"))
            await events.publish(Announced(text="opened"))
            seen.append(context)

    async with app_on(store, module) as app:
        await app.caller(user_id="eve", tenant="acme", correlation_id="c").execute(Announce(texts=("open",)))
        await app.settle()
        entries = await store.log.read(0, until=10, limit=10)
    assert [entry.type for entry in entries] == ["announced", "announced", "opened"]
    (context,) = seen
    assert (context.user_id, context.tenant, context.correlation_id) == ("eve", "acme", "c")
    assert context.message_id == entries[0].id
    assert context.causation_id == entries[0].headers["causation_id"]
    assert entries[1].headers["causation_id"] == str(entries[0].id)
    assert {entry.headers["correlation_id"] for entry in entries} == {"c"}


async def test_its_work_and_its_checkpoint_are_one(store: MemoryStore) -> None:
    """So that a restart repeats nothing that was done, and leaves nothing out that was not."""
    module, seen, trouble = Module("more"), list[str](), asyncio.Event()

    @module.on(Announced)
    async def note(event: Announced, bus: CommandBus) -> None:
        seen.append(event.text)
        await bus.execute(Open(owner=event.text))
        if event.text == "b" and not trouble.is_set():
            trouble.set()
            raise KeyError("crash")

    app = app_on(store, module)
    async with app:
        await app.execute(Announce(texts=("a",)))
        await app.settle()
        await app.execute(Announce(texts=("b",)))
        await trouble.wait()
    async with app:
        await app.settle()
        assert (await store.checkpoints.get("more.note:announced")).position == 3
    assert seen == ["a", "b", "b"]
    assert [type_ for type_, _ in await told(store)] == ["announced", "opened", "announced", "opened"]


async def test_clock_and_ids_of_the_application_hold_in_reactions(store: MemoryStore) -> None:
    """A test that owns the time owns all of it."""
    module, made = Module("more"), list[UUID]()

    def ids() -> UUID:
        made.append(new_id())
        return made[-1]

    @module.on("announced")
    async def react(event: Announced, events: EventBus) -> None:
        if event.text == "a":
            await events.publish(Announced(text="b"))

    async with app_on(store, module, clock=Stopped(), ids=ids) as app:
        await app.execute(Announce(texts=("a",)))
        await app.settle()
        entries = await store.log.read(0, until=10, limit=10)
    assert {entry.time for entry in entries} == {NOON}
    assert {entry.id for entry in entries} <= set(made)


async def test_one_that_fails_is_tried_again_and_disturbs_no_other(store: MemoryStore) -> None:
    """Its failure is seen, its work undone, and the command that caused it stands."""
    module, failed, seen = Module("more"), list[Trouble](), list[str]()

    @module.on(Announced)
    async def shaky(event: Announced, bus: CommandBus) -> None:
        await bus.execute(Open(owner=event.text))
        if not failed:
            raise Unavailable("mail server")

    @module.on(Announced)
    async def steady(event: Announced) -> None:
        seen.append(event.text)

    app = app_on(store, module)
    app.observe(observer=failed.append)
    async with app:
        assert (await app.execute(Announce(texts=("ada",)))).is_success
        await app.settle()
        assert seen == ["ada"]
        assert [type_ for type_, _ in await told(store)] == ["announced", "opened"]
        assert [one.subscription for one in failed] == ["more.shaky:announced"]
        assert (await app.execute(Deposit(owner="ada", amount=1))).is_success


async def test_where_nobody_is_told_the_log_is(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """However the application runs: each failure in a row, the first one with its traceback."""
    module, failed = Module("more"), list[str]()

    @module.on(Announced)
    async def shaky(event: Announced) -> None:
        if not failed:
            failed.append(event.text)
            raise KeyError("bug")

    async with app_on(store, module) as app:
        await app.execute(Announce(texts=("a",)))
        await app.settle()
    (line,) = [record for record in caplog.records if record.name == "twofold.subscription"]
    assert (line.levelno, line.getMessage()) == (logging.WARNING, "subscription more.shaky:announced failed")
    assert line.exc_info is not None


async def test_progress_tells_who_is_behind_and_why(store: MemoryStore) -> None:
    """And `settle` gives up with the same words, when it has waited long enough."""
    module, fail = Module("more"), asyncio.Event()

    @module.on(Announced)
    async def broken(event: Announced) -> None:
        raise KeyError("bug")

    app = app_on(store, module)
    app.observe(observer=lambda trouble: fail.set())
    async with app:
        await app.execute(Announce(texts=("a",)))
        await fail.wait()
        (behind,) = [one for one in await app.progress() if one.lag]
        assert (behind.name, behind.lag, behind.failures >= 1) == ("more.broken:announced", 1, True)
        assert "bug" in behind.error
        with pytest.raises(TimedOut, match=r"more\.broken:announced \(1 behind, .*bug"):
            await app.settle(timeout=0.01)


async def test_a_refusal_is_a_failure_of_the_reaction(store: MemoryStore) -> None:
    """It is not skipped: somebody has to look."""
    module, failed = Module("more"), asyncio.Event()
    errors: list[Exception] = []

    @module.on(Announced)
    async def refuse(event: Announced, bus: CommandBus) -> object:
        return await bus.execute(Deposit(owner="nobody", amount=1))

    def observer(trouble: Trouble) -> None:
        errors.append(trouble.error)
        failed.set()

    app = app_on(store, module)
    app.observe(observer=observer)
    async with app:
        await app.execute(Announce(texts=("a",)))
        await failed.wait()
    assert isinstance(errors[0], HandlersFailed)
    assert await store.log.head() == 1


@pytest.mark.parametrize("ending", [None, Exists("opened already"), KeyError("a row that is there already")], ids=repr)
async def test_one_that_another_process_has_overtaken_is_a_quiet_line(
    store: MemoryStore, ending: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    """However the work that is done already makes it fail: no traceback, nothing written twice, and it goes on."""
    module, seen, errors = Module("more"), list[str](), list[Exception]()

    @module.on(Announced)
    async def note(event: Announced, bus: CommandBus) -> None:
        seen.append(event.text)
        await bus.execute(Open(owner=event.text))
        if event.text == "a":
            await store.commit(Batch(moves=(Move(name="more.note:announced", position=1, expected=0),)))
            if ending is not None:
                raise ending

    def observer(trouble: Trouble) -> None:
        errors.append(trouble.error)
        log_failure(trouble)

    app = app_on(store, module)
    app.observe(observer=observer)
    with caplog.at_level(logging.INFO, logger="twofold.subscription"):
        async with app:
            await app.execute(Announce(texts=("a", "b")))
            await app.settle()
    assert seen == ["a", "b"]
    assert [type_ for type_, _ in await told(store)] == ["announced", "announced", "opened"]
    assert [type(error) for error in errors] == [CheckpointMoved]
    (line,) = [record for record in caplog.records if record.name == "twofold.subscription"]
    assert (line.levelno, line.getMessage()) == (
        logging.INFO,
        "subscription more.note:announced goes on in another process",
    )
    assert line.exc_info is None


async def test_a_conflict_of_its_own_is_a_failure(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody has done its work: a warning with its traceback, as for every failure."""
    module, failed = Module("more"), asyncio.Event()

    @module.on(Announced)
    async def clash(event: Announced) -> None:
        if not failed.is_set():
            raise Conflict("somebody else has the seat")

    def observer(trouble: Trouble) -> None:
        log_failure(trouble)
        failed.set()

    app = app_on(store, module)
    app.observe(observer=observer)
    async with app:
        await app.execute(Announce(texts=("a",)))
        await app.settle()
    (line,) = [record for record in caplog.records if record.name == "twofold.subscription"]
    assert (line.levelno, line.getMessage()) == (logging.WARNING, "subscription more.clash:announced failed")
    assert line.exc_info is not None


async def test_one_may_be_cut_into_parts_that_run_side_by_side(store: MemoryStore) -> None:
    """Each stream in its order; a slow one keeps only its own part waiting."""
    module, seen, slow = Module("more"), list[str](), asyncio.Event()

    @module.on(Announced, partitions=8)
    async def note(event: Announced) -> None:
        if event.text == "0-0":
            await slow.wait()
        seen.append(event.text)

    app = app_on(store, module)
    async with app:
        for number in range(2):
            for stream in range(20):
                unit = app.new_unit(Context())
                unit.append(f"s-{stream}", Announced(text=f"{stream}-{number}"))
                await unit.commit()
        names = {one.name for one in await app.progress()} - {"soon"}
        assert names == {f"more.note:announced[{index}/8]" for index in range(8)}
        with pytest.raises(TimedOut):
            await app.settle(timeout=0.3)
        assert len(seen) > 20
        slow.set()
        await app.settle()
    assert sorted(seen) == sorted(f"{stream}-{number}" for stream in range(20) for number in range(2))
    for stream in range(20):
        assert seen.index(f"{stream}-0") < seen.index(f"{stream}-1")


async def test_one_may_start_now_and_listen_to_some(store: MemoryStore) -> None:
    """What was there before it, and what belongs to other streams, is not for it."""
    async with app_on(store) as app:
        await app.execute(Announce(texts=("before",)))
    module, seen = Module("more"), list[str]()

    @module.on(Announced, start="now", stream="news-*")
    async def note(event: Announced) -> None:
        seen.append(event.text)

    async with app_on(store, module) as app:
        await app.settle()
        for stream in ("news-1", "other-1"):
            unit = app.new_unit(Context())
            unit.append(stream, Announced(text=stream))
            await unit.commit()
        await app.settle()
    assert seen == ["news-1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"partitions": 0},
        {"start": "yesterday"},
        {"start": -1},
        {"durable": False, "start": "now"},
        {"durable": False, "partitions": 2},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_once(wrong: dict[str, Any]) -> None:
    """Where it is written."""
    with pytest.raises(WiringError, match="a reaction cannot"):
        Module("more").on(Announced, **wrong)
