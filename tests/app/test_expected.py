"""A sender says at which version it expects what a command is about, and nothing is done if that has changed."""

import asyncio
from dataclasses import dataclass

import pytest

from tests.app.bank import Account, Announce, Balances, Deposit, Open, Overdrawn, Transfer, app_on, told
from twofold import Command, CommandBus, Module, NotFound, Repository, Result, Success, UnitOfWork
from twofold.errors import Exists, NoSingleVersion, PreconditionFailed, WiringError
from twofold.messages import Expected, Origin
from twofold.store import MemoryStore

pytestmark = pytest.mark.anyio


async def test_a_command_is_done_only_at_the_version_that_is_expected() -> None:
    """It says where it has come to, so that the next one can be sent; at another version nothing is written."""
    store = MemoryStore()
    async with app_on(store) as app:
        opener = app.caller(expected=0)
        assert (await opener.execute(Open(owner="ada"))).is_success
        assert opener.version == 1
        payer = app.caller(expected=1)
        assert await payer.execute(Deposit(owner="ada", amount=5)) == Success(5)
        assert payer.version == 2
        before = await told(store)
        late = await payer.execute(Deposit(owner="ada", amount=5))
        assert isinstance(late.error, PreconditionFailed)
        assert (late.error.stream, late.error.actual) == ("account-ada", 2)
        assert await told(store) == before


@pytest.mark.parametrize(
    "expected, there, missing",
    [
        (Expected.present(), True, False),
        (Expected.absent(), False, True),
        (Expected.version(1, 7), True, False),
        (Expected.version(), False, False),
    ],
)
async def test_one_of_several_or_that_it_is_there_or_not(expected: Expected, there: bool, missing: bool) -> None:
    """Each holds for an account that there is, and for one that there is not, as it says."""
    async with app_on(MemoryStore()) as app:
        await app.execute(Open(owner="ada"))
        caller = app.caller(expected=expected)
        assert (await caller.execute(Deposit(owner="ada", amount=1))).is_success is there
        assert (await caller.execute(Open(owner="bob"))).is_success is missing


async def test_who_would_be_refused_anyway_learns_nothing_of_versions() -> None:
    """What the domain says comes first, and so does that there is no such thing."""
    async with app_on(MemoryStore()) as app:
        await app.execute(Open(owner="ada"))
        caller = app.caller(expected=9)
        assert isinstance((await caller.execute(Deposit(owner="ada", amount=-1))).error, Overdrawn)
        assert isinstance((await caller.execute(Deposit(owner="eve", amount=1))).error, NotFound)
        assert isinstance((await caller.execute(Open(owner="ada"))).error, Exists)


async def test_where_nobody_can_tell_what_is_meant_nothing_is_done() -> None:
    """A command about two aggregates, and one about none, are refused rather than done for a number by chance."""
    store = MemoryStore()
    async with app_on(store) as app:
        for owner in ("ada", "bob"):
            await app.execute(Open(owner=owner))
            await app.execute(Deposit(owner=owner, amount=9))
        before = await told(store)
        caller = app.caller(expected=2)
        for command in (Transfer(source="ada", target="bob", amount=1), Announce(texts=("a",))):
            refused = await caller.execute(command)
            assert isinstance(refused.error, NoSingleVersion)
        assert await told(store) == before
        assert (await caller.execute(Balances())).is_success


@pytest.mark.parametrize(
    "expected, tried, done", [(Expected.version(1), [1], False), (Expected.present(), [1, 2], True)]
)
async def test_who_is_overtaken_has_failed_where_no_other_version_would_do(
    expected: Expected, tried: list[int], done: bool
) -> None:
    """Then it is not decided again; it is where the new version is as expected too."""

    @dataclass(frozen=True, kw_only=True)
    class Slowly(Command[int]):
        owner: str

    slow, loaded, go_on, attempts = Module("slow"), asyncio.Event(), asyncio.Event(), list[int]()

    async def slowly(command: Slowly, accounts: Repository[Account]) -> Result[int]:
        account = (await accounts.get(command.owner)).unwrap()
        attempts.append(account.version)
        loaded.set()
        await go_on.wait()
        account.change(1)
        await accounts.save(account)
        return Success(account.balance)

    slow.register(Slowly, slowly)
    async with app_on(MemoryStore(), slow) as app:
        await app.execute(Open(owner="ada"))
        late = asyncio.create_task(app.caller(expected=expected).execute(Slowly(owner="ada")))
        await loaded.wait()
        await app.execute(Deposit(owner="ada", amount=5))
        go_on.set()
        result = await late
        assert attempts == tried
        assert result == Success(6) if done else isinstance(result.error, PreconditionFailed)


async def test_a_handler_may_say_itself_at_which_version_it_found_what_it_is_about() -> None:
    """For what is kept in a table, say; and it may ask before it does anything else."""

    @dataclass(frozen=True, kw_only=True)
    class Stamp(Command[None]):
        version: int

    others, done = Module("others"), list[int]()

    async def stamp(command: Stamp, unit: UnitOfWork) -> None:
        unit.found("stamp", command.version)
        unit.prove_expected()
        done.append(command.version)

    others.register(Stamp, stamp)
    async with app_on(MemoryStore(), others) as app:
        caller = app.caller(expected=3)
        assert (await caller.execute(Stamp(version=3))).is_success
        assert isinstance((await caller.execute(Stamp(version=4))).error, PreconditionFailed)
    assert (done, caller.version) == ([3], None)


async def test_a_command_that_a_handler_sends_can_expect_nothing_of_its_own() -> None:
    """It is a part of the one that the handler handles, so this is a mistake in the handler."""

    @dataclass(frozen=True, kw_only=True)
    class Outer(Command[int]):
        expected: int

    others = Module("others")

    async def outer(command: Outer, bus: CommandBus) -> Result[int]:
        origin = Origin(expected=Expected.version(command.expected))
        return await bus.execute(Deposit(owner="ada", amount=1), origin=origin)

    others.register(Outer, outer)
    async with app_on(MemoryStore(), others) as app:
        await app.execute(Open(owner="ada"))
        with pytest.raises(WiringError, match="can expect no version"):
            await app.execute(Outer(expected=1))
