"""The same endpoints by hand with what is promised: FastAPI, a bus, a check and a scope, and then twofold's store."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from fastapi import FastAPI, HTTPException

from benchmarks import shop, shop_endpoints
from benchmarks.promised import Writes, promised
from benchmarks.shop import Line, OrderPaid, OrderPlaced, OrderSummary, PayOrder, PlaceOrder, ReadOrder, app
from benchmarks.tables import Summary
from twofold.clock import new_id
from twofold.messages import MessageType
from twofold.store import Upsert, read_stored

_PLACED, _PAID = MessageType(OrderPlaced), MessageType(OrderPaid)


@asynccontextmanager
async def _started(_: FastAPI) -> AsyncGenerator[None]:
    async with app:
        yield


asgi = FastAPI(lifespan=_started)


@asgi.post("/orders", status_code=201)
async def place_order(body: shop_endpoints.PlaceOrder) -> UUID:
    lines = tuple(Line(sku=line.sku, quantity=line.quantity, unit_price=line.unit_price) for line in body.lines)
    placed: UUID = (await _place(PlaceOrder(customer_id=body.customer_id, lines=lines))).unwrap()
    return placed


@asgi.post("/orders/{order_id}/pay", status_code=204)
async def pay_order(order_id: UUID, body: shop_endpoints.PayOrder) -> None:
    await _pay(PayOrder(order_id=order_id, amount=body.amount))


@asgi.get("/orders/{order_id}/plain")
async def get_order(order_id: UUID) -> OrderSummary:
    found: OrderSummary | None = (await _read(ReadOrder(order_id=order_id))).unwrap()
    if found is None:
        raise HTTPException(404)
    return found


async def _place_by_hand(command: PlaceOrder, writes: Writes[PlaceOrder]) -> UUID:
    order_id, customer = new_id(), command.customer_id
    total = sum(line.quantity * line.unit_price for line in command.lines)
    placed = OrderPlaced(order_id=order_id, customer_id=customer, lines=command.lines, total=total)
    batch = writes.batch(command, writes.append(_PLACED, placed, f"order-{order_id}", 0))
    row = {"customer_id": customer, "status": "placed", "total": total}
    await app.store.commit(batch._replace(rows=(Upsert(Summary, {"order_id": order_id}, row),)))
    return order_id


async def _pay_by_hand(command: PayOrder, writes: Writes[PayOrder]) -> None:
    stream = f"order-{command.order_id}"
    total, is_paid = 0, False
    found = await read_stored(app.store.log, stream)
    for one in found:
        if one.type == _PLACED.name:
            total = _PLACED.decode(one.data).total
        else:
            is_paid = True
    if not found:
        raise HTTPException(404)
    if is_paid or command.amount != total:
        raise HTTPException(400)
    paid = OrderPaid(order_id=command.order_id, amount=command.amount)
    await app.store.commit(writes.batch(command, writes.append(_PAID, paid, stream, found[-1].version)))


async def _read_by_hand(query: ReadOrder, _: Writes[ReadOrder]) -> OrderSummary | None:
    return await shop.read_order(query, app.store)


_place, _pay = promised(PlaceOrder, _place_by_hand), promised(PayOrder, _pay_by_hand)
_read = promised(ReadOrder, _read_by_hand)
