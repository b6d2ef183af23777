"""A command whose parts write by sessions of their own, and one of them is refused."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from twofold import App, Command, CommandBus, Module, Refused


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "till_shelf"
    name: Mapped[str] = mapped_column(primary_key=True)


@dataclass(frozen=True)
class Put(Command[None]):
    name: str
    refused: bool = False


@dataclass(frozen=True)
class PutBlocking(Command[int]):
    name: str


@dataclass(frozen=True)
class Tidy(Command[str]):
    pass


class Shelves:
    """An application, and how often its outer command has run."""

    message: Final = Tidy()

    def __init__(self) -> None:
        self.runs = 0
        self.undone = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.module = module = Module("shelves")
        module.state(Shelf)
        module.register(Put, self.put)
        module.register(PutBlocking, self.put_blocking)
        module.register(Tidy, self.tidy)

    def app(self, database: Any, **settings: Any) -> App:
        """The application."""
        return App("shelves", modules=[self.module], database=database, **settings)

    async def put(self, command: Put, session: AsyncSession) -> None:
        """Write a row, and perhaps be refused after it."""
        session.add(Shelf(name=command.name))
        await session.flush()
        if command.refused:
            raise Refused("no")

    def put_blocking(self, command: PutBlocking, session: Session) -> int:
        """Write a row, without awaiting."""
        self.runs += 1
        session.add(Shelf(name=command.name))
        session.flush()
        return self.runs

    async def tidy(self, command: Tidy, commands: CommandBus) -> str:
        """Send both kinds, the one that is refused first: the session is born in it."""
        self.runs += 1
        for name in ("lost", "lost too"):
            await commands.execute(Put(name, refused=True))
        self.undone.set()
        await self.gate.wait()
        await commands.execute(Put("kept"))
        await commands.execute(Put("late", refused=True))
        return "tidy"
