"""S2, as its users write it: frozen messages, three states told by events, dependencies by protocol and lifetime."""

import asyncio
import copy
import dataclasses
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol
from unittest.mock import AsyncMock
from uuid import UUID

import httpx
import pytest
from dishka import Provider, Scope
from fastapi import Depends, FastAPI, Response
from pydantic import AfterValidator, BaseModel, Field, field_validator
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.cli.forked import finished
from twofold import (
    App,
    Command,
    CommandBus,
    Context,
    Dispatcher,
    Event,
    EventBus,
    Exists,
    Failure,
    FromContext,
    Invalid,
    Lifecycle,
    Module,
    Principal,
    Query,
    QueryBus,
    Result,
    Success,
    Unavailable,
)
from twofold.clock import new_id
from twofold.dispatch import inject
from twofold.errors import Category, HandlersFailed, WiringError, exists, unavailable
from twofold.sql import ReadSession
from twofold.web import resolve, respond

pytestmark = pytest.mark.anyio

Email = Annotated[str, AfterValidator(str.strip), AfterValidator(str.lower), Field(pattern="@")]
UserId = Annotated[UUID, FromContext("user_id")]


@dataclass(frozen=True, kw_only=True)
class Connect(Command[UUID, Exists]):
    """Fails with what its email says: `taken@` is a Failure, `crash@` a bug; `late@` fails after it has written."""

    user_id: UserId
    email: Email


@dataclass(frozen=True, kw_only=True)
class CountConnections(Query[int]):
    pass


@dataclass(frozen=True, kw_only=True)
class Attempted(Event):
    email: str


@dataclass(frozen=True, kw_only=True)
class Succeeded(Event):
    email: str


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    email: str
    reason: str


class Tables(DeclarativeBase):
    pass


class Row(Tables):
    __tablename__ = "s2_connection"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]


class Mail(Protocol):
    async def send(self, text: str) -> None: ...


class ConnectHandler:
    """No base class, nothing of infrastructure but its session."""

    def __init__(self, session: AsyncSession, events: EventBus) -> None:
        self.session = session
        self.events = events

    async def handle(self, command: Connect) -> Result[UUID, Exists]:
        await self.events.publish(Attempted(email=command.email), survive=True)
        result = await self._connect(command)
        match result:
            case Success():
                await self.events.publish(Succeeded(email=command.email))
            case Failure(error):
                await self.events.publish(Failed(email=command.email, reason=error.detail), survive=True)
        return result

    async def _connect(self, command: Connect) -> Result[UUID, Exists]:
        if command.email.startswith("taken"):
            return Failure(Exists("taken"))
        row = Row(id=new_id(), email=command.email)
        self.session.add(row)
        await self.session.flush()
        if command.email.startswith("late"):
            return Failure(Exists("too late"))
        if command.email.startswith("crash"):
            raise RuntimeError("a bug")
        return Success(row.id)


async def count_connections(query: CountConnections, session: ReadSession) -> int:
    return len((await session.scalars(select(Row))).all())


@dataclass
class Heard:
    """What the reactions of an application were given, in order."""

    events: list[tuple[str, str]] = dataclasses.field(default_factory=list[tuple[str, str]])


def connections(heard: Heard, mail: Mail) -> Module:
    """The commands, queries and reactions of this file."""
    module = Module("connections")
    module.state(Row)
    module.provide(Mail, mail)
    module.register(Connect, ConnectHandler, path="/connections", status=201)
    module.register(CountConnections, count_connections, path="/connections")

    @module.on(Attempted)
    @module.on(Succeeded)
    @module.on(Failed)
    async def note(event: Attempted | Succeeded | Failed) -> None:
        heard.events.append((type(event).__name__, event.email))

    @module.on("failed")
    async def warn(event: Failed, logger: logging.Logger) -> None:
        logger.warning("failed: %s", event.reason)

    @module.on(Succeeded)
    async def tell(event: Succeeded, mail: Mail) -> None:
        await mail.send(event.email)

    return module


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def mail() -> AsyncMock:
    return AsyncMock(spec=Mail)


@pytest.fixture
async def app(tmp_path: Path, heard: Heard, mail: AsyncMock) -> AsyncIterator[App]:
    async with App("s2", modules=[connections(heard, mail)], database=tmp_path / "s2.db") as app:
        yield app


def connect(email: str) -> Connect:
    return Connect(user_id=new_id(), email=email)


async def logged(app: App) -> list[tuple[str, dict[str, Any]]]:
    """The events in the log: names in order."""
    head = await app.store.log.head()
    entries = await app.store.log.read(0, until=head, limit=1000)
    return [(entry.type, dict(entry.headers)) for entry in entries]


class TestMessages:
    async def test_messages_are_frozen_and_by_keyword(self) -> None:
        """Commands and queries are values that nobody changes on the way."""
        command = connect("ada@example.com")
        with pytest.raises(dataclasses.FrozenInstanceError):
            command.email = "eve@example.com"  # type: ignore[misc]  # what has to be refused
        with pytest.raises(TypeError):
            Connect(new_id(), "ada@example.com")  # type: ignore[call-arg]  # what has to be refused
        assert copy.copy(command) == command

    async def test_annotated_types_normalise(self, app: App, heard: Heard) -> None:
        """An annotated type declared once normalises before the handler sees the value, in code as at any door."""
        await app.execute(connect("  ADA@Example.com"))
        await app.settle()
        assert ("Succeeded", "ada@example.com") in heard.events

    async def test_annotated_types_validate(self, app: App) -> None:
        """What does not fit is one Invalid with the field and the rule, and nothing was attempted."""
        result = await app.execute(connect("nobody"))
        assert isinstance(result.error, Invalid)
        assert [finding.field for finding in result.error.findings] == ["email"]
        assert await logged(app) == []

    async def test_all_four_ways_of_checking_end_alike(self) -> None:
        """Annotated types, `__post_init__`, pydantic and the handler's `validate`: findings of an Invalid."""
        module = Module("checks")

        @dataclass(frozen=True, kw_only=True)
        class Dated(Command[None]):
            first: Annotated[int, Field(ge=1)]
            last: int

            def __post_init__(self) -> None:
                if self.last < 0:
                    raise Invalid("must not be negative", field="last")

        class Named(BaseModel, Command[None]):
            name: str

            @field_validator("name")
            @classmethod
            def not_root(cls, name: str) -> str:
                if name == "root":
                    raise ValueError("not root")
                return name

        @module.handler
        class HandleDated:
            def validate(self, command: Dated) -> None:
                if command.last < command.first:
                    raise Invalid("must not be before first", field="last")

            async def handle(self, command: Dated) -> None: ...

        @module.handler
        async def handle_named(command: Named) -> None: ...

        async with _handling(module) as app:
            low = await app.execute(Dated(first=0, last=0))
            early = await app.execute(Dated(first=2, last=1))
            root = await app.execute(Named.model_construct(name="root"))
        assert [_fields(low), _fields(early), _fields(root)] == [["first"], ["last"], ["name"]]
        with pytest.raises(ValueError, match="negative"):
            Dated(first=1, last=-1)

    async def test_mutable_and_bare_messages_are_accepted(self) -> None:
        """A mutable dataclass, an unfrozen one below a bare `Command`, and a plain pydantic model all work."""

        @dataclass
        class Loose(Command[int]):
            number: int

        class Model(BaseModel):
            number: int

        bus = CommandBus()
        bus.register(Loose, lambda command: command.number)
        bus.register(Model, lambda command: command.number)
        assert await bus.execute(Loose(1)) == Success(1)
        assert await bus.execute(Model(number=2)) == Success(2)


def _fields(result: Result[Any, Any]) -> list[str]:
    assert isinstance(result.error, Invalid), result
    return [finding.field for finding in result.error.findings]


class TestOutcomes:
    async def test_callers_match(self, app: App) -> None:
        """Expected errors are answered, not raised, and callers use `match`."""
        seen: list[str] = []
        for email in ("ada@example.com", "taken@example.com"):
            match await app.execute(connect(email)):
                case Success(UUID()):
                    seen.append("connected")
                case Failure(Exists() as error):
                    seen.append(error.detail)
                case Failure(error):
                    pytest.fail(str(error))
        assert seen == ["connected", "taken"]

    async def test_bugs_propagate(self, app: App) -> None:
        """What nothing classifies is a bug: it is raised, and leaves nothing behind but that it was attempted."""
        with pytest.raises(RuntimeError, match="a bug"):
            await app.execute(connect("crash@example.com"))
        assert await app.execute(CountConnections()) == Success(0)
        assert [name for name, _ in await logged(app)] == ["attempted"]

    async def test_errors_that_know_nothing_of_twofold_are_classified(self) -> None:
        """`errors=` gives exceptions and values of one's own a meaning, by class, nearest first."""

        class Domain(Exception): ...

        class Taken(Domain): ...

        @dataclass(frozen=True)
        class Busy:
            until: int

        errors = {Domain: Category.REFUSED, Taken: exists, Busy: unavailable}

        @dataclass(frozen=True, kw_only=True)
        class Do(Command[None]):
            what: str

        async def do(command: Do) -> Result[None, Any]:
            match command.what:
                case "taken":
                    raise Taken("it is taken")
                case "domain":
                    raise Domain("no")
                case "connection":
                    raise ConnectionResetError
                case "busy":
                    return Failure(Busy(until=7))
                case _:
                    return Failure("just no")

        module = Module("do", errors=errors)
        module.register(Do, do, path="/do/{what}")
        outcomes: dict[str, int] = {}
        app = _handling(module)
        transport = httpx.ASGITransport(app.http())
        async with app, httpx.AsyncClient(transport=transport, base_url="http://s2") as client:
            for what in ("taken", "domain", "connection", "busy", "text"):
                outcomes[what] = (await client.post(f"/do/{what}")).status_code
            result = await app.execute(Do(what="taken"))
        assert outcomes == {"taken": 409, "domain": 400, "connection": 503, "busy": 503, "text": 400}
        assert isinstance(result.error, Taken)


class TestThreeStates:
    """Attempted, Succeeded and Failed, published by hand."""

    async def test_success(self, app: App, heard: Heard, mail: AsyncMock) -> None:
        """Succeeded commits with the change, after Attempted."""
        await app.execute(connect("ada@example.com"))
        await app.settle()
        assert [name for name, _ in await logged(app)] == ["attempted", "succeeded"]
        assert sorted(name for name, _ in heard.events) == ["Attempted", "Succeeded"]
        mail.send.assert_awaited_once_with("ada@example.com")

    @pytest.mark.parametrize("email", ["taken@example.com", "late@example.com"])
    async def test_failure(self, app: App, email: str, mail: AsyncMock, caplog: pytest.LogCaptureFixture) -> None:
        """Attempted and Failed outlive the roll-back, whether the command had written or not; the change does not."""
        with caplog.at_level(logging.WARNING):
            assert (await app.execute(connect(email))).is_failure
            await app.settle()
        assert [name for name, _ in await logged(app)] == ["attempted", "failed"]
        assert await app.execute(CountConnections()) == Success(0)
        assert [record.levelname for record in caplog.records if record.message.startswith("failed: ")] == ["WARNING"]
        mail.send.assert_not_awaited()

    async def test_attempted_is_there_before_the_outcome(self, tmp_path: Path) -> None:
        """Published before the first write, Attempted is committed at once: it outlives the process, too."""
        module, seen = Module("early"), list[str]()

        @dataclass(frozen=True, kw_only=True)
        class Work(Command[None]):
            pass

        @dataclass(frozen=True, kw_only=True)
        class WorkAttempted(Event):
            pass

        module.events(WorkAttempted)
        module.state(Row)

        @module.handler
        async def work(command: Work, session: AsyncSession, events: EventBus) -> None:
            await events.publish(WorkAttempted(), survive=True)
            seen.extend(name for name, _ in await logged(early))
            session.add(Row(id=new_id(), email="x"))

        early = _handling(module, database=tmp_path / "early.db")
        async with early:
            assert await early.execute(Work()) == Success(None)
        assert seen == ["work_attempted"]

    async def test_queries_emit_nothing(self, app: App) -> None:
        """A query leaves no event."""
        await app.execute(CountConnections())
        assert await logged(app) == []

    async def test_one_failing_reaction_disturbs_nobody(self, app: App, heard: Heard, mail: AsyncMock) -> None:
        """The command has succeeded, the others have run, and the failing one is tried again until it works."""
        calls: list[str] = []

        async def flaky(text: str) -> None:
            calls.append(text)
            if len(calls) < 3:
                raise ConnectionError

        mail.send.side_effect = flaky
        assert (await app.execute(connect("ada@example.com"))).is_success
        await app.settle()
        assert len(calls) == 3
        assert sorted(name for name, _ in heard.events) == ["Attempted", "Succeeded"]

    async def test_a_bus_alone_runs_handlers_side_by_side(self) -> None:
        """Without an application the handlers of an event run at once; the one that fails is told in the answer."""
        bus, both = EventBus(), asyncio.Barrier(2)

        async def first(event: Attempted) -> Result[None]:
            await both.wait()
            return Failure(Unavailable("no mail"))

        async def second(event: Attempted) -> None:
            await both.wait()
            done.append(event.email)

        done: list[str] = []
        bus.register(Attempted, first)
        bus.subscribe("attempted", second)
        result = await asyncio.wait_for(bus.publish(Attempted(email="ada@example.com")), 5)
        assert done == ["ada@example.com"]
        assert isinstance(result.error, HandlersFailed)
        assert [type(error) for error in result.error.errors.values()] == [Unavailable]

    async def test_declared(self, tmp_path: Path) -> None:
        """`Lifecycle` tells the three states without a line in the handler."""
        module: Any = Module("declared")

        @dataclass(frozen=True, kw_only=True)
        class Work(Command[int]):
            email: str

        async def work(command: Work) -> Result[int, Exists]:
            return Success(1) if command.email == "ada@example.com" else Failure(Exists("taken"))

        module.register(Work, work, lifecycle=Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed))
        module.register(Connect, ConnectHandler)
        module.register(CountConnections, count_connections)
        module.state(Row)
        async with App("s2", modules=[module], database=tmp_path / "l.db") as app:
            await app.execute(Work(email="ada@example.com"))
            await app.execute(Work(email="bob@example.com"))
            names = [name for name, _ in await logged(app)]
        assert names == ["attempted", "succeeded", "attempted", "failed"]


class TestQueries:
    @pytest.mark.parametrize("wanted", [AsyncSession, EventBus, CommandBus, Dispatcher])
    def test_a_query_that_could_write_keeps_it_from_starting(self, wanted: type) -> None:
        """A query handler that asks for a way to write is a start-up fault that names it."""

        async def peek(query: CountConnections, way: Any) -> int:
            return 0

        peek.__annotations__["way"] = wanted
        module = connections(Heard(), AsyncMock(spec=Mail))
        module.registrations = [one for one in module.registrations if one.message_type is not CountConnections]
        module.register(CountConnections, peek)
        faults = App("s2", modules=[module], database="memory:" if wanted is not AsyncSession else None).check()
        assert [fault.code for fault in faults if "peek" in fault.where] == ["writing_query"]

    async def test_a_query_may_be_cached(self) -> None:
        """Within its time to live, a query is answered without its handler; an event may end it sooner."""
        calls: list[int] = []

        async def count(query: CountConnections) -> int:
            calls.append(1)
            return len(calls)

        module: Any = Module("cached")
        module.register(CountConnections, count, cache="1m")
        module.register(Connect, _nothing)
        async with App("s2", modules=[module], database="memory:") as app:
            assert [await app.execute(CountConnections()) for _ in range(2)] == [Success(1), Success(1)]

    def test_queries_answer_dtos(self) -> None:
        """A query whose answer holds a mapped class keeps the application from starting."""

        async def rows(query: CountConnections, session: ReadSession) -> list[Row]:
            return list(await session.scalars(select(Row)))

        module = connections(Heard(), AsyncMock(spec=Mail))
        module.registrations = [one for one in module.registrations if one.message_type is not CountConnections]
        module.register(CountConnections, rows)
        (fault,) = App("s2", modules=[module]).check()
        assert fault.code == "answers_entity"
        assert "rows" in fault.where
        assert "Row" in fault.text


class TestDependencies:
    """By protocol, with two lifetimes."""

    async def test_lifetimes(self) -> None:
        """What lives as long as the application is one object; what lives as long as a message is made for each."""
        module, seen, closed = Module("lives"), list[tuple[int, int]](), list[int]()

        class Long: ...

        class Short: ...

        async def short() -> AsyncIterator[Short]:
            one = Short()
            yield one
            closed.append(id(one))

        @dataclass(frozen=True, kw_only=True)
        class Look(Query[None]):
            pass

        @module.handler
        async def look(query: Look, long: Long, short: Short) -> None:
            assert id(short) not in closed
            seen.append((id(long), id(short)))
            alive.append(short)

        alive: list[Short] = []
        module.provide(Long, scope="app")
        module.provide(Short, short, scope="message")
        async with _handling(module) as app:
            await app.execute(Look())
            await app.execute(Look())
        assert len({long for long, _ in seen}) == 1
        assert len({short for _, short in seen}) == 2
        assert closed == [short for _, short in seen]

    async def test_what_may_be_provided(self) -> None:
        """A class, a factory, an instance, and a dishka Provider as it is; one's own logger needs no providing."""
        module, got = Module("given"), list[Any]()

        class One: ...

        class Two: ...

        class Three: ...

        class Four: ...

        @dataclass(frozen=True, kw_only=True)
        class Get(Query[None]):
            pass

        @module.handler
        async def get(query: Get, one: One, two: Two, three: Three, four: Four, logger: logging.Logger) -> None:
            got.extend([one, two, three, four, logger])

        three, four = Three(), Provider(scope=Scope.APP)
        four.provide(Four)
        module.provide(One)
        module.provide(Two, lambda: Two(), scope="app")  # noqa: PLW0108  # a factory, not the class
        module.provide(Three, three)
        module.include(four)
        async with _handling(module) as app:
            await app.execute(Get())
        assert [type(one) for one in got[:4]] == [One, Two, Three, Four]
        assert got[2] is three
        assert got[4].name == "twofold.handler.get"

    async def test_by_constructor_and_by_parameter(self) -> None:
        """A class handler takes dependencies in its constructor and beside the message."""
        module = Module("both")

        class One: ...

        @dataclass(frozen=True, kw_only=True)
        class Get(Query[bool]):
            pass

        @module.handler
        class Getting:
            def __init__(self, one: One) -> None:
                self.one = one

            async def handle(self, query: Get, context: Context, other: One) -> bool:
                return self.one is other and bool(context.correlation_id)

        module.provide(One, scope="app")
        async with _handling(module) as app:
            assert await app.execute(Get()) == Success(True)

    async def test_override(self) -> None:
        """A test puts a fake in the place of what a protocol was provided with."""
        module, fake = Module("faked"), AsyncMock(spec=Mail)

        class Smtp:
            async def send(self, text: str) -> None:
                raise AssertionError("a test sent real mail")

        @dataclass(frozen=True, kw_only=True)
        class Greet(Command[None]):
            pass

        @module.handler
        async def greet(command: Greet, mail: Mail) -> None:
            await mail.send("hello")

        module.provide(Mail, Smtp, scope="app")
        app = _handling(module)
        app.override(Mail, fake)
        async with app:
            await app.execute(Greet())
        fake.send.assert_awaited_once_with("hello")

    def test_every_unmet_dependency_is_reported(self) -> None:
        """Missing, captive and untyped: all faults at once, each naming its handler."""
        module = Module("faults")

        class Short: ...

        class Captor:
            def __init__(self, short: Short) -> None: ...

        @dataclass(frozen=True, kw_only=True)
        class First(Query[None]):
            pass

        @dataclass(frozen=True, kw_only=True)
        class Second(Query[None]):
            pass

        @dataclass(frozen=True, kw_only=True)
        class Third(Query[None]):
            pass

        async def missing(query: First, mail: Mail) -> None: ...

        async def captive(query: Second, captor: Captor) -> None: ...

        async def untyped(query: Third, something) -> None: ...  # type: ignore[no-untyped-def]  # the mistake that is told at the start

        module.provide(Short, scope="message")
        module.provide(Captor, scope="app")
        for message, handler in ((First, missing), (Second, captive), (Third, untyped)):
            module.register(message, handler)
        found = {fault.code: fault for fault in _handling(module).check()}
        assert set(found) == {"missing_dependency", "captive_dependency", "untyped_parameter"}
        assert "missing" in found["missing_dependency"].where
        assert "Mail" in found["missing_dependency"].text
        assert "something" in found["untyped_parameter"].text

    async def test_handlers_are_testable_alone(self) -> None:
        """A handler is a class: with fakes for its dependencies it needs nothing else."""
        session, events = AsyncMock(spec=AsyncSession), AsyncMock(spec=EventBus)
        result = await ConnectHandler(session, events).handle(connect("ada@example.com"))
        assert isinstance(result.value, UUID)
        assert [type(call.args[0]) for call in events.publish.await_args_list] == [Attempted, Succeeded]

    def test_inject_needs_nothing_else(self) -> None:
        """A set of handlers without dependencies builds without faults."""
        injection, faults = inject([], [])
        assert faults == []
        assert injection.container is not None


def _handling(module: Module, database: str | Path = "memory:") -> App:
    """An application of a module, and of the messages of this file, which others in it need a handler for."""
    module.register(Connect, _nothing)
    module.register(CountConnections, _nothing)
    return App("s2", modules=[module], database=database)


async def _nothing(message: Any) -> Any: ...


class TestFastApi:
    """Endpoints of one's own, through `Depends`."""

    @pytest.fixture
    async def client(self, tmp_path: Path, heard: Heard, mail: AsyncMock) -> AsyncIterator[httpx.AsyncClient]:
        app = App("s2", modules=[connections(heard, mail)], database=tmp_path / "s2.db")
        web = FastAPI()
        app.attach(web, authenticate=_authenticate)

        @web.post("/connect")
        async def post(email: str, bus: Annotated[CommandBus, Depends()]) -> Response:
            return respond(await bus.execute(connect(email)), status=201)

        @web.get("/count")
        async def count(bus: Annotated[QueryBus, Depends()]) -> Response:
            return respond(await bus.execute(CountConnections()))

        @web.post("/dispatch")
        async def dispatch(email: str, dispatcher: Annotated[Dispatcher, Depends()]) -> Response:
            return respond(await dispatcher.dispatch(connect(email)))

        @web.post("/handler")
        async def handler(email: str, handler: Annotated[Any, Depends(resolve(ConnectHandler))]) -> Response:
            return respond(await handler.handle(connect(email)))

        @web.post("/tell")
        async def tell(bus: Annotated[EventBus, Depends()]) -> Response:
            return respond(await bus.publish(Succeeded(email="told@example.com")))

        self.app = app
        transport = httpx.ASGITransport(web)
        async with app, httpx.AsyncClient(transport=transport, base_url="http://s2") as client:
            yield client

    async def test_depends_gives_the_applications_own_buses(self, client: httpx.AsyncClient, mail: AsyncMock) -> None:
        """Every bus in a route is the application's, with its handlers, pipeline and transaction."""
        assert (await client.post("/connect", params={"email": "ada@example.com"})).status_code == 201
        assert (await client.post("/dispatch", params={"email": "bob@example.com"})).status_code == 200
        assert (await client.post("/tell")).status_code == 204
        assert (await client.get("/count")).json() == 2
        await self.app.settle()
        assert mail.send.await_count == 3

    async def test_a_handler_comes_with_its_pipeline(self, client: httpx.AsyncClient) -> None:
        """A handler that a route asks for validates, transacts and answers as if sent through a bus."""
        good = await client.post("/handler", params={"email": " ADA@example.com"})
        bad = await client.post("/handler", params={"email": "nobody"})
        late = await client.post("/handler", params={"email": "late@example.com"})
        assert [answer.status_code for answer in (good, bad, late)] == [200, 400, 409]
        assert (await client.get("/count")).json() == 1

    async def test_who_is_asking_goes_along(self, client: httpx.AsyncClient) -> None:
        """What a route sends carries who the request comes from, and its correlation id."""
        headers = {"X-User": str(new_id()), "X-Correlation-ID": "c-1"}
        await client.post("/connect", params={"email": "ada@example.com"}, headers=headers)
        kept = [facts for _, facts in await logged(self.app)]
        assert {(facts["user_id"], facts["correlation_id"]) for facts in kept} == {(headers["X-User"], "c-1")}


async def _authenticate(request: Any) -> Principal | None:
    user = request.headers.get("X-User")
    return Principal(user_id=user) if user else None


class TestFromContext:
    """Fields that the door fills."""

    @pytest.fixture
    async def client(self, tmp_path: Path, heard: Heard, mail: AsyncMock) -> AsyncIterator[httpx.AsyncClient]:
        app = App("s2", modules=[connections(heard, mail)], database=tmp_path / "s2.db")
        transport = httpx.ASGITransport(app.http(authenticate=_authenticate))
        async with app, httpx.AsyncClient(transport=transport, base_url="http://s2") as client:
            yield client

    async def test_filled_from_who_is_asking(self, client: httpx.AsyncClient) -> None:
        """The principal's id is in the command, though the body does not name it."""
        headers = {"X-User": str(new_id())}
        answer = await client.post("/connections", json={"email": "ada@example.com"}, headers=headers)
        assert answer.status_code == 201

    async def test_refused_from_a_body(self, client: httpx.AsyncClient) -> None:
        """A client that names somebody is refused."""
        body = {"email": "ada@example.com", "user_id": str(new_id())}
        answer = await client.post("/connections", json=body, headers={"X-User": str(new_id())})
        assert answer.status_code == 400
        assert (await client.get("/connections")).json() == 0

    async def test_without_anybody_it_is_401(self, client: httpx.AsyncClient) -> None:
        """A field that must be filled from somebody needs somebody."""
        assert (await client.post("/connections", json={"email": "ada@example.com"})).status_code == 401

    async def test_hidden_from_documents(self, client: httpx.AsyncClient) -> None:
        """It is in no OpenAPI document."""
        document = (await client.get("/openapi.json")).text
        assert "/connections" in document
        assert "user_id" not in document

    async def test_settable_in_code(self, app: App) -> None:
        """In code, whoever makes the command says who it is for."""
        assert (await app.execute(connect("ada@example.com"))).is_success


def test_adding_a_critical_command_is_one_line(tmp_path: Path) -> None:
    """The generator writes command, handler, three events, route and tests."""

    def run(*words: str, folder: Path) -> int:
        return finished("-m", *words, where=folder).returncode

    assert run("twofold", "new", "project", "shop", folder=tmp_path) == 0
    assert run("twofold", "new", "command", "ChangePassword", "--critical", folder=tmp_path / "shop") == 0
    assert run("pytest", "-q", folder=tmp_path / "shop") == 0


async def test_survive_needs_a_store() -> None:
    """A bus alone has no roll-back to outlive, and says so."""
    with pytest.raises(WiringError, match="survive"):
        await EventBus().publish(Attempted(email="ada@example.com"), survive=True)
