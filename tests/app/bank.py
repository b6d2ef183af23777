"""A small application for the tests of this room: accounts, transfers, a read model inline and one behind the log."""

from dataclasses import dataclass
from typing import Any

from twofold import (
    Aggregate,
    App,
    Command,
    CommandBus,
    Context,
    Event,
    EventBus,
    Module,
    NotFound,
    Query,
    Refused,
    Repository,
    Result,
    Rows,
    Success,
)
from twofold.store import MemoryStore, Recorded, Store


@dataclass(frozen=True, kw_only=True)
class Open(Command[str]):
    """Open an account."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class Deposit(Command[int, NotFound]):
    """Put money in; negative takes it out."""

    owner: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Transfer(Command[None]):
    """Sends two commands."""

    source: str
    target: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Announce(Command[None]):
    """Publishes by hand, in the order given, and then ends as told."""

    texts: tuple[str, ...]
    surviving: str | None = None
    ending: str = ""


@dataclass(frozen=True, kw_only=True)
class WhoAmI(Query[Any]):
    """What the handler sees of the caller."""


@dataclass(frozen=True, kw_only=True)
class Balances(Query[Any]):
    """Both read models."""


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """An account was opened."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class Changed(Event):
    """Its balance changed."""

    owner: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Announced(Event):
    """Something was said."""

    text: str


class Overdrawn(Refused):
    """There is not enough in it."""


class Account(Aggregate):
    """Counts its money."""

    id: str
    balance = 0

    def change(self, amount: int) -> None:
        """Put money in, or take it out."""
        if self.balance + amount < 0:
            raise Overdrawn(f"{self.id} has {self.balance}")
        self.record(Changed(owner=self.id, amount=amount))

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        match event:
            case Opened():
                self.id = event.owner
            case Changed():
                self.balance += event.amount
            case _:
                raise TypeError(event)


def bank() -> Module:
    """A module of its own for each test."""
    module = Module("bank")

    @module.handler
    async def open_account(command: Open, accounts: Repository[Account]) -> Result[str]:
        account = Account()
        account.record(Opened(owner=command.owner))
        return (await accounts.add(account)).map(lambda _: command.owner)

    @module.handler
    async def deposit(command: Deposit, accounts: Repository[Account]) -> Result[int]:
        found = await accounts.get(command.owner)
        if found.is_success:
            found.value.change(command.amount)
            await accounts.save(found.value)
        return found.map(lambda account: account.balance)

    @module.handler
    async def transfer(command: Transfer, bus: CommandBus) -> Result[None]:
        given = await bus.execute(Deposit(owner=command.target, amount=command.amount))
        if given.is_failure:
            return given
        taken = await bus.execute(Deposit(owner=command.source, amount=-command.amount))
        return taken.map(lambda _: None)

    @module.handler
    async def announce(command: Announce, bus: EventBus) -> Result[None]:
        for text in command.texts:
            await bus.publish(Announced(text=text))
        if command.surviving is not None:
            await bus.publish(Announced(text=command.surviving), survive=True)
        if command.ending == "crash":
            raise KeyError("bug")
        if command.ending == "refuse":
            raise Refused("no")
        return Success()

    @module.handler
    def who_am_i(query: WhoAmI, context: Context) -> Any:
        return context.user_id, context.tenant, context.correlation_id

    @module.handler
    async def balances(query: Balances, store: MemoryStore) -> Any:
        return await store.read(lambda tables: {name: list(tables.rows(name)) for name in ("now", "soon")})

    @module.projection("now", mode="inline", tables=["now"])
    class Now:
        def changed(self, event: Changed, rows: Rows) -> None:
            rows.add("now", {"owner": event.owner}, balance=event.amount)

    @module.projection("soon", tables=["soon"])
    class Soon:
        def changed(self, event: Changed, rows: Rows, recorded: Recorded) -> None:
            rows.add("soon", {"owner": event.owner}, balance=event.amount)

    module.events(Announced)
    return module


def app_on(store: MemoryStore, *modules: Module, **options: Any) -> App:
    """The bank on a store, with more modules."""
    app = App("bank", modules=[bank(), *modules], database=store, **options)
    app.override(MemoryStore, store)
    return app


async def told(store: Store) -> list[tuple[str, bytes]]:
    """The whole log."""
    return [(entry.type, entry.data) for entry in await store.log.read(0, until=await store.log.head(), limit=1000)]
