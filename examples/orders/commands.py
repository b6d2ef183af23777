"""The write side: what can be asked of an order, and the handlers that ask the aggregate."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Field

from examples.orders.changing import change
from examples.orders.domain import Order
from examples.orders.values import Address, Customer, Lines, Money, Words
from twofold import Command, Module, Refused, Repository, Result, Success
from twofold.clock import new_id

commands = Module("orders.commands")


@dataclass(frozen=True, kw_only=True)
class OrderAtOnce(Command[UUID]):
    """Place an order as it comes, at prices that were agreed upon; answers its id."""

    customer_id: Customer
    lines: Lines
    address: Address | None = None


@commands.handler(path="/orders", status=201)
async def order_at_once(command: OrderAtOnce, orders: Repository[Order]) -> Result[UUID]:
    order = Order.at_once(new_id(), command.customer_id, command.lines, command.address)
    await orders.save(order)
    return Success(order.id)


@dataclass(frozen=True, kw_only=True)
class PayOrder(Command[None, Refused]):
    """Pay an order, in full."""

    order_id: UUID
    amount: Money


@commands.handler(path="/orders/{order_id}/pay")
async def pay_order(command: PayOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await change(orders, command.order_id, lambda order: order.pay(command.amount))


@dataclass(frozen=True, kw_only=True)
class ShipOrder(Command[None, Refused]):
    """Ship a paid order."""

    order_id: UUID
    tracking_code: Annotated[Words, Field(examples=["JD014600003"])]


@commands.handler(path="/orders/{order_id}/ship")
async def ship_order(command: ShipOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await change(orders, command.order_id, lambda order: order.ship(command.tracking_code))


@dataclass(frozen=True, kw_only=True)
class CancelOrder(Command[None, Refused]):
    """Cancel an order that has not been shipped."""

    order_id: UUID
    reason: Annotated[Words, Field(examples=["ordered twice"])]


@commands.handler(path="/orders/{order_id}/cancel")
async def cancel_order(command: CancelOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await change(orders, command.order_id, lambda order: order.cancel(command.reason))
