"""What the other tests of the examples send through a door, sent in code; and that no message is forgotten."""

from collections.abc import AsyncIterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import SecretStr

from examples.hostfactory import app as hostfactory
from examples.hostfactory.commands import CreateRequest, UpdateMachineStatus, ValidateTemplate
from examples.hostfactory.domain import MachineStatus
from examples.hostfactory.queries import GetRequestStatus
from examples.orders import app as orders
from examples.orders.catalogue import Item, ListProduct
from examples.orders.commands import CancelOrder, OrderAtOnce, PayOrder, ShipOrder
from examples.orders.draft_commands import ChangeStatus, CreateOrder, PlaceOrder, SetAddress
from examples.orders.queries import FindCustomers, FindOrders, GetCustomerTotals, GetOrder
from examples.orders.sales_queries import FindCustomerStats, FindSales, GetCustomerOrders
from examples.orders.values import Address, Line, OrderStatus
from examples.providers import app as providers
from examples.providers.domain import Provider
from examples.providers.provider_commands import ConnectProvider
from examples.providers.queries import GetConnection, GetSession, ListSessions, ReadTrail
from examples.providers.user_commands import LogIn, RegisterUser
from twofold import App, Principal
from twofold.clock import new_id
from twofold.testing import fresh, settle, uncovered

pytestmark = pytest.mark.anyio

EXAMPLES = ("accounts", "courses", "hostfactory", "orders", "providers")
CUSTOMER = new_id()
ADDRESS = Address(street="1 Quay", postcode="20457", city="Hamburg", country="DE")


@pytest.mark.parametrize("example", EXAMPLES)
def test_nothing_of_an_example_is_forgotten(example: str) -> None:
    """Each command and query has a handler, a decision about its route, and a test that uses it."""
    package = import_module(f"examples.{example}")
    assert uncovered(package.app, package, tests=Path(__file__).parent) == []


@pytest.fixture
async def shop() -> AsyncIterator[App]:
    """The orders example, with an order that was put together and placed."""
    async with fresh(orders) as running:
        yield running


async def test_orders_are_put_together(shop: App) -> None:
    """Created of what the catalogue has, addressed, placed, paid and shipped; and found again by each query."""
    (await shop.execute(ListProduct(sku="PEN-1", name="Pen", price=Decimal("1.25")))).unwrap()
    made = CreateOrder(customer_id=CUSTOMER, items=(Item(sku="PEN-1", quantity=2),))
    order = (await shop.execute(made)).unwrap()
    for command in (
        SetAddress(order_id=order, address=ADDRESS),
        PlaceOrder(order_id=order),
        PayOrder(order_id=order, amount=Decimal("2.50")),
        ShipOrder(order_id=order, tracking_code="1Z"),
    ):
        (await shop.execute(command)).unwrap()
    await settle(shop)
    shown = (await shop.execute(GetOrder(order_id=order))).unwrap()
    assert shown is not None
    assert (shown.status, shown.total, shown.address) == (OrderStatus.SHIPPED, Decimal("2.50"), ADDRESS)
    totals = (await shop.execute(GetCustomerTotals(customer_id=CUSTOMER))).unwrap()
    customer = (await shop.execute(GetCustomerOrders(customer_id=CUSTOMER))).unwrap()
    assert (totals and totals.paid, customer and customer.spent) == (Decimal("2.50"), Decimal("2.50"))
    assert (await shop.execute(FindOrders())).unwrap().total == 1
    assert (await shop.execute(FindCustomers())).unwrap().total == 1
    assert (await shop.execute(FindCustomerStats())).unwrap().total == 1
    assert (await shop.execute(FindSales())).unwrap().total == 1


async def test_orders_come_to_nothing(shop: App) -> None:
    """By the customer and by hand."""
    lines = (Line(sku="PEN-1", quantity=1, unit_price=Decimal(1)),)
    first, second = [(await shop.execute(OrderAtOnce(customer_id=CUSTOMER, lines=lines))).unwrap() for _ in range(2)]
    (await shop.execute(CancelOrder(order_id=first, reason="late"))).unwrap()
    (await shop.execute(ChangeStatus(order_id=second, status=OrderStatus.CANCELLED, reason="lost"))).unwrap()
    await settle(shop)
    found = (await shop.execute(FindOrders())).unwrap()
    assert [one.status for one in found.items] == [OrderStatus.CANCELLED] * 2


async def test_machines_are_asked_for() -> None:
    """Of a template that is looked at first; a request is fulfilled once all of its machines run."""
    async with fresh(hostfactory) as hosts:
        looked_at = (await hosts.execute(ValidateTemplate(template={"id": "tiny", "image": "debian-0"}))).unwrap()
        assert not looked_at.valid
        request = (await hosts.execute(CreateRequest(template_id="small"))).unwrap()
        await settle(hosts)
        asked = GetRequestStatus(request_id=request, include_machines=True)
        shown = (await hosts.execute(asked)).unwrap()
        assert shown is not None
        (machine,) = shown.machines or ()
        running = UpdateMachineStatus(request_id=request, machine_id=machine.id, status=MachineStatus.RUNNING)
        (await hosts.execute(running)).unwrap()
        shown = (await hosts.execute(asked)).unwrap()
        assert shown is not None
        assert shown.fulfilled


async def test_users_see_what_is_theirs() -> None:
    """Their sessions, their connections, and what happened to them."""
    async with fresh(providers) as running:
        phrase = SecretStr("correct horse 9")
        user = (await running.execute(RegisterUser(email="ada@example.com", password=phrase))).unwrap()
        (await running.execute(LogIn(email="ada@example.com", password=phrase))).unwrap()
        ada = running.caller(principal=Principal(user_id=str(user)))
        connect = ConnectProvider(user_id=user, provider=Provider.GITHUB, code=SecretStr("user:ada"))
        (await ada.execute(connect)).unwrap()
        await settle(running)
        (session,) = (await ada.execute(ListSessions(user_id=user))).unwrap().items
        assert (await ada.execute(GetSession(user_id=user, session_id=session.id))).unwrap() == session
        connection = (await ada.execute(GetConnection(user_id=user, provider=Provider.GITHUB))).unwrap()
        assert connection is not None
        assert (connection.account, connection.active) == ("ada", True)
        trail = (await ada.execute(ReadTrail(user_id=user))).unwrap()
        assert [one.event for one in trail][:1] == ["RegistrationSucceeded"]
