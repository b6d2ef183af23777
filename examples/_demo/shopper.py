"""A customer of the orders example: places, pays, ships and cancels over HTTP, and makes mistakes on purpose."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Any, Final, Literal, TypeAlias, final, get_args

import httpx

from examples._demo.ledger import KnownOrder, Ledger, Verb
from examples._demo.tally import Tally
from twofold.clock import new_id

Mistake: TypeAlias = Literal[
    "broken JSON",
    "a wrong type",
    "an unknown field",
    "a negative price",
    "no lines",
    "an unknown order",
    "no id at all",
    "an oversized body",
]
MISTAKES: Final[tuple[Mistake, ...]] = get_args(Mistake)

_MISTAKEN: Final = 0.15
_TWINS: Final = 0.05
_SHORT: Final = 0.05
_FREE: Final = 0.05
_STORIES: Final[tuple[tuple[Verb, ...], ...]] = (
    (),
    ("pay",),
    ("pay", "ship"),
    ("pay", "ship"),
    ("pay", "pay", "ship"),
    ("ship", "pay", "ship"),
    ("pay", "ship", "cancel"),
    ("cancel",),
    ("pay", "cancel"),
    ("cancel", "pay"),
)
_ACCEPTED: Final = range(200, 300)
_TOO_LARGE: Final = 2 * 1024 * 1024


@final
class Shopper:
    """One client.

    Args:
        client: Speaks to the server.
        customers: The ids of the customers it buys for.
        ledger: Where it notes what was accepted.
        tally: Where it counts.
        mistakes: Those that it makes, one after the other.
        random: Where its choices come from.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        customers: list[str],
        ledger: Ledger,
        tally: Tally,
        mistakes: Iterator[Mistake],
        random: Random,
    ) -> None:
        self._client = client
        self._customers = customers
        self._ledger = ledger
        self._tally = tally
        self._mistakes = mistakes
        self._random = random

    async def visit(self) -> None:
        """Send a few commands, one after the other."""
        if self._random.random() < _MISTAKEN:
            await self.make_a_mistake()
            return
        order_id = await self._place()
        if order_id is None:
            return
        if self._random.random() < _TWINS:
            await self._pay_twice_at_once(order_id)
            return
        if self._random.random() < _SHORT:
            await self._pay_wrong_amount(order_id)
        for verb in self._random.choice(_STORIES):
            await self._change(order_id, verb)

    async def _place(self) -> str | None:
        lines = [self._line() for _ in range(self._random.randint(1, 4))]
        order = KnownOrder(
            customer_id=self._random.choice(self._customers),
            articles=sum(line["quantity"] for line in lines),
            total=sum((line["quantity"] * Decimal(line["unit_price"]) for line in lines), Decimal(0)),
        )
        answer = await self._send("/orders", {"customer_id": order.customer_id, "lines": lines})
        if answer is None:
            self._ledger.doubtful.append(order)
            return None
        if not self._expect(answer, 201, "placing an order"):
            return None
        order_id: str = answer.json()
        self._ledger.orders[order_id] = order
        return order_id

    async def _change(self, order_id: str, verb: Verb) -> None:
        order = self._ledger.orders[order_id]
        if order.doubt is not None:
            return
        answer = await self._send(f"/orders/{order_id}/{verb}", _details(order, verb))
        if answer is None:
            order.doubt = verb
            return
        refusal = order.refusal(verb)
        right = self._expect(answer, 400 if refusal else 204, f"{verb} of an order that is {order.status}", refusal)
        if right and refusal is None:
            order.accepted(verb)

    async def _pay_twice_at_once(self, order_id: str) -> None:
        order = self._ledger.orders[order_id]
        path, details = f"/orders/{order_id}/pay", _details(order, "pay")
        answers = await asyncio.gather(self._send(path, details), self._send(path, details))
        taken = [answer for answer in answers if answer is not None and answer.status_code in _ACCEPTED]
        if taken:
            order.accepted("pay")
        elif None in answers:
            order.doubt = "pay"
        if len(taken) > 1 or not (taken or None in answers):
            self._tally.surprises.append(f"of two payments at once, {len(taken)} were taken")

    async def _pay_wrong_amount(self, order_id: str) -> None:
        amount = self._ledger.orders[order_id].total + 1
        answer = await self._send(f"/orders/{order_id}/pay", {"amount": f"{amount:.2f}"})
        if answer is not None:
            self._expect(answer, 400, "paying the wrong amount", "wrong_amount")

    async def make_a_mistake(self) -> None:
        """Send the next kind of what has to be refused."""
        kind = next(self._mistakes)
        line = self._line()
        order = {"customer_id": self._random.choice(self._customers), "lines": [line]}
        match kind:
            case "broken JSON":
                await self._wrong(kind, "/orders", b'{"customer_id": "', status=400)
            case "a wrong type":
                body = {**order, "lines": [{**line, "quantity": "many"}]}
                await self._wrong(kind, "/orders", body, status=400, names="lines.0.quantity")
            case "an unknown field":
                await self._wrong(kind, "/orders", {**order, "discount": 10}, status=400, names="discount")
            case "a negative price":
                body = {**order, "lines": [{**line, "unit_price": "-1.00"}]}
                await self._wrong(kind, "/orders", body, status=400, names="lines.0.unit_price")
            case "no lines":
                await self._wrong(kind, "/orders", {**order, "lines": []}, status=400, names="lines")
            case "an unknown order":
                await self._wrong(kind, f"/orders/{new_id()}/pay", {"amount": "1.00"}, status=404)
            case "no id at all":
                await self._wrong(kind, "/orders/42/pay", {"amount": "1.00"}, status=400, names="order_id")
            case "an oversized body":
                await self._wrong(kind, "/orders", {**order, "note": "x" * _TOO_LARGE}, status=413)

    async def _wrong(self, kind: Mistake, path: str, body: Any, *, status: int, names: str = "") -> None:
        answer = await self._send(path, body, kind)
        if answer is not None and self._expect(answer, status, kind) and names not in answer.text:
            self._tally.surprises.append(f"{kind}: the problem does not name {names}: {answer.text}")

    async def _send(self, path: str, body: Any, mistake: Mistake | None = None) -> httpx.Response | None:
        """Send a command; None when no answer came."""
        started = perf_counter()
        try:
            if isinstance(body, bytes):
                headers = {"Content-Type": "application/json"}
                answer = await self._client.post(path, content=body, headers=headers)
            else:
                answer = await self._client.post(path, json=body)
        except httpx.TransportError:
            self._tally.dropped()
            return None
        accepted = answer.status_code in _ACCEPTED
        why = mistake or _code(answer)
        self._tally.answered(accepted=accepted, why=why, seconds=perf_counter() - started)
        return answer

    def _expect(self, answer: httpx.Response, status: int, what: str, code: str | None = None) -> bool:
        if answer.status_code == status and (code is None or _code(answer) == code):
            return True
        wanted = f"{status} {code}" if code else str(status)
        self._tally.surprises.append(f"{what}: expected {wanted}, got {answer.status_code} {answer.text[:300]}")
        return False

    def _line(self) -> dict[str, Any]:
        free = self._random.random() < _FREE
        price = Decimal(0) if free else Decimal(self._random.randint(1, 20_000)).scaleb(-2)
        return {
            "sku": f"art-{self._random.randint(1, 99)}",
            "quantity": self._random.randint(1, 5),
            "unit_price": f"{price:.2f}",
        }


def _details(order: KnownOrder, verb: Verb) -> dict[str, str]:
    match verb:
        case "pay":
            return {"amount": f"{order.total:.2f}"}
        case "ship":
            return {"tracking_code": "1Z-4711"}
        case "cancel":
            return {"reason": "changed my mind"}


def _code(answer: httpx.Response) -> str:
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        return str(answer.json().get("code", answer.status_code))
    return str(answer.status_code)
