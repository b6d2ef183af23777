"""What was: aggregates, states and decisions as of a version, a position or an instant; nothing is written on it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import pytest

from tests.aggregates.counting import Account, Books, Deposited, Opened
from twofold import AsOf, Decision, History, Module, Outcome, Tag
from twofold.aggregates import NotThePresent
from twofold.clock import new_id
from twofold.errors import Exists, Invalid, NotFound, WiringError
from twofold.messages import Command, Event
from twofold.store import Append, Batch, Draft, MemoryStore

pytestmark = pytest.mark.anyio
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    """Two accounts, a deposit an hour, by turns: at positions 1 to 8, from noon on."""
    store = MemoryStore()
    await store.start()
    books = Books(store)
    for number in range(4):
        for account in (1, 2):
            event = Deposited(amount=10**number * account) if number else Opened(id=account, owner="ada")
            await append(books, f"account-{account}", event, NOON + timedelta(hours=number))
    yield books
    await store.stop()


async def append(books: Books, stream: str, event: Event, time: datetime, *tags: str) -> None:
    """An event at a time."""
    kind = books.catalogue.add(type(event))
    draft = Draft(new_id(), kind.name, 1, kind.encode(event), {}, time, tags)
    await books.store.commit(Batch((Append(stream, (draft,)),)))


def history(books: Books) -> History:
    """What a query asks for."""
    return History(books.store, books.catalogue)


@pytest.mark.parametrize(
    "as_of, version, balance",
    [
        (AsOf.version(1), 1, 0),
        (AsOf.version(3), 3, 110),
        (AsOf.version(4), 4, 1110),
        (AsOf.position(1), 1, 0),
        (AsOf.position(4), 2, 10),
        (AsOf.position(5), 3, 110),
        (AsOf.position(99), 4, 1110),
        (AsOf.instant(NOON), 1, 0),
        (AsOf.instant(NOON + timedelta(hours=2, microseconds=-1)), 2, 10),
        (AsOf.instant(datetime(2030, 1, 1, 15, tzinfo=timezone(timedelta(hours=1)))), 3, 110),
        (None, 4, 1110),
    ],
    ids=str,
)
async def test_an_aggregate_is_as_it_was(books: Books, as_of: AsOf | None, version: int, balance: int) -> None:
    """The same by a repository and by the history, which a query may ask for."""
    for found in (
        await books.accounts(books.unit()).find(1, as_of=as_of),
        await history(books).find(Account, 1, as_of=as_of),
        (await history(books).get(Account, 1, as_of=as_of)).unwrap(),
    ):
        assert found is not None
        assert (found.version, found.balance, found.as_of) == (version, balance, as_of)


@pytest.mark.parametrize(
    "as_of", [AsOf.version(5), AsOf.position(0), AsOf.instant(NOON - timedelta(microseconds=1))], ids=str
)
async def test_what_was_not_there_yet_is_not_found(books: Books, as_of: AsOf) -> None:
    """Nor is a version that was never reached: what it will be nobody knows."""
    for found in (
        await books.accounts(books.unit()).get(1, as_of=as_of),
        await history(books).get(Account, 1, as_of=as_of),
    ):
        assert isinstance(found.error, NotFound)
        assert str(found.error) == f"there is no account 1 as of {as_of}"
    assert await history(books).events("account-1", as_of=as_of) == []


async def test_an_instant_is_never_a_state_that_never_was(books: Books) -> None:
    """One clock was behind another: what follows a later event is later, whatever its own time says."""
    await append(books, "account-1", Deposited(amount=5), NOON - timedelta(hours=1))
    found = (await history(books).get(Account, 1, as_of=AsOf.instant(NOON + timedelta(hours=2)))).unwrap()
    assert (found.version, found.balance) == (3, 110)


async def test_the_past_is_not_saved(books: Books) -> None:
    """It may be played with, and a repository refuses it; the present beside it is loaded and saved as ever."""
    unit = books.unit()
    accounts = books.accounts(unit)
    then = (await accounts.get(1, as_of=AsOf.version(2))).unwrap()
    then.deposit(7).unwrap()
    assert then.balance == 17
    with pytest.raises(NotThePresent, match=r"account-1 was loaded as of version 2.*without as_of"):
        await accounts.save(then)
    assert isinstance((await accounts.add(then)).error, Exists)
    now = (await accounts.get(1)).unwrap()
    assert now is not then
    now.deposit(7).unwrap()
    await accounts.save(now)
    assert (await unit.commit()).versions == {"account-1": 5}
    assert (await books.history(1))[-1] == 7


async def test_a_long_past_is_read_to_its_end(books: Books) -> None:
    """More than one page, and up to the last event of one."""
    await books.have(3, *([1] * 2500))
    for version in (1, 999, 1000, 1001, 2000, 2501):
        found = (await history(books).get(Account, 3, as_of=AsOf.version(version))).unwrap()
        assert (found.version, found.balance) == (version, version - 1)


async def test_the_past_is_read_though_the_present_cannot_be(books: Books) -> None:
    """What nobody can decode today does not keep from what was before it."""
    await books.store.commit(Batch((Append("account-1", (Draft(new_id(), "unheard_of", 1, b"{}", {}, NOON),)),)))
    assert (await history(books).get(Account, 1, as_of=AsOf.version(4))).unwrap().balance == 1110


async def test_events_come_with_what_the_log_says(books: Books) -> None:
    """Their ids, positions and times: so a correction can name the event that was wrong."""
    facts = await history(books).events("account-2", as_of=AsOf.position(4))
    assert [fact.event for fact in facts] == [Opened(id=2, owner="ada"), Deposited(amount=20)]
    assert [(fact.recorded.position, fact.recorded.version) for fact in facts] == [(2, 1), (4, 2)]
    assert len({fact.recorded.id for fact in facts}) == 2


@dataclass(frozen=True, kw_only=True)
class Deposit(Command[None]):
    account_id: int


def decide(command: Deposit, balance: int) -> Outcome[Deposited]:
    return [Deposited(amount=1)]


def evolve(balance: int, event: Opened | Deposited) -> int:
    return balance + event.amount if isinstance(event, Deposited) else balance


async def test_the_state_of_a_decider_is_as_it_was(books: Books) -> None:
    """By the name of its stream; a Failure where nothing had happened."""
    module = Module("bank")
    decider = module.decider(initial=int, decide=decide, evolve=evolve, stream="account-{account_id}")
    past = history(books)
    for as_of, balance in ((AsOf.version(2), 20), (AsOf.position(6), 220), (AsOf.instant(NOON), 0), (None, 2220)):
        assert (await past.state(decider, "account-2", as_of=as_of)).unwrap() == balance
    for stream, missing in (("account-2", AsOf.version(9)), ("account-9", None)):
        assert isinstance((await past.state(decider, stream, as_of=missing)).error, NotFound)


@dataclass
class Sum(Decision):
    """What was deposited with a tag."""

    till: Annotated[str, Tag("till")]
    amount: int = 0

    def evolve(self, event: Deposited) -> None:
        self.amount += event.amount


async def test_decisions_are_as_they_were(books: Books) -> None:
    """Over several streams, up to a position or an instant; a version is that of one stream only."""
    for number in range(1, 5):
        await append(books, f"s-{number}", Deposited(amount=number), NOON + timedelta(hours=number), "till:a")
    for as_of, amount in (
        (AsOf.position(8), 0),
        (AsOf.position(10), 3),
        (AsOf.position(99), 10),
        (AsOf.instant(NOON + timedelta(hours=3)), 6),
    ):
        total, again = Sum("a"), Sum("a")
        await history(books).read(total, again, as_of=as_of)
        assert (total.amount, again.amount) == (amount, amount)
    with pytest.raises(WiringError, match="several streams"):
        await history(books).read(Sum("a"), as_of=AsOf.version(1))


@pytest.mark.parametrize(
    "make, wrong, text",
    [
        (AsOf.version, 0, "version 0"),
        (AsOf.position, -1, "position -1"),
        (AsOf.instant, datetime(2030, 1, 1), "time zone"),  # noqa: DTZ001  # that is what is wrong
    ],
)
def test_a_moment_that_cannot_be_is_invalid(make: object, wrong: object, text: str) -> None:
    """As what it comes from is: a request, mostly."""
    assert callable(make)
    with pytest.raises(Invalid, match=text):
        make(wrong)
