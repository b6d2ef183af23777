"""The audit trail of an application: what is in it of a command, however the command ends."""

import asyncio
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from twofold import (
    App,
    Command,
    CommandBus,
    Event,
    EventBus,
    Module,
    Query,
    Refused,
    Result,
    Secret,
    Success,
    UnitOfWork,
)
from twofold.app import NotAudited
from twofold.errors import StoreUnavailable, Unavailable, conflict
from twofold.store import AuditEntry, AuditSearch, Batch, Committed, MemoryStore

pytestmark = pytest.mark.anyio

CANARY = "canary-5f1c"


class Stale(Exception):
    """An error of a library that knows nothing of twofold, and has something else under `code`."""

    code = None


@dataclass(frozen=True, kw_only=True)
class Open(Command[int]):
    """Opens so many accounts, and then does something else."""

    count: int = 1
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenTwo(Command[None]):
    """Sends two commands, and then does something else."""

    second: str = ""
    then: str = ""
    part: bool = False


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    """Changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Opened(Event):
    """An account was opened."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A part of a message."""

    holder: str
    number: Annotated[str, Secret]


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """A part with a part, which may be there or not."""

    holder: str
    main: Card
    spare: Annotated[str, Secret] | None = None


class Address(BaseModel):
    """Another one."""

    street: str
    gate: Annotated[str, Secret]


@dataclass(frozen=True, kw_only=True)
class Register(Command[None]):
    """Has secrets of every kind, at every depth."""

    name: str
    phrase: Annotated[str, Secret]
    key: SecretStr
    cards: list[Card]
    addresses: dict[str, Address]
    perhaps: Card | None = None
    password: str = ""
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    then: str = ""


@dataclass(frozen=True, kw_only=True)
class Keep(Command[None]):
    """Takes what it is given."""

    anything: Any = None
    members: dict[str, object] = field(default_factory=dict[str, object])
    described: Annotated[Any, Field(description="whatever it is")] = None


def bank() -> Module:
    """What the tests send."""
    module = Module("bank")

    @module.handler
    async def keep(command: Keep) -> None: ...

    @module.handler
    async def open_(command: Open, events: EventBus) -> Result[int, Any]:
        for _ in range(command.count):
            (await events.publish(Opened())).unwrap()
        match command.then:
            case "refuse":
                raise Refused("no")
            case "crash":
                raise ZeroDivisionError
            case "hang":
                await asyncio.Event().wait()
            case _:
                return Success(command.count)
        return Success(0)

    @module.handler
    async def open_two(command: OpenTwo, bus: CommandBus, unit: UnitOfWork) -> None:
        if command.part:
            try:
                async with unit:
                    (await bus.execute(Open())).unwrap()
                    raise LookupError
            except LookupError:
                pass
        else:
            await bus.execute(Open())
        await bus.execute(Open(then=command.second))
        if command.then:
            raise Refused("no")

    @module.handler
    async def look(query: Look) -> int:
        return 1

    @module.handler
    async def register(command: Register) -> None:
        assert CANARY in command.phrase
        if command.then == "refuse":
            raise Refused("no")
        if command.then == "crash":
            raise ZeroDivisionError

    @module.on(Opened)
    async def welcome(event: Opened) -> None: ...

    return module


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[App]:
    """An application that runs."""
    async with App("bank", modules=[bank()], database=tmp_path / "bank.db") as app:
        yield app


async def trail(app: App, **search: Any) -> list[AuditEntry]:
    """The entries."""
    return [entry async for entry in app.audit.entries(**search)]


async def told(app: App) -> list[tuple[str, str, int]]:
    """What it has, and how each ended."""
    return [(entry.message, f"{entry.outcome} {entry.code}".strip(), entry.position) for entry in await trail(app)]


def written(folder: Path) -> bytes:
    """All that is in the files of a folder."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_a_success_has_its_whole_entry(app: App) -> None:
    """Who, what, when, how long, what came of it; a query has none."""
    before = app.clock.now()
    caller = app.caller(user_id="ada", tenant="north", correlation_id="c-1")
    await caller.execute(Open(count=2))
    await caller.execute(Look())
    (entry,) = await trail(app)
    assert (entry.message, entry.version, entry.payload) == ("open", 1, '{"count":2,"then":""}')
    assert (entry.user_id, entry.tenant, entry.correlation_id, entry.causation_id) == ("ada", "north", "c-1", None)
    assert (entry.outcome, entry.code, entry.position, entry.number) == ("success", "", 2, 1)
    assert before <= entry.time <= app.clock.now()
    assert 0 < entry.duration.total_seconds() < 10
    (first, _) = await app.store.log.read(0, until=2, limit=10)
    assert first.headers["causation_id"] == str(entry.message_id)
    assert await app.audit.get(entry.message_id) == entry


async def test_an_entry_has_the_time_at_which_its_command_was_sent(app: App) -> None:
    """And not that at which somebody first asked for it: everything it has recorded is later."""
    await app.execute(Open(count=50))
    (entry,) = await trail(app)
    (first, *_) = await app.store.log.read(0, until=50, limit=50)
    assert entry.time <= first.time


async def test_every_end_is_told(app: App) -> None:
    """A refusal, a crash, what is invalid, and what was cancelled; nothing of them was committed."""
    await app.execute(Open(then="refuse"))
    with pytest.raises(ZeroDivisionError):
        await app.execute(Open(then="crash"))
    wrong: Any = "many"
    await app.execute(Open(count=wrong))
    sent = asyncio.create_task(app.execute(Open(then="hang")))
    await asyncio.sleep(0)
    sent.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sent
    assert await told(app) == [
        ("open", "refused refused", 0),
        ("open", "crashed ZeroDivisionError", 0),
        ("open", "invalid invalid", 0),
        ("open", "cancelled", 0),
    ]
    assert [entry.payload for entry in await trail(app, outcome="invalid")] == ["null"]


async def test_what_is_normalised_is_kept_as_it_was_handled(app: App) -> None:
    """A value from code that fits its type once it is normalised is in the trail, and its secrets are not."""
    two: Any = "2"
    cards: Any = (Card(holder="ada", number=CANARY),)
    assert (await app.execute(Open(count=two))).unwrap() == 2
    await app.execute(Register(name="ada", phrase=CANARY, key=SecretStr(CANARY), cards=cards, addresses={}))
    opened, registered = await trail(app)
    assert opened.payload == '{"count":2,"then":""}'
    assert '"cards":[{"holder":"ada","number":"***"}]' in registered.payload
    assert CANARY not in registered.payload


@pytest.mark.parametrize(
    "given",
    [
        Card(holder="ada", number=CANARY),
        {"card": Card(holder="ada", number=CANARY)},
        [({"deep": Card(holder="ada", number=CANARY)},)],
        frozenset({Card(holder="ada", number=CANARY)}),
        Wallet(holder="ada", main=Card(holder="ada", number=CANARY)),
        Address(street="ada", gate=CANARY),
    ],
    ids=["alone", "in a dict", "deep", "in a set", "in another", "model"],
)
async def test_a_mark_counts_where_no_class_is_said(given: Any, app: App) -> None:
    """In a field for anything, in one for a mapping, and in one that is described and says no more."""
    for field_ in ("anything", "members", "described"):
        await app.execute(Keep(**{field_: {"x": given} if field_ == "members" else given}))
    entries = await trail(app)
    assert len(entries) == 3
    for entry in entries:
        assert "ada" in entry.payload
        assert "***" in entry.payload
        assert CANARY not in entry.payload


async def test_an_error_of_a_library_is_told_by_its_class(tmp_path: Path) -> None:
    """Whatever the library keeps under the name of a code: nothing, with SQLAlchemy."""

    @dataclass(frozen=True, kw_only=True)
    class Touch(Command[None]):
        pass

    async def touch(command: Touch) -> None:
        raise Stale

    module = Module("touch", errors={Stale: conflict})
    module.register(Touch, touch)
    async with App("touch", modules=[bank(), module], database=tmp_path / "touch.db") as app:
        assert isinstance((await app.execute(Touch())).error, Stale)
        assert await told(app) == [("touch", "conflict Stale", 0)]


async def test_commands_of_handlers_are_told_with_what_became_of_them(app: App) -> None:
    """They commit with the outermost one; what it takes back is undone, though it was answered with a success."""
    await app.execute(OpenTwo(second="refuse"))
    await app.execute(OpenTwo(then="refuse"))
    await app.execute(OpenTwo(part=True))
    with pytest.raises(ZeroDivisionError):
        await app.execute(OpenTwo(second="crash"))
    assert await told(app) == [
        ("open", "success", 1),
        ("open", "refused refused", 1),
        ("open_two", "success", 1),
        ("open", "undone", 0),
        ("open", "undone", 0),
        ("open_two", "refused refused", 0),
        ("open", "undone", 2),
        ("open", "success", 2),
        ("open_two", "success", 2),
        ("open", "undone", 0),
        ("open", "crashed ZeroDivisionError", 0),
        ("open_two", "crashed ZeroDivisionError", 0),
    ]


async def test_what_caused_what_is_a_tree(app: App) -> None:
    """Of one request, with each command below the one whose handler sent it."""
    await app.caller(correlation_id="c-1").execute(OpenTwo())
    await app.caller(correlation_id="c-2").execute(Open())
    (root,) = await app.audit.tree("c-1")
    assert (root.entry.message, [one.entry.message for one in root.caused]) == ("open_two", ["open", "open"])
    assert [one.caused for one in root.caused] == [(), ()]
    assert await app.audit.tree("c-3") == ()


async def test_what_a_reaction_sends_is_told(tmp_path: Path) -> None:
    """As a part of the same request; a reaction itself is no command."""
    module = Module("follow")

    @module.on(Opened)
    async def follow(event: Opened, bus: CommandBus) -> None:
        (await bus.execute(Open(count=0))).unwrap()

    async with App("bank", modules=[bank(), module], database=tmp_path / "bank.db") as app:
        await app.execute(Open())
        await app.settle()
        first, second = await trail(app)
    assert [(one.outcome, one.payload[9]) for one in (first, second)] == [("success", "1"), ("success", "0")]
    assert first.correlation_id == second.correlation_id


async def test_entries_come_from_either_end(app: App) -> None:
    """And as many as are asked for."""
    for count in range(5):
        await app.execute(Open(count=count))
    assert [entry.payload[9] for entry in await trail(app, newest=True, limit=2)] == ["4", "3"]
    assert [entry.payload[9] for entry in await trail(app, limit=2)] == ["0", "1"]
    with pytest.raises(NotAudited):
        await app.audit.get(UUID(int=1))


async def test_refusals_that_anybody_can_cause_are_not_written(tmp_path: Path) -> None:
    """Who sends more than is allowed must not make the application write."""
    app = App("bank", modules=[bank()], database=tmp_path / "bank.db", rate_limit="1/hour")
    async with app:
        outcomes = [(await app.execute(Open())).is_success for _ in range(3)]
        assert (outcomes, await told(app)) == ([True, False, False], [("open", "success", 1)])


async def test_no_trail_is_kept_when_nobody_wants_one(tmp_path: Path) -> None:
    """Then a command is what it was without."""
    async with App("bank", modules=[bank()], database=tmp_path / "bank.db", audit=False) as app:
        await app.execute(Open())
        await app.execute(Open(then="refuse"))
        assert await trail(app) == []


class Counting:
    """A store that counts commits, and refuses those that it is told to."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.commits = 0
        self.refuses: Callable[[Batch], bool] = lambda batch: False
        self.writing = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        """Count it."""
        self.commits += 1
        self.writing.set()
        await self.goes_on.wait()
        if self.refuses(batch):
            raise StoreUnavailable("the disk is full")
        return await self._store.commit(batch)


async def test_a_success_takes_one_commit() -> None:
    """Its entry goes with what it commits."""
    store: Any = Counting()
    async with App("bank", modules=[bank()], database=store) as app:
        await app.settle()
        before = store.commits
        await app.execute(OpenTwo())
        assert (store.commits - before, len(await trail(app))) == (1, 3)


async def test_an_entry_that_cannot_be_written_changes_no_outcome(caplog: pytest.LogCaptureFixture) -> None:
    """The answer stays what it was, and the log tells what is missing."""
    store: Any = Counting()
    async with App("bank", modules=[bank()], database=store) as app:
        store.refuses = lambda batch: not batch.appends
        answer = await app.execute(Open(then="refuse"))
        with pytest.raises(ZeroDivisionError):
            await app.execute(Open(then="crash"))
        assert await trail(app) == []
    assert isinstance(answer.error, Refused)
    lines = [one.getMessage() for one in caplog.records if one.name == "twofold.audit"]
    assert [re.sub(r", [0-9a-f-]{36}", "", line) for line in lines] == [
        "the audit trail cannot be written now, and is owed open (refused)",
        "the audit trail cannot be written now, and is owed open (crashed)",
        "what limits have refused cannot be written to the audit trail: StoreUnavailable: the disk is full",
        "not in the audit trail: open (refused), open (crashed)",
    ]


async def test_an_entry_is_written_to_the_end_however_often_one_is_cancelled() -> None:
    """What was refused is in the trail, though nobody waits for the answer any more."""
    store: Any = Counting()
    async with App("bank", modules=[bank()], database=store) as app:
        await app.settle()
        store.writing.clear()
        store.goes_on.clear()
        sending = asyncio.create_task(app.execute(Open(then="refuse")))
        await store.writing.wait()
        for _ in range(3):
            sending.cancel()
            await asyncio.sleep(0)
        store.goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert [entry[:2] for entry in await told(app)] == [("open", "refused refused")]


async def test_an_entry_commits_with_its_command_or_not_at_all() -> None:
    """When the commit fails there is no success in the trail, and the failure is."""
    store: Any = Counting()
    store.refuses = lambda batch: bool(batch.appends)
    async with App("bank", modules=[bank()], database=store) as app:
        answer = await app.execute(Open())
        assert isinstance(answer.error, Unavailable)
        assert await told(app) == [("open", "unavailable store_unavailable", 0)]


async def test_a_running_application_seals_its_trail(tmp_path: Path) -> None:
    """At the latest when it stops, so that what it leaves behind is proved."""
    app = App("bank", modules=[bank()], database=tmp_path / "bank.db")
    async with app:
        await app.execute(Open())
        await app.execute(Open(then="refuse"))
    async with App("bank", modules=[bank()], database=tmp_path / "bank.db") as again:
        verdict = await again.audit.verify()
        assert (verdict.entries, verdict.unsealed, verdict.flaw) == (2, 0, None)
        await again.execute(Open())
        assert await again.audit.seal() == 1


@pytest.mark.parametrize("then", ["", "refuse", "crash", "invalid"])
async def test_a_secret_is_written_nowhere(then: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a table, nor in the files beside it, nor in a line of the log; all else is in the entry."""
    caplog.set_level(logging.DEBUG)
    database, wrong = tmp_path / "bank.db", 5
    broken: Any = {"holder": "ada", "number": CANARY} if then == "invalid" else None
    card, home = Card(holder="ada", number=CANARY), Address(street="Main", gate=CANARY)
    command = Register(
        name=wrong if then == "invalid" else "ada",  # type: ignore[arg-type]  # what is invalid
        phrase=CANARY,
        key=SecretStr(CANARY),
        cards=[card],
        addresses={"home": home},
        perhaps=broken or card,
        password=CANARY,
        details={"apiKey": CANARY, "color": "red", "list": [{"access-token": CANARY}]},
        then=then,
    )
    async with App("bank", modules=[bank()], database=database) as app:
        try:
            await app.execute(command)
        except ZeroDivisionError:
            assert then == "crash"
        (entry,) = await trail(app)
        files = written(tmp_path)
    files += written(tmp_path)
    texts = [entry.payload, *(str(vars(record)) for record in caplog.records), caplog.text]
    assert CANARY.encode() not in files
    assert not any(CANARY in text for text in texts)
    if then == "invalid":
        assert entry.payload == "null"
        return
    assert entry.payload.count('"***"') == 7
    for kept in ('"name":"ada"', '"holder":"ada"', '"street":"Main"', '"color":"red"'):
        assert kept in entry.payload


def test_an_event_may_hold_no_secret() -> None:
    """It would be in the log for ever, so that the application does not start."""

    @dataclass(frozen=True, kw_only=True)
    class Registered(Event):
        """Has one."""

        phrase: Annotated[str, Secret]

    module = Module("secrets")
    module.events(Registered)
    (fault,) = App("secrets", modules=[module], database="memory:").check()
    assert (fault.code, "phrase" in fault.text) == ("secret_in_event", True)


async def test_nobody_changes_what_is_in_the_trail(app: App, tmp_path: Path) -> None:
    """The database refuses it."""
    await app.execute(Open())
    await app.audit.seal()
    connection = sqlite3.connect(tmp_path / "bank.db")
    try:
        for table in ("twofold_audit", "twofold_audit_blocks"):
            for change in (
                f"UPDATE {table} SET number = 9",
                f"DELETE FROM {table}",
                f"REPLACE INTO {table} SELECT * FROM {table}",
            ):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    connection.execute(change)
    finally:
        connection.close()
    assert len(await app.store.audit.find(AuditSearch())) == 1
