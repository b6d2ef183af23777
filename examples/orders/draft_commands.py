"""The write side of an order that is put together step by step: created, filled, addressed, and placed."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Field

from examples.orders.catalogue import Item, lines_of
from examples.orders.changing import change
from examples.orders.domain import Order
from examples.orders.values import Address, Customer, OrderStatus, Quantity, Sku, Words
from twofold import Boundary, Command, Failure, Module, Refused, Repository, Result, Success
from twofold.clock import new_id

draft_commands = Module("orders.draft_commands")


@dataclass(frozen=True, kw_only=True)
class CreateOrder(Command[UUID, Refused]):
    """Begin an order, of what the catalogue has; answers its id."""

    customer_id: Customer
    items: Annotated[tuple[Item, ...], Field(max_length=50, examples=[[{"sku": "PEN-1", "quantity": 2}]])] = ()
    address: Address | None = None


@draft_commands.handler(path="/orders/created", status=201)
async def create_order(command: CreateOrder, orders: Repository[Order], boundary: Boundary) -> Result[UUID, Refused]:
    match await lines_of(command.items, boundary):
        case Failure() as unknown:
            return unknown
        case Success(lines):
            order = Order.create(new_id(), command.customer_id, lines, command.address)
            await orders.save(order)
            return Success(order.id)


@dataclass(frozen=True, kw_only=True)
class AddItem(Command[None, Refused]):
    """Add a product to an order that is created."""

    order_id: UUID
    sku: Sku
    quantity: Quantity


@draft_commands.handler(path="/orders/{order_id}/items")
async def add_item(command: AddItem, orders: Repository[Order], boundary: Boundary) -> Result[None, Refused]:
    match await lines_of([Item(sku=command.sku, quantity=command.quantity)], boundary):
        case Failure() as unknown:
            return unknown
        case Success(lines):
            return await change(orders, command.order_id, lambda order: order.add(lines[0]))


@dataclass(frozen=True, kw_only=True)
class SetAddress(Command[None, Refused]):
    """Say where an order is sent to, until it has been."""

    order_id: UUID
    address: Address


@draft_commands.handler(path="/orders/{order_id}/address", method="PUT")
async def set_address(command: SetAddress, orders: Repository[Order]) -> Result[None, Refused]:
    return await change(orders, command.order_id, lambda order: order.send_to(command.address))


@dataclass(frozen=True, kw_only=True)
class PlaceOrder(Command[None, Refused]):
    """Place an order that is created."""

    order_id: UUID


@draft_commands.handler(path="/orders/{order_id}/place")
async def place_order(command: PlaceOrder, orders: Repository[Order]) -> Result[None, Refused]:
    return await change(orders, command.order_id, lambda order: order.place())


@dataclass(frozen=True, kw_only=True)
class ChangeStatus(Command[None, Refused]):
    """Place or cancel an order by hand, and say why."""

    order_id: UUID
    status: Annotated[OrderStatus, Field(examples=["cancelled"])]
    reason: Annotated[Words, Field(examples=["the shop is closed"])]


@draft_commands.handler(path="/orders/{order_id}/status", method="PUT")
async def change_status(command: ChangeStatus, orders: Repository[Order]) -> Result[None, Refused]:
    return await change(orders, command.order_id, lambda order: order.change_status(command.status, command.reason))
