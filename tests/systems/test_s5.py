"""S5, as its users write it: pydantic messages, event-sourced aggregates, several read models, pages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from pydantic_core import from_json, to_json
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import PostgresSchema
from tests.drivers.nats.keeping import keeper
from tests.systems import foreign
from tools.nats_server import NatsServer
from twofold import (
    Aggregate,
    App,
    Boundary,
    Command,
    CommandBus,
    Context,
    Decision,
    Event,
    EventBus,
    Exists,
    Failure,
    Invalid,
    Live,
    Module,
    NotFound,
    Outcome,
    Page,
    Query,
    QueryBus,
    Refused,
    Repository,
    Result,
    Rows,
    Success,
    Tag,
    UnitOfWork,
    event,
    every,
)
from twofold.app import doctor
from twofold.clock import new_id
from twofold.dispatch import Next
from twofold.errors import DuplicateHandlerError, VersionConflict
from twofold.messages import Encoded, MessageType
from twofold.sql import ExactDecimal, ReadSession, View, page_of, sort_by
from twofold.store import Append, Batch, Draft
from twofold.testing import Fault, given

pytestmark = pytest.mark.anyio


class PlaceOrder(BaseModel, Command[UUID]):
    """The documented order of bases for pydantic."""

    customer: str
    amount: Annotated[Decimal, Field(ge=0)]
    order_id: UUID | None = None


class PayOrder(BaseModel, Command[None]):
    order_id: UUID


class OpenTwo(BaseModel, Command[None]):
    """Places one order, then another in a part of its own that is undone when `keep` is False."""

    keep: bool


class OrderDTO(BaseModel):
    order_id: UUID
    customer: str
    status: str
    amount: Decimal


class FindOrders(BaseModel, Query[Page[OrderDTO]]):
    customer: str | None = None
    min_amount: Decimal | None = None
    sort: str = "-amount"
    page: int = 1
    page_size: int = 20


class CustomerOrders(BaseModel, Query[dict[str, Any]]):
    customer: str


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    order_id: UUID
    customer: str
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    order_id: UUID


def created_to_placed(data: dict[str, Any]) -> Encoded:
    """What an order was called once, and in cents."""
    amount = str(Decimal(data.pop("cents")) / 100)
    return Encoded("order_placed", {**data, "amount": amount})


class Order(Aggregate):
    snapshots = every(1)

    id: UUID
    paid: bool = False

    @classmethod
    def place(cls, order_id: UUID, customer: str, amount: Decimal) -> "Order":
        order = cls()
        order.record(OrderPlaced(order_id=order_id, customer=customer, amount=amount))
        return order

    def pay(self) -> Result[None, Refused]:
        if self.paid:
            return Failure(Refused("paid already"))
        self.record(OrderPaid(order_id=self.id))
        return Success()

    def evolve(self, event: Event) -> None:
        match event:
            case OrderPlaced():
                self.id = event.order_id
            case OrderPaid():
                self.paid = True
            case _:
                raise AssertionError(event)


class StockUp(BaseModel, Command[int]):
    product: str
    amount: int


class TakeOut(BaseModel, Command[int]):
    product: str
    amount: int


class StockChanged(BaseModel, Event):
    by: int


class ClaimCoupon(BaseModel, Command[None]):
    code: str
    customer: str


class CouponClaimed(BaseModel, Event):
    code: Annotated[str, Tag("coupon")]
    customer: Annotated[str, Tag("customer")]


@dataclass
class Coupon(Decision):
    code: Annotated[str, Tag("coupon")]
    claimed: bool = False

    def evolve(self, event: CouponClaimed) -> None:
        self.claimed = True


@dataclass
class Customer(Decision):
    customer: Annotated[str, Tag("customer")]
    coupons: int = 0

    def evolve(self, event: CouponClaimed) -> None:
        self.coupons += 1


class Tables(DeclarativeBase):
    pass


class SummaryRow(Tables):
    __tablename__ = "s5_summary"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    customer: Mapped[str]
    status: Mapped[str]
    amount: Mapped[Decimal] = mapped_column(ExactDecimal(2))


class CustomerRow(Tables):
    __tablename__ = "s5_customer"

    customer: Mapped[str] = mapped_column(primary_key=True)
    orders: Mapped[int]
    spent: Mapped[Decimal] = mapped_column(ExactDecimal(2))


class SalesRow(Tables):
    __tablename__ = "s5_sales"

    status: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class OrderHandlers:
    """One class with a handler for each message."""

    def __init__(self, orders: Repository[Order]) -> None:
        self.orders = orders

    async def place(self, command: PlaceOrder) -> Result[UUID, Exists]:
        order = Order.place(command.order_id or new_id(), command.customer, command.amount)
        return (await self.orders.add(order)).map(lambda _: order.id)

    async def pay(self, command: PayOrder) -> Result[None, NotFound | Refused]:
        found = await self.orders.get(command.order_id)
        if isinstance(found, Failure):
            return found
        paid = found.value.pay()
        await self.orders.save(found.value)
        return paid

    def _private(self, command: PayOrder) -> None:
        raise AssertionError("not a handler")


async def open_two(command: OpenTwo, orders: Repository[Order], unit: UnitOfWork) -> None:
    await orders.save(Order.place(new_id(), "first", Decimal(1)))
    try:
        async with unit:
            await orders.save(Order.place(new_id(), "second", Decimal(2)))
            if not command.keep:
                raise InterruptedError
    except InterruptedError:
        pass


class OrderQueries:
    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def find(self, query: FindOrders) -> Page[OrderDTO]:
        statement = select(SummaryRow)
        if query.customer is not None:
            statement = statement.where(SummaryRow.customer == query.customer)
        if query.min_amount is not None:
            statement = statement.where(SummaryRow.amount >= query.min_amount)
        sortable = {"amount": SummaryRow.amount, "customer": SummaryRow.customer}
        statement = sort_by(statement, query.sort, sortable).order_by(SummaryRow.order_id)
        return await page_of(self.session, statement, _dto, page=query.page, page_size=query.page_size)

    async def of_customer(self, query: CustomerOrders) -> dict[str, Any]:
        row = await self.session.get(CustomerRow, query.customer)
        return {"orders": row.orders if row else 0, "spent": str(row.spent) if row else "0"}


def _dto(row: Any) -> OrderDTO:
    found = row[0]
    return OrderDTO(order_id=found.order_id, customer=found.customer, status=found.status, amount=found.amount)


class Summary:
    def placed(self, event: OrderPlaced, rows: Rows) -> None:
        key = {"order_id": event.order_id}
        rows.upsert(SummaryRow, key, customer=event.customer, status="placed", amount=event.amount)

    def paid(self, event: OrderPaid, rows: Rows) -> None:
        rows.upsert(SummaryRow, {"order_id": event.order_id}, status="paid")


class Customers:
    def placed(self, event: OrderPlaced, rows: Rows) -> None:
        rows.add(CustomerRow, {"customer": event.customer}, orders=1, spent=event.amount)


class Sales:
    def placed(self, event: OrderPlaced, rows: Rows) -> None:
        rows.add(SalesRow, {"status": "placed"}, count=1)

    def paid(self, event: OrderPaid, rows: Rows) -> None:
        rows.add(SalesRow, {"status": "placed"}, count=-1)
        rows.add(SalesRow, {"status": "paid"}, count=1)


def decide_stock(command: StockUp | TakeOut, left: int) -> Outcome[StockChanged]:
    match command:
        case StockUp():
            return [StockChanged(by=command.amount)]
        case TakeOut() if command.amount > left:
            return Failure(Refused(f"there are {left} left"))
        case _:
            return [StockChanged(by=-command.amount)] if command.amount else []


def evolve_stock(left: int, event: StockChanged) -> int:
    return left + event.by


async def claim(command: ClaimCoupon, boundary: Boundary) -> Result[None, Refused]:
    coupon, customer = Coupon(command.code), Customer(command.customer)
    await boundary.read(coupon, customer)
    if coupon.claimed:
        return Failure(Exists("somebody has it"))
    if customer.coupons == 2:
        return Failure(Refused("two are enough"))
    boundary.record(CouponClaimed(code=command.code, customer=command.customer))
    return Success()


def orders() -> Module:
    """All messages of this file, and three read models of the same events."""
    module = Module("orders")
    module.handlers(OrderHandlers)
    module.handlers(OrderQueries)
    module.register(OpenTwo, open_two)
    module.register(ClaimCoupon, claim)
    module.decider(
        initial=int, decide=decide_stock, evolve=evolve_stock, stream="stock-{product}", answer=lambda left: left
    )
    module.projection("summary", mode="inline", tables=[SummaryRow])(Summary)
    module.projection("customers", tables=[CustomerRow])(Customers)
    module.projection("sales", tables=[SalesRow])(Sales)
    return module


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with App("s5", modules=[orders()], database=tmp_path / "s5.db") as app:
        yield app


async def place(app: App, customer: str = "ada", amount: str = "10.00") -> UUID:
    return (await app.execute(PlaceOrder(customer=customer, amount=Decimal(amount)))).unwrap()


class TestMessages:
    async def test_pydantic_messages(self, app: App) -> None:
        """Models are commands and queries as they are, validated once more on their way."""
        assert isinstance(await place(app), UUID)
        wrong = await app.execute(PlaceOrder.model_construct(customer="ada", amount=Decimal(-1)))
        assert isinstance(wrong.error, Invalid)
        assert [finding.field for finding in wrong.error.findings] == ["amount"]

    async def test_dispatchers_refuse_a_second_handler(self) -> None:
        """One dispatcher for commands, one for queries; each message has one handler."""
        commands, queries = CommandBus(), QueryBus()
        for bus, message in ((commands, PayOrder), (queries, FindOrders)):
            bus.register(message, lambda message: None)
            with pytest.raises(DuplicateHandlerError):
                bus.register(message, lambda message: None)

    async def test_one_class_with_several_handlers(self, app: App) -> None:
        """`handlers` mounts every public method of a class that takes a message."""
        order = await place(app)
        assert await app.execute(PayOrder(order_id=order)) == Success(None)

    def test_json_values(self) -> None:
        """`dict`, `list[dict]` and `Any` hold JSON, and come back as they were."""

        @dataclass(frozen=True, kw_only=True)
        class Noted(Event):
            facts: dict[str, Any]
            lines: list[dict[str, Any]]
            more: Any = None

        noted = Noted(facts={"a": 1}, lines=[{"b": [None, "c"]}], more=[1.5])
        kind: MessageType[Noted] = MessageType(Noted)
        assert kind.decode(kind.encode(noted)) == noted


class TestAggregates:
    async def test_create_decide_apply_record(self) -> None:
        """A decision records what happened; the state follows from the events alone."""
        order = Order.place(new_id(), "ada", Decimal(1))
        assert order.pay() == Success()
        assert isinstance(order.pay().error, Refused)
        assert [type(event) for event in order.recorded] == [OrderPlaced, OrderPaid]
        again = Order.rebuild(order.recorded)
        assert isinstance(again, Order)
        assert (again.id, again.paid, again.version, list(again.recorded)) == (order.id, True, 2, [])

    async def test_rebuilt_from_events(self, app: App) -> None:
        """What one command did is known to the next, from the log."""
        order = await place(app)
        await app.execute(PayOrder(order_id=order))
        refused = await app.execute(PayOrder(order_id=order))
        assert isinstance(refused.error, Refused)
        stream = await app.store.log.read_stream(Order.stream_of(order), after=0, limit=10)
        assert [(entry.type, entry.version) for entry in stream] == [("order_placed", 1), ("order_paid", 2)]

    async def test_get_and_find(self, app: App) -> None:
        """`get` is a Failure where there is none, `add` where there is one."""
        assert isinstance((await app.execute(PayOrder(order_id=new_id()))).error, NotFound)
        order = await place(app)
        twice = await app.execute(PlaceOrder(customer="ada", amount=Decimal(1), order_id=order))
        assert isinstance(twice.error, Exists)

    async def test_events_are_drained_at_commit(self, tmp_path: Path) -> None:
        """What an aggregate records after `save` commits too; nothing is in the log before the end."""
        module, heads = orders(), list[int]()

        @dataclass(frozen=True, kw_only=True)
        class PlaceAndPay(Command[None]):
            pass

        async def place_and_pay(command: PlaceAndPay, repository: Repository[Order]) -> None:
            order = Order.place(new_id(), "ada", Decimal(1))
            await repository.save(order)
            heads.append(await own.store.log.head())
            order.pay()

        module.register(PlaceAndPay, place_and_pay)
        own = App("s5", modules=[module], database=tmp_path / "own.db")
        async with own:
            await own.execute(PlaceAndPay())
            heads.append(await own.store.log.head())
        assert heads == [0, 2]

    async def test_a_conflict_is_a_failure(self, tmp_path: Path) -> None:
        """Where it is not decided again, a stream that moved between load and commit refuses it; nothing is written."""
        module = orders()

        class SlowPay(BaseModel, Command[None]):
            order_id: UUID

        async def slow_pay(command: SlowPay, repository: Repository[Order]) -> Result[None, Any]:
            order = (await repository.get(command.order_id)).unwrap()
            loaded.set()
            await go_on.wait()
            paid = order.pay()
            await repository.save(order)
            return paid

        loaded, go_on = asyncio.Event(), asyncio.Event()
        module.register(SlowPay, slow_pay, retry=None)
        async with App("s5", modules=[module], database=tmp_path / "own.db") as app:
            order = await place(app)
            slow = asyncio.create_task(app.execute(SlowPay(order_id=order)))
            await loaded.wait()
            # Somebody else, in another process, say.
            kind: MessageType[OrderPaid] = MessageType(OrderPaid)
            data = kind.encode(OrderPaid(order_id=order))
            draft = Draft(new_id(), kind.name, 1, data, {}, app.clock.now())
            await app.store.commit(Batch((Append(Order.stream_of(order), (draft,), 1),)))
            go_on.set()
            assert isinstance((await slow).error, VersionConflict)
            assert await app.store.log.head() == 2

    @pytest.mark.parametrize("keep", [True, False])
    async def test_a_part_is_undone_alone(self, app: App, keep: bool) -> None:
        """`async with unit` is a savepoint: what it holds commits with the rest, or is gone when it raises."""
        await app.execute(OpenTwo(keep=keep))
        page = (await app.execute(FindOrders())).unwrap()
        assert [item.customer for item in page.items] == (["second", "first"] if keep else ["first"])
        assert await app.store.log.head() == (2 if keep else 1)

    async def test_a_conflict_is_retried(self, tmp_path: Path) -> None:
        """Of many that change one aggregate at once, none is told of a conflict: each decides on the latest state."""
        app, decided = App("s5", modules=[orders()], database=tmp_path / "s5.db"), list[object]()
        all_have = asyncio.Event()

        async def meet(message: object, context: Context, call_next: Next) -> Result[Any, Any]:
            result = await call_next(message, context)
            decided.append(message)
            if len(decided) == 10:
                all_have.set()
            await all_have.wait()
            return result

        app.use(meet, at="inner", when=PayOrder)
        async with app:
            order = await place(app)
            results = await asyncio.gather(*(app.execute(PayOrder(order_id=order)) for _ in range(10)))
        assert sum(result.is_success for result in results) == 1
        assert {type(result.error) for result in results if result.is_failure} == {Refused}

    async def test_deciders(self, app: App) -> None:
        """Three pure functions are mounted as handlers of commands."""
        assert await app.execute(StockUp(product="tea", amount=5)) == Success(5)
        assert str((await app.execute(TakeOut(product="tea", amount=6))).error) == "there are 5 left"
        assert await app.execute(TakeOut(product="tea", amount=0)) == Success(5)
        assert await app.execute(TakeOut(product="tea", amount=4)) == Success(1)
        assert [recorded.type for recorded in await app.store.log.read_stream("stock-tea")] == ["stock_changed"] * 2

    async def test_consistency_boundaries(self, app: App) -> None:
        """A decision over several streams, by types and tags, is appended under the same condition."""
        claims = [ClaimCoupon(code=f"c{n}", customer=who) for n in range(3) for who in ("ada", "bob")]
        told = await asyncio.gather(*(app.execute(one) for one in claims))
        assert sum(result.is_success for result in told) == 3
        assert {type(result.error) for result in told if result.is_failure} <= {Exists, Refused}

    async def test_given_when_then(self) -> None:
        """A decision is tested by the events before it and the events after it: alone, and through its command."""
        order = new_id()
        placed, paid = OrderPlaced(order_id=order, customer="ada", amount=Decimal(1)), OrderPaid(order_id=order)
        given(Order, placed).when(Order.pay).then(paid)
        given(Order, placed, paid).when(Order.pay).then(Refused)
        await given(orders(), placed).when(PayOrder(order_id=order)).then(paid)
        await given(orders(), placed, paid).when(PayOrder(order_id=order)).then(Refused("paid already"))

    async def test_given_events_then_rows(self) -> None:
        """A read model is tested by events and the rows that they come to, and a query by its answer."""
        placed = OrderPlaced(order_id=new_id(), customer="ada", amount=Decimal("10.50"))
        given(Customers, placed).then(CustomerRow(customer="ada", orders=1, spent=Decimal("10.50")))
        await (
            given(orders(), placed)
            .when(PayOrder(order_id=placed.order_id))
            .then(OrderPaid, SalesRow(status="placed", count=0), SalesRow(status="paid", count=1))
        )
        await given(orders(), placed).when(CustomerOrders(customer="ada")).then({"orders": 1, "spent": "10.50"})

    async def test_under_faults(self, fault: Fault) -> None:
        """Whatever happens to the process, an order is paid once, and every read model says so once."""
        placed = OrderPlaced(order_id=new_id(), customer="ada", amount=Decimal("10.50"))
        await (
            given(orders(), placed, fault=fault)
            .when(PayOrder(order_id=placed.order_id))
            .then(OrderPaid, SummaryRow(order_id=placed.order_id, status="paid"), CustomerRow(customer="ada", orders=1))
        )


class TestSubscriptions:
    async def test_names(self) -> None:
        """The wire name of an event is its class name in snake case, unless it is given one."""

        @event(name="order-shipped", version=2)
        @dataclass(frozen=True, kw_only=True)
        class Shipped(Event):
            pass

        assert MessageType(OrderPlaced).name == "order_placed"
        assert (MessageType(Shipped).name, MessageType(Shipped).wire.version) == ("order-shipped", 2)

    async def test_by_name_and_by_class(self, tmp_path: Path) -> None:
        """Reactions ask for an event by its class or by its name, and are both given it."""
        module, seen = orders(), list[str]()

        @module.on(OrderPlaced)
        async def by_class(event: OrderPlaced) -> None:
            seen.append("class")

        @module.on("order_placed")
        async def by_name(event: OrderPlaced) -> None:
            seen.append("name")

        async with App("s5", modules=[module], database=tmp_path / "own.db") as app:
            await place(app)
            await app.settle()
        assert sorted(seen) == ["class", "name"]

    async def test_a_bus_alone_subscribes_by_either(self) -> None:
        """The same on an event bus without an application."""
        bus, seen = EventBus(), list[str]()
        bus.subscribe("order_paid", lambda event: seen.append("name"))
        bus.subscribe(OrderPaid, lambda event: seen.append("class"))
        await bus.publish(OrderPaid(order_id=new_id()))
        assert sorted(seen) == ["class", "name"]

    async def test_several_read_models_of_the_same_events(self, app: App) -> None:
        """Each projection fills its own tables; together they tell one story."""
        first, _ = await place(app, "ada", "10.50"), await place(app, "ada", "0.25")
        await place(app, "bob", "3.00")
        await app.execute(PayOrder(order_id=first))
        await app.settle()
        assert await app.execute(CustomerOrders(customer="ada")) == Success({"orders": 2, "spent": "10.75"})
        statuses = {item.order_id: item.status for item in (await app.execute(FindOrders())).unwrap().items}
        assert statuses[first] == "paid"
        assert sorted(statuses.values()) == ["paid", "placed", "placed"]
        sales = await app.store.read(
            lambda connection: connection.execute("SELECT status, count FROM s5_sales").fetchall()
        )
        assert dict(tuple(row) for row in sales) == {"placed": 2, "paid": 1}

    async def test_they_resume_where_they_stood(self, tmp_path: Path) -> None:
        """After a stop they go on behind what they have dealt with, and count nothing twice."""
        for expected in (1, 2, 3):
            async with App("s5", modules=[orders()], database=tmp_path / "own.db") as app:
                await place(app, "ada", "1.00")
                await app.settle()
                found = await app.execute(CustomerOrders(customer="ada"))
                assert found == Success({"orders": expected, "spent": f"{expected}.00"})

    async def test_they_tell_how_far_they_are(self, app: App) -> None:
        """Every subscription has a name and a lag."""
        await place(app)
        await app.settle()
        assert {one.name: one.lag for one in await app.progress()} == {"customers": 0, "sales": 0}

    def test_an_unknown_mode_is_a_fault(self, tmp_path: Path) -> None:
        """A projection that would never run keeps the application from starting."""
        module: Any = orders()
        module.projection("late", mode="asynchronous")(Sales)
        faults = App("s5", modules=[module], database=tmp_path / "own.db").check()
        assert [fault.code for fault in faults] == ["unknown_mode"]

    async def test_live(self, tmp_path: Path) -> None:
        """A live projection is folded when it is asked, by the same switch."""
        module = orders()
        module.projection("now", mode="live", tables=[SalesRow])(Sales)

        class Statuses(BaseModel, Query[dict[str, int]]):
            pass

        async def statuses(query: Statuses, sales: Live[Sales]) -> dict[str, int]:
            found = await sales.read()
            return {row.status: row.count for row in found.rows(SalesRow)}

        module.register(Statuses, statuses)
        async with App("s5", modules=[module], database=tmp_path / "own.db") as app:
            await app.execute(PayOrder(order_id=await place(app)))
            await place(app)
            assert await app.execute(Statuses()) == Success({"placed": 1, "paid": 1})

    async def test_a_read_model_is_rebuilt(self, app: App) -> None:
        """Rebuilding fills other rows from the log, which then take the place of the old ones, and it can be undone."""
        await place(app)
        await app.settle()
        assert await app.projections.reset("customers")
        await place(app)
        await app.settle()
        assert [row.different for row in await app.projections.compare("customers", "previous", 10)] == [1]
        await app.projections.rollback("customers")
        await app.settle()
        assert [row.different for row in await app.projections.compare("customers", "previous", 10)] == [0]

    async def test_materialized_views(self, tmp_path: Path) -> None:
        """A view is declared by its query, and refreshed on events or by the clock."""
        spent = func.sum(SummaryRow.amount).label("spent")
        statement = select(SummaryRow.customer, spent).group_by(SummaryRow.customer)
        stats = View("s5_customer_stats", statement, key=["customer"], refresh_on=[OrderPlaced])
        module = orders()
        module.view(stats)

        class CustomerStats(BaseModel, Query[dict[str, str]]):
            pass

        async def customer_stats(query: CustomerStats, session: ReadSession) -> dict[str, str]:
            return {
                row.customer: str(row.spent) for row in await session.execute(select(stats.c.customer, stats.c.spent))
            }

        module.register(CustomerStats, customer_stats)
        async with App("s5", modules=[module], database=tmp_path / "own.db") as app:
            for customer, amount in (("ada", "1.00"), ("bob", "2.50"), ("ada", "0.25")):
                await place(app, customer, amount)
            await app.settle()
            assert await app.execute(CustomerStats()) == Success({"ada": "1.25", "bob": "2.50"})


class TestQueries:
    @pytest.fixture
    async def filled(self, app: App) -> App:
        for customer, amount in (("ada", "0.00"), ("ada", "5.00"), ("bob", "7.00"), ("cyd", "6.00"), ("ada", "5.00")):
            await place(app, customer, amount)
        return app

    async def test_filters(self, filled: App) -> None:
        """Filters join, and 0 is a value like any other."""

        async def amounts(**filters: Any) -> list[str]:
            page = (await filled.execute(FindOrders(**filters))).unwrap()
            return [str(item.amount) for item in page.items]

        assert await amounts() == ["7.00", "6.00", "5.00", "5.00", "0.00"]
        assert await amounts(customer="ada") == ["5.00", "5.00", "0.00"]
        assert await amounts(customer="ada", min_amount=Decimal(5)) == ["5.00", "5.00"]
        assert await amounts(min_amount=Decimal(0)) == ["7.00", "6.00", "5.00", "5.00", "0.00"]

    async def test_sorting(self, filled: App) -> None:
        """By the declared fields, up and down, several after each other; by no others."""
        page = (await filled.execute(FindOrders(sort="customer,-amount"))).unwrap()
        assert [(item.customer, str(item.amount)) for item in page.items] == [
            ("ada", "5.00"),
            ("ada", "5.00"),
            ("ada", "0.00"),
            ("bob", "7.00"),
            ("cyd", "6.00"),
        ]
        refused = await filled.execute(FindOrders(sort="secret"))
        assert isinstance(refused.error, Invalid)

    async def test_pages(self, filled: App) -> None:
        """A typed page with the total; pages do not overlap, and an empty one is a page too."""
        seen: list[UUID] = []
        for number in (1, 2, 3):
            page = (await filled.execute(FindOrders(page=number, page_size=2))).unwrap()
            assert (page.total, page.pages, page.page, page.has_next) == (5, 3, number, number < 3)
            assert all(isinstance(item, OrderDTO) for item in page.items)
            seen += [item.order_id for item in page.items]
        assert len(seen) == len(set(seen)) == 5
        beyond = (await filled.execute(FindOrders(page=4, page_size=2))).unwrap()
        assert (beyond.items, beyond.total) == ((), 5)

    @pytest.mark.parametrize("bounds", [{"page": 0}, {"page_size": 0}, {"page_size": 201}])
    async def test_sizes_are_bounded(self, app: App, bounds: dict[str, int]) -> None:
        """Nobody asks for a page that there cannot be, or for everything."""
        result = await app.execute(FindOrders(**bounds))  # type: ignore[arg-type]  # what a test leaves out or in
        assert isinstance(result.error, Invalid)

    @pytest.mark.parametrize("wanted", [Repository[Order], UnitOfWork])
    def test_a_query_that_could_write_keeps_it_from_starting(self, wanted: Any) -> None:
        """A query that asks for a repository or a unit of work is a start-up fault."""

        class Peek(BaseModel, Query[None]):
            pass

        async def peek(query: Peek, way: Any) -> None: ...

        peek.__annotations__["way"] = wanted
        module = orders()
        module.register(Peek, peek)
        faults = App("s5", modules=[module]).check()
        assert [fault.code for fault in faults if "peek" in fault.where] == ["writing_query"]


class TestRetried:
    async def test_the_same_key_is_one_command(self, app: App) -> None:
        """A command sent twice under one key runs once, and answers the same twice."""
        options: dict[str, Any] = {"idempotency_key": "k-1"}
        caller = app.caller(**options)
        first = await caller.execute(PlaceOrder(customer="ada", amount=Decimal(1)))
        assert await caller.execute(PlaceOrder(customer="ada", amount=Decimal(1))) == first
        assert await app.store.log.head() == 1

    async def test_older_events_are_understood(self, tmp_path: Path) -> None:
        """A module says how an event of an older version becomes one of today's; all that reads the log sees that."""
        module, order, now = orders(), new_id(), datetime(2020, 1, 2, tzinfo=UTC)
        module.upcast("order_created", 1, created_to_placed, into=["order_placed"])
        created = to_json({"order_id": order, "customer": "ada", "cents": 1050})
        async with App("s5", database=tmp_path / "own.db") as app:
            old = Draft(new_id(), "order_created", 1, created, {}, now)
            await app.store.commit(Batch((Append(Order.stream_of(order), (old,)),)))
        async with App("s5", modules=[module], database=tmp_path / "own.db") as app:
            assert await app.execute(PayOrder(order_id=order)) == Success(None)
            await app.settle()
            page = (await app.execute(FindOrders(customer="ada"))).unwrap()
        assert [(found.status, found.amount) for found in page.items] == [("paid", Decimal("10.50"))]

    async def test_snapshots(self, tmp_path: Path) -> None:
        """A policy says when the state of an aggregate is kept beside its stream."""
        async with App("s5", modules=[orders()], database=tmp_path / "own.db") as app:
            order = (await app.execute(PlaceOrder(customer="ada", amount=Decimal("10.50")))).unwrap()
            assert await app.execute(PayOrder(order_id=order)) == Success(None)
            found = await app.store.find_snapshot(f"order-{order}")
            assert found is not None
            assert found.version == 1


class TestDistributed:
    async def test_on_postgresql(self, postgres_schema: PostgresSchema) -> None:
        """The same modules on PostgreSQL, by configuration only."""
        app = App("s5", modules=[orders()], database=postgres_schema.address)
        for paid in (1, 2):  # a restart goes on where it stood
            async with app:
                caller = app.caller(wait=30)
                order = (await caller.execute(PlaceOrder(customer="ada", amount=Decimal("10.50")))).unwrap()
                assert await caller.execute(PayOrder(order_id=order)) == Success(None)
                assert isinstance((await caller.execute(PayOrder(order_id=order))).error, Refused)
                page = (await caller.execute(FindOrders(customer="ada"))).unwrap()
                assert [(found.status, found.amount) for found in page.items] == [("paid", Decimal("10.50"))] * paid
                spent = str(paid * Decimal("10.50"))
                assert await caller.execute(CustomerOrders(customer="ada")) == Success({"orders": paid, "spent": spent})

    async def test_published_over_a_broker(self, tmp_path: Path, nats_server: NatsServer) -> None:
        """Events leave over NATS JetStream, by declaring them, and whoever reads them there needs no twofold."""
        module = orders()
        async with keeper(nats_server.url) as keeps:
            await keeps.keep()
            module.publishes(OrderPlaced, OrderPaid, to=keeps.place)
            async with App("s5", modules=[module], database=tmp_path / "own.db", broker=nats_server.url) as app:
                order = (await app.execute(PlaceOrder(customer="ada", amount=Decimal("10.50")))).unwrap()
                assert await app.execute(PayOrder(order_id=order)) == Success(None)
                await app.settle()
            placed, paid = await keeps.raw()
        assert (placed.subject, paid.subject) == (f"{keeps.place}.order_placed", f"{keeps.place}.order_paid")
        assert {(one.headers or {})["ce-subject"] for one in (placed, paid)} == {f"order-{order}"}
        assert from_json(placed.data)["customer"] == "ada"

    async def test_consumed_from_a_broker(self, tmp_path: Path, nats_server: NatsServer) -> None:
        """Events of one service are followed by another one with a database and classes of its own, over a broker."""
        selling, due = orders(), dict[UUID, Decimal]()
        async with keeper(nats_server.url) as keeps:
            await keeps.keep()
            selling.publishes(OrderPlaced, OrderPaid, to=keeps.place)
            consumer = foreign.billing(keeps.place, due)
            shop = App("s5", modules=[selling], database=tmp_path / "shop.db", broker=nats_server.url)
            billing = App("billing", modules=[consumer], database=tmp_path / "billing.db", broker=nats_server.url)
            async with shop, billing:
                paid = (await shop.execute(PlaceOrder(customer="ada", amount=Decimal("10.50")))).unwrap()
                open_ = (await shop.execute(PlaceOrder(customer="bob", amount=Decimal("2.00")))).unwrap()
                caller = shop.caller(correlation_id="ada's payment")
                assert await caller.execute(PayOrder(order_id=paid)) == Success(None)
                await shop.settle()
                await billing.settle()
                entries = await billing.store.log.read(0, until=await billing.store.log.head(), limit=10)
        assert due == {paid: Decimal("10.50"), open_: Decimal("2.00")}
        assert [one.type for one in entries].count("receipt_written") == 1
        (receipt,) = [one for one in entries if one.type == "receipt_written"]
        assert from_json(receipt.data) == {"order_id": str(paid)}
        assert receipt.headers["correlation_id"] == "ada's payment"
        own = [one for one in entries if one.stream == f"from:{keeps.place}:order-{paid}"]
        assert [(one.type, one.version) for one in own] == [("order_placed", 1), ("order_paid", 2)]

    def test_doctor_names_mutable_messages(self) -> None:
        """Mutable messages are accepted, and `twofold doctor` names them."""
        assert any(
            "PlaceOrder" in str(finding) for finding in doctor(App("s5", modules=[orders()], database="memory:"))
        )
