"""A depot that tells others what it ships, and is told by them what is ordered: all of it over a broker."""

from dataclasses import dataclass

from twofold import App, Command, Event, EventBus, Module, Query


@dataclass(frozen=True, kw_only=True)
class ShipStock(Command[None]):
    """Ship something."""

    stock_id: str


@dataclass(frozen=True, kw_only=True)
class CountStock(Query[int]):
    """How much there is."""


@dataclass(frozen=True, kw_only=True)
class StockShipped(Event):
    """Something was shipped."""

    stock_id: str


@dataclass(frozen=True, kw_only=True)
class StockOrdered(Event):
    """Somebody has ordered something."""

    stock_id: str


depot = Module("depot")
depot.publishes(StockShipped, to="warehouse")
depot.consumes(StockOrdered, from_="orders")


@depot.handler
async def ship(command: ShipStock, events: EventBus) -> None:
    (await events.publish(StockShipped(stock_id=command.stock_id))).unwrap()


@depot.handler
async def count(query: CountStock) -> int:
    return 7


app = App("depot", modules=[depot])
