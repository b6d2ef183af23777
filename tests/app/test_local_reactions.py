"""Reactions that are not durable: run behind the commit, in the process that made it, at best."""

import asyncio
import logging
from itertools import product

import pytest

from tests.app.bank import Announce, Announced, Changed, Deposit, Open, app_on, told
from twofold import CommandBus, Context, Exists, Module
from twofold.app import _local
from twofold.errors import TimedOut
from twofold.observability import PrometheusMeter
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def store() -> MemoryStore:
    """A store of its own for each test."""
    return MemoryStore()


def counted(meter: PrometheusMeter) -> dict[str, float]:
    """What is counted of them."""
    lines = meter.render()[0].decode().splitlines()
    samples = [line.rpartition(" ") for line in lines if line.startswith("cqrs_local_reactions_") and "_total{" in line]
    return {name.removeprefix("cqrs_local_reactions_").partition("_")[0]: float(value) for name, _, value in samples}


@pytest.mark.parametrize("durable, other", [*product((True, False), repeat=2)])
async def test_a_slow_one_keeps_neither_another_nor_a_command_waiting(
    store: MemoryStore, durable: bool, other: bool
) -> None:
    """Each goes on by itself, in the order of the events, whether it follows the log or not."""
    module, seen = Module("more"), list[str]()
    begun, done, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @module.on(Announced, durable=durable)
    async def slow(event: Announced) -> None:
        begun.set()
        await go.wait()
        seen.append(f"slow {event.text}")

    @module.on(Announced, durable=other)
    async def quick(event: Announced) -> None:
        seen.append(f"quick {event.text}")
        if event.text == "b":
            done.set()

    async with app_on(store, module) as app:
        await app.execute(Announce(texts=("a",)))
        await begun.wait()
        assert (await app.execute(Announce(texts=("b",)))).is_success
        await done.wait()
        assert seen == ["quick a", "quick b"]
        with pytest.raises(TimedOut, match="slow"):
            await app.settle(timeout=0.3)
        go.set()
        await app.settle()
    assert seen[2:] == ["slow a", "slow b"]


async def test_it_is_about_what_is_committed_alone_and_leaves_no_checkpoint(store: MemoryStore) -> None:
    """Not about what was rolled back, what was there before it, or what another process commits."""
    module, seen = Module("more"), list[str]()

    @module.on(Announced, durable=False)
    async def note(event: Announced) -> None:
        seen.append(event.text)

    async with app_on(store, module) as app, app_on(store) as other:
        await other.execute(Announce(texts=("elsewhere",)))
        await app.execute(Announce(texts=("undone",), surviving="left", ending="refuse"))
        await app.execute(Announce(texts=("a", "b")))
        await app.settle()
        assert seen == ["left", "a", "b"]
        assert not [one.name for one in await store.checkpoints.all() if "note" in one.name]
        assert not [one.name for one in await app.progress() if "note" in one.name]
    async with app_on(store, module) as app:
        await app.settle()
    assert seen == ["left", "a", "b"]


async def test_a_process_that_follows_nothing_has_them_too(store: MemoryStore) -> None:
    """They are run where commands are, and the others by workers."""
    module, seen = Module("more"), list[str]()

    @module.on(Announced)
    async def later(event: Announced) -> None:
        seen.append(f"later {event.text}")

    @module.on(Announced, durable=False)
    async def now(event: Announced) -> None:
        seen.append(f"now {event.text}")

    async with app_on(store, module):
        pass
    app = app_on(store, module)
    app.use_role("api-commands")
    async with app:
        await app.execute(Announce(texts=("a",)))
    assert seen == ["now a"]


@pytest.mark.parametrize("error", [KeyError("bug"), Exists("taken")], ids=repr)
async def test_one_that_fails_is_told_and_gone(
    store: MemoryStore, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """What it did is undone, nothing of it is tried again, and neither the next event nor another reaction suffers."""
    module, seen, meter = Module("more"), list[str](), PrometheusMeter()

    @module.on(Announced, durable=False)
    async def shaky(event: Announced, bus: CommandBus) -> None:
        seen.append(event.text)
        await bus.execute(Open(owner=event.text))
        if event.text == "a":
            raise error

    @module.on(Announced)
    async def steady(event: Announced) -> None:
        seen.append(f"steady {event.text}")

    app = app_on(store, module)
    app.observe(meter=meter)
    async with app:
        assert (await app.execute(Announce(texts=("a", "b")))).is_success
        await app.settle()
        assert [data for type_, data in await told(store) if type_ == "opened"] == [b'{"owner":"b"}']
    assert sorted(seen) == ["a", "b", "steady a", "steady b"]
    assert counted(meter) == {"failed": 1}
    (line,) = [record for record in caplog.records if record.name == "twofold.reaction"]
    assert line.levelno == logging.WARNING
    assert "shaky failed, and is not tried again" in line.getMessage()
    assert line.exc_info is not None
    assert line.exc_info[1] is error


async def test_it_hears_what_its_own_events_lead_to(store: MemoryStore) -> None:
    """Under the user and the story of the event, if it is one of its streams, and `settle` waits for it."""
    module, seen = Module("more"), list[tuple[str, str | None, str, Context | None]]()

    @module.on(Announced, durable=False)
    async def start(event: Announced, bus: CommandBus) -> None:
        await bus.execute(Open(owner=event.text))
        await bus.execute(Deposit(owner=event.text, amount=1))

    @module.on(Changed, durable=False, stream="account-a*")
    async def note(event: Changed, context: Context) -> None:
        seen.append((event.owner, context.user_id, context.correlation_id, context.parent))

    async with app_on(store, module) as app:
        await app.caller(user_id="eve", correlation_id="c").execute(Announce(texts=("ada", "bob")))
        await app.settle()
    assert seen == [("ada", "eve", "c", None)]  # it is a part of no other message, nor has it the deadline of one


async def test_what_waits_is_done_before_the_process_ends(store: MemoryStore) -> None:
    """A stop is no loss where there is time for it."""
    module, seen = Module("more"), list[str]()

    @module.on(Announced, durable=False)
    async def note(event: Announced) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        seen.append(event.text)

    async with app_on(store, module) as app:
        await app.execute(Announce(texts=("a", "b", "c")))
        assert seen == []
    assert seen == ["a", "b", "c"]


async def test_what_takes_too_long_is_lost_and_told(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends in bounded time, and says how much was left."""
    monkeypatch.setattr(_local, "_PATIENCE", 0.05)
    module, meter, begun = Module("more"), PrometheusMeter(), asyncio.Event()

    @module.on(Announced, durable=False)
    async def stuck(event: Announced) -> None:
        begun.set()
        await asyncio.Event().wait()

    app = app_on(store, module)
    app.observe(meter=meter)
    async with app:
        await app.execute(Announce(texts=("a", "b", "c")))
        await begun.wait()
    assert counted(meter) == {"lost": 3}
    (line,) = [record.getMessage() for record in caplog.records if record.name == "twofold.reaction"]
    assert line.endswith("does not come to them: 3 at first")


async def test_one_that_is_far_behind_takes_no_more(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it cannot fill the memory; it says so once, and counts."""
    monkeypatch.setattr(_local, "_ROOM", 2)
    module, seen, meter = Module("more"), list[str](), PrometheusMeter()

    @module.on(Announced, durable=False)
    async def note(event: Announced) -> None:
        seen.append(event.text)

    app = app_on(store, module)
    app.observe(meter=meter)
    async with app:
        await app.execute(Announce(texts=("a", "b", "c", "d")))
        await app.settle()
        assert counted(meter) == {"lost": 2}
        await app.execute(Announce(texts=("e",)))
        await app.settle()
    assert seen == ["a", "b", "e"]
    assert len([record for record in caplog.records if record.name == "twofold.reaction"]) == 1


def test_two_reactions_of_one_name_are_a_fault() -> None:
    """Local or not: nobody could tell their lines apart."""
    module = Module("more")

    @module.on(Announced, durable=False)
    @module.on(Announced)
    async def note(event: Announced) -> None: ...

    assert [fault.code for fault in app_on(MemoryStore(), module).check()] == ["duplicate_reaction"]
