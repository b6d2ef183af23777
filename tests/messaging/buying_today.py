"""The service that receives what is paid, in a newer version."""

from dataclasses import dataclass

from twofold import Event, Module
from twofold.messages import event


@event(name="paid", version=2)
@dataclass(frozen=True, kw_only=True)
class PaidToday(Event):
    """Something was paid, in some currency."""

    order_id: str
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Refunded(Event):
    """It was given back, which older versions know nothing of."""

    order_id: str


def newer() -> Module:
    """The module."""
    module = Module("billing")
    module.consumes(PaidToday, Refunded, from_="orders")
    module.upcast("paid", 1, lambda data: {**data, "currency": "EUR"})
    return module
