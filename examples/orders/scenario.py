"""What the demo does with one order, beside the many: two people change it, and somebody follows it."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx

from examples._demo.scenario import Checks
from twofold.clock import new_id

_PATIENCE = 20.0
_LINE = {"sku": "pen-1", "quantity": 2, "unit_price": "1.25"}


async def drive(client: httpx.AsyncClient) -> Checks:
    """Place an order, pay and ship it under the version that was seen, and follow it meanwhile."""
    checks = Checks()
    placed = await client.post("/orders", json={"customer_id": str(new_id()), "lines": [_LINE]})
    checks.equal("S5", "an order answers 201", placed.status_code, 201)
    path = f"/orders/{placed.json()}"
    accepted = {"Accept": "text/event-stream"}
    async with asyncio.timeout(_PATIENCE), client.stream("GET", path, headers=accepted) as followed:
        told = _statuses(followed)
        seen = [await anext(told, None)]
        await _pay(client, checks, path)
        seen.append(await anext(told, None))
        await client.post(f"{path}/ship", json={"tracking_code": "T-1"})
        seen.append(await anext(told, None))
    checks.equal("S5", "who follows an order is told of every change", seen, ["placed", "paid", "shipped"])
    return checks


async def _pay(client: httpx.AsyncClient, checks: Checks, path: str) -> None:
    """Two people have seen the same order; the second one is told that it is another one by now."""
    seen = (await client.get(path)).headers["ETag"]
    moved = {"street": "Main Street 1", "postcode": "12345", "city": "Springfield", "country": "US"}
    paid = await client.post(f"{path}/pay", json={"amount": "2.50"}, headers={"If-Match": seen})
    checks.equal("S5", "who has seen the order as it is may change it", paid.status_code, 204)
    late = await client.put(f"{path}/address", json={"address": moved}, headers={"If-Match": seen})
    checks.equal("S5", "who has seen it as it was is answered 412", late.status_code, 412)


async def _statuses(answer: httpx.Response) -> AsyncIterator[str]:
    """The status in each event of a stream."""
    async for line in answer.aiter_lines():
        name, _, data = line.partition(": ")
        if name == "data":
            yield json.loads(data)["status"]
