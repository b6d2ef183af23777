"""What becomes of a command is told by the events of its lifecycle, whatever becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database
from tests.app.attempts import Attempted, Failed, Succeeded
from twofold import (
    App,
    Command,
    CommandBus,
    Event,
    Exists,
    Failure,
    Invalid,
    Lifecycle,
    Module,
    Query,
    Result,
    Rows,
    Success,
)
from twofold.clock import new_id
from twofold.sql import ReadSession

pytestmark = pytest.mark.anyio


class Tables(DeclarativeBase):
    """The tables of this file."""


class Row(Tables):
    """What commands write."""

    __tablename__ = "lifecycle_row"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


class Shown(Tables):
    """What is read."""

    __tablename__ = "lifecycle_shown"
    name: Mapped[str] = mapped_column(primary_key=True)


@dataclass(frozen=True, kw_only=True)
class Work(Command[str]):
    """Ends as `then` says, before or after it has written."""

    name: str
    then: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise Invalid("a name is needed", field="name")


@dataclass(frozen=True, kw_only=True)
class Lead(Command[str]):
    """Sends other commands, and then ends as it says itself."""

    name: str
    send: tuple[str, ...] = ()
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class Count(Query[int]):
    """How many rows there are."""


@dataclass(frozen=True, kw_only=True)
class Wrote(Event):
    name: str


@dataclass
class World:
    """What a test steers, and what it sees."""

    heard: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    tries: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)


LIFECYCLE = Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed)


def workshop(world: World, **options: Any) -> Module:
    """Commands with a lifecycle, and two reactions to each event."""
    module = Module("workshop")
    module.state(Row)
    module.events(Wrote)

    async def work(command: Work, session: AsyncSession) -> Result[str, Exists]:
        world.tries += 1
        await _end(command.then.removeprefix("early "), world, command.then.startswith("early "))
        session.add(Row(id=new_id(), name=command.name))
        await session.flush()
        refusal = await _end(command.then, world, at_once=True)
        return refusal or Success(command.name.upper())

    async def lead(command: Lead, bus: CommandBus, session: AsyncSession) -> Result[str, Exists]:
        session.add(Row(id=new_id(), name=command.name))
        await session.flush()
        for then in command.send:
            if then.startswith("lead "):
                await bus.execute(Lead(name="middle", send=("",), then=then.removeprefix("lead ")))
            else:
                await bus.execute(Work(name="inner", then=then))
        refusal = await _end(command.then, world, at_once=True)
        return refusal or Success("led")

    async def count(query: Count, session: ReadSession) -> int:
        return await session.scalar(select(func.count()).select_from(Row)) or 0

    module.register(Work, work, lifecycle=LIFECYCLE, **options)
    module.register(Lead, lead, lifecycle=LIFECYCLE)
    module.register(Count, count)

    @module.on(Attempted)
    @module.on(Succeeded)
    @module.on(Failed)
    async def note(event: Attempted | Succeeded | Failed) -> None:
        world.heard.append(("note", type(event).__name__))

    @module.on(Attempted)
    @module.on(Succeeded)
    @module.on(Failed)
    async def audit(event: Attempted | Succeeded | Failed) -> None:
        world.heard.append(("audit", type(event).__name__))

    return module


async def _end(then: str, world: World, at_once: bool) -> Failure[Exists] | None:
    match then if at_once else "":
        case "refuse":
            return Failure(Exists("taken"))
        case "raise":
            raise Exists("taken")
        case "crash":
            raise RuntimeError("a secret of the inside")
        case "away":
            raise ConnectionError("10.0.0.7 does not answer")
        case "away once" if world.tries == 1:
            raise ConnectionError
        case "wait":
            world.reached.set()
            await asyncio.Event().wait()
        case _:
            pass
    return None


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def app(each_database: Database, world: World) -> AsyncIterator[App]:
    async with App("lifecycle", modules=[workshop(world)], database=each_database.address) as app:
        yield app


async def told(app: App) -> list[str]:
    """The log, in a word for each event, with the reason of what failed."""
    entries = await app.store.log.read(0, until=await app.store.log.head(), limit=1000)
    events = [app.router.catalogue.named(entry.type).decode(entry.data) for entry in entries]
    return [
        " ".join([type(one).__name__.lower(), one.name, *([one.reason] if isinstance(one, Failed) else [])])
        for one in events
    ]


class TestMatrix:
    """Every way that a command may end."""

    async def test_success(self, app: App, world: World) -> None:
        """Succeeded commits with the change, behind Attempted, and every reaction to each of them runs."""
        assert await app.execute(Work(name="a")) == Success("A")
        assert await told(app) == ["attempted a", "succeeded a"]
        assert await app.execute(Count()) == Success(1)
        await app.settle()
        expected = [(who, what) for who in ("audit", "note") for what in ("Attempted", "Succeeded")]
        assert sorted(world.heard) == expected

    @pytest.mark.parametrize(
        "then, reason",
        [
            ("early raise", "exists: taken"),
            ("refuse", "exists: taken"),
            ("raise", "exists: taken"),
            ("away", "unavailable: temporarily unavailable"),
        ],
    )
    async def test_failure(self, app: App, then: str, reason: str) -> None:
        """Failed says why, by code and text, however late that was; the change is undone."""
        assert (await app.execute(Work(name="a", then=then))).is_failure
        assert await told(app) == ["attempted a", f"failed a {reason}"]
        assert await app.execute(Count()) == Success(0)

    @pytest.mark.parametrize("then", ["early crash", "crash"])
    async def test_a_bug(self, app: App, then: str) -> None:
        """It is raised, and Failed tells nothing of what is inside."""
        with pytest.raises(RuntimeError):
            await app.execute(Work(name="a", then=then))
        assert await told(app) == ["attempted a", "failed a crashed"]
        assert await app.execute(Count()) == Success(0)

    @pytest.mark.parametrize("then", ["early wait", "wait"])
    async def test_a_cancellation(self, app: App, world: World, then: str) -> None:
        """However often whoever waits is cancelled."""
        task = asyncio.create_task(app.execute(Work(name="a", then=then)))
        await world.reached.wait()
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)
        assert task.cancelled()
        assert await told(app) == ["attempted a", "failed a cancelled"]
        assert await app.execute(Count()) == Success(0)

    async def test_at_any_moment_of_a_cancellation(self, app: App) -> None:
        """What was attempted has one end, and it is the truth: there are as many rows as successes."""
        for pauses in range(30):
            task = asyncio.create_task(app.execute(Work(name=str(pauses))))
            for _ in range(pauses * 3):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        log = await told(app)
        for name in map(str, range(30)):
            ends = [one.split()[0] for one in log if one.split()[1] == name]
            assert ends in ([], ["attempted", "succeeded"], ["attempted", "failed"]), ends
        assert await app.execute(Count()) == Success(sum(one.startswith("succeeded") for one in log))

    async def test_attempted_is_there_before_the_handler(self, app: App, world: World) -> None:
        """It is committed, so that it outlives the process."""
        task = asyncio.create_task(app.execute(Work(name="a", then="early wait")))
        await world.reached.wait()
        assert await told(app) == ["attempted a"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_an_attempt_is_a_stream_of_its_own(self, app: App) -> None:
        """Its beginning and its end, with the command as the cause, so that they are found together."""
        await app.execute(Work(name="a"))
        await app.execute(Lead(name="b", send=("refuse",)))
        entries = await app.store.log.read(0, until=await app.store.log.head(), limit=100)
        assert all(entry.stream == f"twofold-attempt-{entry.headers['causation_id']}" for entry in entries)
        assert len({entry.stream for entry in entries}) == 3
        lead = next(entry for entry in entries if b'"b"' in entry.data)
        inner = next(entry for entry in entries if b'"inner"' in entry.data)
        assert inner.headers["correlation_id"] == lead.headers["correlation_id"]


class TestNested:
    """Commands that a handler sends: no second transaction inside the one that is held."""

    @pytest.mark.parametrize(
        "send, then, expected, rows",
        [
            (("",), "", ["inner +", "lead +"], 2),
            (("refuse",), "", ["inner exists: taken", "lead +"], 1),
            (("", "refuse"), "", ["inner +", "inner exists: taken", "lead +"], 2),
            (("",), "refuse", ["inner undone", "lead exists: taken"], 0),
            (("refuse",), "refuse", ["inner exists: taken", "lead exists: taken"], 0),
            (("lead ",), "", ["inner +", "middle +", "lead +"], 3),
            (("lead refuse",), "", ["inner undone", "middle exists: taken", "lead +"], 1),
            (("lead ",), "refuse", ["inner undone", "middle undone", "lead exists: taken"], 0),
        ],
    )
    async def test_each_has_its_own_end(
        self, app: App, send: tuple[str, ...], then: str, expected: list[str], rows: int
    ) -> None:
        """What succeeded and is undone with the command that sent it has failed after all."""
        await app.execute(Lead(name="lead", send=send, then=then))
        log = [line.split(maxsplit=2) for line in await told(app)]
        ends = [f"{name} {' '.join(why) or '+'}" for what, name, *why in log if what != "attempted"]
        assert sorted(ends) == sorted(expected)
        for name in {name for _, name, *_ in log}:
            whats = [what for what, of, *_ in log if of == name]
            assert whats.count("attempted") * 2 == len(whats)
            assert whats[0] == "attempted"
        assert await app.execute(Count()) == Success(rows)

    async def test_a_bug_and_a_cancellation(self, app: App, world: World) -> None:
        """Both end all that was attempted."""
        with pytest.raises(RuntimeError):
            await app.execute(Lead(name="lead", send=("", "crash")))
        assert sorted(await told(app)) == [
            *("attempted inner", "attempted inner", "attempted lead"),
            *("failed inner crashed", "failed inner undone", "failed lead crashed"),
        ]
        task = asyncio.create_task(app.execute(Lead(name="late", send=("wait",))))
        await world.reached.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert sorted((await told(app))[6:]) == [
            *("attempted inner", "attempted late", "failed inner cancelled", "failed late cancelled"),
        ]


class TestStages:
    """The place of the lifecycle in the pipeline."""

    @pytest.fixture
    def made(self, tmp_path: Path, world: World) -> Callable[..., App]:
        return lambda **options: App("stages", modules=[workshop(world, **options)], database=tmp_path / "s.db")

    async def test_attempted_once_however_often_it_is_tried(self, made: Callable[..., App], world: World) -> None:
        """It stands outside the retry."""
        async with made(retry=3) as app:
            assert (await app.execute(Work(name="a", then="away once"))).is_success
            assert await told(app) == ["attempted a", "succeeded a"]
        assert world.tries == 2

    async def test_an_open_breaker_is_a_failed_attempt(self, made: Callable[..., App], world: World) -> None:
        """The command was accepted, and nothing could be done about it."""
        async with made(circuit_breaker=1) as app:
            await app.execute(Work(name="a", then="away"))
            await app.execute(Work(name="b"))
            log = await told(app)
        assert [line.split()[:2] for line in log[2:]] == [["attempted", "b"], ["failed", "b"]]
        assert "circuit_open: " in log[3]
        assert world.tries == 1

    async def test_a_timeout_is_a_failed_attempt(self, made: Callable[..., App]) -> None:
        """At its deadline."""
        async with made(timeout=1) as app:
            await app.execute(Work(name="a", then="wait"))
            log = await told(app)
        assert [line.split(":")[0] for line in log] == ["attempted a", "failed a timed_out"]

    @pytest.mark.parametrize("refusal", ["limit", "authorization", "validation"])
    async def test_what_is_refused_was_not_attempted(self, made: Callable[..., App], refusal: str) -> None:
        """By a limit, a policy or validation: an attacker writes nothing."""
        options: dict[str, Any] = {}
        if refusal == "limit":
            options = {"rate_limit": "1/hour"}
        elif refusal == "authorization":
            options = {"authorize": lambda: False}
        command = Work(name="a")
        if refusal == "validation":
            object.__setattr__(command, "name", "")
        async with made(**options) as app:
            if refusal == "limit":
                await app.execute(Work(name="first"))
            assert (await app.execute(command)).is_failure
            assert [line for line in await told(app) if "first" not in line] == []

    async def test_a_bug_of_an_inline_projection_is_a_failed_attempt(self, tmp_path: Path, world: World) -> None:
        """Succeeded is told with the change, or not at all."""
        module = workshop(world)

        class Broken:
            def succeeded(self, event: Succeeded, rows: Rows) -> None:
                raise RuntimeError("a bug")

        module.projection("broken", mode="inline", tables=[Shown])(Broken)
        async with App("inline", modules=[module], database=tmp_path / "i.db") as app:
            with pytest.raises(RuntimeError):
                await app.execute(Work(name="a"))
            assert await told(app) == ["attempted a", "failed a crashed"]
            assert await app.execute(Count()) == Success(0)
