"""The write side: what can be asked of an order, and the handlers that ask the aggregate."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from examples.orders.domain import Lines, Money, Order, Words
from twofold import Command, Failure, Module, Refused, Repository, Result, Success
from twofold.clock import new_id

commands = Module("orders.commands")


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    """Place an order; answers its id."""

    customer_id: UUID
    lines: Lines


@commands.handler(path="/orders", status=201)
async def place_order(command: PlaceOrder, orders: Repository[Order]) -> Result[UUID]:
    order = Order.place(new_id(), command.customer_id, command.lines)
    await orders.save(order)
    return Success(order.id)


@dataclass(frozen=True, kw_only=True)
class PayOrder(Command[None, Refused]):
    """Pay an order, in full."""

    order_id: UUID
    amount: Money


@commands.handler(path="/orders/{order_id}/pay")
async def pay_order(command: PayOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await _change(orders, command.order_id, lambda order: order.pay(command.amount))


@dataclass(frozen=True, kw_only=True)
class ShipOrder(Command[None, Refused]):
    """Ship a paid order."""

    order_id: UUID
    tracking_code: Words


@commands.handler(path="/orders/{order_id}/ship")
async def ship_order(command: ShipOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await _change(orders, command.order_id, lambda order: order.ship(command.tracking_code))


@dataclass(frozen=True, kw_only=True)
class CancelOrder(Command[None, Refused]):
    """Cancel an order that has not been shipped."""

    order_id: UUID
    reason: Words


@commands.handler(path="/orders/{order_id}/cancel")
async def cancel_order(command: CancelOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await _change(orders, command.order_id, lambda order: order.cancel(command.reason))


async def _change(
    orders: Repository[Order], order_id: UUID, decide: Callable[[Order], Result[None, Refused]]
) -> Result[None, Refused]:
    """Load an order, let it decide, and save what it recorded."""
    match await orders.get(order_id):
        case Failure() as missing:
            return missing
        case Success(order):
            decided = decide(order)
            if decided.is_success:
                await orders.save(order)
            return decided
