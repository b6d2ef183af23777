"""What can be bought, at which price: a product is an event by its sku, and a decision for whoever takes one."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field

from examples.orders.values import Line, Money, Quantity, Sku, Words
from twofold import Boundary, Command, Decision, Event, Failure, Module, Refused, Result, Success, Tag

catalogue = Module("orders.catalogue")

ProductKey: TypeAlias = Annotated[str, Tag("product")]


@dataclass(frozen=True, kw_only=True)
class Item:
    """What a customer asks for: so many of a product, whose name and price the catalogue knows."""

    sku: Sku
    quantity: Quantity


@dataclass(frozen=True, kw_only=True)
class ProductListed(Event):
    """A product is for sale, or goes by another name or price from now on."""

    sku: ProductKey
    name: str
    price: Decimal


class UnknownProduct(Refused):
    """The catalogue has no such product."""


@dataclass
class Product(Decision):
    """A product as it was listed last."""

    sku: ProductKey
    name: str = ""
    price: Decimal | None = None

    def evolve(self, event: ProductListed) -> None:
        self.name, self.price = event.name, event.price


class ListProduct(BaseModel, Command[None], frozen=True):
    """Put a product into the catalogue, or give it another name or price; orders keep what they were taken at."""

    sku: Sku
    name: Annotated[Words, Field(examples=["Pen"])]
    price: Money


@catalogue.handler(path="/products/{sku}", method="PUT")
async def list_product(command: ListProduct, boundary: Boundary) -> None:
    product = Product(command.sku)
    await boundary.read(product)
    if (product.name, product.price) != (command.name, command.price):
        boundary.record(ProductListed(sku=command.sku, name=command.name, price=command.price))


async def lines_of(items: Iterable[Item], boundary: Boundary) -> Result[tuple[Line, ...], Refused]:
    """What is asked for, at today's names and prices; they hold until the command commits, or it is decided again.

    Args:
        items: What is asked for.
        boundary: What the prices are read by.

    Returns:
        A line for each item, or the refusal of a product that nobody has listed.
    """
    wanted = list(items)
    products = {item.sku: Product(item.sku) for item in wanted}
    if products:
        await boundary.read(*products.values())
    lines = list[Line]()
    for item in wanted:
        product = products[item.sku]
        if product.price is None:
            return Failure(UnknownProduct(f"there is no product {item.sku}"))
        lines.append(Line(sku=item.sku, quantity=item.quantity, unit_price=product.price, name=product.name))
    return Success(tuple(lines))
