"""The same endpoints by hand: sqlite3 is called in the event loop, which waits for the disk meanwhile."""

import os
from uuid import UUID

from fastapi import FastAPI, HTTPException
from sqlalchemy import StaticPool, create_engine
from sqlalchemy.orm import sessionmaker

from benchmarks.shop_endpoints import OrderSummary, Row, Work, add_endpoints, opened
from benchmarks.tables import Summary

asgi = FastAPI()
_connection = opened()
_sessions = sessionmaker(create_engine(f"sqlite:///{os.environ['BENCHMARK_DATABASE']}", poolclass=StaticPool))


async def _write(work: Work) -> None:
    _connection.execute("BEGIN IMMEDIATE")
    try:
        work(_connection)
        _connection.execute("COMMIT")
    except BaseException:
        _connection.execute("ROLLBACK")
        raise


async def _read(sql: str, values: Row) -> list[Row]:
    return _connection.execute(sql, values).fetchall()


add_endpoints(asgi, _write, _read)


@asgi.get("/orders/{order_id}/mapped")
async def get_mapped_order(order_id: UUID) -> OrderSummary:
    with _sessions() as session:
        row = session.get(Summary, order_id)
        if row is None:
            raise HTTPException(404)
        return OrderSummary(order_id=row.order_id, customer_id=row.customer_id, status=row.status, total=row.total)
