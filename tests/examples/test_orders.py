"""The orders example: its rules without any store, and every command and query over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from examples._demo.database import Database
from examples._demo.server import caught_up, client_of
from examples.orders import app as orders_app
from examples.orders.commands import CancelOrder, PayOrder, ShipOrder
from examples.orders.domain import (
    Order,
    OrderAlreadyPaid,
    OrderAlreadyShipped,
    OrderCancelled,
    OrderIsCancelled,
    OrderNotPaid,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    WrongAmount,
)
from examples.orders.notices import Notices
from examples.orders.read_models import CustomerRow, CustomerTotals, DetailRow
from examples.orders.values import Line
from tests.cli.served import Served
from twofold import App, Event
from twofold.clock import new_id
from twofold.testing import Fault, given

pytestmark = pytest.mark.anyio

ADA, BOB = str(new_id()), str(new_id())
PEN = {"sku": "pen-1", "quantity": 2, "unit_price": "1.25"}
BOOK = {"sku": "book-7", "quantity": 1, "unit_price": "19.99"}
SAMPLE = {"sku": "sample", "quantity": 1, "unit_price": "0.00"}


class Shop:
    """An orders application in this process, spoken to over HTTP."""

    def __init__(self, app: App, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client

    async def place(self, *lines: dict[str, Any], customer_id: str = ADA) -> str:
        answer = await self.post("/orders", customer_id=customer_id, lines=list(lines or (PEN, BOOK)))
        assert answer.status_code == 201, answer.text
        return str(answer.json())

    async def post(self, path: str, **body: object) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def get(self, path: str, **parameters: str | int) -> Any:
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def found(self, **parameters: str | int) -> list[str]:
        return [item["order_id"] for item in (await self.get("/orders", **parameters))["items"]]


@pytest.fixture
async def shop(each_database: Database) -> AsyncIterator[Shop]:
    app = App("orders", modules=orders_app.modules, database=each_database.address)
    async with app, httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://shop") as client:
        yield Shop(app, client)


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The detail of a problem document, once it is the one that is expected."""
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem
    assert problem["correlation_id"]
    return str(problem["detail"])


# --- the domain, without any store ---


ORDER, CUSTOMER = new_id(), new_id()
PLACED = OrderPlaced(
    order_id=ORDER,
    customer_id=CUSTOMER,
    lines=(
        Line(sku="PEN-1", quantity=3, unit_price=Decimal("0.10")),
        Line(sku="BOOK-7", quantity=1, unit_price=Decimal("19.99")),
    ),
    total=Decimal("20.29"),
)
PAID = OrderPaid(order_id=ORDER, customer_id=CUSTOMER, amount=PLACED.total)
SHIPPED = OrderShipped(order_id=ORDER, tracking_code="1Z")


def cancelled(refund: Decimal) -> OrderCancelled:
    return OrderCancelled(order_id=ORDER, customer_id=CUSTOMER, total=PLACED.total, refund=refund, reason="no need")


def test_an_order_adds_up_its_lines() -> None:
    """The total is the exact sum of quantity times price."""
    given(Order).when(Order.at_once, ORDER, CUSTOMER, PLACED.lines).then(PLACED)


def test_an_order_goes_from_placed_over_paid_to_shipped() -> None:
    """Each accepted decision records one event."""
    given(Order, PLACED).when(Order.pay, PLACED.total).then(PAID)
    given(Order, PLACED, PAID).when(Order.ship, "1Z").then(SHIPPED)


def test_cancelling_gives_back_what_was_paid() -> None:
    """A paid order is refunded in full, an unpaid one not at all."""
    given(Order, PLACED).when(Order.cancel, "no need").then(cancelled(Decimal(0)))
    given(Order, PLACED, PAID).when(Order.cancel, "no need").then(cancelled(PLACED.total))


def test_an_order_refuses_what_its_state_does_not_allow() -> None:
    """Each rule answers with an error of its own, and records nothing."""
    given(Order, PLACED).when(Order.ship, "1Z").then(OrderNotPaid)
    given(Order, PLACED, PAID).when(Order.pay, PLACED.total).then(OrderAlreadyPaid)
    shipped = given(Order, PLACED, PAID, SHIPPED)
    shipped.when(Order.pay, PLACED.total).then(OrderAlreadyPaid)
    shipped.when(Order.ship, "1Z").then(OrderAlreadyShipped)
    shipped.when(Order.cancel, "late").then(OrderAlreadyShipped)
    gone = given(Order, PLACED, cancelled(Decimal(0)))
    gone.when(Order.pay, PLACED.total).then(OrderIsCancelled)
    gone.when(Order.ship, "1Z").then(OrderIsCancelled)
    gone.when(Order.cancel, "again").then(OrderIsCancelled)


def test_a_wrong_amount_says_what_is_due() -> None:
    """The refusal carries both amounts as facts."""
    wrong = WrongAmount(due=PLACED.total, offered=Decimal("20.28"))
    given(Order, PLACED).when(Order.pay, Decimal("20.28")).then(wrong)


def test_totals_are_what_the_orders_come_to() -> None:
    """Placing counts, paying adds, cancelling takes both back."""
    kept = CustomerRow(customer_id=CUSTOMER, orders=1, cancelled=0, ordered=PLACED.total, paid=PAID.amount)
    given(CustomerTotals, PLACED, PAID).then(kept)
    back = CustomerRow(customer_id=CUSTOMER, orders=1, cancelled=1, ordered=Decimal(0), paid=Decimal(0))
    given(CustomerTotals, PLACED, PAID, cancelled(PAID.amount)).then(back)


class Sent:
    """What customers were told, by its key: who delivers a notice a second time sees that it is the same."""

    def __init__(self) -> None:
        self.texts = dict[str, str]()

    async def send(self, text: str, *, key: str) -> None:
        assert self.texts.setdefault(key, text) == text


async def test_a_customer_is_told_of_what_happens_to_an_order(fault: Fault) -> None:
    """Of a shipment and of a refund, once whatever happens; where nothing was paid there is nothing to tell."""
    sent, cancel = Sent(), CancelOrder(order_id=ORDER, reason="no need")
    tested: dict[str, Any] = {"fault": fault, "instead": {Notices: sent}}
    await given(orders_app, PLACED, PAID, **tested).when(ShipOrder(order_id=ORDER, tracking_code="1Z")).then(SHIPPED)
    await given(orders_app, PLACED, **tested).when(cancel).then(cancelled(Decimal(0)))
    assert sent.texts == {f"shipped-{ORDER}": "on its way: 1Z"}
    await given(orders_app, PLACED, PAID, **tested).when(cancel).then(cancelled(PLACED.total))
    assert sent.texts[f"refunded-{ORDER}"] == "20.29 is paid back"


async def test_an_order_is_paid_once_whatever_happens(fault: Fault) -> None:
    """A process that dies, a client that sends twice, read models that are late: one payment, counted once."""
    await (
        given(orders_app, PLACED, fault=fault)
        .when(PayOrder(order_id=ORDER, amount=PLACED.total))
        .then(PAID, DetailRow(order_id=ORDER, status="paid"), CustomerRow(customer_id=CUSTOMER, paid=PAID.amount))
    )


def test_an_event_of_something_else_is_no_event_of_an_order() -> None:
    """An order that is rebuilt from a foreign event says so, and does not guess."""
    with pytest.raises(TypeError, match="does not know"):
        Order().evolve(Event())


# --- commands over HTTP ---


async def test_placing_an_order_answers_its_id_and_shows_it_at_once(shop: Shop) -> None:
    """The detail is an inline read model: it is there with the answer, and what was sent is normalised."""
    order_id = await shop.place(PEN, BOOK)
    detail = await shop.get(f"/orders/{order_id}")
    updated_at = datetime.fromisoformat(detail.pop("updated_at"))
    assert timedelta(0) <= datetime.now(UTC) - updated_at < timedelta(minutes=1)
    assert detail == {
        "order_id": order_id,
        "customer_id": ADA,
        "status": "placed",
        "total": "22.49",
        "placed_on": datetime.now(UTC).date().isoformat(),
        "lines": [
            {"sku": "PEN-1", "name": "", "quantity": 2, "unit_price": "1.25", "total_price": "2.50"},
            {"sku": "BOOK-7", "name": "", "quantity": 1, "unit_price": "19.99", "total_price": "19.99"},
        ],
        "address": None,
        "tracking_code": None,
        "status_reason": None,
        "version": 1,
    }


async def test_an_order_is_paid_and_shipped(shop: Shop) -> None:
    """Both answer 204, and the detail follows."""
    order_id = await shop.place(PEN)
    assert (await shop.post(f"/orders/{order_id}/pay", amount="2.50")).status_code == 204
    assert (await shop.get(f"/orders/{order_id}"))["status"] == "paid"
    assert (await shop.post(f"/orders/{order_id}/ship", tracking_code=" 1Z-4711 ")).status_code == 204
    detail = await shop.get(f"/orders/{order_id}")
    assert (detail["status"], detail["tracking_code"]) == ("shipped", "1Z-4711")


async def test_an_order_is_cancelled_with_a_reason(shop: Shop) -> None:
    """Cancelling answers 204, and the detail tells why."""
    order_id = await shop.place(PEN)
    assert (await shop.post(f"/orders/{order_id}/cancel", reason="too late")).status_code == 204
    detail = await shop.get(f"/orders/{order_id}")
    assert (detail["status"], detail["status_reason"]) == ("cancelled", "too late")


async def test_business_rules_answer_400_and_name_themselves(shop: Shop) -> None:
    """Every rule of an order is a problem with a code of its own, and leaves nothing behind."""
    order_id = await shop.place(PEN)
    path = f"/orders/{order_id}"
    detail = refused(await shop.post(f"{path}/pay", amount="2.49"), 400, "wrong_amount")
    assert detail == "2.50 is due, not 2.49"
    refused(await shop.post(f"{path}/ship", tracking_code="1Z"), 400, "order_not_paid")
    await shop.post(f"{path}/pay", amount="2.50")
    refused(await shop.post(f"{path}/pay", amount="2.50"), 400, "order_already_paid")
    await shop.post(f"{path}/ship", tracking_code="1Z")
    refused(await shop.post(f"{path}/ship", tracking_code="1Z"), 400, "order_already_shipped")
    refused(await shop.post(f"{path}/cancel", reason="late"), 400, "order_already_shipped")
    other = await shop.place(PEN)
    await shop.post(f"/orders/{other}/cancel", reason="no need")
    refused(await shop.post(f"/orders/{other}/pay", amount="2.50"), 400, "order_is_cancelled")
    assert await shop.app.store.log.head() == 5


async def test_an_unknown_order_answers_404(shop: Shop) -> None:
    """Commands and the query alike."""
    path = f"/orders/{new_id()}"
    refused(await shop.post(f"{path}/pay", amount="1.00"), 404, "not_found")
    refused(await shop.post(f"{path}/ship", tracking_code="1Z"), 404, "not_found")
    refused(await shop.post(f"{path}/cancel", reason="no need"), 404, "not_found")
    refused(await shop.client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "change,field",
    [
        ({"customer_id": "ada"}, "customer_id"),
        ({"lines": []}, "lines"),
        ({"lines": [{**PEN, "quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [PEN, {**PEN, "quantity": "many"}]}, "lines.1.quantity"),
        ({"lines": [{**PEN, "unit_price": "-0.01"}]}, "lines.0.unit_price"),
        ({"lines": [{**PEN, "unit_price": "0.001"}]}, "lines.0.unit_price"),
        ({"lines": [{**PEN, "sku": "a b"}]}, "lines.0.sku"),
        ({"discount": 10}, "discount"),
    ],
)
async def test_a_wrong_field_answers_400_and_is_named(shop: Shop, change: dict[str, Any], field: str) -> None:
    """The problem names the field, by its path, and nothing is placed."""
    answer = await shop.post("/orders", **{"customer_id": ADA, "lines": [PEN], **change})
    refused(answer, 400, "invalid")
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert await shop.app.store.log.head() == 0


async def test_broken_json_answers_400(shop: Shop) -> None:
    """What cannot be read as JSON is refused before any handler sees it."""
    answer = await shop.client.post("/orders", content=b'{"customer_id":', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


# --- queries over HTTP ---


async def test_lists_are_filtered_by_customer_status_and_total(shop: Shop) -> None:
    """Every filter is inclusive, they join, and 0 is a filter too."""
    free = await shop.place(SAMPLE)
    small = await shop.place(PEN)
    large = await shop.place(BOOK, customer_id=BOB)
    await shop.post(f"/orders/{small}/pay", amount="2.50")
    await shop.app.settle()
    assert await shop.found(sort="total") == [free, small, large]
    assert await shop.found(customer_id=BOB) == [large]
    assert await shop.found(status="paid") == [small]
    assert await shop.found(max_total="0") == [free]
    assert await shop.found(min_total="0", sort="total") == [free, small, large]
    assert await shop.found(min_total="2.50", max_total="2.50") == [small]
    assert await shop.found(customer_id=ADA, status="placed") == [free]
    assert await shop.found(customer_id=str(new_id())) == []


async def test_lists_are_filtered_by_day(shop: Shop) -> None:
    """Both ends of the range belong to it."""
    order_id = await shop.place()
    await shop.app.settle()
    today = datetime.now(UTC).date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    assert await shop.found(placed_from=yesterday.isoformat(), placed_to=tomorrow.isoformat()) == [order_id]
    assert await shop.found(placed_from=tomorrow.isoformat()) == []
    assert await shop.found(placed_to=yesterday.isoformat()) == []


async def test_lists_are_sorted_and_paged(shop: Shop) -> None:
    """Pages follow each other in the order asked for, and each knows the total."""
    orders = [await shop.place({**PEN, "quantity": quantity}) for quantity in (3, 1, 5, 2, 4)]
    by_total = [orders[1], orders[3], orders[0], orders[4], orders[2]]
    await shop.app.settle()
    assert await shop.found(sort="total") == by_total
    assert await shop.found(sort="-total") == by_total[::-1]
    assert await shop.found(sort="status,-total") == by_total[::-1]
    assert await shop.found() == orders[::-1]
    page = await shop.get("/orders", sort="total", page=2, page_size=2)
    assert [item["order_id"] for item in page["items"]] == by_total[2:4]
    assert (page["total"], page["page"], page["page_size"]) == (5, 2, 2)
    assert await shop.found(sort="total", page=4, page_size=2) == []


async def test_a_page_has_twenty_unless_asked_for_otherwise(shop: Shop) -> None:
    """In every list."""
    for number in range(21):
        await shop.place(PEN, customer_id=str(UUID(int=number)))
    await shop.app.settle()
    for path in ("/orders", "/sales", "/customers", "/customer-stats"):
        page = await shop.get(path)
        assert (len(page["items"]), page["page_size"], page["total"]) == (20, 20, 21), path


async def test_an_item_of_a_list_is_a_summary(shop: Shop) -> None:
    """It has what a list shows, and no more."""
    order_id = await shop.place(PEN, BOOK)
    await shop.app.settle()
    assert (await shop.get("/orders"))["items"] == [
        {
            "order_id": order_id,
            "customer_id": ADA,
            "status": "placed",
            "articles": 3,
            "total": "22.49",
            "placed_on": datetime.now(UTC).date().isoformat(),
        }
    ]


@pytest.mark.parametrize(
    "parameters,field",
    [
        ({"min_total": "2", "max_total": "1"}, "min_total"),
        ({"placed_from": "2026-02-02", "placed_to": "2026-02-01"}, "placed_from"),
        ({"min_total": "-1"}, "min_total"),
        ({"status": "lost"}, "status"),
        ({"sort": "customer"}, "sort"),
        ({"page": "0"}, "page"),
        ({"page_size": "201"}, "page_size"),
        ({"placed_from": "soon"}, "placed_from"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_filter_answers_400_and_is_named(shop: Shop, parameters: dict[str, str], field: str) -> None:
    """A filter that cannot be meant is refused, and never ignored."""
    answer = await shop.client.get("/orders", params=parameters)
    refused(answer, 400, "invalid")
    assert field in answer.json()["detail"]


async def test_customer_totals_follow_the_orders(shop: Shop) -> None:
    """Placing counts, paying adds, cancelling takes both back; nobody else's totals move."""
    first, second = await shop.place(PEN), await shop.place(BOOK)
    await shop.place(BOOK, customer_id=BOB)
    await shop.post(f"/orders/{first}/pay", amount="2.50")
    await shop.post(f"/orders/{second}/pay", amount="19.99")
    await shop.post(f"/orders/{second}/cancel", reason="no need")
    await shop.app.settle()
    ada = {"customer_id": ADA, "orders": 2, "cancelled": 1, "ordered": "2.50", "paid": "2.50"}
    bob = {"customer_id": BOB, "orders": 1, "cancelled": 0, "ordered": "19.99", "paid": "0.00"}
    assert await shop.get(f"/customers/{ADA}/totals") == ada
    assert await shop.get(f"/customers/{BOB}/totals") == bob
    assert (await shop.get("/customers"))["items"] == [ada, bob]
    assert (await shop.get("/customers", sort="-ordered", page_size=1))["items"] == [bob]
    refused(await shop.client.get(f"/customers/{new_id()}/totals"), 404, "not_found")


# --- the whole of it ---


async def test_the_example_is_sound_and_documents_itself(shop: Shop) -> None:
    """It starts without a fault, and OpenAPI lists every command and query."""
    assert shop.app.check() == []
    paths = (await shop.get("/openapi.json"))["paths"]
    assert {"/orders", "/orders/{order_id}", "/orders/{order_id}/pay", "/customers/{customer_id}/totals"} <= set(paths)


async def test_a_restarted_server_continues_where_it_was(each_database: Database, tmp_path: Path) -> None:
    """`twofold run` on the same database serves what was accepted before, and goes on from there."""
    place = ("examples.orders:app", "--database", each_database.address)
    with Served(*place, folder=tmp_path) as served:
        async with client_of(served.address) as client:
            placed = await client.post("/orders", json={"customer_id": ADA, "lines": [PEN]})
        served.signal()
        assert served.ended() == 0
    with Served(*place, folder=tmp_path) as served:
        async with client_of(served.address) as client:
            paid = await client.post(f"/orders/{UUID(placed.json())}/pay", json={"amount": "2.50"})
            assert paid.status_code == 204
            await caught_up(client)
            totals = (await client.get(f"/customers/{ADA}/totals")).json()
    assert (totals["orders"], totals["paid"]) == (1, "2.50")
