"""Streams of tenants that are kept apart: whoever knows the name of another one's gets nothing, on any path."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table
from starlette.requests import Request

from tests.app.versions import Open
from twofold import (
    Aggregate,
    App,
    AsOf,
    Boundary,
    Caller,
    Command,
    CommandBus,
    Decision,
    Event,
    EventBus,
    Failure,
    FromContext,
    History,
    Live,
    Module,
    NotFound,
    Outcome,
    Principal,
    Query,
    Refused,
    Repository,
    Result,
    Rows,
    Success,
    Tag,
    UnitOfWork,
    every,
)
from twofold.cache import Cache
from twofold.errors import ForeignTenant, VersionConflict, WiringError
from twofold.messages import Context, Origin, entered, every_tenant
from twofold.store import MemoryStore, Store, TenantStore

pytestmark = pytest.mark.anyio
SECRET = "the figures of north"


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    id: Annotated[str, Tag("note")]
    text: str


class Note(Aggregate):
    id: str
    text: str
    snapshots = every(2)

    def write(self, name: str, text: str) -> None:
        self.record(Noted(id=name, text=text))

    def evolve(self, event: Event) -> None:
        assert isinstance(event, Noted)
        self.id, self.text = event.id, event.text


@dataclass
class Known(Decision):
    id: Annotated[str, Tag("note")]
    text: str | None = None

    def evolve(self, event: Noted) -> None:
        self.text = event.text


notes_table: Table[Any] = Table(
    "notes", MetaData(), Column("id", String, primary_key=True), Column("text", String), Column("times", Integer)
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    id: str = "n1"
    text: str = "forged"


@dataclass(frozen=True, kw_only=True)
class Add(Asked, Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Save(Asked, Command[str]):
    pass


@dataclass(frozen=True, kw_only=True)
class Decide(Asked, Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Bound(Asked, Command[str | None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Append(Asked, Command[None]):
    expected: int = -1


@dataclass(frozen=True, kw_only=True)
class Record(Asked, Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Seize(Asked, Command[None]):
    pass


@dataclass(frozen=True, kw_only=True)
class Correct(Asked, Command[None]):
    of: str = "north"


@dataclass(frozen=True, kw_only=True)
class Look(Query[str]):
    how: str
    id: str = "n1"
    tenant: Annotated[str | None, FromContext("tenant")] = None


@dataclass(frozen=True, kw_only=True)
class Kept(Query[str]):
    id: str = "n1"


@dataclass(frozen=True, kw_only=True)
class Everything(Query[str]):
    id: str = "n1"


notes = Module("notes")
notes.events(Noted)


@notes.handler
async def add(command: Add, repository: Repository[Note]) -> Result[None, Any]:
    note = Note()
    note.write(command.id, command.text)
    return await repository.add(note)


@notes.handler
async def save(command: Save, repository: Repository[Note]) -> Result[str, NotFound]:
    found = await repository.get(command.id)
    if isinstance(found, Failure):
        return found
    before = found.value.text
    found.value.write(command.id, command.text)
    await repository.save(found.value)
    return Success(before)


def decide(command: Decide, text: str | None) -> Outcome[Noted]:
    return Failure(Refused(text)) if text == SECRET else [Noted(id=command.id, text=command.text)]


def retold(text: str | None, event: Noted) -> str | None:
    return event.text


def untold() -> str | None:
    return None


def stream_of(command: Decide) -> str:
    return Note.stream_of(command.id)


notes.decider(initial=untold, decide=decide, evolve=retold, stream=stream_of)


@notes.handler
async def bound(command: Bound, boundary: Boundary) -> str | None:
    known = Known(id=command.id)
    await boundary.read(known)
    boundary.record(Noted(id=command.id, text=command.text), stream=Note.stream_of(command.id))
    return known.text


@notes.handler
async def append(command: Append, unit: UnitOfWork) -> None:
    noted = Noted(id=command.id, text=command.text)
    unit.append(Note.stream_of(command.id), noted, expected=command.expected)


@notes.handler
async def record(command: Record, events: EventBus) -> None:
    await events.publish(Noted(id=command.id, text=command.text))


@notes.handler
async def seize(command: Seize, repository: Repository[Note]) -> None:
    with every_tenant():
        note = (await repository.get(command.id)).unwrap()
    note.write(command.id, command.text)
    await repository.save(note)


@notes.handler
async def correct(command: Correct, bus: CommandBus) -> None:
    north = Principal(user_id="root", tenant=command.of)
    (await bus.execute(Save(id=command.id, text=command.text), origin=Origin(principal=north))).unwrap()


@notes.projection("told", mode="live", tables=[notes_table])
class Told:
    def noted(self, event: Noted, rows: Rows) -> None:
        rows.upsert(notes_table, {"id": event.id}, text=event.text)


@notes.handler
async def look(query: Look, history: History, told: Live[Told], store: Store) -> str:
    stream, known = Note.stream_of(query.id), Known(id=query.id)
    match query.how:
        case "get":
            found = await history.get(Note, query.id)
            return found.value.text if isinstance(found, Success) else ""
        case "events":
            return str([fact.event for fact in await history.events(stream)])
        case "read":
            await history.read(known, as_of=AsOf.position(1_000))
            return str(known.text)
        case "live":
            return str((await told.read(stream=stream)).rows(notes_table))
        case "all live":
            return str((await told.read()).rows(notes_table))
        case "snapshot":
            return str(await store.find_snapshot(stream))
        case _:
            return str(await store.log.read(0, until=1_000, limit=1_000))


WAYS = ("get", "events", "read", "live", "all live", "snapshot", "log")


@notes.handler(cache=Cache("1h", scope="tenant"))
async def kept(query: Kept, history: History) -> str:
    found = await history.get(Note, query.id)
    return found.value.text if isinstance(found, Success) else ""


@notes.handler
async def everything(query: Everything, history: History) -> str:
    with every_tenant():
        return (await history.get(Note, query.id)).unwrap().text


async def who(request: Request) -> Principal:
    user, _, tenant = request.headers["x-who"].partition("@")
    return Principal(user_id=user, tenant=tenant or None)


def sender(app: App, tenant: str | None, **more: Any) -> Caller:
    return app.caller(principal=Principal(user_id="ada", tenant=tenant), **more)


def library(store: Store) -> App:
    return App("notes", modules=[notes], database=store, authenticate=who, tenants="apart")


@pytest.fixture
async def app(shared: Open) -> AsyncIterator[App]:
    """Another process has recorded a note of north, with a snapshot of it."""
    async with library(shared()) as other:
        north = sender(other, "north")
        assert (await north.execute(Add(text="a draft"))).is_success
        for _ in range(3):
            assert (await north.execute(Save(text=SECRET))).is_success
        assert await other.store.find_snapshot(Note.stream_of("n1")) is not None
    async with library(shared()) as app:
        yield app


FORGED: dict[str, tuple[Callable[[], Command[Any]], type]] = {
    "an aggregate that is loaded": (Save, NotFound),
    "an aggregate of the same id": (Add, ForeignTenant),
    "a decider": (Decide, ForeignTenant),
    "a boundary": (Bound, ForeignTenant),
    "an append to whatever is there": (Append, ForeignTenant),
    "an append behind what is there": (lambda: Append(expected=4), ForeignTenant),
    "an append to nothing": (lambda: Append(expected=0), ForeignTenant),
    "what every tenant was opened for": (Seize, ForeignTenant),
}


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("tenant", ["south", None])
async def test_nobody_writes_to_a_stream_of_another_tenant(app: App, name: str, tenant: str | None) -> None:
    """Whoever names it finds nothing or is refused, in a fresh process and again, and the log stays as it is."""
    make, refusal = FORGED[name]
    head = await app.store.log.head()
    for _ in range(2):
        answer = await sender(app, tenant).execute(make())
        assert type(answer.error) is refusal
        assert SECRET not in str(answer.error)
    assert await app.store.log.head() == head
    assert (await sender(app, "north").execute(Save())).unwrap() == SECRET


@pytest.mark.parametrize("way", WAYS)
async def test_nobody_reads_a_stream_of_another_tenant(app: App, way: str) -> None:
    """Neither history, nor live rows, nor the log itself has anything of it, and its own tenant has it all."""
    for tenant in ("south", None, "south"):
        assert SECRET not in (await sender(app, tenant).execute(Look(how=way))).unwrap()
    found = (await sender(app, "north").execute(Look(how=way))).unwrap()
    assert SECRET in found


async def test_a_boundary_decides_on_events_of_its_tenant(app: App) -> None:
    """The same tags of two tenants are two pasts, pages of the log that are others' included."""
    south = sender(app, "south")
    await sender(app, "north").execute(Record(text="another one"))
    assert (await south.execute(Bound(id="n2", text="first"))).unwrap() is None
    await sender(app, "north").execute(Record(id="n2", text=SECRET))
    assert (await south.execute(Bound(id="n2", text="second"))).unwrap() == "first"
    assert (await south.execute(Look(how="read", id="n2"))).unwrap() == "second"


async def test_a_page_of_the_log_is_full_of_events_of_its_tenant() -> None:
    """However many events of others are between them, a page is short at the end of the log alone."""
    async with App("notes", modules=[notes], database=MemoryStore(), tenants="apart") as app:
        for tenant in ("south", "north", "south", "south", "south", "north", "north", "south"):
            assert (await sender(app, tenant).execute(Record(text="any"))).is_success
        log, pages, after = app.assembly.store.log, list[list[int]](), 0
        with entered(Context(Origin(tenant="north"))):
            while page := await log.read(after, until=8, limit=2):
                pages.append([entry.position for entry in page])
                after = pages[-1][-1]
        assert pages == [[2, 6], [7]]


async def test_streams_of_no_tenant_are_for_messages_without_one(app: App) -> None:
    """They are as much apart as those of tenants."""
    nobody = sender(app, None)
    assert (await nobody.execute(Append(id="n3", text="nobody's"))).is_success
    assert (await nobody.execute(Append(id="n3", text="nobody's"))).is_success
    assert isinstance((await sender(app, "south").execute(Append(id="n3"))).error, ForeignTenant)
    assert isinstance((await sender(app, "south").execute(Save(id="n3"))).error, NotFound)


async def test_an_operator_reads_all_and_writes_for_a_tenant(app: App) -> None:
    """Reading is opened for a block; what changes a stream is sent for the tenant that it belongs to."""
    root = sender(app, "staff")
    assert (await root.execute(Everything())).unwrap() == SECRET
    assert (await root.execute(Correct(text="corrected"))).is_success
    assert (await sender(app, "north").execute(Look(how="get"))).unwrap() == "corrected"
    (*_, last) = await app.store.log.read_stream(Note.stream_of("n1"))
    assert last.headers["tenant"] == "north"


async def test_what_is_kept_belongs_to_a_tenant(app: App) -> None:
    """Neither an answer in the cache nor a reply to a key is given to another tenant."""
    assert (await sender(app, "north").execute(Kept())).unwrap() == SECRET
    assert (await sender(app, "south").execute(Kept())).unwrap() == ""
    north, south = (sender(app, tenant, idempotency_key="k-1") for tenant in ("north", "south"))
    assert (await north.execute(Save(text=SECRET))).unwrap() == SECRET
    for _ in range(2):
        assert isinstance((await south.execute(Save(text=SECRET))).error, NotFound)


async def test_a_request_cannot_say_its_tenant(app: App) -> None:
    """Not in a header, a query or a body: it is what was authenticated."""
    transport = httpx.ASGITransport(app.http())
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        forged = {"x-who": "eve@south", "x-tenant": "north", "tenant": "north", "traceparent": "tenant=north"}
        forged["tracestate"] = forged["baggage"] = "tenant=north"
        answer = await client.post("/commands/save", json={"id": "n1"}, headers=forged)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        answer = await client.post("/commands/append", json={"id": "n1"}, headers=forged)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_tenant")
        answer = await client.post("/commands/save", json={"id": "n1", "tenant": "north"}, headers=forged)
        assert answer.status_code == 400
        for way in WAYS:
            answer = await client.get("/queries/look", params={"how": way, "tenant": "north"}, headers=forged)
            assert SECRET not in answer.text
            answer = await client.get("/queries/look", params={"how": way}, headers=forged)
            assert (answer.status_code, SECRET in answer.text) == (200, False)


async def test_of_two_tenants_that_begin_a_stream_one_has_it(shared: Open) -> None:
    """However many begin it at once, all of its events are one tenant's."""
    async with library(shared()) as one, library(shared()) as two:
        for number in range(10):
            name = f"n{number}"
            senders = [sender(app, tenant) for app in (one, two) for tenant in ("north", "south")]
            await asyncio.gather(*(each.execute(Append(id=name)) for each in senders for _ in range(3)))
            recorded = await one.store.log.read_stream(Note.stream_of(name))
            assert {entry.headers["tenant"] for entry in recorded} in ({"north"}, {"south"})
            assert len(recorded) == 6


async def test_a_unit_of_two_tenants_keeps_its_streams_apart() -> None:
    """Events that messages of two tenants add to one new stream in one unit are refused together."""
    around = Module("around")

    @dataclass(frozen=True, kw_only=True)
    class Both(Command[None]):
        first: str
        second: str

    @around.handler
    async def both(command: Both, unit: UnitOfWork, bus: CommandBus) -> None:
        unit.append(Note.stream_of(command.first), Noted(id=command.first, text="of north"))
        south = Origin(principal=Principal(user_id="root", tenant="south"))
        (await bus.execute(Append(id=command.second), origin=south)).unwrap()
        unit.append(Note.stream_of(command.first), Noted(id=command.first, text="of north again"))

    async with App("notes", modules=[notes, around], database=MemoryStore(), tenants="apart") as app:
        north = sender(app, "north")
        assert isinstance((await north.execute(Both(first="a", second="a"))).error, ForeignTenant)
        assert await app.store.log.head() == 0
        assert (await north.execute(Both(first="a", second="b"))).is_success
        assert len(await app.store.log.read_stream(Note.stream_of("a"))) == 2


async def test_a_version_that_nobody_has_seen_is_a_conflict() -> None:
    """Who expects events of a stream that is empty may not find those of another tenant there later."""
    async with App("notes", modules=[notes], database=MemoryStore(), tenants="apart") as app:
        assert isinstance((await sender(app, "south").execute(Append(expected=3))).error, VersionConflict)


async def test_a_reaction_has_the_streams_of_its_event() -> None:
    """It is a message of the tenant whose event it is, and a projection is for all of them."""
    behind, found = Module("behind"), list[str]()

    @behind.handler
    async def react(event: Noted, repository: Repository[Note]) -> None:
        found.extend([one for one in ("n", "s") if await repository.find(one) is not None])

    async with App("notes", modules=[notes, behind], database=MemoryStore(), tenants="apart") as app:
        await sender(app, "north").execute(Add(id="n"))
        await sender(app, "south").execute(Add(id="s"))
        await app.settle()
        assert found == ["n", "s"]


async def test_without_it_streams_are_for_everybody() -> None:
    """As before: who knows its name has it; and no other word is taken."""
    async with App("notes", modules=[notes], database=MemoryStore()) as app:
        await sender(app, "north").execute(Add())
        assert (await sender(app, "south").execute(Save())).is_success
        assert not isinstance(app.assembly.store, TenantStore)
    with pytest.raises(WiringError, match="neither apart nor together"):
        App("notes", tenants="mine")  # type: ignore[arg-type]  # as somebody without a type checker writes it
