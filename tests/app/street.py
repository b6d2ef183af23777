"""A street where one thing leads to another in every way that there is, for the tests of the graph."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    Aggregate,
    App,
    Command,
    CommandBus,
    Event,
    EventBus,
    Lifecycle,
    Module,
    Outcome,
    Query,
    Repository,
    Rows,
)
from twofold.sql import ReadSession


@dataclass(frozen=True, kw_only=True)
class Build(Command[None]):
    """By an aggregate."""


@dataclass(frozen=True, kw_only=True)
class Paint(Command[None]):
    """By a function that is called."""


@dataclass(frozen=True, kw_only=True)
class Sweep(Command[None]):
    """By a decider."""

    street: str = "main"


@dataclass(frozen=True, kw_only=True)
class Light(Command[None]):
    """By a lifecycle."""


@dataclass(frozen=True, kw_only=True)
class CountHouses(Query[int]):
    """Reads a projection."""


@dataclass(frozen=True, kw_only=True)
class Built(Event):
    """A house."""


@dataclass(frozen=True, kw_only=True)
class Burnt(Event):
    """A house, which no command here does."""


@dataclass(frozen=True, kw_only=True)
class Painted(Event):
    """A house."""


@dataclass(frozen=True, kw_only=True)
class Swept(Event):
    """The street."""


@dataclass(frozen=True, kw_only=True)
class LightFailed(Event):
    """It is dark."""


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "houses"
    id: Mapped[int] = mapped_column(primary_key=True)


class House(Aggregate):
    """Built and burnt."""

    def build(self) -> None:
        """Build it."""
        self._note()

    def _note(self) -> None:
        self.record(Built())

    def burn(self) -> None:
        """Burn it."""
        self.record(Burnt())

    def evolve(self, event: Event) -> None:
        """Follow what happened."""
        if isinstance(event, Built | Burnt | Swept):
            self.gone = isinstance(event, Burnt)


class Lamp(Protocol):
    """Nobody knows what it does."""

    def light(self) -> None: ...


street = Module("street")


@street.handler
async def build(command: Build, houses: Repository[House]) -> None:
    house = House()
    house.build()
    await houses.add(house)


async def in_red(events: EventBus) -> None:
    """Paint it."""
    await events.publish(Painted())


@street.handler
async def paint(command: Paint, events: EventBus) -> None:
    await in_red(events)


def decide(command: Sweep, state: int) -> Outcome[Swept]:
    return [Swept()]


def evolve(state: int, event: Swept) -> int:
    return state + 1


street.decider(initial=int, decide=decide, evolve=evolve, stream="street-{street}")


@street.handler(lifecycle=Lifecycle(failed=LightFailed))
async def light(command: Light) -> None: ...


@street.on(Built, Painted)
async def clean(event: Built | Painted, commands: CommandBus) -> None:
    if not isinstance(event, Painted):
        await commands.execute(Sweep())


@street.on(Swept)
async def repaint(event: Swept, commands: CommandBus) -> None:
    await commands.execute(Paint())


@street.on(Built, durable=False)
async def admire(event: Built) -> None: ...


@street.projection("houses", mode="live", tables=[Row])
class Houses:
    """Those that were built."""

    def built(self, event: Built, rows: Rows) -> None:
        """Add it."""


@street.handler(reads=["houses"])
async def count_houses(query: CountHouses, session: ReadSession) -> int:
    return 0


app = App("street", modules=[street])
