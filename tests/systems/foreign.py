"""Another service that follows the events of S5: with classes of its own, that have the fields which it needs."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from twofold import Event, EventBus, Module


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    """An order was placed elsewhere."""

    order_id: UUID
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    """It was paid there."""

    order_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReceiptWritten(Event):
    """What is done about that here."""

    order_id: UUID


def billing(place: str, due: dict[UUID, Decimal]) -> Module:
    """Its module.

    Args:
        place: Where the events come from.
        due: Where it notes what is to be paid.
    """
    module = Module("billing")
    module.consumes(OrderPlaced, OrderPaid, from_=place)

    @module.on(OrderPlaced)
    async def expect_payment(event: OrderPlaced) -> None:
        due[event.order_id] = event.amount

    @module.on(OrderPaid)
    async def write_receipt(event: OrderPaid, events: EventBus) -> None:
        (await events.publish(ReceiptWritten(order_id=event.order_id))).unwrap()

    return module
