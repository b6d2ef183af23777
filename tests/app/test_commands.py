"""Commands, queries and events through a running application."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.app.bank import (
    Account,
    Announce,
    Announced,
    Balances,
    Deposit,
    Open,
    Overdrawn,
    Transfer,
    WhoAmI,
    app_on,
    told,
)
from twofold import EventBus, Module, Repository
from twofold.errors import Exists, HandlerNotFoundError, NotFound, WiringError
from twofold.messages import Command, Event, Principal
from twofold.result import Success
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


async def test_a_command_changes_and_a_query_shows_it() -> None:
    """The inline read model at once, the other one when it has settled."""
    async with app_on(MemoryStore()) as app:
        assert await app.execute(Open(owner="ada")) == Success("ada")
        assert await app.execute(Deposit(owner="ada", amount=5)) == Success(5)
        shown: Any = (await app.execute(Balances())).unwrap()
        assert shown["now"] == [{"owner": "ada", "balance": 5}]
        await app.settle()
        shown = (await app.execute(Balances())).unwrap()
        assert shown["soon"] == shown["now"]


async def test_refusals_are_failures_and_leave_nothing() -> None:
    """Not found, taken, and the domain's own."""
    store = MemoryStore()
    async with app_on(store) as app:
        await app.execute(Open(owner="ada"))
        before = await told(store)
        assert isinstance((await app.execute(Open(owner="ada"))).error, Exists)
        assert isinstance((await app.execute(Deposit(owner="eve", amount=1))).error, NotFound)
        assert isinstance((await app.execute(Deposit(owner="ada", amount=-1))).error, Overdrawn)
        assert await told(store) == before


async def test_a_nested_refusal_refuses_the_whole() -> None:
    """What the first part of a transfer did is undone with it, in the log and in the read models."""
    store = MemoryStore()
    async with app_on(store) as app:
        for owner in ("ada", "bob"):
            await app.execute(Open(owner=owner))
        before = await told(store)
        assert isinstance((await app.execute(Transfer(source="ada", target="bob", amount=5))).error, Overdrawn)
        assert await told(store) == before
        await app.execute(Deposit(owner="ada", amount=9))
        assert (await app.execute(Transfer(source="ada", target="bob", amount=5))).is_success
        shown: Any = (await app.execute(Balances())).unwrap()
        assert shown["now"] == [{"owner": "ada", "balance": 4}, {"owner": "bob", "balance": 5}]


@dataclass(frozen=True, kw_only=True)
class Withdraw(Command[int]):
    """Takes one out, slowly."""

    owner: str


async def test_commands_at_once_on_one_stream_never_lose_an_update() -> None:
    """All see the same before one of them commits, and no more is taken out than there is."""
    slow, store = Module("slow"), MemoryStore()

    @slow.handler
    async def withdraw(command: Withdraw, accounts: Repository[Account]) -> int:
        account = (await accounts.get(command.owner)).unwrap()
        await asyncio.sleep(0)
        account.change(-1)
        await accounts.save(account)
        return account.balance

    async with app_on(store, slow) as app:
        await app.execute(Open(owner="ada"))
        await app.execute(Deposit(owner="ada", amount=5))
        results = await asyncio.gather(*(app.execute(Withdraw(owner="ada")) for _ in range(20)))
        assert sorted(result.value for result in results if result.is_success) == [0, 1, 2, 3, 4]
        assert {type(result.error) for result in results if result.is_failure} == {Overdrawn}
        shown: Any = (await app.execute(Balances())).unwrap()
        assert shown["now"] == [{"owner": "ada", "balance": 0}]


@pytest.mark.parametrize("ending", ["refuse", "crash"])
async def test_what_is_published_goes_with_the_command(ending: str) -> None:
    """In order when it succeeds; not at all when it does not, but for what survives."""
    store = MemoryStore()
    async with app_on(store) as app:
        await app.execute(Announce(texts=("a", "b", "c")))
        assert [data for _, data in await told(store)] == [b'{"text":"a"}', b'{"text":"b"}', b'{"text":"c"}']
        command = Announce(texts=("lost",), surviving="kept", ending=ending)
        if ending == "crash":
            with pytest.raises(KeyError):
                await app.execute(command)
        else:
            assert (await app.execute(command)).is_failure
        assert [data for _, data in (await told(store))[3:]] == [b'{"text":"kept"}']


@pytest.mark.parametrize("mistake", ["unawaited", "error", "nested"])
async def test_an_answer_that_is_a_mistake_leaves_nothing(mistake: str) -> None:
    """The handler has recorded an event, and nobody can tell whether it meant to."""

    async def later() -> None: ...

    module, store = Module("blunders"), MemoryStore()

    @module.handler
    async def blunder(command: Withdraw, events: EventBus) -> Any:
        await events.publish(Announced(text="lost"))
        match mistake:
            case "unawaited":
                return later()
            case "error":
                return NotFound("it")
            case _:
                return Success(Success())

    async with app_on(store, module) as app:
        with pytest.raises(WiringError, match="blunder answered"):
            await app.execute(Withdraw(owner="ada"))
        assert await told(store) == []


async def test_an_event_outside_of_a_command_is_recorded_at_once() -> None:
    """Through the application, its bus, its dispatcher or a caller."""
    store = MemoryStore()
    async with app_on(store) as app:
        for publish in (app.publish, app.events.publish, app.dispatch, app.caller(user_id="ada").publish):
            assert (await publish(Announced(text="x"))).is_success
        assert (await app.publish(Announced(text="x"), survive=True)).is_success
        entries = await store.log.read(0, until=10, limit=10)
        assert [entry.headers.get("user_id") for entry in entries] == [None, None, None, "ada", None]


async def test_an_event_of_a_store_that_is_gone_is_a_failure() -> None:
    """As for a command."""
    store = MemoryStore()
    async with app_on(store) as app:
        await store.stop()
        assert (await app.publish(Announced(text="x"))).is_failure
        await store.start()


async def test_an_event_that_nobody_declared_is_a_wiring_mistake() -> None:
    """It could never be decoded."""

    class Undeclared(Event):
        pass

    async with app_on(MemoryStore()) as app:
        with pytest.raises(WiringError, match="Undeclared"):
            await app.publish(Undeclared())


@pytest.mark.parametrize("message", [Announce(texts=("hunter2",)), Balances()])
async def test_commands_and_queries_are_not_recorded(message: Any) -> None:
    """The log keeps what has happened, for good: what is a command or a query is refused, wherever it is published."""
    store = MemoryStore()
    async with app_on(store) as app:
        for publish in (app.publish, app.events.publish, app.caller().publish):
            with pytest.raises(WiringError, match=f"{type(message).__name__} is recorded, and it is a .*: only events"):
                await publish(message)
        assert await store.log.head() == 0


async def test_a_command_without_a_handler_is_raised() -> None:
    """Never a Failure, and only to whoever awaits."""

    class Opne(Command[None]):
        pass

    async with app_on(MemoryStore()) as app:
        for execute in (app.execute, app.caller().execute):
            sent = execute(Opne())
            with pytest.raises(HandlerNotFoundError):
                await sent


async def test_a_caller_is_known_to_everything_it_sends() -> None:
    """By its ids, or as a door has authenticated it."""
    async with app_on(MemoryStore()) as app:
        ada = app.caller(user_id="ada", tenant="acme", correlation_id="c")
        assert (await ada.execute(WhoAmI())).unwrap() == ("ada", "acme", "c")
        bob = app.caller(
            user_id="eve", principal=Principal(user_id="bob"), correlation_id="d", trace={"traceparent": "0"}
        )
        assert (await bob.execute(WhoAmI())).unwrap() == ("bob", None, "d")
        assert bob.origin.trace == {"traceparent": "0"}


async def test_who_is_asking_stands_beside_every_event_that_follows() -> None:
    """Through commands inside commands, with the chain of causes."""
    store = MemoryStore()
    async with app_on(store) as app:
        caller = app.caller(user_id="ada", tenant="acme", correlation_id="c")
        for owner in ("ada", "bob"):
            await caller.execute(Open(owner=owner))
        await caller.execute(Deposit(owner="ada", amount=5))
        await caller.execute(Transfer(source="ada", target="bob", amount=5))
        entries = await store.log.read(0, until=10, limit=10)
        facts = {tuple(entry.headers[name] for name in ("user_id", "tenant", "correlation_id")) for entry in entries}
        assert facts == {("ada", "acme", "c")}
        assert len({entry.headers["causation_id"] for entry in entries}) == 5  # two of them inside another
