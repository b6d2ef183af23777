"""A log that was written by older versions of an application, as the application of today reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.app.tomorrow import tomorrow
from tests.until import until
from twofold import Aggregate, App, Command, Event, EventBus, Live, Module, Query, Refused, Repository, Rows, event
from twofold.clock import new_id
from twofold.errors import Exists, Invalid, NewerVersion, Undecodable, UnknownMessage
from twofold.messages import Encoded
from twofold.sql import ReadSession
from twofold.store import Append, Batch, Draft, Fact, Store

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
NOTE = "orders.note:addressed"


@event(name="placed", version=2)
@dataclass(frozen=True, kw_only=True)
class Placed(Event):
    """Version 1 had an address, and an amount of cents."""

    id: str
    total: Decimal


@dataclass(frozen=True, kw_only=True)
class Addressed(Event):
    """What was a part of it."""

    id: str
    line: str


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """What a reaction has recorded."""

    line: str


class Order(Aggregate):
    """Remembers what it has seen."""

    id: str
    total = Decimal(0)

    def __init__(self) -> None:
        self.lines: list[str] = []

    def evolve(self, event: Event) -> None:
        """Change by an event."""
        match event:
            case Placed():
                self.id, self.total = event.id, event.total
            case Addressed():
                self.id = event.id
                self.lines.append(event.line)
            case _:
                raise TypeError(event)


@dataclass(frozen=True, kw_only=True)
class Readdress(Command[int]):
    """Add a line to an order that is there; answers how many events the log has of it."""

    id: str
    line: str


@dataclass(frozen=True, kw_only=True)
class Place(Command[None]):
    """Place an order."""

    id: str


@dataclass(frozen=True, kw_only=True)
class Lines(Query[list[str]]):
    """All lines, as the read model behind the log has them, and as a live one makes them."""

    live: bool


class Tables(DeclarativeBase):
    """The tables of this file."""


class LineRow(Tables):
    __tablename__ = "evolution_line"
    id: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(primary_key=True)


class SeenRow(Tables):
    __tablename__ = "evolution_seen"
    line: Mapped[str] = mapped_column(primary_key=True)


class LineRows:
    """A row for each line; of orders that are placed it wants nothing."""

    def addressed(self, event: Addressed, rows: Rows) -> None:
        rows.upsert(LineRow, {"id": event.id, "line": event.line})


class LiveLines(LineRows):
    """The same, made when it is read."""


class Told:
    """What writers were given."""

    def __init__(self) -> None:
        self.facts: list[tuple[int, str]] = []


class Outside:
    def __init__(self, told: Told) -> None:
        self.told = told

    async def write(self, facts: Sequence[Fact]) -> None:
        self.told.facts += [(fact.recorded.position, fact.event.line) for fact in facts]


def split(data: dict[str, Any]) -> list[Encoded]:
    """Version 1 had everything in one event, and several lines of address."""
    placed = {"id": data["id"], "total": str(Decimal(data["cents"]) / 100)}
    return [
        Encoded("placed", placed, 2),
        *(Encoded("addressed", {"id": data["id"], "line": line}) for line in data["address"]),
    ]


def orders(*, upcast: bool = True) -> Module:
    """The feature, as it is today."""
    module = Module("orders")
    module.events(Placed, Noted)
    module.provide(Told, scope="app")
    module.projection("lines", tables=[LineRow])(LineRows)
    module.projection("live", mode="live", tables=[LineRow])(LiveLines)
    module.writer("outside", events=[Addressed])(Outside)
    if upcast:
        module.upcast("placed", 1, split, into=["placed", "addressed"])
        module.skip("viewed")

    @module.handler
    async def place(command: Place, repository: Repository[Order]) -> Any:
        order = Order()
        order.record(Placed(id=command.id, total=Decimal(1)))
        return await repository.add(order)

    @module.handler
    async def readdress(command: Readdress, repository: Repository[Order]) -> int:
        order = (await repository.get(command.id)).unwrap()
        order.record(Addressed(id=order.id, line=command.line))
        await repository.save(order)
        return order.version

    @module.handler
    async def lines(query: Lines, session: ReadSession, live: Live[LiveLines]) -> list[str]:
        if query.live:
            return [row.line for row in (await live.read()).rows(LineRow)]
        return list(await session.scalars(select(LineRow.line).order_by(LineRow.line)))

    @module.on(Addressed)
    async def note(event: Addressed, events: EventBus) -> None:
        await events.publish(Noted(line=event.line))
        if event.line == "nowhere":
            raise Refused("nobody lives there")

    return module


def app_of(folder: Path, module: Module | None = None) -> App:
    """The application."""
    return App("evolution", modules=[module or orders()], database=folder / "orders.db")


async def append(store: Store, stream: str, *events: tuple[str, int, str]) -> None:
    """Have events in the log that older versions have written."""
    drafts = tuple(Draft(new_id(), name, version, data.encode(), {}, NOON) for name, version, data in events)
    await store.commit(Batch((Append(stream, drafts),)))


OLD = ("placed", 1, '{"id": "7", "cents": 150, "address": ["Ada", "Main St"]}')
MAIN_ST = '{"id": "7", "line": "Main St"}'
VIEWED = ("viewed", 3, '{"by": "eve"}')


async def test_an_old_log_is_read_by_everything_that_reads(tmp_path: Path) -> None:
    """Aggregates, projections, live ones, writers and reactions see the events that an old one has become."""
    async with app_of(tmp_path) as app:
        await append(app.store, "order-7", VIEWED, OLD, VIEWED)
        assert (await app.execute(Readdress(id="7", line="London"))).unwrap() == 3
        await app.settle()
        assert (await app.execute(Lines(live=False))).unwrap() == ["Ada", "London", "Main St"]
        assert (await app.execute(Lines(live=True))).unwrap() == ["Ada", "Main St", "London"]
        told = await app.assembly.injection.services.get(Told)
        assert told.facts == [(2, "Ada"), (2, "Main St"), (4, "London")]
        log = await app.store.log.read(0, until=100, limit=100)
        assert [entry.version for entry in log if entry.stream == "order-7"] == [1, 2, 3, 4]
        noted = [entry.data for entry in log if entry.type == "noted"]
        assert noted == [b'{"line":"Ada"}', b'{"line":"Main St"}', b'{"line":"London"}']
        assert log[1].data == OLD[2].encode()


async def test_what_an_event_has_become_is_reacted_to_in_one_transaction(tmp_path: Path) -> None:
    """One of several fails: nothing of the others stays, and the stored event is parked once."""
    async with app_of(tmp_path) as app:
        await append(app.store, "order-7", ("placed", 1, '{"id": "7", "cents": 1, "address": ["Ada", "nowhere"]}'))
        await until(lambda: _parked(app, NOTE))
        assert [entry.type for entry in await app.store.log.read(0, until=100, limit=100)] == ["placed"]
        await app.parked.edit(NOTE, 1, '{"id": "7", "cents": 1, "address": ["Ada", "Main St"]}')
        await app.parked.retry(NOTE, "order-7")
        await until(lambda: _noted(app, 2))
        assert not await app.parked.list()


@pytest.mark.parametrize("blocking", [True, False])
async def test_reactions_with_a_session_share_that_transaction(tmp_path: Path, blocking: bool) -> None:
    """Each sees what the one before it has written, and none waits for the turn that another one holds."""
    module, seen = orders(), list[list[str]]()
    module.state(SeenRow)

    def look(event: Addressed, session: Session) -> None:
        seen.append(list(session.scalars(select(SeenRow.line))))
        session.add(SeenRow(line=event.line))

    async def look_async(event: Addressed, session: AsyncSession) -> None:
        seen.append(list(await session.scalars(select(SeenRow.line))))
        session.add(SeenRow(line=event.line))

    module.on(Addressed)(look if blocking else look_async)
    async with app_of(tmp_path, module) as app:
        await append(app.store, "order-7", OLD)
        await app.settle()
        assert not await app.parked.list()
    assert seen == [[], ["Ada"]]


async def test_an_old_event_that_becomes_none_of_those_is_dealt_with(tmp_path: Path) -> None:
    """The checkpoint moves past it, as it does past one that is skipped."""
    async with app_of(tmp_path) as app:
        await append(app.store, "order-7", ("placed", 1, '{"id": "7", "cents": 1, "address": []}'), VIEWED)
        await app.settle()
        await append(app.store, "order-8", OLD)
        await app.settle()
        assert (await app.store.checkpoints.get(NOTE)).position >= 3
        assert not await app.parked.list()


async def test_a_stream_of_which_nothing_is_left_begins_anew_behind_it(tmp_path: Path) -> None:
    """Its events are there still, so the first one of today comes after them."""
    async with app_of(tmp_path) as app:
        await append(app.store, "order-7", VIEWED, VIEWED)
        assert (await app.execute(Place(id="7"))).is_success
        assert (await app.execute(Readdress(id="7", line="London"))).unwrap() == 3
        assert isinstance((await app.execute(Place(id="7"))).error, Exists)


async def test_an_upcaster_that_fails_parks_and_refuses(tmp_path: Path) -> None:
    """Subscriptions put the event aside, loads refuse, and both name it with version and position."""
    async with app_of(tmp_path) as app:
        await append(app.store, "order-7", ("placed", 1, '{"id": "7"}'))
        await until(lambda: _parked(app, NOTE))
        (parked,) = await app.parked.list(NOTE)
        said = "the body of 'placed' version 1 at position 1 cannot be decoded: its upcaster split does not fit"
        assert said in parked.cause
        refused = await app.execute(Readdress(id="7", line="London"))
        assert isinstance(refused.error, Undecodable)
        assert (refused.error.name, refused.error.version, refused.error.position) == ("placed", 1, 1)
        with pytest.raises(Invalid, match="does not fit"):
            await app.parked.edit(NOTE, 1, '{"id": "8"}')


async def test_what_comes_of_an_upcaster_and_fits_no_class_is_told_by_both_names(tmp_path: Path) -> None:
    """The one that the log has, and the one that it becomes."""
    async with app_of(tmp_path) as app:
        await append(app.store, "order-7", ("placed", 1, '{"id": "7", "cents": 1, "address": [[]]}'))
        error = (await app.execute(Readdress(id="7", line="London"))).error
        assert "it becomes 'addressed', and line: Input should be a valid string" in str(error)


async def test_an_unknown_event_is_kept_until_somebody_says_what_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who follows the log does not see it, which is told once; a load refuses to guess, and the log has it still."""
    module = orders(upcast=False)
    async with app_of(tmp_path, module) as app:
        await append(app.store, "order-8", ("addressed", 1, MAIN_ST))
        await app.settle()
        await append(app.store, "order-9", VIEWED, VIEWED)
        await app.settle()
        await append(app.store, "order-9", VIEWED)
        await app.settle()
        told = [record.getMessage() for record in caplog.records if record.name == "twofold.log"]
        assert [line.partition(":")[0] for line in told] == ["event viewed at position 3 is not known here"]
        await append(app.store, "order-7", ("placed", 2, '{"id": "7", "total": "1"}'), VIEWED)
        await app.settle()
        error = (await app.execute(Readdress(id="7", line="London"))).error
        assert isinstance(error, UnknownMessage)
        assert (error.name, error.version) == ("viewed", 3)
        assert await app.store.log.head() == 7
    async with app_of(tmp_path) as app:
        assert (await app.execute(Readdress(id="7", line="London"))).unwrap() == 2


async def test_an_event_of_a_newer_application_waits_for_it(tmp_path: Path) -> None:
    """Its stream is put aside, the others flow, and a process of that application goes on there unasked."""
    async with app_of(tmp_path) as app:
        newer_event, older_event = ("addressed", 2, '{"id": "7", "line": "Ada", "zip": 1}'), ("addressed", 1, MAIN_ST)
        await append(app.store, "order-7", newer_event, older_event)
        await append(app.store, "order-8", ("addressed", 1, '{"id": "8", "line": "Paris"}'))
        error = (await app.execute(Readdress(id="7", line="London"))).error
        assert isinstance(error, NewerVersion)
        await until(lambda: _noted(app, 1))
        first, second = await app.parked.list(NOTE)
        assert first.cause.startswith(
            "NewerVersion: 'addressed' is in the log with version 2, and this process knows 1"
        )
        assert (first.position, second.position) == (1, 2)
    newer, seen = tomorrow()
    async with app_of(tmp_path, newer) as app:
        await until(lambda: _all_free(app, NOTE))
    assert seen == ["Ada 1", "Main St 0"]


def _sound() -> Module:
    module = Module("orders")
    module.events(Placed, Addressed)
    return module


async def test_two_applications_upcast_each_for_itself() -> None:
    """Nothing of it is registered for the whole process."""
    first, second = _sound(), _sound()
    first.upcast("placed", 1, lambda data: {"id": "1", "total": "1"})
    second.upcast("placed", 1, lambda data: {"id": "2", "total": "2"})
    apps = [App("evolution", modules=[module], database="memory:") for module in (first, second)]
    assert [app.check() for app in apps] == [[], []]
    found = [app.router.catalogue.read("placed", 1, b"{}") for app in apps]
    assert found == [[Placed(id="1", total=Decimal(1))], [Placed(id="2", total=Decimal(2))]]


def test_what_upcasters_cannot_mean_is_told_at_the_start() -> None:
    """All of it together, each with what to do."""
    module = _sound()
    module.upcast("placed", 1, dict)
    module.upcast("placed", 1, dict)
    module.upcast("placed", 2, dict)
    module.upcast("addressed", 1, lambda data: Encoded("adressed", data), into=["adressed"])
    module.upcast("opened", 1, dict)
    module.upcast("opened", 2, dict)
    module.skip("addressed", "viewed")
    faults = App("evolution", modules=[module], database="memory:").check()
    assert [(fault.where, fault.code, fault.text) for fault in faults] == [
        ("event placed version 1", "duplicate_upcaster", "is upcast twice"),
        ("event placed version 2", "upcast_of_today", "is upcast, and version 2 is today's"),
        ("event addressed version 1", "upcast_of_today", "is upcast, and version 1 is today's"),
        ("event addressed version 1", "unknown_event", "becomes 'adressed', and no event is called that"),
        ("event opened version 2", "unknown_event", "becomes a version that nothing reads"),
        ("event addressed", "skipped_event", "is passed over, and has a class or an upcaster too"),
    ]
    assert all(fault.hint for fault in faults)


async def _parked(app: App, subscription: str) -> bool:
    return bool(await app.parked.list(subscription))


async def _noted(app: App, count: int) -> bool:
    log = await app.store.log.read(0, until=100, limit=100)
    return sum(entry.type == "noted" for entry in log) == count


async def _all_free(app: App, subscription: str) -> bool:
    return not await app.parked.list(subscription)
