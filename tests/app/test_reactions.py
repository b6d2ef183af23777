"""Reactions: handlers of events behind the log; their work and their checkpoint commit together."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.app.bank import Announce, Announced, Deposit, Open, app_on, told
from twofold import CommandBus, Context, EventBus, Module, Unavailable
from twofold.clock import new_id
from twofold.errors import HandlersFailed, TimedOut
from twofold.store import MemoryStore
from twofold.subscriptions import Subscription

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
    module, failed, seen = Module("more"), list[Subscription](), list[str]()

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
        assert [one.name for one in failed] == ["more.shaky:announced"]
        assert (await app.execute(Deposit(owner="ada", amount=1))).is_success


async def test_progress_tells_who_is_behind_and_why(store: MemoryStore) -> None:
    """And `settle` gives up with the same words, when it has waited long enough."""
    module, fail = Module("more"), asyncio.Event()

    @module.on(Announced)
    async def broken(event: Announced) -> None:
        raise KeyError("bug")

    app = app_on(store, module)
    app.observe(observer=lambda one: fail.set())
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
    errors: list[Exception | None] = []

    @module.on(Announced)
    async def refuse(event: Announced, bus: CommandBus) -> object:
        return await bus.execute(Deposit(owner="nobody", amount=1))

    def observer(one: Subscription) -> None:
        errors.append(one.error)
        failed.set()

    app = app_on(store, module)
    app.observe(observer=observer)
    async with app:
        await app.execute(Announce(texts=("a",)))
        await failed.wait()
    assert isinstance(errors[0], HandlersFailed)
    assert await store.log.head() == 1
