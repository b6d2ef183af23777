"""An account that lends money, as three pure functions: nothing in here knows a store, a bus or a clock."""

from dataclasses import dataclass, replace
from typing import assert_never

from twofold import Command, CommandBus, Event, Exists, Failure, Module, NotFound, Outcome, Refused


@dataclass(frozen=True, kw_only=True)
class Open(Command[int]):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class Withdraw(Command[int]):
    account_id: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Close(Command[int]):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class Plunder(Command[list[int]]):
    """Answers with what is lent after each of the amounts that were given."""

    account_id: str
    amounts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    account_id: str


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event):
    amount: int


@dataclass(frozen=True, kw_only=True)
class LimitReached(Event):
    pass


@dataclass(frozen=True, kw_only=True)
class Closed(Event):
    pass


AccountEvent = Opened | Withdrawn | LimitReached | Closed


@dataclass(frozen=True)
class Account:
    opened: bool = False
    closed: bool = False
    lent: int = 0


def decide(command: Open | Withdraw | Close, account: Account) -> Outcome[AccountEvent]:
    match command:
        case Open() if account.opened:
            return Failure(Exists("there is such an account"))
        case Open():
            return [Opened(account_id=command.account_id)]
        case _ if not account.opened:
            return Failure(NotFound("there is no such account"))
        case Withdraw() if account.closed or account.lent + command.amount > 100:
            return Failure(Refused("it lends 100 at most"))
        case Withdraw() if account.lent + command.amount == 100:
            return [Withdrawn(amount=command.amount), LimitReached()]
        case Withdraw():
            return [Withdrawn(amount=command.amount)]
        case Close():
            return [] if account.closed else [Closed()]
        case _:
            assert_never(command)


def evolve(account: Account, event: AccountEvent) -> Account:
    match event:
        case Opened():
            return replace(account, opened=True)
        case Withdrawn():
            return replace(account, lent=account.lent + event.amount)
        case Closed():
            return replace(account, closed=True)
        case LimitReached():
            return account


lending = Module("lending")
account = lending.decider(
    initial=Account, decide=decide, evolve=evolve, stream="account-{account_id}", answer=lambda account: account.lent
)


@lending.handler
async def plunder(command: Plunder, bus: CommandBus) -> list[int]:
    told = [await bus.execute(Withdraw(account_id=command.account_id, amount=amount)) for amount in command.amounts]
    return [result.value for result in told if result.is_success]
