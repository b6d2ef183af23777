"""The endpoints of the shop by hand: FastAPI, pydantic, the same rows; where sqlite3 is called is said elsewhere."""

import json
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from benchmarks.twins import AUDIT, INSERT, VERSION, connect
from twofold.clock import new_id

Work: TypeAlias = Callable[[sqlite3.Connection], None]
Write: TypeAlias = Callable[[Work], Awaitable[None]]
Row: TypeAlias = tuple[Any, ...]
Read: TypeAlias = Callable[[str, Row], Awaitable[list[Row]]]


class Line(BaseModel):
    sku: str
    quantity: int
    unit_price: int


class PlaceOrder(BaseModel):
    customer_id: UUID
    lines: list[Line]


class PayOrder(BaseModel):
    amount: Annotated[int, Field(ge=0)]


class OrderSummary(BaseModel):
    order_id: UUID
    customer_id: UUID
    status: str
    total: int


def add_endpoints(web: FastAPI, write: Write, read: Read) -> None:
    """Add the endpoints.

    Args:
        web: What they are added to.
        write: Runs a function in a transaction of its own, and commits it.
        read: Gives the rows of a statement.
    """

    @web.post("/orders", status_code=201)
    async def place_order(body: PlaceOrder) -> UUID:
        began = time.time_ns()
        order_id = new_id()
        total = sum(line.quantity * line.unit_price for line in body.lines)
        event = {
            "order_id": str(order_id),
            "customer_id": str(body.customer_id),
            "lines": [line.model_dump() for line in body.lines],
            "total": total,
        }

        def placed(connection: sqlite3.Connection) -> None:
            _append(connection, f"order-{order_id}", 0, "order_placed", event)
            connection.execute(_UPSERT, (order_id.hex, body.customer_id.hex, "placed", total))
            _audit(connection, "place_order", body, began)

        await write(placed)
        return order_id

    @web.post("/orders/{order_id}/pay", status_code=204)
    async def pay_order(order_id: UUID, body: PayOrder) -> None:
        began = time.time_ns()
        stream = f"order-{order_id}"
        events = await read("SELECT type, data FROM twofold_events WHERE stream = ? ORDER BY version", (stream,))
        total, is_paid = 0, False
        for kind, data in events:
            event = json.loads(data)
            if kind == "order_placed":
                total = event["total"]
            else:
                is_paid = True
        if not events:
            raise HTTPException(404)
        if is_paid or body.amount != total:
            raise HTTPException(400)

        def paid(connection: sqlite3.Connection) -> None:
            event = {"order_id": str(order_id), "amount": body.amount}
            _append(connection, stream, len(events), "order_paid", event)
            _audit(connection, "pay_order", body, began)

        await write(paid)

    @web.get("/orders/{order_id}/plain")
    async def get_order(order_id: UUID) -> OrderSummary:
        sql = "SELECT order_id, customer_id, status, total FROM summary WHERE order_id = ?"
        rows = await read(sql, (order_id.hex,))
        if not rows:
            raise HTTPException(404)
        ((order, customer, status, total),) = rows
        return OrderSummary(order_id=UUID(order), customer_id=UUID(customer), status=status, total=total)


def opened() -> sqlite3.Connection:
    """A connection to the database that is measured, with the table of the read model."""
    connection = connect(Path(os.environ["BENCHMARK_DATABASE"]))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS summary (order_id CHAR(32) NOT NULL PRIMARY KEY, customer_id CHAR(32) NOT NULL, "
        "status VARCHAR NOT NULL, total INTEGER NOT NULL)"
    )
    return connection


def _append(connection: sqlite3.Connection, stream: str, expected: int, kind: str, event: dict[str, Any]) -> None:
    found = connection.execute(VERSION, (stream,)).fetchone()[0] or 0
    if found != expected:
        raise HTTPException(409)
    headers = json.dumps({"causation_id": str(new_id()), "correlation_id": str(new_id())})
    data = json.dumps(event, separators=(",", ":")).encode()
    row = (new_id().bytes, kind, 1, data, headers, time.time_ns() // 1000, "[]")
    try:
        connection.execute(INSERT, (stream, expected + 1, *row))
    except sqlite3.IntegrityError:
        raise HTTPException(409) from None


def _audit(connection: sqlite3.Connection, message: str, body: BaseModel, began: int) -> None:
    position = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    ids = (new_id().bytes, str(new_id()), None)
    times = (began // 1000, (time.time_ns() - began) // 1000)
    values = (message, 1, *ids, None, None, body.model_dump_json(), *times, "success", "", position)
    connection.execute(AUDIT, values)


_UPSERT = (
    "INSERT INTO summary (order_id, customer_id, status, total) VALUES (?, ?, ?, ?) ON CONFLICT (order_id) "
    "DO UPDATE SET customer_id = excluded.customer_id, status = excluded.status, total = excluded.total"
)
