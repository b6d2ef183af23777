"""Compares every total in the read models of the orders example with what the accepted commands imply, over HTTP."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from time import perf_counter
from typing import Any, Final, final

import httpx

from examples._demo.ledger import KnownOrder, Ledger, Totals
from examples._demo.scenario import Checks

_SYSTEM: Final = "S5"
_PAGE: Final = 200
_AT_ONCE: Final = 16
_SHOWN: Final = 3


@final
class Verification:
    """One look at all read models, once they have caught up.

    Args:
        client: Speaks to the server.
        ledger: What the accepted commands imply.
        checks: Where it notes what it saw.
    """

    def __init__(self, client: httpx.AsyncClient, ledger: Ledger, checks: Checks) -> None:
        self._client = client
        self._ledger = ledger
        self._checks = checks
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self.seconds: list[float] = []
        """How long each query took."""

    async def run(self, *, orders_before: int, customers_before: int) -> None:
        """Look at everything.

        Args:
            orders_before: How many orders there were before the commands.
            customers_before: How many customers with orders there were.
        """
        await self._summaries(orders_before)
        await self._details()
        await self._customers(customers_before)
        await self._sales()
        await self._filters()

    async def count(self, path: str, **filters: str) -> int:
        """How many items a list has in all."""
        total: int = (await self._get(path, page_size="1", **filters))["total"]
        return total

    async def _summaries(self, before: int) -> None:
        items = await self._list("/orders", sort="total")
        known = {item["order_id"]: item for item in items}
        expected = len(self._ledger.orders)
        self._checks.equal(_SYSTEM, "the list has every accepted order and no other", len(known), before + expected)
        totals = [Decimal(item["total"]) for item in items]
        self._checks.that(_SYSTEM, "pages follow each other in the order asked for", totals == sorted(totals))
        self._all_equal(
            "every order summary is what its commands imply",
            ((key, known.get(key), _summary(order)) for key, order in self._ledger.orders.items()),
        )

    async def _details(self) -> None:
        keys = list(self._ledger.orders)
        found = await asyncio.gather(*(self._get(f"/orders/{key}") for key in keys))
        self._all_equal(
            "every order detail is what its commands imply",
            ((key, item, _detail(self._ledger.orders[key])) for key, item in zip(keys, found, strict=True)),
        )
        lines = [
            sum(line["quantity"] * Decimal(line["unit_price"]) for line in item.get("lines", ())) for item in found
        ]
        totals = [Decimal(item.get("total", -1)) for item in found]
        self._checks.that(_SYSTEM, "the lines of every order add up to its total", lines == totals)

    async def _customers(self, before: int) -> None:
        items = await self._list("/customers")
        known = {item["customer_id"]: item for item in items}
        expected = self._ledger.customers()
        self._checks.equal(_SYSTEM, "no customer is missing or invented", len(known), before + len(expected))
        self._all_equal(
            "every customer's totals are what the commands imply",
            ((key, known.get(key), _totals(totals)) for key, totals in expected.items()),
        )

    async def _sales(self) -> None:
        sales = {item["order_id"]: item for item in await self._list("/sales")}
        self._all_equal(
            "every placed order is a sale",
            ((key, sales.get(key), _sale(order)) for key, order in self._ledger.orders.items()),
        )
        expected = {key: totals for key, totals in self._ledger.customers().items() if totals.orders > totals.cancelled}
        stats = {item["customer_id"]: item for item in await self._list("/customer-stats")}
        self._all_equal(
            "the materialized view of customers is what the commands imply",
            ((key, stats.get(key), _stats(totals)) for key, totals in expected.items()),
        )
        asked = await asyncio.gather(*(self._get(f"/customers/{key}/orders") for key in expected))
        self._checks.equal(
            _SYSTEM,
            "a customer's orders are in the projection as in the view",
            asked,
            [stats.get(key) for key in expected],
        )

    async def _filters(self) -> None:
        statuses = Counter((order.customer_id, order.status) for order in self._ledger.orders.values())
        free = Counter(order.customer_id for order in self._ledger.orders.values() if order.total == 0)
        seen, expected = list[int](), list[int]()
        for customer_id in self._ledger.customers():
            seen.append(await self.count("/orders", customer_id=customer_id, status="shipped"))
            expected.append(statuses[customer_id, "shipped"])
            seen.append(await self.count("/orders", customer_id=customer_id, max_total="0"))
            expected.append(free[customer_id])
        self._checks.equal(_SYSTEM, "filters find what they should, a filter of 0 too", seen, expected)

    async def _list(self, path: str, **options: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        page = 1
        while True:
            found = await self._get(path, page=str(page), page_size=str(_PAGE), **options)
            items += found["items"]
            if page * _PAGE >= found["total"]:
                return items
            page += 1

    async def _get(self, path: str, **options: str) -> dict[str, Any]:
        async with self._turn:
            started = perf_counter()
            answer = await self._client.get(path, params=options)
            self.seconds.append(perf_counter() - started)
        found: dict[str, Any] = answer.json()
        return found

    def _all_equal(self, what: str, compared: Iterable[tuple[str, dict[str, Any] | None, dict[str, object]]]) -> None:
        wrong = [
            f"{key}: expected {expected}, saw {item}"
            for key, item, expected in compared
            if item is None or any(item.get(name) != value for name, value in expected.items())
        ]
        self._checks.that(_SYSTEM, what, not wrong, f"{len(wrong)} differ: " + "; ".join(wrong[:_SHOWN]))


def _summary(order: KnownOrder) -> dict[str, object]:
    return {
        "customer_id": order.customer_id,
        "status": order.status,
        "articles": order.articles,
        "total": f"{order.total:.2f}",
    }


def _sale(order: KnownOrder) -> dict[str, object]:
    return {
        "customer_id": order.customer_id,
        "articles": order.articles,
        "total": f"{order.total:.2f}",
        "cancelled": order.status == "cancelled",
    }


def _stats(totals: Totals) -> dict[str, object]:
    orders = totals.orders - totals.cancelled
    average = (totals.ordered / orders).quantize(Decimal("0.01"))
    return {"orders": orders, "spent": f"{totals.ordered:.2f}", "average": f"{average:.2f}"}


def _detail(order: KnownOrder) -> dict[str, object]:
    return {"customer_id": order.customer_id, "status": order.status, "total": f"{order.total:.2f}"}


def _totals(totals: Totals) -> dict[str, object]:
    return {
        "orders": totals.orders,
        "cancelled": totals.cancelled,
        "ordered": f"{totals.ordered:.2f}",
        "paid": f"{totals.paid:.2f}",
    }
