"""Replaying commands of the past: on what was before them, with nothing that reaches beyond a throw-away copy."""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import select

from examples._demo.database import Database, PostgresSchema
from tests.app.test_audit import Open, Opened, bank
from tests.app.wallets import (
    Attempt,
    Card,
    Create,
    Created,
    Join,
    Move,
    PaidIn,
    Post,
    PostBox,
    PutIn,
    SetLimit,
    Total,
    Write,
    WriteThrough,
    wallet_app,
)
from twofold import App, Command, Context, EventBus, Module, Principal, Query, QueryBus, Refused, Rows, signed_in
from twofold.app.replay import (
    AnsweredByKey,
    EffectsRefused,
    NothingKept,
    NotRedacted,
    RedactedFields,
    Replay,
    Replays,
    SentInside,
    _copy,
    replaying,
)
from twofold.clock import new_id
from twofold.dispatch import Idempotency, Next
from twofold.errors import StoreUnavailable, Undecodable, UnknownMessage
from twofold.messages import command
from twofold.sql import ReadSession
from twofold.store import CUT, Append, Batch, Draft, MemoryStore, Recorded

pytestmark = pytest.mark.anyio

NOW = datetime(2030, 1, 2, tzinfo=UTC)
TABLES = (
    "twofold_events",
    "twofold_audit",
    "twofold_audit_blocks",
    "twofold_checkpoints",
    "twofold_parked",
    "twofold_replies",
    "wallet_limit",
    "wallet_total",
)


@asynccontextmanager
async def recorded(database: Any, **options: Any) -> AsyncIterator[tuple[App, UUID, UUID]]:
    """The application, running, with two wallets and five in the first one."""
    async with wallet_app(database, **options) as app:
        ada, bob = [(await app.execute(Create(owner=owner))).unwrap() for owner in ("ada", "bob")]
        await app.execute(PutIn(wallet=ada, amount=5))
        yield app, ada, bob


async def last(replays: Replays, message: str) -> Replay:
    """The last command of a name, replayed."""
    (entry,) = [one async for one in replays.audit.entries(message=message, newest=True, limit=1)]
    return await replays.of(entry)


async def replayed(database: Any, message: str, given: Mapping[str, Any] | None = None, **options: Any) -> Replay:
    """The same, by an application that does not run."""
    async with replaying(wallet_app(database, **options), given=given) as replays:
        return await last(replays, message)


def files(folder: Path) -> list[Path]:
    """What is in it."""
    return list(folder.iterdir())


def states(replay: Replay) -> list[str]:
    """What became of its events."""
    return [f"{one.state} {one.type}" for one in replay.events]


async def test_the_same_code_comes_to_the_same(each_database: Database) -> None:
    """Each command on the log as it was before it: with its events, its parts, its refusal, its lifecycle."""
    async with recorded(each_database.address) as (app, ada, bob):
        await app.execute(PutIn(wallet=ada, amount=-9))
        await app.execute(Move(source=ada, target=bob, amount=3))
        await app.execute(Move(source=ada, target=bob, amount=3))
        await app.execute(Attempt(why="no"))
        await app.execute(Attempt())
        await app.execute(PutIn(wallet=ada, amount=7))
    found = list[tuple[str, str, int]]()
    async with replaying(wallet_app(each_database.address)) as replays:
        async for entry in replays.audit.entries():
            try:
                one = await replays.of(entry)
            except SentInside:
                continue
            assert one.same, one
            found.append((entry.message, f"{one.outcome} {one.code}".strip(), len(one.events)))
    assert found == [
        ("create", "success", 1),
        ("create", "success", 1),
        ("put_in", "success", 1),
        ("put_in", "refused too_much", 0),
        ("move", "success", 2),
        ("move", "refused too_much", 0),
        ("attempt", "refused too_much", 2),
        ("attempt", "success", 1),
        ("put_in", "success", 1),
    ]


async def test_what_was_answered_by_its_key_is_not_replayed(each_database: Database) -> None:
    """It was never handled; the first one with the key is replayed like any other."""
    async with recorded(each_database.address) as (app, ada, _):
        for _ in range(2):
            await app.caller(idempotency_key="k").execute(PutIn(wallet=ada, amount=7))
    async with replaying(wallet_app(each_database.address)) as replays:
        first, second = [one async for one in replays.audit.entries(message="put_in")][-2:]
        assert (await replays.of(first)).same
        with pytest.raises(AnsweredByKey):
            await replays.of(second)


async def test_commands_that_ran_side_by_side_come_to_the_same(each_database: Database) -> None:
    """Each on the log as it was before its own events, wherever those of others stand."""
    async with wallet_app(each_database.address) as app:
        made = await asyncio.gather(*(app.execute(Create(owner=f"o{number}")) for number in range(8)))
        await asyncio.gather(*(app.execute(PutIn(wallet=one.unwrap(), amount=1)) for one in made))
    async with replaying(wallet_app(each_database.address)) as replays:
        found = [await replays.of(one) async for one in replays.audit.entries()]
    assert len(found) == 16
    assert all(one.same and len(one.events) == 1 for one in found)


async def test_the_log_is_cut_right_before_the_command(tmp_path: Path) -> None:
    """Also when what it saw had no command behind it, and whatever came later."""
    file = tmp_path / "wallets.db"
    async with recorded(file) as (app, ada, _):
        before = await app.store.log.head()
        await app.publish(Created(wallet=UUID(int=1), owner="nobody"))
        await app.execute(PutIn(wallet=ada, amount=-9))
        await app.execute(PutIn(wallet=ada, amount=1))
        await app.execute(PutIn(wallet=ada, amount=20))
    async with replaying(wallet_app(file)) as replays:
        entries = [one async for one in replays.audit.entries(message="put_in")]
        positions = [(await replays.of(one)).position for one in [*entries, entries[0]]]
    assert positions == [before - 1, before + 1, before + 1, before + 2, before - 1]


async def test_a_long_command_behind_a_long_log_comes_to_the_same(tmp_path: Path) -> None:
    """Whole pages of events before it, and of its own."""
    database = tmp_path / "bank.db"
    async with App("bank", modules=[bank()], database=database) as app:
        for count in (2100, 0, 1100):
            await app.execute(Open(count=count))
        for _ in range(3):
            await app.execute(Open(then="refuse"))
    async with replaying(App("bank", modules=[bank()], database=database)) as replays:
        found = [await replays.of(one) async for one in replays.audit.entries()]
    assert [(one.position, len(one.events), one.same) for one in found] == [
        (0, 2100, True),
        (2100, 0, True),
        (2100, 1100, True),
        *[(3200, 0, True)] * 3,
    ]


async def test_a_copy_that_was_broken_off_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is twice in the next one, and nothing is missing."""
    pages, whole = list[int](), _copy._appends

    def failing(page: Sequence[Recorded]) -> tuple[Append, ...]:
        pages.append(len(page))
        if len(pages) == 2:
            raise ConnectionError
        return whole(page)

    async with App("bank", modules=[bank()], database=tmp_path / "bank.db") as app:
        await app.execute(Open(count=1500))
        await app.execute(Open(count=2))
        async with replaying(app) as replays:
            monkeypatch.setattr(_copy, "_appends", failing)
            with pytest.raises(ConnectionError):
                await last(replays, "open")
            monkeypatch.undo()
            one = await last(replays, "open")
            async with replays._copy.at(one.position) as store:
                assert (one.same, one.position, await store.log.head()) == (True, 1500, 1500)
    assert pages == [1000, 500]


async def test_what_other_code_does_is_told_field_by_field(tmp_path: Path) -> None:
    """What is changed, extra, and missing, and another outcome."""
    file = tmp_path / "wallets.db"
    async with recorded(file, release=2) as (app, ada, _):
        await app.execute(SetLimit(owner="ada", most=6))
        await app.execute(PutIn(wallet=ada, amount=1))
        await app.execute(SetLimit(owner="ada", most=5))
    older = await replayed(file, "put_in", release=1)
    assert (older.same, older.same_outcome, older.outcome, older.code) == (False, False, "refused", "too_much")
    assert (older.error, states(older)) == ("ada would have 6", ["missing bonus", "missing paid_in"])
    async with wallet_app(file) as app:
        await app.execute(SetLimit(owner="ada", most=9))
    older = await replayed(file, "put_in", release=1)
    assert (older.same, older.same_outcome, states(older)) == (False, True, ["missing bonus", "changed paid_in"])
    (field,) = older.events[1].fields
    assert (field.path, field.then, field.now) == ("rule", "second", "first")
    assert (await replayed(file, "put_in", release=2)).same
    async with wallet_app(file) as app:
        await app.execute(PutIn(wallet=ada, amount=1))
    newer = await replayed(file, "put_in", release=2)
    assert states(newer) == ["extra bonus", "changed paid_in"]
    assert (newer.events[0].data, newer.events[0].position) == ({"owner": "ada"}, 0)


async def test_what_was_secret_has_to_be_said(tmp_path: Path) -> None:
    """All of it, and nothing else: what the trail has is not changed."""
    file = tmp_path / "wallets.db"
    join = Join(name="ada", phrase="open", cards=[Card(number="1"), Card(number="2")], key=SecretStr("k"))
    async with wallet_app(file) as app:
        await app.execute(join)
    with pytest.raises(RedactedFields) as missing:
        await replayed(file, "join", {"phrase": "open", "cards.1.number": "2"})
    assert missing.value.fields == ("cards.0.number", "key")
    given = {"phrase": "open", "cards.0.number": "1", "cards.1.number": "2", "key": "k"}
    one = await replayed(file, "join", given)
    assert [change.path for change in one.events[0].fields] == ["replay"]
    typed = {"phrase": "null", "cards.0.number": "1", "cards.1.number": "2", "key": "3"}
    async with replaying(wallet_app(file), given={"key": "k"}, typed=typed) as replays:
        shown = (await last(replays, "join")).events[0]
        assert [change.path for change in shown.fields] == ["replay", "token"], "a text stands as typed"
    other = await replayed(file, "join", {**given, "phrase": "shut it"})
    changed = {change.path: (change.then, change.now) for change in other.events[0].fields}
    assert changed == {"letters": (6, 9), "replay": (False, True), "token": ("***", "***")}
    assert other.events[0].data["token"] == "***"
    with pytest.raises(NotRedacted) as refused:
        await replayed(file, "join", {**given, "name": "bob"})
    assert (refused.value.fields, refused.value.missing) == (("name",), tuple(given))
    with pytest.raises(Undecodable):
        await replayed(file, "join", {**given, "phrase": [1]})


async def test_nothing_is_made_of_what_was_not_kept(tmp_path: Path) -> None:
    """A command that was not as its type says has left nothing, and some entries are of no command."""
    file, wrong = tmp_path / "wallets.db", "much"
    async with wallet_app(file) as app:
        await app.execute(PutIn(wallet=UUID(int=1), amount=wrong))  # type: ignore[arg-type]  # what is invalid
    with pytest.raises(NothingKept):
        await replayed(file, "put_in")
    async with replaying(wallet_app(file)) as replays:
        (entry,) = [one async for one in replays.audit.entries()]
        none: tuple[dict[str, Any], ...] = ({"message": CUT, "payload": "{}"}, {"message": "*", "count": 7})
        for no_command in none:
            with pytest.raises(NothingKept):
                await replays.of(entry._replace(**no_command))


async def test_who_sent_it_and_when_stay_as_they_were(each_database: Database) -> None:
    """User, tenant, correlation, id and time; only that it is a replay is new."""
    async with wallet_app(each_database.address) as app:
        caller = app.caller(user_id="ada", tenant="north", correlation_id="c-1")
        await caller.execute(Join(name="ada", phrase="open"))
        (entry,) = [one async for one in app.audit.entries()]
    one = await replayed(each_database.address, "join", {"phrase": "open"})
    assert (one.entry, one.events[0].stream) == (entry, f"message-{entry.message_id}")
    assert [change.path for change in one.events[0].fields] == ["replay"]
    assert one.events[0].data["by"] == "ada of north"
    assert one.events[0].data["at"] == f"{entry.time:%Y-%m-%dT%H:%M:%S.%f}Z"


@dataclass
class Kept:
    """All that a database has."""

    rows: list[Any]
    file: bytes

    @classmethod
    async def of(cls, database: Database, path: Path) -> "Kept":
        """Look."""
        rows = [sorted(map(repr, await database.rows(f"SELECT * FROM {table}"))) for table in TABLES]
        return cls(rows, b"".join(one.read_bytes() for one in [path] if one.exists()))


async def test_the_real_database_stays_as_it_is(
    each_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row for row, and a file byte for byte; the copy is gone when all is told, also when that fails."""
    async with recorded(each_database.address) as (app, ada, bob):
        await app.execute(SetLimit(owner="ada", most=50))
        await app.execute(Move(source=ada, target=bob, amount=2))
        with pytest.raises(ZeroDivisionError):
            await app.execute(Join(name="ada", phrase="crash"))
        await app.settle()
    folder = tmp_path / "copies"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = await Kept.of(each_database, tmp_path / "shop.db")
    assert all(before.rows[place] for place in (0, 1, 6, 7))
    for message in ("move", "set_limit", "create"):
        assert (await replayed(each_database.address, message)).same
    crashed = await replayed(each_database.address, "join", {"phrase": "crash"})
    with pytest.raises(RedactedFields):
        await replayed(each_database.address, "join")
    assert await Kept.of(each_database, tmp_path / "shop.db") == before
    assert files(folder) == []
    assert (crashed.outcome, crashed.same) == ("crashed", True)


async def test_nothing_follows_what_is_replayed(tmp_path: Path) -> None:
    """No reaction runs and no letter is sent, though the application itself runs beside it."""
    file, post, reactions = tmp_path / "wallets.db", PostBox(), list[str]()
    async with recorded(file, post=post, reactions=reactions) as (app, _, _):
        await app.settle()
        assert sorted(reactions) == ["ada", "hint for ada"]
        async with replaying(app) as replays:
            one = await last(replays, "put_in")
        await app.settle()
        assert (one.same, sorted(reactions), post.sent) == (True, ["ada", "hint for ada"], [])
        assert await app.store.log.head() == 3


async def test_what_may_have_effects_is_called_only_by_leave(tmp_path: Path) -> None:
    """A dependency that is not twofold's is refused, however deep and whatever becomes of it, until it is allowed."""
    file, post, fake = tmp_path / "wallets.db", PostBox(), PostBox()
    async with wallet_app(file, post=post) as app:
        await app.execute(Write(text="hello"))
        await app.execute(WriteThrough())
    post.sent.clear()
    async with replaying(wallet_app(file, post=post)) as replays:
        entries = [one async for one in replays.audit.entries()]
        for entry in (entries[0], entries[-1]):
            with pytest.raises(EffectsRefused) as refused:
                await replays.of(entry)
            assert (refused.value.effects, refused.value.handler.endswith(".write")) == (("Post",), True)
        with pytest.raises(SentInside) as inside:
            await replays.of(entries[1])
        assert inside.value.outer == entries[-1]
    assert post.sent == []
    async with replaying(wallet_app(file, post=post), allowed=["Post"]) as replays:
        assert (await replays.of(entries[0])).same
    assert post.sent == ["hello"]
    app = wallet_app(file, post=post)
    app.override(Post, fake)
    async with replaying(app) as replays:
        assert (await replays.of(entries[-1])).same
    assert (post.sent, fake.sent) == (["hello"], ["through"])


async def test_middleware_is_called_only_by_leave(tmp_path: Path) -> None:
    """It may do anything, too; one that does not wrap the handler does not matter."""
    file, seen = tmp_path / "wallets.db", list[str]()

    async def watching(message: Any, context: Context, call_next: Next) -> Any:
        seen.append(type(message).__name__)
        return await call_next(message, context)

    def app() -> App:
        made = wallet_app(file)
        made.use(watching, when=Create)
        return made

    async with recorded(file):
        pass
    name = watching.__qualname__
    async with replaying(app()) as replays:
        assert (await last(replays, "put_in")).same
        with pytest.raises(EffectsRefused) as refused:
            await last(replays, "create")
        assert (refused.value.effects, seen) == ((name,), [])
        assert refused.value.hint.endswith(f" --allow '{name}'")  # a shell would read the brackets of <locals>
    async with replaying(app(), allowed=[name]) as replays:
        assert (await last(replays, "create")).same
    assert seen == ["Create"]


async def test_neither_keys_nor_policies_nor_limits_stand_in_the_way(tmp_path: Path) -> None:
    """A key had its reply then; who has which roles is not known; a limit is for the real one."""
    runs = list[int]()

    @dataclass(frozen=True, kw_only=True)
    class Pay(Command[int]):
        """Is handled once for each key."""

        amount: int

    def app() -> App:
        module = Module("till", authorize=signed_in)

        @module.handler(idempotency=Idempotency(required=True), rate_limit="2/hour", timeout=1.0)
        async def pay(command: Pay, events: EventBus) -> int:
            runs.append(command.amount)
            await events.publish(PaidIn(wallet=UUID(int=1), owner="ada", amount=command.amount))
            return command.amount

        module.events(PaidIn)
        return App("till", modules=[module], database=tmp_path / "till.db")

    async with app() as till:
        caller = till.caller(principal=Principal(user_id="ada"), idempotency_key="k")
        assert (await caller.execute(Pay(amount=5))).unwrap() == 5
        assert (await till.caller(idempotency_key="k").execute(Pay(amount=5))).is_failure
    async with replaying(app()) as replays:
        first, denied = [one async for one in replays.audit.entries()]
        assert [(await replays.of(first)).same for _ in range(3)] == [True] * 3
        one = await replays.of(denied)
    assert (one.outcome, denied.outcome, one.notes) == (
        "success",
        "unauthenticated",
        ("policies are not replayed: the trail does not say who had which roles",),
    )
    assert runs == [5] * 5


async def test_what_is_gone_or_has_changed_is_told(tmp_path: Path) -> None:
    """A command that no class is registered for, and one that does not fit its class any more."""
    file = tmp_path / "wallets.db"

    def app(fields: str, name: str = "Old", version: int = 1) -> App:
        body = {"__annotations__": dict.fromkeys(fields.split(), int), "__module__": __name__}
        cls: Any = command(name="old", version=version)(
            dataclass(frozen=True, kw_only=True)(type(name, (Command,), body))
        )
        module = Module("old")

        async def handle(message: Any) -> None: ...

        module.register(cls, handle)
        return App("old", modules=[module], database=file)

    first = app("a b")
    async with first:
        (handler,) = first.router.handlers()
        await first.execute(handler.message_type(a=1, b=2))
    async with replaying(app("a b", version=2)) as replays:
        one = await last(replays, "old")
        assert one.notes == ("it was sent as version 1, and is version 2 now",)
    async with replaying(app("a b c", version=3)) as replays:
        with pytest.raises(Undecodable, match="'old' cannot be decoded: c: "):
            await last(replays, "old")
    async with replaying(wallet_app(file)) as replays:
        with pytest.raises(UnknownMessage):
            await last(replays, "old")


async def test_a_crash_is_at_hand_for_whoever_debugs(tmp_path: Path) -> None:
    """With its traceback, into the handler."""
    file = tmp_path / "wallets.db"
    async with wallet_app(file) as app:
        with pytest.raises(ZeroDivisionError):
            await app.execute(Join(name="ada", phrase="crash"))
    one = await replayed(file, "join", {"phrase": "crash"})
    assert (one.same, one.outcome, one.code, one.error) == (True, "crashed", "ZeroDivisionError", "by nothing")
    assert isinstance(one.crash, ZeroDivisionError)
    assert one.crash.__traceback__ is not None


async def test_what_is_asked_for_at_once_is_replayed_in_turn(tmp_path: Path) -> None:
    """Each on a copy of its own."""
    file = tmp_path / "wallets.db"
    async with recorded(file) as (app, ada, _):
        for amount in range(5):
            await app.execute(PutIn(wallet=ada, amount=amount))
        async with replaying(app) as replays:
            entries = [one async for one in replays.audit.entries()]
            found = await asyncio.gather(*(replays.of(one) for one in reversed(entries)))
    assert all(one.same for one in found)


async def test_a_replay_inside_a_handler_leaves_the_handlers_own_entry_alone(tmp_path: Path) -> None:
    """The command that asks for one, and the one that is replayed, have nothing to do with each other."""

    @dataclass(frozen=True, kw_only=True)
    class Debug(Command[None]):
        """Replays the first command."""

    module = bank()

    @module.handler
    async def debug(command: Debug) -> None:
        async with replaying(app) as replays:
            assert (await last(replays, "open")).same
        raise Refused("it was the same")

    app = App("bank", modules=[module], database=tmp_path / "bank.db")
    async with app:
        await app.execute(Open(count=2))
        assert isinstance((await app.execute(Debug())).error, Refused)
        assert [one.outcome async for one in app.audit.entries()] == ["success", "refused"]


async def test_a_store_in_memory_is_replayed_while_it_runs() -> None:
    """Nobody else can open it; its rows stay where they are, and that is told."""
    module = bank()

    @module.projection("totals", mode="inline", tables=[Total])
    class Totals:
        def opened(self, event: Opened, rows: Rows) -> None:
            rows.add(Total, {"owner": "all"}, total=1)

    async with App("bank", modules=[module], database=MemoryStore()) as app:
        await app.execute(Open(count=2))
        async with replaying(app) as replays:
            one = await last(replays, "open")
        assert (one.same, await app.store.log.head()) == (True, 2)
        assert one.notes == ("the rows of wallet_total are not in the copy",)


async def test_no_database_is_made_and_none_is_written(tmp_path: Path) -> None:
    """What is not there stays away, and what is there refuses every write."""
    file = tmp_path / "wallets.db"
    with pytest.raises(StoreUnavailable, match="there is no database yet"):
        await replayed(file, "create")
    assert files(tmp_path) == []
    async with recorded(file):
        pass
    async with replaying(wallet_app(file)) as replays:
        with pytest.raises(StoreUnavailable, match="for reading only"):
            await replays._source.commit(Batch(appends=(Append("s", (Draft(new_id(), "bonus", 1, b"{}", {}, NOW),)),)))


async def test_the_right_to_read_is_enough(postgres_schema: PostgresSchema, postgres_url: str) -> None:
    """A role that may change nothing replays all that was sent."""
    role, schema = f"test_{secrets.token_hex(8)}", postgres_schema.name
    async with recorded(postgres_schema.address) as (app, ada, bob):
        await app.execute(Move(source=ada, target=bob, amount=2))
        await app.execute(Move(source=ada, target=bob, amount=20))
    owner = await asyncpg.connect(postgres_url)
    try:
        await owner.execute(f"CREATE ROLE {role}")
        await owner.execute(
            f"GRANT USAGE ON SCHEMA {schema} TO {role};"
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};"
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
        )
        async with replaying(wallet_app(f"{postgres_schema.address}&role={role}")) as replays:
            outcomes = [(await replays.of(one)).same async for one in replays.audit.entries(message="move")]
        assert outcomes == [True, True]
    finally:
        await owner.execute(f"DROP OWNED BY {role}")
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()


async def test_a_read_database_is_left_alone_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are in the copy, and nothing of the replay comes near it, whoever has named it."""
    write, read = tmp_path / "write.db", tmp_path / "read.db"
    monkeypatch.setenv("TWOFOLD_READ_DATABASE", str(read))

    def app() -> App:
        module = bank()

        @module.projection("totals", tables=[Total])
        class Totals:
            def opened(self, event: Opened, rows: Rows) -> None:
                rows.add(Total, {"owner": "all"}, total=1)

        @dataclass(frozen=True, kw_only=True)
        class Read(Query[int]):
            """The sum."""

        @dataclass(frozen=True, kw_only=True)
        class ReadAndTell(Command[None]):
            """Tells the sum."""

        @module.handler
        async def read(query: Read, session: ReadSession) -> int:
            return await session.scalar(select(Total.total)) or 0

        @module.handler
        async def read_and_tell(command: ReadAndTell, queries: QueryBus, events: EventBus) -> None:
            for _ in range((await queries.execute(Read())).unwrap()):
                await events.publish(Opened())

        return App("bank", modules=[module], database=write)

    async with app() as running:
        await running.execute(Open(count=3))
        await running.settle()
        (told,) = [one for one in running.router.handlers() if one.name == "read_and_tell"]
        await running.execute(told.message_type())
        await running.settle()
    before = [file.read_bytes() for file in (write, read)]
    async with replaying(app()) as replays:
        one = await last(replays, "read_and_tell")
    # The rows of now count six, three of which the command itself has brought about.
    assert [change.state for change in one.events] == ["same"] * 3 + ["extra"] * 3
    assert one.notes == ("the rows of 1 table are as they are now, not as they were then",)
    assert [file.read_bytes() for file in (write, read)] == before
