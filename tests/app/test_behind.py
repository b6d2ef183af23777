"""Deadlines while the writer is somebody else's: answers come in time, and what they leave is written behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.attempts import Attempted, Failed, Succeeded
from twofold import App, Command, EventBus, Lifecycle, Module, Result
from twofold.errors import StoreUnavailable, TimedOut

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Hold(Command[None]):
    """A command that has a key, so that it has the writer while it is handled."""


@dataclass(frozen=True, kw_only=True)
class Quick(Command[None]):
    """A command that may take a twentieth of a second."""

    name: str = "q"


@dataclass(frozen=True, kw_only=True)
class Told(Command[str]):
    """The same, with a lifecycle; what it waits for comes from the test."""

    name: str = "t"


class Desk:
    """An application on SQLite, and what the test says of its handlers."""

    def __init__(self, path: Path, patience: float = 0.05) -> None:
        self.handled = list[str]()
        self.reached, self.free, self.inside = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.app = App("desk", modules=[self._module(patience)], database=str(path / "desk.db"))

    def _module(self, patience: float) -> Module:
        module = Module("desk")

        @module.handler
        async def hold(command: Hold) -> None:
            self.reached.set()
            await self.free.wait()

        @module.handler(timeout=patience)
        async def quick(command: Quick, events: EventBus) -> None:
            self.handled.append(command.name)
            if command.name == "away":
                raise ConnectionError("away")
            await events.publish(Succeeded(name=command.name, result=""))

        @module.handler(timeout=patience, lifecycle=Lifecycle(attempted=Attempted, succeeded=Succeeded, failed=Failed))
        async def told(command: Told) -> str:
            self.handled.append(command.name)
            self.inside.set()
            await asyncio.Event().wait()
            return "never"

        return module

    async def begin_to_hold(self) -> asyncio.Task[Result[Any, Any]]:
        """Have a command take the writer, until it is set free."""
        task = asyncio.create_task(self.app.caller(idempotency_key="hold").execute(Hold()))
        await self.reached.wait()
        return task

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """While somebody has the writer."""
        task = await self.begin_to_hold()
        yield
        assert not task.done(), "the writer was free before its time"
        self.free.set()
        assert (await task).is_success


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    async with desk.app:
        yield desk


async def events(app: App) -> list[str]:
    """The types of what is in the log."""
    return [entry.type for entry in await app.store.log.read(0, until=99, limit=99)]


async def trail(app: App) -> list[str]:
    """What the audit trail says of commands that were not the holder's."""
    await app.assembly.behind.end()
    return [f"{one.message} {one.outcome} {one.code}" async for one in app.audit.entries() if one.message != "hold"]


@pytest.mark.parametrize("key", [None, "k"])
async def test_a_deadline_is_kept_while_another_command_has_the_writer(desk: Desk, key: str | None) -> None:
    """With a key of its own and without; its entry is written once the writer is free."""
    async with desk.held():
        result = await desk.app.caller(idempotency_key=key).execute(Quick())
        assert isinstance(result.error, TimedOut)
    assert await trail(desk.app) == ["quick unavailable timed_out"]
    assert await events(desk.app) == []


async def test_what_cannot_be_attempted_in_time_is_not_attempted(desk: Desk) -> None:
    """No event tells of it, and its handler is never called."""
    async with desk.held():
        assert isinstance((await desk.app.execute(Told())).error, TimedOut)
    assert await trail(desk.app) == ["told unavailable timed_out"]
    assert (desk.handled, await events(desk.app)) == ([], [])


async def test_failed_is_told_behind_the_answer(tmp_path: Path) -> None:
    """The answer comes in time though nobody can write, and the attempt has its end."""
    desk = Desk(tmp_path, patience=1)
    async with desk.app as app:
        task = asyncio.create_task(app.execute(Told()))
        await desk.inside.wait()
        async with desk.held():
            assert isinstance((await task).error, TimedOut)
            assert await events(app) == ["attempted"]
        assert await trail(app) == ["told unavailable timed_out"]
        assert await events(app) == ["attempted", "failed"]


async def test_whoever_stops_waits_for_what_is_behind(tmp_path: Path) -> None:
    """An application that stops while somebody has the writer ends with every entry in its trail."""
    desk = Desk(tmp_path)
    async with desk.app:
        holding = await desk.begin_to_hold()
        assert isinstance((await desk.app.execute(Quick())).error, TimedOut)
        stopping = asyncio.create_task(desk.app.stop())
        await asyncio.sleep(0)
        desk.free.set()
        await stopping
        await holding
    async with Desk(tmp_path).app as app:
        assert await trail(app) == ["quick unavailable timed_out"]


async def test_what_could_not_be_written_is_written_later(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Entries that a store refused while it was away are in the trail when the application has stopped."""
    desk = Desk(tmp_path, patience=60)
    async with desk.app as app:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(app.store), "commit", _away)
            await app.execute(Quick(name="away"))
        assert "is owed quick (unavailable" in caplog.text
        assert await trail(app) == []
    async with Desk(tmp_path).app as app:
        assert await trail(app) == ["quick unavailable ConnectionError"]


async def _away(store: object, batch: object) -> None:
    raise StoreUnavailable("away")
