"""The lifecycle matrix of the providers example: for each critical command and outcome, which events and reactions."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from examples._demo.database import Database, SqliteFile
from examples.providers import app as providers
from examples.providers.adapters import ScryptPasswords, SimulatedIdentities
from examples.providers.domain import NotConnected, Provider, Tokens
from examples.providers.events import (
    ConnectSucceeded,
    DisconnectSucceeded,
    PasswordChangeSucceeded,
    RefreshSucceeded,
    RegistrationSucceeded,
)
from examples.providers.ports import Identities, Mail, Passwords, Sessions, Trail
from examples.providers.provider_commands import ConnectProvider, DisconnectProvider, RefreshTokens
from examples.providers.user_commands import ChangePassword, LogIn, RegisterUser
from twofold import App, Caller, Context, Middleware, Module, Principal, Result, Rows, Success
from twofold.clock import SystemClock, new_id
from twofold.dispatch import Handler, Next
from twofold.messages import Kind

pytestmark = pytest.mark.anyio

OLD, NEW, WRONG = (SecretStr(text) for text in ("correct horse 9", "battery staple 7", "something else"))
COMMANDS = ["Registration", "PasswordChange", "Connect", "Disconnect", "Refresh"]
REACTIONS = ["log_progress", "log_failure", "note", "tell", "revoke_sessions"]
TABLES = ["app_user", "app_session", "connection"]


class Tables(DeclarativeBase):
    pass


class Parent(Tables):
    __tablename__ = "parent"
    id: Mapped[UUID] = mapped_column(primary_key=True)


class Orphan(Tables):
    """A row that the database refuses when it commits, and not before."""

    __tablename__ = "orphan"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    parent: Mapped[UUID] = mapped_column(ForeignKey(Parent.id, deferrable=True, initially="DEFERRED"))


@dataclass
class World:
    """The application with ada, who is logged in and connected to GitHub; and what a test does to it."""

    database: Database
    app: App = field(init=False)
    ada: Caller = field(init=False)
    user_id: UUID = field(init=False)
    mail: AsyncMock = field(default_factory=lambda: AsyncMock(spec=Mail))
    outcome: str = "success"
    ran: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Which reactions to which events were run."""
    head: int = 0
    notes: int = 0
    before: list[Any] = field(default_factory=list[Any])

    async def begin(self) -> None:
        """Have ada do what everything here begins with."""
        nobody, password = self.app.caller(), OLD
        self.user_id = (await nobody.execute(RegisterUser(email="ada@example.com", password=password))).unwrap()
        (await nobody.execute(LogIn(email="ada@example.com", password=password))).unwrap()
        self.ada = self.app.caller(principal=Principal(user_id=str(self.user_id)))
        (await self.ada.execute(self.command("Connect", Provider.GITHUB))).unwrap()
        await self.app.settle()
        self.mail.reset_mock()
        self.ran.clear()
        self.head, self.notes = await self.app.store.log.head(), len(await self.noted())
        self.before = await self.state()

    def command(self, name: str, provider: Provider, *, code: str = "user:ada", password: SecretStr = OLD) -> Any:
        """A command, of ada where it is somebody's."""
        match name:
            case "Registration":
                email = "ada@example.com" if password is WRONG else "bob@example.com"
                return RegisterUser(email=email, password=OLD)
            case "PasswordChange":
                return ChangePassword(user_id=self.user_id, current=password, new=NEW)
            case "Connect":
                return ConnectProvider(user_id=self.user_id, provider=provider, code=SecretStr(code))
            case "Disconnect":
                return DisconnectProvider(user_id=self.user_id, provider=provider)
            case _:
                return RefreshTokens(user_id=self.user_id, provider=provider)

    def accepted(self, name: str) -> Any:
        """A command that succeeds where nothing is in its way."""
        return self.command(name, Provider.GOOGLE if name == "Connect" else Provider.GITHUB)

    def refused(self, name: str) -> Any:
        """One that its handler refuses."""
        return self.command(name, Provider.GOOGLE, code="made up", password=WRONG)

    async def state(self) -> list[Any]:
        """All rows that commands write."""
        return [
            [tuple(row) for row in await self.database.rows(f"SELECT * FROM {table} ORDER BY id")] for table in TABLES
        ]

    async def logged(self) -> list[str]:
        """The events since the beginning."""
        head = await self.app.store.log.head()
        return [entry.type for entry in await self.app.store.log.read(self.head, until=head, limit=100)]

    async def noted(self) -> list[str]:
        """What the trail has of them."""
        rows = await self.database.rows("SELECT event FROM trail ORDER BY id")
        return [row[0] for row in rows][self.notes :]

    async def sessions(self) -> int:
        """How many sessions are active."""
        (row,) = await self.database.rows("SELECT count(*) FROM app_session WHERE active")
        return int(row[0])


def saboteur(world: World) -> Module:
    """An inline projection that has the commit of whatever succeeds refused by the database."""
    module = Module("saboteur")
    module.state(Parent)

    @module.projection("orphans", mode="inline", tables=[Orphan])
    class Orphans:
        def registered(self, event: RegistrationSucceeded, rows: Rows) -> None:
            self._orphan(rows)

        def password_changed(self, event: PasswordChangeSucceeded, rows: Rows) -> None:
            self._orphan(rows)

        def connected(self, event: ConnectSucceeded, rows: Rows) -> None:
            self._orphan(rows)

        def disconnected(self, event: DisconnectSucceeded, rows: Rows) -> None:
            self._orphan(rows)

        def refreshed(self, event: RefreshSucceeded, rows: Rows) -> None:
            self._orphan(rows)

        def _orphan(self, rows: Rows) -> None:
            if world.outcome == "rolled back at commit":
                rows.upsert(Orphan, {"id": new_id()}, parent=new_id())

    return module


def is_called(name: str, handler: Handler) -> bool:
    return handler.kind is Kind.EVENT and handler.name == name


def spy(world: World, name: str) -> Middleware:
    """Notes when a reaction runs, whatever comes of it."""

    async def note(message: object, context: Context, call_next: Next) -> Result[Any, Any]:
        world.ran.add((type(message).__name__, name))
        return await call_next(message, context)

    return note


@asynccontextmanager
async def beginning(database: Database, fakes: Mapping[type, object] = MappingProxyType({})) -> AsyncGenerator[World]:
    """A world in which everything works, until a test says otherwise."""
    world = World(database)

    async def bug(message: object, context: Context, call_next: Next) -> Result[Any, Any]:
        result = await call_next(message, context)
        if world.outcome == "bug":
            raise RuntimeError("after it has written")
        return result

    world.app = App("providers", modules=[*providers.modules, saboteur(world)], database=database.address)
    for protocol, fake in {Passwords: ScryptPasswords(cost=2), Mail: world.mail, **fakes}.items():
        world.app.override(protocol, fake)
    world.app.use(bug, at="inner", when=Kind.COMMAND)
    for name in REACTIONS:
        world.app.use(spy(world, name), at="inner", when=partial(is_called, name))
    async with world.app:
        await world.begin()
        yield world


@pytest.fixture
async def world(each_database: Database) -> AsyncIterator[World]:
    async with beginning(each_database) as world:
        yield world


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the reactions have logged, in the order of events."""
    found = [(one.levelname, one.message) for one in caplog.records if one.name.startswith("twofold.handler.log_")]
    return [f"{level} {message.partition(':')[0]}" for level, message in sorted(found, key=lambda one: one[1])]


def snake(command: str, state: str) -> str:
    return f"{'password_change' if command == 'PasswordChange' else command.lower()}_{state}"


@pytest.mark.parametrize("command", COMMANDS)
class TestMatrix:
    async def test_success(self, world: World, command: str, caplog: pytest.LogCaptureFixture) -> None:
        """Attempted and Succeeded: logged as INFO, noted, mailed once; a changed password alone ends sessions."""
        with caplog.at_level(logging.INFO, logger="twofold.handler"):
            assert (await world.ada.execute(world.accepted(command))).is_success
            await world.app.settle()
        assert await world.logged() == [snake(command, "attempted"), snake(command, "succeeded")]
        ending = {(f"{command}Succeeded", "revoke_sessions")} if command == "PasswordChange" else set[Any]()
        assert world.ran == ending | {
            *((f"{command}Attempted", reaction) for reaction in ("log_progress", "note")),
            *((f"{command}Succeeded", reaction) for reaction in ("log_progress", "note", "tell")),
        }
        assert lines(caplog) == [f"INFO {command}Attempted", f"INFO {command}Succeeded"]
        assert await world.noted() == [f"{command}Attempted", f"{command}Succeeded"]
        world.mail.send.assert_awaited_once()
        assert await world.sessions() == (0 if command == "PasswordChange" else 1)
        assert await world.state() != world.before

    async def test_refused(self, world: World, command: str, caplog: pytest.LogCaptureFixture) -> None:
        """Attempted and Failed: logged as INFO and WARNING, and noted; no mail, no session ends, nothing changes."""
        with caplog.at_level(logging.INFO, logger="twofold.handler"):
            assert (await world.ada.execute(world.refused(command))).is_failure
            await world.app.settle()
        await self._assert_failed(world, command, caplog)

    @pytest.mark.parametrize(
        "outcome, text", [("bug", "after it has written"), ("rolled back at commit", "(?i)foreign key")]
    )
    async def test_broken(
        self, world: World, command: str, outcome: str, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A bug behind the last write and a commit that the database refuses are told like a refusal, and no more."""
        world.outcome = outcome
        with caplog.at_level(logging.INFO, logger="twofold.handler"):
            with pytest.raises(Exception, match=text):
                await world.ada.execute(world.accepted(command))
            await world.app.settle()
        await self._assert_failed(world, command, caplog)

    async def _assert_failed(self, world: World, command: str, caplog: pytest.LogCaptureFixture) -> None:
        assert await world.logged() == [snake(command, "attempted"), snake(command, "failed")]
        assert world.ran == {
            *((f"{command}Attempted", reaction) for reaction in ("log_progress", "note")),
            *((f"{command}Failed", reaction) for reaction in ("log_failure", "note")),
        }
        assert lines(caplog) == [f"INFO {command}Attempted", f"WARNING {command}Failed"]
        assert await world.noted() == [f"{command}Attempted", f"{command}Failed"]
        world.mail.send.assert_not_awaited()
        assert await world.state() == world.before


@pytest.mark.parametrize("failing", ["tell", "note", "revoke_sessions"])
async def test_a_reaction_that_fails_disturbs_nobody(
    tmp_path: Path, failing: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The command has succeeded, the other reactions have run, and what failed is put aside for somebody to look at."""
    protocol, method = {"tell": (Mail, "send"), "note": (Trail, "note"), "revoke_sessions": (Sessions, "revoke")}[
        failing
    ]
    fake = AsyncMock(spec=protocol)
    async with beginning(SqliteFile(tmp_path / "providers.db"), {} if failing == "tell" else {protocol: fake}) as world:
        getattr(world.mail if failing == "tell" else fake, method).side_effect = RuntimeError("a bug")
        with caplog.at_level(logging.INFO, logger="twofold.handler"):
            assert (await world.ada.execute(world.accepted("PasswordChange"))).is_success
            await world.app.settle()
        parked = {one.subscription for one in await world.app.parked.list()}
        assert {name.removeprefix("providers.reactions.").partition(":")[0] for name in parked} == {failing}
        assert await world.logged() == ["password_change_attempted", "password_change_succeeded"]
        assert lines(caplog) == ["INFO PasswordChangeAttempted", "INFO PasswordChangeSucceeded"]
        assert failing == "tell" or world.mail.send.await_count == 1
        assert failing == "note" or await world.noted() == ["PasswordChangeAttempted", "PasswordChangeSucceeded"]
        assert failing == "revoke_sessions" or await world.sessions() == 0


async def test_a_session_that_is_opened_after_the_change_stays(world: World) -> None:
    """However late, or how often, the reaction comes that ends the older ones."""
    changed_at = (await world.ada.execute(world.accepted("PasswordChange"))).unwrap()
    await world.app.settle()
    (await world.app.caller().execute(LogIn(email="ada@example.com", password=NEW))).unwrap()
    await world.app.publish(PasswordChangeSucceeded(user_id=world.user_id, changed_at=changed_at))
    await world.app.settle()
    assert await world.sessions() == 1


async def test_mail_that_is_away_is_sent_once_it_is_back(tmp_path: Path) -> None:
    """A reaction is tried again until what it needs is there, and nothing is put aside."""
    async with beginning(SqliteFile(tmp_path / "providers.db")) as world:
        world.mail.send.side_effect = [ConnectionError, ConnectionError, None]
        await world.ada.execute(world.accepted("Connect"))
        await world.app.settle()
        assert await world.app.parked.list() == []
        assert {call.args for call in world.mail.send.await_args_list} == {
            (world.user_id, "google is connected to your account")
        }
        assert world.mail.send.await_count == 3


async def test_of_many_at_once_one_connects(world: World) -> None:
    """The database has the last word; the others are refused, and none of them is a bug."""
    commands = [world.accepted("Connect") for _ in range(5)]
    results = await asyncio.gather(*(world.ada.execute(command) for command in commands))
    assert sorted(type(result.error).__name__ for result in results) == ["AlreadyConnected"] * 4 + ["NoneType"]
    assert (await world.logged()).count("connect_succeeded") == 1


async def test_a_connection_that_ends_while_its_provider_is_asked_stays_ended(each_database: Database) -> None:
    """Nobody waits in the database for a provider, and what it says too late changes nothing."""
    identities, asked, answer = AsyncMock(wraps=SimulatedIdentities(SystemClock())), asyncio.Event(), asyncio.Event()

    async def slowly(provider: Provider, tokens: Tokens) -> Success[Tokens]:
        asked.set()
        await answer.wait()
        return Success(tokens)

    identities.refresh = slowly
    async with beginning(each_database, {Identities: identities}) as world:
        refreshing = asyncio.create_task(world.ada.execute(world.accepted("Refresh")))
        await asked.wait()
        assert (await world.ada.execute(world.accepted("Disconnect"))).is_success
        answer.set()
        assert isinstance((await refreshing).error, NotConnected)
        assert (await world.logged())[-1] == "refresh_failed"


async def test_of_two_password_changes_at_once_one_succeeds(world: World) -> None:
    """Both have seen the same password; the second one is told that it is another one now."""
    commands = [world.accepted("PasswordChange") for _ in range(2)]
    results = await asyncio.gather(*(world.ada.execute(command) for command in commands))
    assert sorted(type(result.error).__name__ for result in results) == ["NoneType", "WrongPassword"]
