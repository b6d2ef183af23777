"""Wallets for the tests of replay, in two releases: with secrets, letters, tables, parts, and what follows the log."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    Aggregate,
    App,
    Command,
    CommandBus,
    Context,
    Event,
    EventBus,
    Lifecycle,
    Module,
    Refused,
    Repository,
    Result,
    Rows,
    Secret,
    Success,
)
from twofold.clock import Clock, new_id
from twofold.messages import NotSecret
from twofold.store import Store


class Tables(DeclarativeBase):
    """The tables."""


class Limit(Tables):
    """State: how much a wallet may hold."""

    __tablename__ = "wallet_limit"

    owner: Mapped[str] = mapped_column(primary_key=True)
    most: Mapped[int]


class Total(Tables):
    """An inline read model."""

    __tablename__ = "wallet_total"

    owner: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True, kw_only=True)
class Create(Command[UUID]):
    """Make a wallet with an id of its own."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class PutIn(Command[int]):
    """Put money in."""

    wallet: UUID
    amount: int


@dataclass(frozen=True, kw_only=True)
class Move(Command[None]):
    """Two commands in one."""

    source: UUID
    target: UUID
    amount: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """A part of a message."""

    number: Annotated[str, Secret]


@dataclass(frozen=True, kw_only=True)
class Join(Command[None]):
    """Has secrets; decides by them, by who sent it, and by the time."""

    name: str
    phrase: Annotated[str, Secret]
    cards: list[Card] = field(default_factory=list[Card])
    key: SecretStr = field(default_factory=lambda: SecretStr(""))


@dataclass(frozen=True, kw_only=True)
class SetLimit(Command[None]):
    """Writes SQL, and no event."""

    owner: str
    most: int


@dataclass(frozen=True, kw_only=True)
class Write(Command[None]):
    """Sends a letter."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Attempt(Command[None]):
    """Has a lifecycle; fails as it is told."""

    why: str = ""


@dataclass(frozen=True, kw_only=True)
class WriteThrough(Command[None]):
    """Sends a command that sends a letter, and makes nothing of its failure."""


@dataclass(frozen=True, kw_only=True)
class Created(Event):
    """A wallet was made."""

    wallet: UUID
    owner: str


@dataclass(frozen=True, kw_only=True)
class PaidIn(Event):
    """Money was put in; negative when it was taken out."""

    wallet: UUID
    owner: str
    amount: int
    rule: str = "first"


@dataclass(frozen=True, kw_only=True)
class Bonus(Event):
    """The second release gives one."""

    owner: str


@dataclass(frozen=True, kw_only=True)
class Joined(Event):
    """Somebody has come."""

    name: str
    letters: int
    by: str | None
    at: datetime
    replay: bool
    token: Annotated[str, NotSecret]


@dataclass(frozen=True, kw_only=True)
class Attempted(Event):
    """It was tried."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """It did not go well."""

    reason: str


class Wallet(Aggregate):
    """Counts its money."""

    id: UUID
    owner: str
    balance = 0

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        match event:
            case Created():
                self.id, self.owner = event.wallet, event.owner
            case PaidIn():
                self.balance += event.amount
            case _:
                raise TypeError(event)


class TooMuch(Refused):
    """It does not fit in, or is not there."""


class Post(Protocol):
    """Sends letters."""

    def send(self, text: str) -> None:
        """Send one."""
        ...


class PostBox:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        """Keep a letter."""
        self.sent.append(text)


def wallets(post: PostBox, *, release: int = 1, reactions: list[str] | None = None) -> Module:
    """The module, in its first or second release."""
    module = Module("wallets")
    module.state(Limit)
    module.provide(Post, post, scope="app")
    module.events(Bonus)

    @module.handler
    async def create(command: Create, wallets: Repository[Wallet]) -> UUID:
        wallet = Wallet()
        wallet.record(Created(wallet=new_id(), owner=command.owner))
        await wallets.save(wallet)
        return wallet.id

    @module.handler
    async def put_in(
        command: PutIn, wallets: Repository[Wallet], session: AsyncSession, events: EventBus
    ) -> Result[int, Any]:
        wallet = (await wallets.get(command.wallet)).unwrap()
        limit = await session.get(Limit, wallet.owner)
        after = wallet.balance + command.amount
        if after < 0 or (limit is not None and after > limit.most):
            raise TooMuch(f"{wallet.owner} would have {after}")
        rule = "first" if release == 1 else "second"
        wallet.record(PaidIn(wallet=wallet.id, owner=wallet.owner, amount=command.amount, rule=rule))
        await wallets.save(wallet)
        if release == 2:
            await events.publish(Bonus(owner=wallet.owner))
        return Success(after)

    @module.handler
    async def move(command: Move, bus: CommandBus) -> Result[None, Any]:
        (await bus.execute(PutIn(wallet=command.source, amount=-command.amount))).unwrap()
        return (await bus.execute(PutIn(wallet=command.target, amount=command.amount))).map(lambda _: None)

    @module.handler
    async def join(command: Join, events: EventBus, context: Context, clock: Clock, store: Store) -> None:
        if command.phrase == "crash":
            raise ZeroDivisionError("by nothing")
        joined = Joined(
            name=command.name,
            letters=len(command.phrase) + len(command.cards),
            by=f"{context.user_id} of {context.tenant}",
            at=clock.now() if context.replay else context.time,
            replay=context.replay,
            token=f"{command.phrase}-token",
        )
        await events.publish(joined)

    @module.handler
    async def set_limit(command: SetLimit, session: AsyncSession) -> None:
        await session.merge(Limit(owner=command.owner, most=command.most))

    @module.handler
    async def write(command: Write, post: Post) -> None:
        post.send(command.text)

    @module.handler
    async def write_through(command: WriteThrough, bus: CommandBus) -> None:
        await bus.execute(Write(text="through"))

    @module.handler(lifecycle=Lifecycle(attempted=Attempted, failed=Failed))
    async def attempt(command: Attempt) -> None:
        if command.why == "crash":
            raise ZeroDivisionError
        if command.why:
            raise TooMuch(command.why)

    @module.projection("totals", mode="inline", tables=[Total])
    class Totals:
        def paid(self, event: PaidIn, rows: Rows) -> None:
            rows.add(Total, {"owner": event.owner}, total=event.amount)

    @module.on(PaidIn)
    async def react(event: PaidIn, post: Post) -> None:
        if reactions is not None:
            reactions.append(event.owner)

    @module.on(PaidIn, durable=False)
    async def hint(event: PaidIn) -> None:
        if reactions is not None:
            reactions.append(f"hint for {event.owner}")

    return module


def wallet_app(database: Any, *, release: int = 1, post: PostBox | None = None, **more: Any) -> App:
    """The application."""
    return App("wallets", modules=[wallets(post or PostBox(), release=release, **more)], database=database)
