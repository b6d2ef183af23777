"""The same endpoints by hand: FastAPI, pydantic, and sqlite3 called in the event loop. It writes the same rows."""

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import StaticPool, create_engine
from sqlalchemy.orm import sessionmaker

from benchmarks.tables import Summary
from benchmarks.twins import AUDIT, INSERT, VERSION, connect
from twofold.clock import new_id

asgi = FastAPI()
_connection = connect(Path(os.environ["BENCHMARK_DATABASE"]))
_connection.execute(
    "CREATE TABLE IF NOT EXISTS summary (order_id CHAR(32) NOT NULL PRIMARY KEY, customer_id CHAR(32) NOT NULL, "
    "status VARCHAR NOT NULL, total INTEGER NOT NULL)"
)


_sessions = sessionmaker(create_engine(f"sqlite:///{os.environ['BENCHMARK_DATABASE']}", poolclass=StaticPool))


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


@asgi.post("/orders", status_code=201)
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
    _connection.execute("BEGIN IMMEDIATE")
    try:
        _append(f"order-{order_id}", 0, "order_placed", event)
        _connection.execute(
            "INSERT INTO summary (order_id, customer_id, status, total) VALUES (?, ?, ?, ?) ON CONFLICT (order_id) "
            "DO UPDATE SET customer_id = excluded.customer_id, status = excluded.status, total = excluded.total",
            (order_id.hex, body.customer_id.hex, "placed", total),
        )
        _audit("place_order", body, began)
        _connection.execute("COMMIT")
    except BaseException:
        _connection.execute("ROLLBACK")
        raise
    return order_id


@asgi.post("/orders/{order_id}/pay", status_code=204)
async def pay_order(order_id: UUID, body: PayOrder) -> None:
    began = time.time_ns()
    stream = f"order-{order_id}"
    events = _connection.execute(
        "SELECT type, data FROM twofold_events WHERE stream = ? ORDER BY version", (stream,)
    ).fetchall()
    total, paid = 0, False
    for kind, data in events:
        event = json.loads(data)
        if kind == "order_placed":
            total = event["total"]
        else:
            paid = True
    if not events:
        raise HTTPException(404)
    if paid or body.amount != total:
        raise HTTPException(400)
    _connection.execute("BEGIN IMMEDIATE")
    try:
        _append(stream, len(events), "order_paid", {"order_id": str(order_id), "amount": body.amount})
        _audit("pay_order", body, began)
        _connection.execute("COMMIT")
    except BaseException:
        _connection.execute("ROLLBACK")
        raise


@asgi.get("/orders/{order_id}/plain")
async def get_order(order_id: UUID) -> OrderSummary:
    sql = "SELECT order_id, customer_id, status, total FROM summary WHERE order_id = ?"
    row = _connection.execute(sql, (order_id.hex,)).fetchone()
    if row is None:
        raise HTTPException(404)
    return OrderSummary(order_id=UUID(row[0]), customer_id=UUID(row[1]), status=row[2], total=row[3])


@asgi.get("/orders/{order_id}/mapped")
async def get_mapped_order(order_id: UUID) -> OrderSummary:
    with _sessions() as session:
        row = session.get(Summary, order_id)
        if row is None:
            raise HTTPException(404)
        return OrderSummary(order_id=row.order_id, customer_id=row.customer_id, status=row.status, total=row.total)


def _append(stream: str, expected: int, kind: str, event: dict[str, Any]) -> None:
    found = _connection.execute(VERSION, (stream,)).fetchone()[0] or 0
    if found != expected:
        raise HTTPException(409)
    headers = json.dumps({"causation_id": str(new_id()), "correlation_id": str(new_id())})
    data = json.dumps(event, separators=(",", ":")).encode()
    row = (new_id().bytes, kind, 1, data, headers, time.time_ns() // 1000, "[]")
    try:
        _connection.execute(INSERT, (stream, expected + 1, *row))
    except sqlite3.IntegrityError:
        raise HTTPException(409) from None


def _audit(message: str, body: BaseModel, began: int) -> None:
    position = _connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    ids = (new_id().bytes, str(new_id()), None)
    times = (began // 1000, (time.time_ns() - began) // 1000)
    values = (message, 1, *ids, None, None, body.model_dump_json(), *times, "success", "", position)
    _connection.execute(AUDIT, values)
