"""What orders are made of: money, lines, addresses, and the states that an order goes through."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import Field, StringConstraints

Money: TypeAlias = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2, examples=["2.50"])]
Quantity: TypeAlias = Annotated[int, Field(ge=1, le=1000, examples=[2])]
Sku: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9-]{3,20}$"),
    Field(examples=["PEN-1"]),
]
Customer: TypeAlias = Annotated[UUID, Field(examples=["0198c2f4-5d1a-7c3e-9b60-2f1d8e4a7b35"])]
Words: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


@dataclass(frozen=True, kw_only=True)
class Line:
    """So many of one article, at a price for each, by the name it had when it was taken."""

    sku: Sku
    quantity: Quantity
    unit_price: Money
    name: Annotated[str, Field(max_length=200)] = ""

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.unit_price


Lines: TypeAlias = Annotated[
    tuple[Line, ...],
    Field(min_length=1, max_length=50, examples=[[{"sku": "PEN-1", "quantity": 2, "unit_price": "1.25"}]]),
]


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where an order is sent to."""

    street: Annotated[Words, Field(examples=["12 St James's Square"])]
    postcode: Annotated[Words, Field(examples=["SW1Y 4JH"])]
    city: Annotated[Words, Field(examples=["London"])]
    country: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{2}$"), Field(examples=["GB"])]


class OrderStatus(StrEnum):
    CREATED = "created"
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
