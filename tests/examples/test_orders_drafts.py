"""The orders example, step by step: a catalogue, an order that is put together, and what its sales come to."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from examples._demo.database import Database
from examples.orders import app as orders_app
from examples.orders.catalogue import ListProduct, ProductListed
from examples.orders.domain import (
    AddressSet,
    ItemAdded,
    Order,
    OrderAlreadyShipped,
    OrderCreated,
    OrderDiscarded,
    OrderIncomplete,
    OrderIsCancelled,
    OrderNotCreated,
    OrderNotPaid,
    OrderNotPlaced,
    OrderPaid,
    OrderPlaced,
    OrderShipped,
    StatusNotByHand,
)
from examples.orders.draft_commands import AddItem
from examples.orders.values import Address, Line, OrderStatus
from tests.cli.served import Served
from twofold import App
from twofold.clock import Clock, new_id
from twofold.testing import VirtualClock, given

pytestmark = pytest.mark.anyio

ORDER, CUSTOMER = new_id(), new_id()
ADDRESS = Address(street="1 Quay", postcode="20457", city="Hamburg", country="DE")
PEN = Line(sku="PEN-1", quantity=2, unit_price=Decimal("1.25"), name="Pen")
BOOK = Line(sku="BOOK-7", quantity=1, unit_price=Decimal("19.99"), name="Book")
CREATED = OrderCreated(order_id=ORDER, customer_id=CUSTOMER, lines=(PEN,), address=None)
SENT = AddressSet(order_id=ORDER, address=ADDRESS)
PLACED = OrderPlaced(order_id=ORDER, customer_id=CUSTOMER, lines=(PEN,), total=Decimal("2.50"), address=ADDRESS)
PAID = OrderPaid(order_id=ORDER, customer_id=CUSTOMER, amount=PLACED.total)
SHIPPED = OrderShipped(order_id=ORDER, tracking_code="1Z")
GONE = OrderDiscarded(order_id=ORDER, reason="no need")
WHERE = {"street": "1 Quay", "postcode": "20457", "city": "Hamburg", "country": "de"}


# --- the domain, without any store ---


def test_an_order_takes_items_while_it_is_created() -> None:
    """Each is a line after the others; whatever is not created refuses it."""
    given(Order, CREATED).when(Order.add, BOOK).then(ItemAdded(order_id=ORDER, number=2, line=BOOK))
    for past in ([CREATED, SENT, PLACED], [PLACED, PAID], [PLACED, PAID, SHIPPED], [CREATED, GONE]):
        given(Order, *past).when(Order.add, BOOK).then(OrderNotCreated)


def test_an_order_is_placed_whole() -> None:
    """With all that was added; without an item or an address it is not."""
    whole = OrderPlaced(
        order_id=ORDER, customer_id=CUSTOMER, lines=(PEN, BOOK), total=Decimal("22.49"), address=ADDRESS
    )
    given(Order, CREATED, ItemAdded(order_id=ORDER, number=2, line=BOOK), SENT).when(Order.place).then(whole)
    given(Order, CREATED).when(Order.place).then(OrderIncomplete)
    empty = OrderCreated(order_id=ORDER, customer_id=CUSTOMER, lines=(), address=ADDRESS)
    given(Order, empty).when(Order.place).then(OrderIncomplete)
    given(Order, CREATED, SENT, PLACED).when(Order.place).then(OrderNotCreated)


def test_an_order_is_sent_elsewhere_until_it_is_on_its_way() -> None:
    """The same address is no event; what has left or is cancelled is not sent elsewhere."""
    given(Order, CREATED).when(Order.send_to, ADDRESS).then(SENT)
    given(Order, CREATED, SENT).when(Order.send_to, ADDRESS).then()
    given(Order, PLACED, PAID, SHIPPED).when(Order.send_to, ADDRESS).then(OrderAlreadyShipped)
    given(Order, CREATED, GONE).when(Order.send_to, ADDRESS).then(OrderIsCancelled)


def test_an_order_that_is_created_is_neither_paid_nor_shipped() -> None:
    """It has to be placed first; it may be discarded."""
    given(Order, CREATED).when(Order.pay, Decimal("2.50")).then(OrderNotPlaced)
    given(Order, CREATED).when(Order.ship, "1Z").then(OrderNotPaid)
    given(Order, CREATED).when(Order.cancel, "no need").then(GONE)


def test_a_status_is_changed_by_hand_for_a_reason() -> None:
    """To placed and to cancelled, by the same rules; never to what a payment or a shipment says."""
    reasoned = OrderPlaced(
        order_id=ORDER, customer_id=CUSTOMER, lines=(PEN,), total=PLACED.total, address=ADDRESS, reason="by phone"
    )
    given(Order, CREATED, SENT).when(Order.change_status, OrderStatus.PLACED, "by phone").then(reasoned)
    given(Order, CREATED).when(Order.change_status, OrderStatus.CANCELLED, "no need").then(GONE)
    given(Order, PLACED, PAID, SHIPPED).when(Order.change_status, OrderStatus.CANCELLED, "late").then(
        OrderAlreadyShipped
    )
    for status in (OrderStatus.CREATED, OrderStatus.PAID, OrderStatus.SHIPPED):
        given(Order, PLACED).when(Order.change_status, status, "so there").then(StatusNotByHand)


# --- the catalogue ---


async def test_an_item_has_the_name_and_price_of_its_moment() -> None:
    """A product that is renamed later changes no order; one that nobody has listed is refused."""
    pen = ProductListed(sku="PEN-1", name="Pen", price=Decimal("1.25"))
    later = ProductListed(sku="PEN-1", name="Ballpen", price=Decimal("1.50"))
    add = AddItem(order_id=ORDER, sku="PEN-1", quantity=2)
    await given(orders_app, pen, CREATED).when(add).then(ItemAdded(order_id=ORDER, number=2, line=PEN))
    new = Line(sku="PEN-1", quantity=2, unit_price=Decimal("1.50"), name="Ballpen")
    await given(orders_app, pen, later, CREATED).when(add).then(ItemAdded(order_id=ORDER, number=2, line=new))
    again = ListProduct(sku="PEN-1", name="Pen", price=Decimal("1.25"))
    await given(orders_app, pen).when(again).then()


# --- over HTTP ---


class Shop(NamedTuple):
    app: App
    client: httpx.AsyncClient

    async def get(self, path: str, **parameters: str) -> Any:
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def create(self, *items: dict[str, Any], customer: str = str(CUSTOMER)) -> str:
        answer = await self.client.post("/orders/created", json={"customer_id": customer, "items": items})
        assert answer.status_code == 201, answer.text
        return str(answer.json())


@asynccontextmanager
async def opened(database: Database, clock: Clock | None = None) -> AsyncGenerator[Shop]:
    app = App("orders", modules=orders_app.modules, database=database.address, clock=clock)
    async with app, httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://shop") as client:
        for sku, name, price in (("pen-1", "Pen", "1.25"), ("book-7", "Book", "19.99")):
            assert (await client.put(f"/products/{sku}", json={"name": name, "price": price})).status_code == 204
        yield Shop(app, client)


@pytest.fixture
async def shop(each_database: Database) -> AsyncIterator[Shop]:
    async with opened(each_database) as shop:
        yield shop


async def test_an_order_is_put_together_and_shown_as_it_grows(shop: Shop) -> None:
    """The detail has names, totals of lines, the address and when it changed; the list counts articles."""
    order = await shop.create({"sku": "pen-1", "quantity": 2})
    path = f"/orders/{order}"
    first = await shop.get(path)
    assert (first["status"], first["total"], first["placed_on"], first["address"]) == ("created", "2.50", None, None)
    added = await shop.client.post(f"{path}/items", json={"sku": "book-7", "quantity": 1})
    sent = await shop.client.put(f"{path}/address", json={"address": WHERE})
    placed = await shop.client.post(f"{path}/place", json={})
    assert [answer.status_code for answer in (added, sent, placed)] == [204, 204, 204], placed.text
    await shop.client.put("/products/pen-1", json={"name": "Ballpen", "price": "9.00"})
    detail = await shop.get(path)
    assert detail["updated_at"] > first["updated_at"]
    assert detail["address"] == {**WHERE, "country": "DE"}
    assert (detail["status"], detail["total"], detail["placed_on"]) == ("placed", "22.49", today())
    assert [(line["name"], line["unit_price"], line["total_price"]) for line in detail["lines"]] == [
        ("Pen", "1.25", "2.50"),
        ("Book", "19.99", "19.99"),
    ]
    late = await shop.client.post(f"{path}/items", json={"sku": "pen-1", "quantity": 1})
    assert (late.status_code, late.json()["code"]) == (400, "order_not_created")
    await shop.app.settle()
    (item,) = (await shop.get("/orders"))["items"]
    assert (item["articles"], item["total"], item["status"]) == (3, "22.49", "placed")


@pytest.mark.parametrize("path,things", [("/orders/created", "items"), ("/orders", "lines")])
async def test_an_order_may_come_with_its_address(shop: Shop, path: str, things: str) -> None:
    """Put together or at once, it is sent there; without one, nowhere yet."""
    line = {"sku": "pen-1", "quantity": 2} | ({"unit_price": "1.25"} if things == "lines" else {})
    for address, shown in ((WHERE, {**WHERE, "country": "DE"}), (None, None)):
        body = {"customer_id": str(CUSTOMER), things: [line], "address": address}
        order = (await shop.client.post(path, json=body)).json()
        assert (await shop.get(f"/orders/{order}"))["address"] == shown


async def test_what_is_not_in_the_catalogue_is_refused(shop: Shop) -> None:
    """And nothing is created."""
    head = await shop.app.store.log.head()
    body = {"customer_id": str(CUSTOMER), "items": [{"sku": "ink-3", "quantity": 1}]}
    answer = await shop.client.post("/orders/created", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_product")
    order = await shop.create()
    added = await shop.client.post(f"/orders/{order}/items", json={"sku": "ink-3", "quantity": 1})
    missing = await shop.client.post(f"/orders/{new_id()}/items", json={"sku": "pen-1", "quantity": 1})
    assert (added.status_code, missing.status_code) == (400, 404)
    assert await shop.app.store.log.head() == head + 1


async def test_a_status_is_changed_over_http(shop: Shop) -> None:
    """The detail says why."""
    order = await shop.create({"sku": "pen-1", "quantity": 2})
    body = {"status": "cancelled", "reason": "a test"}
    assert (await shop.client.put(f"/orders/{order}/status", json=body)).status_code == 204
    detail = await shop.get(f"/orders/{order}")
    assert (detail["status"], detail["status_reason"]) == ("cancelled", "a test")
    await shop.app.settle()
    assert (await shop.get("/orders", status="cancelled"))["total"] == 1
    assert (await shop.get("/sales"))["total"] == 0


async def test_sales_are_a_row_for_each_placed_order(shop: Shop) -> None:
    """The projection and the materialized view come to the same; what was cancelled or not placed counts in neither."""
    other = str(new_id())
    orders = list[str]()
    for customer, price in ((str(CUSTOMER), "1.00"), (str(CUSTOMER), "2.01"), (other, "9.00"), (other, "5.00")):
        line = {"sku": "any", "quantity": 1, "unit_price": price}
        orders.append((await shop.client.post("/orders", json={"customer_id": customer, "lines": [line]})).json())
    await shop.client.post(f"/orders/{orders[-1]}/cancel", json={"reason": "no need"})
    await shop.create({"sku": "pen-1", "quantity": 2})
    await shop.app.settle()
    day = today()
    mine = {"customer_id": str(CUSTOMER), "orders": 2, "spent": "3.01", "average": "1.50", "first_on": day}
    mine["last_on"] = day
    theirs = {**mine, "customer_id": other, "orders": 1, "spent": "9.00", "average": "9.00"}
    assert await shop.get(f"/customers/{CUSTOMER}/orders") == mine
    assert (await shop.get("/customer-stats"))["items"] == [theirs, mine]
    sold = (await shop.get("/sales"))["items"]
    assert [(sale["total"], sale["cancelled"]) for sale in sold] == [
        ("5.00", True),
        ("9.00", False),
        ("2.01", False),
        ("1.00", False),
    ]
    assert (await shop.get("/sales", placed_to="2020-01-01"))["items"] == []
    assert (await shop.get("/sales", placed_from=day))["total"] == 4
    assert (await shop.client.get(f"/customers/{new_id()}/orders")).status_code == 404


async def test_sales_are_those_of_their_days(each_database: Database) -> None:
    """Both ends of a range belong to it, and a customer has a first day and a last one."""
    clock = VirtualClock(datetime(2026, 5, 1, 12, tzinfo=UTC))
    async with opened(each_database, clock) as shop:
        for _ in range(3):
            body = {"customer_id": str(CUSTOMER), "lines": [{"sku": "any", "quantity": 1, "unit_price": "1.00"}]}
            assert (await shop.client.post("/orders", json=body)).status_code == 201
            clock.advance(days=2)
        await shop.app.settle()
        mine = await shop.get(f"/customers/{CUSTOMER}/orders")
        assert (mine["orders"], mine["first_on"], mine["last_on"]) == (3, "2026-05-01", "2026-05-05")
        assert (await shop.get("/customer-stats"))["items"] == [mine]
        for path in ("/orders", "/sales"):
            for days, found in (
                ({"placed_from": "2026-05-03", "placed_to": "2026-05-03"}, ["2026-05-03"]),
                ({"placed_from": "2026-05-03"}, ["2026-05-05", "2026-05-03"]),
                ({"placed_to": "2026-05-03"}, ["2026-05-03", "2026-05-01"]),
                ({"placed_from": "2026-05-02", "placed_to": "2026-05-02"}, []),
            ):
                assert [item["placed_on"] for item in (await shop.get(path, **days))["items"]] == found


async def test_an_order_is_created_once_however_often_it_is_sent(shop: Shop) -> None:
    """The key makes it one order, answered the same."""
    body = {"customer_id": str(CUSTOMER), "items": [{"sku": "pen-1", "quantity": 1}]}
    head = await shop.app.store.log.head()
    answers = [
        await shop.client.post("/orders/created", json=body, headers={"Idempotency-Key": "once"}) for _ in range(3)
    ]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert await shop.app.store.log.head() == head + 1


# --- split services ---


@pytest.fixture
def parts(each_database: Database, tmp_path: Path) -> Iterator[tuple[Served, Served]]:
    with ExitStack() as stack:
        started = list[Served]()
        for role in ("worker", "api-commands", "api-queries"):
            folder = tmp_path / role
            folder.mkdir()
            part = Served("examples.orders:app", "--role", role, "--database", each_database.address, folder=folder)
            started.append(stack.enter_context(part))
        yield started[1], started[2]


def test_commands_queries_and_workers_are_three_processes(parts: tuple[Served, Served]) -> None:
    """What the command service takes, the query service shows, once the worker has projected it."""
    commands, queries = parts
    line = {"sku": "pen-1", "quantity": 2, "unit_price": "1.25"}
    body = {"customer_id": str(CUSTOMER), "lines": [line]}
    placed = httpx.post(f"{commands.address}/orders", json=body, timeout=20)
    assert placed.status_code == 201, placed.text
    position = {"Twofold-Position": placed.headers["Twofold-Position"], "Twofold-Wait": "10"}
    listed = queries.get("/orders", position)
    spent = queries.get(f"/customers/{CUSTOMER}/orders", position)
    assert [item["order_id"] for item in listed.json()["items"]] == [placed.json()], listed.text
    assert spent.json()["spent"] == "2.50"
    assert httpx.post(f"{queries.address}/orders", json=body, timeout=20).status_code in {404, 405}


def today() -> str:
    return datetime.now(UTC).date().isoformat()
