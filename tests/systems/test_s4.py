"""S4, as its users write it: middleware in a stated order, transactions, and reads that cannot write."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tests.cli.forked import finished
from tools.postgres import private_server, replica_of
from twofold import (
    App,
    Command,
    CommandBus,
    CommandHandler,
    Context,
    Event,
    EventBus,
    Exists,
    Failure,
    Forbidden,
    Invalid,
    Module,
    NotFound,
    Principal,
    Query,
    QueryBus,
    QueryHandler,
    Refused,
    Result,
    Rows,
    Success,
    Unavailable,
    UnitOfWork,
    has_role,
)
from twofold.app.description import describe
from twofold.app.replay import replaying
from twofold.clock import new_id
from twofold.dispatch import Next
from twofold.drivers.postgres import PostgresStore
from twofold.errors import KeyConflict, Unauthenticated, VersionConflict, WiringError
from twofold.messages import Kind
from twofold.sql import BlockingReadSession, ReadSession, WriteRefused

pytestmark = pytest.mark.anyio


class Tables(DeclarativeBase):
    pass


class User(Tables):
    """The write model."""

    __tablename__ = "s4_user"

    name: Mapped[str] = mapped_column(primary_key=True)
    visits: Mapped[int] = mapped_column(default=0)

    def visit(self) -> None:
        self.visits += 1


class VisitRow(Tables):
    """The read model."""

    __tablename__ = "s4_visits"

    name: Mapped[str] = mapped_column(primary_key=True)
    visits: Mapped[int]


@dataclass(frozen=True, kw_only=True)
class UserVisited(Event):
    name: str


@dataclass(frozen=True, kw_only=True)
class Visit(Command[int]):
    """Ends as `then` says, after it has written: `fail`, `crash`, `break` the projection, or well."""

    name: str
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class VisitTwice(Command[str]):
    """Sends two visits; the second ends as `then` says."""

    name: str
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class VisitBlocking(Command[int]):
    name: str
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class VisitsDTO:
    name: str
    visits: int


@dataclass(frozen=True, kw_only=True)
class GetVisits(Query[VisitsDTO | None]):
    name: str


class VisitHandler(CommandHandler[Visit, int]):
    def __init__(self, session: AsyncSession, events: EventBus) -> None:
        self.session = session
        self.events = events

    async def handle(self, message: Visit) -> Result[int]:
        user = await self.session.get(User, message.name)
        if user is None:
            user = User(name=message.name, visits=0)
            self.session.add(user)
        user.visit()
        await self.session.flush()
        await self.events.publish(UserVisited(name=message.name if message.then != "break" else "broken"))
        if message.then == "fail":
            return Failure(Refused("no"))
        if message.then == "crash":
            raise RuntimeError("a bug")
        return Success(user.visits)


class VisitTwiceHandler(CommandHandler[VisitTwice, str]):
    def __init__(self, bus: CommandBus) -> None:
        self.bus = bus

    async def handle(self, message: VisitTwice) -> str:
        first = await self.bus.execute(Visit(name=message.name))
        second = await self.bus.execute(Visit(name=message.name, then=message.then))
        return f"{first.unwrap_or('no')} {second.unwrap_or('no')}"


def visit_blocking(command: VisitBlocking, session: Session, unit: UnitOfWork) -> Result[int]:
    """A plain `def` with a blocking session, in the same transaction as its events."""
    user = session.get(User, command.name) or User(name=command.name, visits=0)
    session.add(user)
    user.visit()
    session.flush()
    unit.record(UserVisited(name=command.name))
    return Failure(Refused("no")) if command.then == "fail" else Success(user.visits)


class GetVisitsHandler(QueryHandler[GetVisits, VisitsDTO | None]):
    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def handle(self, message: GetVisits) -> VisitsDTO | None:
        row = await self.session.get(VisitRow, message.name)
        return None if row is None else VisitsDTO(name=row.name, visits=row.visits)


class Visits:
    def visited(self, event: UserVisited, rows: Rows) -> None:
        if event.name == "broken":
            raise RuntimeError("a bug in the projection")
        rows.add(VisitRow, {"name": event.name}, visits=1)


def visits(*, mode: Any = "inline", **options: Any) -> Module:
    """All messages of this file, with their write model and read model."""
    module = Module("visits", **options)
    module.state(User)
    module.register(Visit, VisitHandler, path="/visits", status=201)
    module.register(VisitTwice, VisitTwiceHandler)
    module.register(VisitBlocking, visit_blocking)
    module.register(GetVisits, GetVisitsHandler, path="/visits/{name}")
    module.projection("visits", mode=mode, tables=[VisitRow])(Visits)
    return module


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    async with App("s4", modules=[visits()], database=tmp_path / "s4.db") as app:
        yield app


async def state(app: App, name: str = "ada") -> tuple[int, int, int]:
    """Visits as the write model, the log and the read model have them; they must agree at all times."""

    def look(connection: Any) -> tuple[int, int]:
        write = connection.execute("SELECT visits FROM s4_user WHERE name = ?", (name,)).fetchone()
        read = connection.execute("SELECT visits FROM s4_visits WHERE name = ?", (name,)).fetchone()
        return write[0] if write else 0, read[0] if read else 0

    written, shown = await app.store.read(look)
    return written, await app.store.log.head(), shown


class TestBuses:
    async def test_register_and_execute(self) -> None:
        """Each bus takes the handlers of its kind, and answers a Result."""

        class Greet(QueryHandler[GetVisits, VisitsDTO | None]):
            async def handle(self, message: GetVisits) -> VisitsDTO | None:
                return VisitsDTO(name=message.name, visits=0)

        commands, queries = CommandBus(), QueryBus()
        commands.register(VisitBlocking, lambda command: 7)
        queries.register(GetVisits, Greet())
        assert await commands.execute(VisitBlocking(name="ada")) == Success(7)
        assert await queries.execute(GetVisits(name="ada")) == Success(VisitsDTO(name="ada", visits=0))

    async def test_app_executes_either(self, app: App) -> None:
        """`app.execute` takes commands and queries alike; its buses are there too."""
        assert await app.execute(Visit(name="ada")) == Success(1)
        assert await app.commands.execute(Visit(name="ada")) == Success(2)
        seen = Success(VisitsDTO(name="ada", visits=2))
        assert await app.execute(GetVisits(name="ada")) == await app.queries.execute(GetVisits(name="ada")) == seen


def marking(seen: list[str], name: str) -> Callable[[Any, Context, Next], Any]:
    async def mark(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        seen.append(f"{name} in")
        result = await call_next(message, context)
        seen.append(f"{name} out")
        return result

    mark.__qualname__ = name
    return mark


class TestMiddleware:
    async def test_in_the_order_it_was_added(self) -> None:
        """On a bus alone: outer before inner, and within a place the first added is the outermost."""
        seen: list[str] = []
        bus = CommandBus()
        bus.register(VisitBlocking, lambda command: seen.append("handle"))
        bus.use(marking(seen, "inner"), at="inner")
        bus.use(marking(seen, "first"))
        bus.use(marking(seen, "second"))
        await bus.execute(VisitBlocking(name="ada"))
        assert seen == [
            *("first in", "second in", "inner in", "handle"),
            *("inner out", "second out", "first out"),
        ]

    def test_the_stated_order(self, tmp_path: Path) -> None:
        """Telemetry, the outer, validation, keys, the transaction, the inner; queries get a read session."""
        app = App("s4", modules=[visits()], database=tmp_path / "s4.db")
        app.observe(meter=_Nobody())
        app.use(marking([], "outer"))
        app.use(marking([], "inner"), at="inner")
        stages = {handler.message: handler.stages for handler in describe(app).handlers}
        command = (
            *("logging", "metrics", "audit", "outer", "validation", "idempotency", "conflicts"),
            *("scope", "transaction", "claim", "inner"),
        )
        assert stages["visit"] == command
        query = ("logging", "metrics", "outer", "validation", "scope", "read only", "inner")
        assert stages["get_visits"] == query

    async def test_inner_is_inside_the_transaction(self, tmp_path: Path) -> None:
        """A Failure that an inner middleware makes of a Success rolls the command back."""
        app = App("s4", modules=[visits()], database=tmp_path / "s4.db")

        async def veto(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
            assert (await call_next(message, context)).is_success
            return Failure(Refused("vetoed"))

        app.use(veto, at="inner", when=Visit)
        async with app:
            assert (await app.execute(Visit(name="ada"))).is_failure
            assert await state(app) == (0, 0, 0)

    async def test_only_where_it_applies(self, tmp_path: Path) -> None:
        """`when` is a kind, a class, or a function of the handler; elsewhere the stage is not even there."""
        app, seen = App("s4", modules=[visits()], database=tmp_path / "s4.db"), list[str]()
        app.use(marking(seen, "queries"), when=Kind.QUERY)
        app.use(marking(seen, "visits"), when=Visit)
        app.use(marking(seen, "blocking"), when=lambda handler: not handler.is_async)
        async with app:
            await app.execute(Visit(name="ada"))
            await app.execute(GetVisits(name="ada"))
            await app.execute(VisitBlocking(name="ada"))
        assert [one for one in seen if one.endswith("in")] == ["visits in", "queries in", "blocking in"]

    async def test_it_may_answer_itself(self, tmp_path: Path) -> None:
        """A middleware that does not call on answers for the handler; one that raises a refusal is a Failure."""
        app = App("s4", modules=[visits()], database=tmp_path / "s4.db")

        async def closed(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
            if message.name == "eve":
                raise Forbidden("not you")
            return Success(0)

        app.use(closed, when=Visit)
        async with app:
            assert await app.execute(Visit(name="ada")) == Success(0)
            assert isinstance((await app.execute(Visit(name="eve"))).error, Forbidden)
            assert await state(app) == (0, 0, 0)

    async def test_no_middleware_while_running(self, app: App) -> None:
        """The pipelines are compiled at the start; a change after it is a mistake, and is told."""
        with pytest.raises(WiringError, match="running"):
            app.use(marking([], "late"))

    async def test_authorization(self, tmp_path: Path) -> None:
        """A policy stands before the handler; without one, `authorization="required"` keeps the app from starting."""
        module = visits(authorize=has_role("clerk"))
        async with App("s4", modules=[module], database=tmp_path / "s4.db", authorization="required") as app:
            for principal, refusal in ((None, Unauthenticated), (Principal(user_id="eve"), Forbidden)):
                refused = await app.caller(principal=principal).execute(Visit(name="ada"))
                assert isinstance(refused.error, refusal)
            assert await state(app) == (0, 0, 0)
            clerk = Principal(user_id="ada", roles=frozenset({"clerk"}))
            assert await app.caller(principal=clerk).execute(Visit(name="ada")) == Success(1)

        faults = App("s4", modules=[visits()], database=tmp_path / "s4.db", authorization="required").check()
        assert {fault.where for fault in faults} == {"visit", "visit_twice", "visit_blocking", "get_visits"}

    async def test_retry_begins_anew(self, tmp_path: Path) -> None:
        """Each attempt has a transaction of its own: what the failed one wrote is gone."""
        module: Any = Module("retry")
        attempts: list[int] = []

        @dataclass(frozen=True, kw_only=True)
        class Try(Command[None]):
            pass

        async def attempt(command: Try, session: AsyncSession) -> None:
            attempts.append(1)
            session.add(User(name="ada", visits=1))
            await session.flush()
            if len(attempts) == 1:
                raise ConnectionError

        module.register(Try, attempt, retry=3)
        async with App("s4", modules=[visits(), module], database=tmp_path / "s4.db") as app:
            assert (await app.execute(Try())).is_success
        assert len(attempts) == 2


class _Nobody:
    def record(self, kind: Kind, message: str, outcome: str, seconds: float) -> None: ...


class TestTransactions:
    """Each command is one transaction: state, event and read model agree whatever happens."""

    async def test_success_commits_everything(self, app: App) -> None:
        """State, event and what an inline projection derives are there together."""
        await app.execute(Visit(name="ada"))
        await app.execute(VisitBlocking(name="ada"))
        assert await state(app) == (2, 2, 2)

    @pytest.mark.parametrize("message", [Visit(name="ada", then="fail"), VisitBlocking(name="ada", then="fail")])
    async def test_failure_leaves_nothing(self, app: App, message: Command[int]) -> None:
        """A Failure after the writes undoes state, event and read model."""
        assert (await app.execute(message)).is_failure
        assert await state(app) == (0, 0, 0)

    @pytest.mark.parametrize("then", ["crash", "break"])
    async def test_bugs_leave_nothing(self, app: App, then: str) -> None:
        """Neither a bug in the handler nor one in an inline projection leaves half of it."""
        with pytest.raises(RuntimeError):
            await app.execute(Visit(name="ada", then=then))
        assert await state(app) == (0, 0, 0)
        assert await app.execute(Visit(name="ada")) == Success(1)

    async def test_a_cancelled_command_leaves_all_or_nothing(self, app: App) -> None:
        """However late a command is cancelled, state, event and read model agree."""
        for pause in range(0, 40, 2):
            task = asyncio.create_task(app.execute(Visit(name="ada")))
            for _ in range(pause):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        written, logged, shown = await state(app)
        assert written == logged == shown

    async def test_a_nested_command_joins(self, app: App) -> None:
        """A command that a handler sends is part of its transaction."""
        assert await app.execute(VisitTwice(name="ada")) == Success("1 2")
        assert await state(app) == (2, 2, 2)

    async def test_a_nested_failure_is_undone_alone(self, app: App) -> None:
        """The handler that sent it may go on: what the failed part wrote is gone, the rest commits."""
        assert await app.execute(VisitTwice(name="ada", then="fail")) == Success("1 no")
        assert await state(app) == (1, 1, 1)

    async def test_a_nested_bug_undoes_all(self, app: App) -> None:
        """A bug ends the whole."""
        with pytest.raises(RuntimeError):
            await app.execute(VisitTwice(name="ada", then="crash"))
        assert await state(app) == (0, 0, 0)

    async def test_concurrent_commands_do_not_share(self, app: App) -> None:
        """Many commands at once, some of which fail, each with a transaction of its own."""
        messages = [Visit(name="ada", then="fail" if number % 3 == 0 else "") for number in range(30)]
        results = await asyncio.gather(*map(app.execute, messages))
        assert sum(result.is_success for result in results) == 20
        assert await state(app) == (20, 20, 20)


class TestReads:
    """Queries are read-only because the database refuses."""

    @pytest.mark.parametrize(
        "statement",
        [
            insert(User).values(name="eve", visits=1),
            text("UPDATE s4_user SET visits = 99"),
            text("DELETE FROM s4_visits"),
            text("CREATE TABLE eve (id INTEGER)"),
            text("PRAGMA query_only = 0"),
        ],
        ids=["insert", "update", "delete", "create", "pragma"],
    )
    async def test_the_database_refuses(self, tmp_path: Path, statement: Any) -> None:
        """Whatever a query sends that would write is refused, and it stays so for the next statement."""
        refused: list[Any] = []

        @dataclass(frozen=True, kw_only=True)
        class Sneak(Query[None]):
            pass

        async def sneak(query: Sneak, session: ReadSession) -> None:
            for attempt in (statement, insert(User).values(name="eve", visits=1)):
                try:
                    await session.execute(attempt)
                except (WriteRefused, SQLAlchemyError):
                    refused.append(attempt)
                    await session.rollback()

        module = visits()
        module.register(Sneak, sneak)
        async with App("s4", modules=[module], database=tmp_path / "s4.db") as app:
            await app.execute(Visit(name="ada"))
            await app.execute(Sneak())
            assert await state(app) == (1, 1, 1)
            assert await state(app, "eve") == (0, 1, 0)
        assert len(refused) == 2

    async def test_blocking_sessions_too(self, tmp_path: Path) -> None:
        """A `def` query has a session that blocks, and cannot write either."""

        @dataclass(frozen=True, kw_only=True)
        class Names(Query[list[str]]):
            sneak: bool = False

        def names(query: Names, session: BlockingReadSession) -> list[str]:
            if query.sneak:
                session.execute(text("DELETE FROM s4_user"))
            return list(session.scalars(select(User.name)))

        module = visits()
        module.register(Names, names)
        async with App("s4", modules=[module], database=tmp_path / "s4.db") as app:
            await app.execute(Visit(name="ada"))
            assert await app.execute(Names()) == Success(["ada"])
            with pytest.raises(WriteRefused):
                await app.execute(Names(sneak=True))
            assert await app.execute(Names()) == Success(["ada"])

    async def test_queries_neither_publish_nor_command(self, tmp_path: Path) -> None:
        """Even by way of the application itself, a query cannot cause a change."""

        @dataclass(frozen=True, kw_only=True)
        class Sneak(Query[None]):
            event: bool

        async def sneak(query: Sneak) -> None:
            await (own.publish(UserVisited(name="ada")) if query.event else own.execute(Visit(name="ada")))

        module = visits()
        module.register(Sneak, sneak)
        own = App("s4", modules=[module], database=tmp_path / "s4.db")
        async with own:
            for event in (True, False):
                with pytest.raises(WiringError, match="query"):
                    await own.execute(Sneak(event=event))
            assert await state(own) == (0, 0, 0)

    async def test_critical_data_is_there_at_once(self, app: App) -> None:
        """With an inline projection a query right after the command sees it: no waiting."""
        for expected in range(1, 6):
            await app.execute(Visit(name="ada"))
            assert (await app.execute(GetVisits(name="ada"))).unwrap() == VisitsDTO(name="ada", visits=expected)

    async def test_inline_or_async_by_one_switch(self, tmp_path: Path) -> None:
        """The same projection behind the log ends with the same rows."""
        async with App("s4", modules=[visits(mode="async")], database=tmp_path / "s4.db") as app:
            await app.execute(Visit(name="ada"))
            await app.settle()
            assert await state(app) == (1, 1, 1)

    async def test_a_caller_reads_its_own_writes(self, tmp_path: Path) -> None:
        """With an async projection, a caller's query waits until the read model has what its commands did."""
        async with App("s4", modules=[visits(mode="async")], database=tmp_path / "s4.db") as app:
            caller = app.caller(user_id="ada")
            for expected in range(1, 21):
                await caller.execute(Visit(name="ada"))
                assert await caller.execute(GetVisits(name="ada")) == Success(VisitsDTO(name="ada", visits=expected))

    async def test_reads_have_a_database_of_their_own(self, tmp_path: Path) -> None:
        """Queries read what projections keep in another database; commands never touch it."""
        app = App("s4", modules=[visits(mode="async")], database=tmp_path / "s4.db", read_database=tmp_path / "read.db")
        async with app:
            caller = app.caller(user_id="ada")
            for expected in range(1, 6):
                assert await caller.execute(Visit(name="ada")) == Success(expected)
                assert await caller.execute(GetVisits(name="ada")) == Success(VisitsDTO(name="ada", visits=expected))

    async def test_read_replicas(self) -> None:
        """Queries read at a replica of the database, commands at the primary, and a caller sees what it has written."""
        module = visits()

        @dataclass(frozen=True, kw_only=True)
        class AtReplica(Query[bool]):
            pass

        async def at_replica(query: AtReplica, session: ReadSession) -> bool:
            return bool(await session.scalar(select(func.pg_is_in_recovery())))

        module.register(AtReplica, at_replica)
        with private_server() as primary, replica_of(primary) as replica:
            store = PostgresStore(primary.url(), replicas=[replica.url()])
            async with App("s4", modules=[module], database=store) as app:
                caller = app.caller(wait=30)
                for expected in range(1, 4):
                    assert await caller.execute(Visit(name="ada")) == Success(expected)
                    seen = await caller.execute(GetVisits(name="ada"))
                    assert seen == Success(VisitsDTO(name="ada", visits=expected))
                assert await app.execute(AtReplica()) == Success(True)


class TestHttp:
    """Errors and answers as statuses."""

    @pytest.fixture
    async def client(self, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
        module = visits()

        @dataclass(frozen=True, kw_only=True)
        class Fail(Command[None]):
            how: str

        @module.handler(path="/fail/{how}")
        async def fail(command: Fail) -> Result[None, Any]:
            return Failure(ERRORS[command.how])

        app = App("s4", modules=[module], database=tmp_path / "s4.db")
        transport = httpx.ASGITransport(app.http())
        async with app, httpx.AsyncClient(transport=transport, base_url="http://s4") as client:
            yield client

    async def test_answers(self, client: httpx.AsyncClient) -> None:
        """Created is 201 where it says so, a query 200, nothing found 404, a command without an answer 204."""
        assert (await client.post("/visits", json={"name": "ada"})).status_code == 201
        assert (await client.get("/visits/ada")).json() == {"name": "ada", "visits": 1}
        assert (await client.get("/visits/eve")).status_code == 404
        assert (await client.post("/commands/visit_blocking", json={"name": "ada"})).json() == 2

    async def test_invalid_is_400_by_field(self, client: httpx.AsyncClient) -> None:
        """Wrong, missing and unknown fields, all at once; and JSON that is none."""
        wrong = await client.post("/visits", json={"then": 7, "more": 1})
        assert wrong.status_code == 400
        assert {error["field"] for error in wrong.json()["errors"]} == {"name", "then", "more"}
        broken = await client.post("/visits", content=b"{", headers={"Content-Type": "application/json"})
        assert broken.status_code == 400

    async def test_a_bug_is_500_without_internals(self, client: httpx.AsyncClient) -> None:
        """A crash tells its correlation id, and nothing of what crashed."""
        answer = await client.post("/visits", json={"name": "ada", "then": "crash"})
        assert answer.status_code == 500
        assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]
        assert "bug" not in answer.text

    @pytest.mark.parametrize(
        "how, status",
        [
            ("invalid", 400),
            ("unauthenticated", 401),
            ("forbidden", 403),
            ("not_found", 404),
            ("exists", 409),
            ("version", 409),
            ("key", 409),
            ("rule", 400),
            ("text", 400),
            ("unavailable", 503),
            ("connection", 503),
        ],
    )
    async def test_errors(self, client: httpx.AsyncClient, how: str, status: int) -> None:
        """Every category has its status, as a problem document; what passes says when to come again."""
        answer = await client.post(f"/fail/{how}")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("retry-after" in answer.headers) is (status == 503)
        if how == "text":
            assert answer.json()["detail"] == "just no"

    async def test_metrics_by_name(self, client: httpx.AsyncClient) -> None:
        """Totals and durations of commands and queries, labelled by message and outcome only."""
        await client.post("/visits", json={"name": "ada"})
        await client.post("/visits", json={"name": "ada", "then": "fail"})
        await client.get("/visits/ada")
        numbers = (await client.get("/metrics")).text
        assert 'cqrs_command_total{message="visit",outcome="success"} 1.0' in numbers
        assert 'cqrs_command_total{message="visit",outcome="refused"} 1.0' in numbers
        assert 'cqrs_query_total{message="get_visits",outcome="success"} 1.0' in numbers
        for name in ("cqrs_command_duration_seconds", "cqrs_query_duration_seconds"):
            labels = {label for found in re.findall(rf"{name}_bucket{{(.*?)}}", numbers) for label in _labels(found)}
            assert labels == {"message", "outcome", "le"}

    async def test_buckets_fit_the_figures(self, client: httpx.AsyncClient) -> None:
        """Bounds of 100 µs below 5 ms, and exactly 0.1 s and 0.5 s, so that the figures can be read off."""
        await client.post("/visits", json={"name": "ada"})
        numbers = (await client.get("/metrics")).text
        found = re.findall(r'cqrs_command_duration_seconds_bucket{.*?le="(.*?)"', numbers)
        bounds = {float(bound) for bound in found}
        assert {0.1, 0.5} <= bounds
        assert {round(step * 0.0001, 4) for step in range(1, 51)} <= {round(bound, 6) for bound in bounds}


def _labels(text: str) -> list[str]:
    return re.findall(r'(\w+)="', text)


ERRORS: dict[str, object] = {
    "invalid": Invalid("wrong", field="how"),
    "unauthenticated": Unauthenticated("who?"),
    "forbidden": Forbidden("not you"),
    "not_found": NotFound("nowhere"),
    "exists": Exists("there already"),
    "version": VersionConflict(stream="s", expected=1),
    "key": KeyConflict("another payload"),
    "rule": Refused("no"),
    "text": "just no",
    "unavailable": Unavailable("later"),
    "connection": ConnectionResetError(),
}


async def test_a_constraint_of_the_database_is_classified(tmp_path: Path) -> None:
    """What the database refuses is a Failure once the module says what it means; unclassified it is a bug."""

    @dataclass(frozen=True, kw_only=True)
    class Add(Command[None]):
        name: str

    async def add(command: Add, session: AsyncSession) -> None:
        session.add(User(name=command.name, visits=0))
        await session.flush()

    module = visits()
    module.register(Add, add)
    module.errors = {IntegrityError: Exists.category}
    async with App("s4", modules=[module], database=tmp_path / "s4.db") as app:
        assert (await app.execute(Add(name="ada"))).is_success
        assert isinstance((await app.execute(Add(name="ada"))).error, IntegrityError)
        assert await app.execute(Visit(name="ada")) == Success(1)


class TestAudit:
    """Every command: who, what, when, outcome."""

    async def test_every_command_is_in_the_trail(self, tmp_path: Path) -> None:
        """The trail has who sent what, when, how long it took and how it ended."""
        async with App("s4", modules=[visits()], database=tmp_path / "s4.db") as app:
            caller = app.caller(user_id="ada", correlation_id="c-1")
            await caller.execute(Visit(name="ada"))
            await caller.execute(Visit(name="ada", then="fail"))
            running: Any = app
            entries = [entry async for entry in running.audit.entries()]
        assert [(entry.message, entry.user_id, entry.outcome) for entry in entries] == [
            ("visit", "ada", "success"),
            ("visit", "ada", "refused"),
        ]

    async def test_commands_are_replayed(self, tmp_path: Path) -> None:
        """Against a throw-away copy, as who sent them; what came of them then is compared with what comes now."""
        file = tmp_path / "s4.db"
        async with App("s4", modules=[visits()], database=file) as app:
            caller = app.caller(user_id="ada", correlation_id="c-1")
            await caller.execute(Visit(name="ada"))
            await caller.execute(Visit(name="ada", then="fail"))
            head = await app.store.log.head()
        async with replaying(App("s4", modules=[visits()], database=file)) as replays:
            entries = [entry async for entry in replays.audit.entries()]
            done = [await replays.of(entry) for entry in entries]
        assert [(one.entry.user_id, one.outcome, len(one.events), one.same) for one in done] == [
            ("ada", "success", 1, True),
            ("ada", "refused", 0, True),
        ]
        async with App("s4", modules=[visits()], database=file) as app:
            assert [entry async for entry in app.audit.entries()] == entries
            assert await state(app) == (1, head, 1)


def test_a_generated_query_needs_no_edits(tmp_path: Path) -> None:
    """`twofold new query` writes a query, its DTO, its handler and a test that passes untouched."""

    def run(*words: str, folder: Path) -> int:
        return finished("-m", *words, where=folder).returncode

    assert run("twofold", "new", "project", "shop", folder=tmp_path) == 0
    assert run("twofold", "new", "query", "GetOrder", folder=tmp_path / "shop") == 0
    assert run("pytest", "-q", folder=tmp_path / "shop") == 0


async def test_ids_grow_with_time() -> None:
    """Ids are UUIDv7, so that lists by id are lists by age."""
    ids = [new_id() for _ in range(100)]
    assert ids == sorted(ids)
    assert {one.version for one in ids} == {7}
