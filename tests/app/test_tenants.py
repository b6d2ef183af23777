"""An application with tenants, whole: everything that it offers is called by a user of another tenant.

What is called is read off OpenAPI, so a message that is added is tested, or fails here for want of a sample.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.requests import Request

from tests.app.versions import Open
from tests.drivers.postgres.schema import schema_of
from twofold import (
    App,
    Command,
    CommandBus,
    Event,
    EventBus,
    Failure,
    Module,
    NotFound,
    Page,
    Principal,
    Query,
    Result,
    Rows,
    Success,
    signed_in,
)
from twofold.drivers.postgres import PostgresStore
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import exists
from twofold.messages import Origin
from twofold.sql import BlockingReadSession, ForeignTenant, ReadSession, TenantId, page_of

pytestmark = pytest.mark.anyio

SOUTH = Principal(user_id="ada", tenant="south")
SECRET = "the figures of north"
SAMPLES: dict[str, Any] = {"id": 1, "text": "forged", "page": 1, "page_size": 50}


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "tenant_notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(TenantId, index=True)
    text: Mapped[str]


class Inline(Base):
    __tablename__ = "tenant_inline"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(TenantId)
    text: Mapped[str]


class Behind(Base):
    __tablename__ = "tenant_behind"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str] = mapped_column(TenantId)
    text: Mapped[str]


@dataclass(frozen=True, kw_only=True)
class Write(Command[None]):
    id: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Change(Command[int]):
    id: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Correct(Command[None]):
    id: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Pass(Command[int]):
    id: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Drop(Command[int]):
    id: int


@dataclass(frozen=True, kw_only=True)
class Read(Query[str]):
    id: int


@dataclass(frozen=True, kw_only=True)
class ReadAll(Query[Page[str]]):
    page: int = 1
    page_size: int = 20


@dataclass(frozen=True, kw_only=True)
class ReadPlainly(Query[list[str]]):
    pass


@dataclass(frozen=True, kw_only=True)
class ReadModels(Query[list[str]]):
    pass


@dataclass(frozen=True, kw_only=True)
class Written(Event):
    id: int
    text: str


notes = Module("notes", authorize=signed_in)
notes.state(Note)


@notes.handler
async def write(command: Write, session: AsyncSession, events: EventBus) -> None:
    session.add(Note(id=command.id, text=command.text))
    await events.publish(Written(id=command.id, text=command.text))


@notes.handler
async def change(command: Change, session: AsyncSession) -> int:
    changed: Any = await session.execute(update(Note).values(text=command.text).where(Note.id == command.id))
    return int(changed.rowcount)


@notes.handler
def correct(command: Correct, session: Session) -> Result[None, NotFound]:
    note = session.get(Note, command.id)
    if note is None:
        return Failure(NotFound("there is no such note"))
    note.text = command.text
    return Success()


@notes.handler
async def pass_on(command: Pass, bus: CommandBus) -> int:
    return (await bus.execute(Change(id=command.id, text=command.text))).unwrap()


@notes.handler
async def drop(command: Drop, session: AsyncSession) -> int:
    dropped: Any = await session.execute(delete(Note).where(Note.id == command.id))
    return int(dropped.rowcount)


@notes.handler
async def read(query: Read, session: ReadSession) -> Result[str, NotFound]:
    note = await session.get(Note, query.id)
    return Failure(NotFound("there is no such note")) if note is None else Success(note.text)


@notes.handler
async def read_all(query: ReadAll, session: ReadSession) -> Page[str]:
    statement = select(Note.text).order_by(Note.id)
    return await page_of(session, statement, page=query.page, page_size=query.page_size)


@notes.handler
def read_plainly(query: ReadPlainly, session: BlockingReadSession) -> list[str]:
    return list(session.scalars(select(Note.text).order_by(Note.id)))


@notes.handler
async def read_models(query: ReadModels, session: ReadSession) -> list[str]:
    both = [await session.scalars(select(table.text).order_by(table.id)) for table in (Inline, Behind)]
    return [text for texts in both for text in texts]


@notes.projection("tenant_inline", mode="inline", tables=[Inline])
class Inlined:
    """Leaves the tenant to the event."""

    def written(self, event: Written, rows: Rows) -> None:
        rows.upsert(Inline, {"id": event.id}, text=event.text)


@notes.projection("tenant_behind", mode="async", tables=[Behind])
class Followed:
    """Leaves it to the event."""

    def written(self, event: Written, rows: Rows) -> None:
        rows.upsert(Behind, {"id": event.id}, text=event.text)


async def who(request: Request) -> Principal:
    user, _, tenant = request.headers["x-who"].partition("@")
    return Principal(user_id=user, tenant=tenant or None)


class Place:
    """An application with a note of north, and what speaks to it."""

    def __init__(self, app: App, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client

    async def call(self, sender: str, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.client.request(method, path, json=body, headers={"x-who": sender})

    async def call_all(self, sender: str) -> dict[str, httpx.Response]:
        answers = dict[str, httpx.Response]()
        document = self.app.http().openapi()
        for path, operations in document["paths"].items():
            if path.startswith(("/health", "/metrics")):
                continue
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                schema = content.get("schema", {})
                if "$ref" in schema:
                    schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                names = schema.get("properties", ())
                known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
                asked = httpx.URL(path, params={name: SAMPLES[name] for name in known})
                body = {name: SAMPLES[name] for name in names} or None
                answers[f"{method.upper()} {path}"] = await self.call(sender, method.upper(), str(asked), body)
        return answers

    async def seen_by(self, sender: str) -> tuple[Any, ...]:
        paths = ("/queries/read_all", "/queries/read_plainly", "/queries/read_models")
        return tuple([(await self.call(sender, "GET", path)).json() for path in paths])


@pytest.fixture(params=["sqlite", "postgres", "row security"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one database as processes do that run at the same time."""
    if request.param == "sqlite":
        return lambda: SqliteStore(tmp_path / "notes.db")
    secured = request.param == "row security"
    url: str = request.getfixturevalue("owner_url" if secured else "postgres_url")
    return lambda: PostgresStore(url, schema=schema_of(url), pool_size=3, readers=2, row_security=secured)


@pytest.fixture
async def place(shared: Open) -> AsyncIterator[Place]:
    app = App("notes", modules=[notes], database=shared(), authenticate=who, errors={IntegrityError: exists})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://here") as client, app:
        place = Place(app, client)
        answer = await place.call("ada@north", "POST", "/commands/write", {"id": 1, "text": SECRET})
        assert answer.status_code == 204, answer.text
        await app.settle()
        yield place


async def test_nothing_that_is_offered_gets_at_another_tenant(place: Place) -> None:
    """A user of another tenant is shown no row, whatever they call with its id, and changes none."""
    before = await place.seen_by("ada@north")
    assert str(before).count(SECRET) == 4
    answers = await place.call_all("eve@south")
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "POST /commands/write": 409,
        "POST /commands/change": 200,
        "POST /commands/correct": 404,
        "POST /commands/pass": 200,
        "POST /commands/drop": 200,
        "GET /queries/read": 404,
        "GET /queries/read_all": 200,
        "GET /queries/read_plainly": 200,
        "GET /queries/read_models": 200,
    }
    assert {name for name, answer in answers.items() if SECRET in answer.text} == set()
    assert await place.seen_by("ada@north") == before


async def test_users_of_one_tenant_share_its_rows(place: Place) -> None:
    """What is kept from others is there for a colleague."""
    assert await place.seen_by("bob@north") == await place.seen_by("ada@north")
    assert (await place.call("bob@north", "POST", "/commands/pass", {"id": 1, "text": "new"})).json() == 1


async def test_who_has_no_tenant_is_refused(place: Place) -> None:
    """Whoever belongs to no tenant gets a 403 wherever rows of tenants are touched."""
    answers = await place.call_all("eve")
    assert {name: answer.text for name, answer in answers.items() if answer.status_code != 403} == {}
    assert {answer.json()["code"] for answer in answers.values()} == {"tenant_required"}


async def test_what_is_pending_is_never_sent_as_another_tenants(shared: Open) -> None:
    """A row that waits while a message for another tenant is handled is refused, and the command is undone."""
    around = Module("around")

    @dataclass(frozen=True, kw_only=True)
    class Onboard(Command[None]):
        pass

    @around.handler
    async def onboard(command: Onboard, session: AsyncSession, bus: CommandBus) -> None:
        session.add(Note(id=1, text="before"))
        (await bus.execute(Write(id=2, text="inside"), origin=Origin(principal=SOUTH))).unwrap()

    app = App("notes", modules=[notes, around], database=shared())
    async with app:
        ada = app.caller(principal=Principal(user_id="ada", tenant="north"))
        assert isinstance((await ada.execute(Onboard())).error, ForeignTenant)
        for tenant in ("north", "south"):
            reader = app.caller(principal=Principal(user_id="eve", tenant=tenant))
            assert (await reader.execute(ReadPlainly())).unwrap() == []
