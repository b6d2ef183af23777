"""An aggregate for the tests of this room, and a way to have one in the log."""

from dataclasses import dataclass
from typing import Any

from twofold.aggregates import Aggregate, Repository
from twofold.errors import Refused
from twofold.messages import Catalogue, Context, Event
from twofold.result import Failure, Result, Success
from twofold.store import MemoryStore, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """The first event of an account."""

    id: int
    owner: str


@dataclass(frozen=True, kw_only=True)
class Deposited(Event):
    """Money came in."""

    amount: int


class Account(Aggregate):
    """Counts its money."""

    id: int

    def __init__(self) -> None:
        self.history: list[int] = []

    @property
    def balance(self) -> int:
        """What is in it."""
        return sum(self.history)

    @classmethod
    def open(cls, account_id: int, owner: str) -> "Account":
        """A new one."""
        account = cls()
        account.record(Opened(id=account_id, owner=owner))
        return account

    def deposit(self, amount: int) -> Result[None, Refused]:
        """Put money in."""
        if amount <= 0:
            return Failure(Refused("an amount is positive"))
        self.record(Deposited(amount=amount))
        return Success()

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        match event:
            case Opened():
                self.id = event.id
            case Deposited():
                self.history.append(event.amount)
            case _:
                raise TypeError(event)


class Books:
    """A store with accounts."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.catalogue = Catalogue()
        self.catalogue.add(Opened)
        self.catalogue.add(Deposited)

    def unit(self) -> UnitOfWork:
        """A unit of work on it."""
        return UnitOfWork(self.store, self.catalogue, Context())

    def accounts(self, unit: UnitOfWork) -> Repository[Account]:
        """The accounts, as a handler sees them."""
        return Repository(Account, unit, self.store, self.catalogue)

    async def have(self, account_id: int, *amounts: int) -> None:
        """An account in the log."""
        unit = self.unit()
        account = Account.open(account_id, "ada")
        for amount in amounts:
            account.deposit(amount).unwrap()
        await self.accounts(unit).save(account)
        await unit.commit()

    async def history(self, account_id: int) -> list[Any]:
        """The amounts that are in the log."""
        found = await self.accounts(self.unit()).find(account_id)
        return [] if found is None else found.history
