"""S3, as its users write it: an application service over a command bus and a query bus, whoever calls it."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import AsyncMock
from uuid import UUID

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    Aggregate,
    App,
    Command,
    CommandBus,
    Context,
    Event,
    Exists,
    Failure,
    Forbidden,
    Invalid,
    Module,
    NotFound,
    Page,
    Principal,
    Query,
    QueryBus,
    Refused,
    Repository,
    Result,
    Rows,
    Success,
    Unavailable,
)
from twofold.cli import exit_code, exit_of
from twofold.clock import new_id
from twofold.errors import (
    Classifier,
    DuplicateHandlerError,
    HandlerNotFoundError,
    StoreUnavailable,
    Unauthenticated,
    Undecodable,
    VersionConflict,
    WiringError,
    not_found,
)
from twofold.sql import ReadSession, page_of

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class CreateTemplate(Command[UUID]):
    """Every message of this system carries the two optional ids."""

    name: str
    correlation_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class RenameTemplate(Command[None]):
    template_id: UUID
    name: str
    correlation_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class TemplateDTO:
    id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class GetTemplate(Query[TemplateDTO]):
    template_id: UUID
    correlation_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class TemplateCreated(Event):
    template_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class TemplateRenamed(Event):
    template_id: UUID
    name: str


class Template(Aggregate):
    id: UUID
    name: str

    @classmethod
    def create(cls, name: str) -> "Template":
        template = cls()
        template.record(TemplateCreated(template_id=new_id(), name=name))
        return template

    def rename(self, name: str) -> Result[None, Refused]:
        if name == self.name:
            return Failure(Refused("that is its name"))
        self.record(TemplateRenamed(template_id=self.id, name=name))
        return Success()

    def evolve(self, event: Event) -> None:
        match event:
            case TemplateCreated():
                self.id, self.name = event.template_id, event.name
            case TemplateRenamed():
                self.name = event.name
            case _:
                raise AssertionError(event)


class Service:
    """Takes both buses by its constructor, and nothing else."""

    def __init__(self, commands: CommandBus, queries: QueryBus) -> None:
        self.commands = commands
        self.queries = queries

    async def create(self, name: str, **ids: str) -> Result[TemplateDTO, Any]:
        created = await self.commands.execute(CreateTemplate(name=name, **ids))
        if isinstance(created, Failure):
            return created
        return await self.queries.execute(GetTemplate(template_id=created.value))


class Catalogue(Protocol):
    async def find(self, template_id: UUID) -> TemplateDTO | None: ...


class Tables(DeclarativeBase):
    pass


class TemplateRow(Tables):
    __tablename__ = "s3_template"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class SqlCatalogue:
    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def find(self, template_id: UUID) -> TemplateDTO | None:
        row = await self.session.get(TemplateRow, template_id)
        return None if row is None else TemplateDTO(id=row.id, name=row.name)


def templates(catalogue: Catalogue | None = None) -> Module:
    """The commands, queries and the service of this file; the catalogue is what the queries look into."""
    module = Module("templates")

    @module.handler
    async def create(command: CreateTemplate, repository: Repository[Template]) -> Result[UUID]:
        template = Template.create(command.name)
        await repository.save(template)
        return Success(template.id)

    @module.handler
    async def rename(command: RenameTemplate, repository: Repository[Template]) -> Result[None]:
        found = await repository.get(command.template_id)
        if isinstance(found, Failure):
            return found
        renamed = found.value.rename(command.name)
        if renamed.is_success:
            await repository.save(found.value)
        return renamed

    @module.handler
    async def get(query: GetTemplate, wanted: Catalogue) -> Result[TemplateDTO, NotFound]:
        template = await wanted.find(query.template_id)
        return Failure(NotFound("no such template")) if template is None else Success(template)

    @module.projection("names", mode="inline", tables=[TemplateRow])
    class Names:
        def created(self, event: TemplateCreated, rows: Rows) -> None:
            rows.upsert(TemplateRow, {"id": event.template_id}, name=event.name)

        def renamed(self, event: TemplateRenamed, rows: Rows) -> None:
            rows.upsert(TemplateRow, {"id": event.template_id}, name=event.name)

    module.provide(Catalogue, catalogue or SqlCatalogue)
    module.provide(Service, scope="app")
    return module


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with App("s3", modules=[templates()], database=tmp_path / "s3.db") as app:
        yield app


async def headers(app: App) -> list[dict[str, str]]:
    """What is kept beside each event in the log."""
    head = await app.store.log.head()
    return [dict(entry.headers) for entry in await app.store.log.read(0, until=head, limit=100)]


class TestIds:
    """The optional correlation id and user id of every message."""

    async def test_they_feed_the_context(self, app: App) -> None:
        """Sent in-process, the ids in the message are those of its context, and are kept beside its events."""
        await app.execute(CreateTemplate(name="a", correlation_id="c-1", user_id="ada"))
        (kept,) = await headers(app)
        assert (kept["correlation_id"], kept["user_id"]) == ("c-1", "ada")

    async def test_they_are_optional(self, app: App) -> None:
        """Without them a message has a correlation id all the same, and no user."""
        await app.execute(CreateTemplate(name="a"))
        (kept,) = await headers(app)
        assert str(UUID(kept["correlation_id"])) == kept["correlation_id"]
        assert "user_id" not in kept

    async def test_what_was_authenticated_wins(self, app: App) -> None:
        """A door's word about who is asking is never overruled by a field."""
        principal = Principal(user_id="eve")
        await app.caller(principal=principal, correlation_id="c-2").execute(
            CreateTemplate(name="a", correlation_id="c-1", user_id="ada")
        )
        (kept,) = await headers(app)
        assert (kept["correlation_id"], kept["user_id"]) == ("c-2", "eve")

    async def test_a_bus_alone_feeds_them_too(self) -> None:
        """It takes no application for the ids to reach the handler's context."""

        async def rename(command: RenameTemplate, context: Context) -> None:
            seen.append((context.correlation_id, context.user_id))

        seen: list[tuple[str, str | None]] = []
        bus = CommandBus()
        bus.register(RenameTemplate, rename)
        await bus.execute(RenameTemplate(template_id=new_id(), name="a", correlation_id="c-1", user_id="ada"))
        assert seen == [("c-1", "ada")]

    async def test_what_a_handler_sends_keeps_them(self) -> None:
        """A message that a handler sends has the correlation and user of the one being handled, and its id as cause."""
        seen: list[tuple[str, str | None, str | None]] = []
        bus = CommandBus()

        async def create(command: CreateTemplate, context: Context) -> None:
            seen.append((context.correlation_id, context.user_id, context.causation_id))
            await bus.execute(RenameTemplate(template_id=new_id(), name="b"))
            seen.append((context.correlation_id, context.user_id, str(context.message_id)))

        async def rename(command: RenameTemplate, context: Context) -> None:
            seen.append((context.correlation_id, context.user_id, context.causation_id))

        bus.register(CreateTemplate, create)
        bus.register(RenameTemplate, rename)
        await bus.execute(CreateTemplate(name="a", correlation_id="c-1", user_id="ada"))
        first, nested, cause = seen
        assert first == ("c-1", "ada", None)
        assert nested == ("c-1", "ada", cause[2])


class TestBuses:
    async def test_no_handler_is_a_typed_error(self) -> None:
        """Both buses raise the same typed error, which names the message."""
        for bus, message in (
            (CommandBus(), CreateTemplate(name="a")),
            (QueryBus(), GetTemplate(template_id=new_id())),
        ):
            with pytest.raises(HandlerNotFoundError) as caught:
                await bus.execute(message)
            assert caught.value.message_type is type(message)

    async def test_a_second_handler_is_refused(self) -> None:
        """On both buses."""
        commands, queries = CommandBus(), QueryBus()
        commands.register(CreateTemplate, lambda command: None)
        queries.register(GetTemplate, lambda query: None)
        with pytest.raises(DuplicateHandlerError):
            commands.register(CreateTemplate, lambda command: None)
        with pytest.raises(DuplicateHandlerError):
            queries.register(GetTemplate, lambda query: None)

    async def test_a_bus_takes_only_its_own_kind(self, app: App) -> None:
        """A query is not executed by the command bus, nor a command by the query bus."""
        with pytest.raises(HandlerNotFoundError):
            await app.queries.execute(CreateTemplate(name="a"))
        with pytest.raises(HandlerNotFoundError):
            await app.commands.execute(GetTemplate(template_id=new_id()))

    async def test_execution_and_outcome_are_logged(self, app: App, caplog: pytest.LogCaptureFixture) -> None:
        """Start, success and failure of each message, with its correlation id."""
        with caplog.at_level(logging.INFO, logger="twofold.message"):
            await app.execute(CreateTemplate(name="a", correlation_id="c-1"))
            await app.execute(RenameTemplate(template_id=new_id(), name="a"))
        lines = [vars(record)["twofold"] for record in caplog.records if record.name == "twofold.message"]
        assert [(line["message"], line["step"]) for line in lines] == [
            ("create_template", "started"),
            ("create_template", "succeeded"),
            ("rename_template", "started"),
            ("rename_template", "failed"),
        ]
        assert lines[-1]["error"] == "not_found"

    async def test_commands_answer_none_an_id_or_a_dto(self, app: App) -> None:
        """What a command answers is its author's choice."""
        created = (await app.execute(CreateTemplate(name="a"))).unwrap()
        assert isinstance(created, UUID)
        assert await app.execute(RenameTemplate(template_id=created, name="b")) == Success(None)

    async def test_registration_is_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Which handler takes which message is in the log of a start."""
        with caplog.at_level(logging.DEBUG, logger="twofold.message"):
            async with App("s3", modules=[templates()], database=tmp_path / "log.db"):
                pass
        lines = [vars(record)["twofold"] for record in caplog.records if record.name == "twofold.message"]
        assert {line["step"] for line in lines} == {"registered"}
        assert {line["message"] for line in lines} == {"create_template", "rename_template", "get_template"}


class TestService:
    async def test_it_coordinates_both_buses(self, app: App) -> None:
        """Asked of the application, the service has the application's buses."""
        service = await app.get(Service)
        created = await service.create("a", user_id="ada")
        assert created.unwrap().name == "a"
        assert (await headers(app))[0]["user_id"] == "ada"

    async def test_it_stands_on_fakes(self) -> None:
        """Without an application it is an object with two arguments."""
        commands, queries = AsyncMock(spec=CommandBus), AsyncMock(spec=QueryBus)
        commands.execute.return_value = refusal = Failure(Refused("no"))
        assert await Service(commands, queries).create("a") is refusal
        queries.execute.assert_not_awaited()

    def test_it_works_without_a_loop(self, tmp_path: Path) -> None:
        """A script that cannot await uses the same application through `.sync`."""
        with App("s3", modules=[templates()], database=tmp_path / "sync.db").sync as app:
            created = app.execute(CreateTemplate(name="a")).unwrap()
            assert app.execute(GetTemplate(template_id=created)).unwrap().name == "a"


class TestAggregates:
    async def test_they_collect_their_events(self, app: App) -> None:
        """Decisions are recorded by the aggregate, and commit with its unit of work, in order."""
        created = (await app.execute(CreateTemplate(name="a"))).unwrap()
        await app.execute(RenameTemplate(template_id=created, name="b"))
        stream = await app.store.log.read_stream(Template.stream_of(created), after=0, limit=10)
        assert [(entry.type, entry.version) for entry in stream] == [("template_created", 1), ("template_renamed", 2)]

    async def test_a_refused_decision_records_nothing(self, app: App) -> None:
        """A Failure leaves the log as it was."""
        created = (await app.execute(CreateTemplate(name="a"))).unwrap()
        assert (await app.execute(RenameTemplate(template_id=created, name="a"))).error is not None
        assert len(await headers(app)) == 1


class TestExitCodes:
    """Domain errors as a command line tells them."""

    @pytest.mark.parametrize(
        "error, code",
        [
            (WiringError("w"), 2),
            (Invalid("i"), 3),
            (Refused("r"), 3),
            ("a plain value", 3),
            (NotFound("n"), 4),
            (Exists("e"), 5),
            (VersionConflict(stream="s", expected=1), 5),
            (Forbidden("f"), 6),
            (Unauthenticated("u"), 6),
            (Undecodable(name="n", cause="c"), 70),
            (Unavailable("u"), 75),
            (StoreUnavailable("s"), 75),
            (ConnectionError(), 75),
        ],
    )
    def test_of_results(self, error: object, code: int) -> None:
        """Every category has its exit code; a Success is 0."""
        assert exit_of(Failure(error)) == code
        assert exit_of(Success(error)) == 0

    def test_of_exceptions(self) -> None:
        """A bug is 70; what an application has classified is what it says."""
        assert exit_code(KeyError("x")) == 70
        assert exit_code(KeyError("x"), Classifier({LookupError: not_found})) == 4
        assert exit_of(Failure(KeyError("x")), Classifier({LookupError: not_found})) == 4


class TestPages:
    def test_by_limit_and_offset(self) -> None:
        """A page knows its total however it was cut; a limit that there cannot be is Invalid."""
        page = Page[int].slice((4, 5), total=5, limit=3, offset=3)
        assert (page.page, page.pages, page.has_next, page.total) == (2, 2, False, 5)
        with pytest.raises(Invalid):
            Page[int].slice((), total=0, limit=0)
        with pytest.raises(Invalid):
            Page[int].slice((), total=0, limit=1, offset=-1)

    async def test_by_page_of(self) -> None:
        """Sizes are bounded before anything is read."""
        with pytest.raises(Invalid):
            await page_of(AsyncMock(), AsyncMock(), page_size=201)


class TestFallbacks:
    """What the query side answers when what it reads from fails."""

    async def test_fallback_is_not_silent(self) -> None:
        """A repository that fails with something classified is a Failure of that query, not an empty answer."""
        broken = AsyncMock(spec=Catalogue)
        broken.find.side_effect = ConnectionError("down")
        async with App("s3", modules=[templates(broken)], database="memory:") as app:
            result = await app.execute(GetTemplate(template_id=new_id()))
        assert isinstance(result.error, ConnectionError)

    async def test_a_query_may_declare_a_fallback(self) -> None:
        """When its repository fails, the declared answer is given, and counted as such."""
        module = Module("fallback")

        @dataclass(frozen=True, kw_only=True)
        class Names(Query[list[str]]):
            pass

        async def names(query: Names) -> list[str]:
            raise ConnectionError

        module.register(Names, names, fallback=list)
        module.provide(Catalogue, AsyncMock(spec=Catalogue))
        async with App("s3", modules=[templates(), module], database="memory:") as app:
            assert await app.execute(Names()) == Success([])
