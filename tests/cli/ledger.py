"""Books with an aggregate, two deciders and an older form of an event, for the tests of streams."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from twofold import (
    Aggregate,
    App,
    AsOf,
    Command,
    Event,
    Failure,
    History,
    Module,
    NotFound,
    Outcome,
    Query,
    Repository,
    Result,
    Success,
    Tag,
    event,
)
from twofold.messages import NotSecret


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    account_id: Annotated[str, Tag("account")]
    api_key: Annotated[str, NotSecret] = "hush"


@event(version=2)
@dataclass(frozen=True, kw_only=True)
class Booked(Event):
    amount: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Corrected(Event):
    amount: int
    corrects: UUID


class Account(Aggregate):
    """What was booked, and the token that nobody shall see."""

    id: str

    def __init__(self) -> None:
        self.amounts: list[int] = []
        self.token = "hush"

    def evolve(self, event: Event) -> None:
        match event:
            case Opened():
                self.id = event.account_id
            case Booked():
                self.amounts.append(event.amount)
            case Corrected():
                self.amounts[-1] = event.amount
            case _:
                raise TypeError(event)


@dataclass(frozen=True, kw_only=True)
class Open(Command[None]):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class Book(Command[int]):
    account_id: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Sum(Query[int]):
    account_id: str
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Count(Command[None]):
    name: str


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    pass


@dataclass(frozen=True)
class Counter:
    count: int = 0


def decide(command: Count, state: Counter) -> Outcome[Counted]:
    return [Counted()]


def evolve(state: Counter, event: Counted) -> Counter:
    return Counter(state.count + 1)


ledger = Module("ledger")
ledger.events(Opened, Booked, Corrected)
ledger.decider(initial=Counter, decide=decide, evolve=evolve, stream="account-counter-{name}")


ledger.skip("viewed")


@ledger.upcast("booked", version=1)
def booked_2(data: dict[str, object]) -> dict[str, object]:
    return {**data, "text": "none"}


@ledger.handler
async def open_account(command: Open, accounts: Repository[Account]) -> Result[None]:
    account = Account()
    account.record(Opened(account_id=command.account_id))
    return (await accounts.add(account)).map(lambda _: None)


@ledger.handler
async def book(command: Book, accounts: Repository[Account]) -> Result[int]:
    found = await accounts.get(command.account_id)
    if isinstance(found, Failure):
        return found
    found.value.record(Booked(amount=command.amount, text="cash"))
    await accounts.save(found.value)
    return Success(sum(found.value.amounts))


@ledger.handler
async def total(query: Sum, history: History) -> Result[int, NotFound]:
    as_of = None if query.version is None else AsOf.version(query.version)
    return (await history.get(Account, query.account_id, as_of=as_of)).map(lambda account: sum(account.amounts))


app = App("ledger", modules=[ledger])
