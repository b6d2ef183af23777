"""A vault: its commands hold secrets, which nothing that it leaves behind may hold."""

from dataclasses import dataclass, field
from logging import Logger
from typing import Annotated, Any

from fastapi import Request
from pydantic import SecretStr
from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    Aggregate,
    App,
    Command,
    Event,
    Failure,
    Lifecycle,
    Module,
    Principal,
    Query,
    Refused,
    Repository,
    Result,
    Rows,
    Secret,
    Success,
)
from twofold.errors import Unauthenticated
from twofold.sql import ReadSession


@dataclass(frozen=True, kw_only=True)
class Code:
    """A secret inside of something else."""

    number: Annotated[str, Secret]


@dataclass(frozen=True, kw_only=True)
class Store(Command[str]):
    """Store something; ends as `then` says."""

    name: str
    phrase: Annotated[str, Secret] = ""
    password: str = ""
    key: SecretStr | None = None
    codes: tuple[Code, ...] = ()
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    size: int = 0
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    """Look for something."""

    phrase: Annotated[str, Secret]
    password: str = ""


@dataclass(frozen=True, kw_only=True)
class Count(Query[int]):
    """Count what is in the inventory, again and again for who follows it."""

    phrase: Annotated[str, Secret] = ""


@dataclass(frozen=True, kw_only=True)
class StoreAttempted(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class Stored(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class StoreFailed(Event):
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Locked(Event):
    name: str


class Chest(Aggregate):
    """Locked again and again."""

    id: str
    times = 0

    def evolve(self, event: Event) -> None:
        """Count it."""
        if isinstance(event, Locked):
            self.id, self.times = event.name, self.times + 1


class Tables(DeclarativeBase):
    """The tables of the vault."""


class Item(Tables):
    """What has ever been on it."""

    __tablename__ = "vault_item"

    name: Mapped[str] = mapped_column(primary_key=True)


class Shelf(Tables):
    """What is on it."""

    __tablename__ = "vault_shelf"

    name: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]


vault = Module("vault")
vault.state(Shelf)


@vault.projection("inventory", tables=[Item])
class Inventory:
    """Cannot take what has a name like this."""

    def stored(self, event: Stored, rows: Rows) -> None:
        """Put it on the list."""
        if event.name == "unspeakable":
            raise LookupError("no word for it")
        rows.upsert(Item, {"name": event.name})


@vault.handler(lifecycle=Lifecycle(attempted=StoreAttempted, succeeded=Stored, failed=StoreFailed), retry=2, timeout=30)
async def store(
    command: Store, session: AsyncSession, chests: Repository[Chest], logger: Logger
) -> Result[str, Refused]:
    """Store it."""
    facts = {"command": command, "api_key": command.phrase, "deep": [{"password": command.password}]}
    logger.info("storing", extra=facts)
    if command.then == "refuse":
        return Failure(Refused("it is full"))
    if command.then == "crash":
        raise KeyError(command.name)
    # What a database complains of it likes to quote.
    if command.then == "text":
        await session.execute(text("SELECT CAST(:key AS uuid)"), {"key": command.phrase})
    wrong: dict[str, dict[str, object]] = {
        "null": {"name": command.phrase, "size": None},
        "type": {"name": "chair", "size": [command.phrase]},
    }
    await session.execute(insert(Shelf), [wrong.get(command.then, {"name": command.name, "size": 1})])
    chest = await chests.find(command.name) or Chest()
    chest.record(Locked(name=command.name))
    await chests.save(chest)
    return Success("stored")


@vault.handler(cache="1m", rate_limit="1000/second")
async def look(query: Look) -> int:
    """Find nothing."""
    return len(query.phrase)


@vault.handler(live=True, reads=["inventory"])
async def count(query: Count, session: ReadSession) -> int:
    """Count them."""
    return await session.scalar(select(func.count()).select_from(Item)) or 0


@vault.on(Stored, durable=False)
async def hint(event: Stored) -> None:
    """Cannot be done either."""
    if event.name == "unspeakable":
        raise LookupError("nobody near")


@vault.on(Stored)
async def tell(event: Stored) -> None:
    """Cannot be done for what has a name like this."""
    if event.name == "unspeakable":
        raise LookupError("nobody to tell")


async def authenticate(request: Request) -> Principal | None:
    """Let in whoever comes with nothing, or with something that is right."""
    sent = request.headers.get("authorization", "")
    if sent.endswith("wrong"):
        raise Unauthenticated("nobody is known by that")
    return Principal(user_id="ada") if sent else None


app = App("vault", modules=[vault], authenticate=authenticate)
