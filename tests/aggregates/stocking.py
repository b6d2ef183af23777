"""A shelf whose snapshots are kept, and how often its events were told to it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from twofold import Aggregate, App, Command, Event, Module, Refused, Repository, Result, Success
from twofold.aggregates import SnapshotPolicy, every
from twofold.result import Failure


@dataclass(frozen=True, kw_only=True)
class Put(Event):
    """Things came in."""

    shelf: str
    thing: str
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """Somebody has counted them."""


@dataclass(frozen=True)
class Price:
    """A value inside the state."""

    amount: Decimal


class Shelf(Aggregate):
    """Knows what each thing costs."""

    snapshots: ClassVar[SnapshotPolicy | None] = every(3)

    id: str
    prices: dict[str, list[Price]]
    _puts: int

    told: ClassVar[int] = 0
    """How often any shelf was told an event."""

    def __init__(self) -> None:
        self.prices = {}
        self._puts = 0

    @property
    def puts(self) -> int:
        """How often something came in."""
        return self._puts

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        Shelf.told += 1
        match event:
            case Put():
                self.id = event.shelf
                self.prices.setdefault(event.thing, []).append(Price(event.price))
                self._puts += 1
            case _:
                pass

    @property
    def state(self) -> dict[str, Any]:
        """All that it knows, for comparisons."""
        return {name: value for name, value in vars(self).items() if name != "_recorded"}


@dataclass(frozen=True, kw_only=True)
class Stock(Command[int]):
    """Put a thing on a shelf; how often something came in, before."""

    shelf: str = "a"
    thing: str = "cup"
    refuse: bool = False


def stocking(kind: type[Shelf]) -> Module:
    """Commands on shelves of a class."""
    module = Module("stocking")
    module.events(Put, Counted)

    async def stock(command: Stock, shelves: Repository[Any]) -> Result[int, Refused]:
        shelf = await shelves.find(command.shelf) or kind()
        if command.refuse:
            return Failure(Refused("no"))
        before = shelf.puts
        shelf.record(Put(shelf=command.shelf, thing=command.thing, price=Decimal("1.10")))
        await shelves.save(shelf)
        return Success(before)

    stock.__annotations__["shelves"] = Repository[kind]  # type: ignore[valid-type]  # known when it runs
    module.handler(stock)
    return module


async def stocked(app: App, times: int, shelf: str = "a") -> int:
    """Put so many things on a shelf; how often shelves were told events meanwhile, what they recorded counted."""
    before = Shelf.told
    for _ in range(times):
        (await app.execute(Stock(shelf=shelf))).unwrap()
    return Shelf.told - before
