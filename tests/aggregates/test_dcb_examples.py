"""Examples of https://dcb.events beside the courses: rules that no aggregate holds, in a few lines each."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest

from tests.reliability.virtual import HandClock
from twofold import (
    App,
    Boundary,
    Command,
    Decision,
    Event,
    Exists,
    Failure,
    Module,
    NotFound,
    Refused,
    Result,
    Success,
    Tag,
)
from twofold.clock import Clock
from twofold.messages import NotSecret

pytestmark = pytest.mark.anyio

Username = Annotated[str, Tag("username")]
Account = Annotated[str, Tag("account")]
Email = Annotated[str, Tag("email")]
Token = Annotated[str, Tag("token")]

examples = Module("examples")


# A username is unique as long as its account has it, and for three days after that.

KEPT = timedelta(days=3)
NEVER, FOREVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Registered(Event):
    account_id: Account
    username: Username


@dataclass(frozen=True, kw_only=True)
class Renamed(Event):
    account_id: Account
    old: Username
    new: Username
    at: datetime


@dataclass(frozen=True, kw_only=True)
class AccountClosed(Event):
    account_id: Account
    username: Username
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Register(Command[None]):
    account_id: str
    username: str


@dataclass(frozen=True, kw_only=True)
class Rename(Command[None]):
    account_id: str
    username: str


@dataclass(frozen=True, kw_only=True)
class CloseAccount(Command[None]):
    account_id: str


@dataclass
class Claim(Decision):
    """Until when a username is taken."""

    username: Username
    until: datetime = NEVER

    def evolve(self, event: Registered | Renamed | AccountClosed) -> None:
        match event:
            case AccountClosed():
                self.until = event.at + KEPT
            case Renamed() if event.old == self.username:
                self.until = event.at + KEPT
            case Registered() | Renamed():
                self.until = FOREVER


@dataclass
class Named(Decision):
    """What an account is called; one that is closed is called nothing."""

    account_id: Account
    username: str | None = None

    def evolve(self, event: Registered | Renamed | AccountClosed) -> None:
        match event:
            case Registered():
                self.username = event.username
            case Renamed():
                self.username = event.new
            case AccountClosed():
                self.username = None


@examples.handler
async def register(command: Register, boundary: Boundary, clock: Clock) -> Result[None]:
    claim = Claim(command.username)
    await boundary.read(claim)
    if clock.now() <= claim.until:
        return Failure(Exists("somebody is called that"))
    boundary.record(Registered(account_id=command.account_id, username=command.username))
    return Success()


@examples.handler
async def rename(command: Rename, boundary: Boundary, clock: Clock) -> Result[None]:
    claim, named = Claim(command.username), Named(command.account_id)
    await boundary.read(claim, named)
    if named.username is None:
        return Failure(NotFound("there is no such account"))
    if clock.now() <= claim.until:
        return Failure(Exists("somebody is called that"))
    boundary.record(Renamed(account_id=command.account_id, old=named.username, new=command.username, at=clock.now()))
    return Success()


@examples.handler
async def close_account(command: CloseAccount, boundary: Boundary, clock: Clock) -> Result[None]:
    named = Named(command.account_id)
    await boundary.read(named)
    if named.username is None:
        return Failure(NotFound("there is no such account"))
    boundary.record(AccountClosed(account_id=command.account_id, username=named.username, at=clock.now()))
    return Success()


# Whoever has the token of a sign-up confirms it, once and in time; no table of tokens is kept.


@dataclass(frozen=True, kw_only=True)
class SignUpInitiated(Event):
    email: Email
    token: Annotated[Token, NotSecret]
    until: datetime


@dataclass(frozen=True, kw_only=True)
class SignUpConfirmed(Event):
    email: Email
    token: Annotated[Token, NotSecret]


@dataclass(frozen=True, kw_only=True)
class SignUp(Command[None]):
    email: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Confirm(Command[None]):
    email: str
    token: str


@dataclass
class Pending(Decision):
    """A sign-up under its token."""

    email: Email
    token: Annotated[Token, NotSecret]
    until: datetime | None = None
    used: bool = False

    def evolve(self, event: SignUpInitiated | SignUpConfirmed) -> None:
        match event:
            case SignUpInitiated():
                self.until = event.until
            case SignUpConfirmed():
                self.used = True


@examples.handler
async def sign_up(command: SignUp, boundary: Boundary, clock: Clock) -> None:
    until = clock.now() + timedelta(hours=1)
    boundary.record(SignUpInitiated(email=command.email, token=command.token, until=until))


@examples.handler
async def confirm(command: Confirm, boundary: Boundary, clock: Clock) -> Result[None]:
    pending = Pending(command.email, command.token)
    await boundary.read(pending)
    if pending.until is None:
        return Failure(NotFound("no pending sign-up has this token"))
    if pending.used:
        return Failure(Exists("it is confirmed"))
    if pending.until < clock.now():
        return Failure(Refused("the token has expired"))
    boundary.record(SignUpConfirmed(email=command.email, token=command.token))
    return Success()


# Invoices are numbered without a gap, by their type alone.


@dataclass(frozen=True, kw_only=True)
class InvoiceCreated(Event):
    number: int


@dataclass(frozen=True, kw_only=True)
class CreateInvoice(Command[int]):
    pass


@dataclass
class LastInvoice(Decision):
    """The highest number that was given."""

    number: int = 0

    def evolve(self, event: InvoiceCreated) -> None:
        self.number = event.number


@examples.handler
async def create_invoice(command: CreateInvoice, boundary: Boundary) -> int:
    last = LastInvoice()
    await boundary.read(last)
    boundary.record(InvoiceCreated(number=last.number + 1), stream="invoices")
    return last.number + 1


@pytest.fixture
def clock() -> HandClock:
    """The clock of the application."""
    return HandClock()


@pytest.fixture
async def app(address: str, clock: HandClock) -> AsyncIterator[App]:
    """All examples on each store."""
    async with App("examples", modules=[examples], database=address, clock=clock) as app:
        yield app


async def test_a_username_is_unique_while_it_is_in_use(app: App, clock: HandClock) -> None:
    """Taken by registering and renaming, free again once its account is called otherwise; one of many gets it."""
    told = await asyncio.gather(*(app.execute(Register(account_id=f"a{n}", username="ada")) for n in range(8)))
    assert sum(result.is_success for result in told) == 1
    assert {type(result.error) for result in told if result.is_failure} == {Exists}
    winner = f"a{next(n for n, result in enumerate(told) if result.is_success)}"
    assert (await app.execute(Rename(account_id=winner, username="eve"))).is_success
    assert isinstance((await app.execute(Register(account_id="b", username="eve"))).error, Exists)
    clock.time += KEPT.total_seconds() + 1
    assert (await app.execute(Register(account_id="b", username="ada"))).is_success
    assert isinstance((await app.execute(Rename(account_id=winner, username="ada"))).error, Exists)
    assert isinstance((await app.execute(Rename(account_id="c", username="new"))).error, NotFound)


async def test_a_username_is_free_again_once_its_account_is_closed(app: App, clock: HandClock) -> None:
    """For whoever of many is first, and of the closed account nothing is left to rename or close."""
    assert (await app.execute(Register(account_id="a", username="ada"))).is_success
    assert (await app.execute(CloseAccount(account_id="a"))).is_success
    for late in (CloseAccount(account_id="a"), Rename(account_id="a", username="eve")):
        assert isinstance((await app.execute(late)).error, NotFound)
    clock.time += KEPT.total_seconds() + 1
    told = await asyncio.gather(*(app.execute(Register(account_id=f"b{n}", username="ada")) for n in range(5)))
    assert sum(result.is_success for result in told) == 1


@pytest.mark.parametrize("give_up", [Rename(account_id="a", username="eve"), CloseAccount(account_id="a")])
async def test_a_username_is_kept_for_three_days(app: App, clock: HandClock, give_up: Command[None]) -> None:
    """Nobody else is called that meanwhile, nor is who has given it up."""
    assert (await app.execute(Register(account_id="a", username="ada"))).is_success
    assert (await app.execute(Register(account_id="b", username="bob"))).is_success
    assert (await app.execute(give_up)).is_success
    for wait in (0.0, KEPT.total_seconds()):
        clock.time += wait
        for again in (Register(account_id="c", username="ada"), Rename(account_id="b", username="ada")):
            assert isinstance((await app.execute(again)).error, Exists)
    clock.time += 1
    assert (await app.execute(Rename(account_id="b", username="ada"))).is_success


async def test_an_opaque_token_confirms_once_and_in_time(app: App, clock: HandClock) -> None:
    """Only with the address that it was sent to, however often it is sent at once."""
    await app.execute(SignUp(email="ada@example.org", token="t1"))
    await app.execute(SignUp(email="bob@example.org", token="t2"))
    assert isinstance((await app.execute(Confirm(email="ada@example.org", token="t2"))).error, NotFound)
    twice = await asyncio.gather(*(app.execute(Confirm(email="ada@example.org", token="t1")) for _ in range(5)))
    assert sum(result.is_success for result in twice) == 1
    assert {type(result.error) for result in twice if result.is_failure} == {Exists}
    clock.time += 7200
    assert str((await app.execute(Confirm(email="bob@example.org", token="t2"))).error) == "the token has expired"


async def test_invoices_are_numbered_without_a_gap(app: App) -> None:
    """However many are made at once, and whatever else is recorded meanwhile."""
    made = [*(CreateInvoice() for _ in range(5)), Register(account_id="a", username="ada")]
    told = await asyncio.gather(*map(app.execute, made))
    assert told.pop() == Success(None)
    assert {result.unwrap() for result in told} == {1, 2, 3, 4, 5}
    assert [recorded.version for recorded in await app.store.log.read_stream("invoices")] == [1, 2, 3, 4, 5]
