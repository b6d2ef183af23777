"""The providers example, over HTTP, through the application, and handler by handler."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from examples._demo.database import Database
from examples._demo.server import Server
from examples.providers import app, scenario
from examples.providers.commands import (
    ConnectProvider,
    ConnectProviderHandler,
    DisconnectProvider,
    DisconnectProviderHandler,
)
from examples.providers.domain import (
    AlreadyConnected,
    Connection,
    Connections,
    Identities,
    Mail,
    NotConnected,
    Provider,
)
from examples.providers.queries import ReadTrail
from twofold import App, EventBus, Failure, Success
from twofold.clock import new_id
from twofold.errors import TimedOut

pytestmark = pytest.mark.anyio

CONNECT = {"code": "user:ada"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app.use_database(tmp_path / "providers.db")
    transport = httpx.ASGITransport(app.http())
    headers = {"Authorization": f"Bearer {new_id()}"}
    async with app, httpx.AsyncClient(transport=transport, base_url="http://providers", headers=headers) as client:
        yield client


async def _trail(client: httpx.AsyncClient) -> list[tuple[str, str | None]]:
    await app.settle()
    return [(entry["event"], entry["reason"]) for entry in (await client.get("/me/trail")).json()]


class TestOverHttp:
    async def test_connecting_answers_201(self, client: httpx.AsyncClient) -> None:
        """The connection belongs to who is logged in, and to nobody else."""
        answer = await client.post("/me/providers/github", json=CONNECT)
        assert answer.status_code == 201
        listed = (await client.get("/me/providers")).json()
        assert listed == [{"id": answer.json(), "provider": "github", "account": "ada"}]
        other = {"Authorization": f"Bearer {new_id()}"}
        assert (await client.get("/me/providers", headers=other)).json() == []

    @pytest.mark.parametrize("authorization", ["", "Basic YTpi", "Bearer nobody"])
    async def test_nobody_is_answered_401(self, client: httpx.AsyncClient, authorization: str) -> None:
        """Who a message acts for is never asked of the message."""
        answer = await client.post("/me/providers/github", json=CONNECT, headers={"Authorization": authorization})
        assert answer.status_code == 401
        assert await _trail(client) == []

    async def test_the_user_id_is_not_taken_from_a_body(self, client: httpx.AsyncClient) -> None:
        """A body that names a user is refused, and nothing happens for that user."""
        answer = await client.post("/me/providers/github", json={**CONNECT, "user_id": str(new_id())})
        assert answer.status_code == 400
        assert (await client.get("/me/providers")).json() == []

    async def test_the_user_id_is_not_documented(self, client: httpx.AsyncClient) -> None:
        """Fields that the door fills are in no API document."""
        assert "user_id" not in (await client.get("/openapi.json")).text

    async def test_success_is_told_twice(self, client: httpx.AsyncClient) -> None:
        """A command that succeeds was attempted, and has succeeded."""
        await client.post("/me/providers/github", json=CONNECT)
        assert await _trail(client) == [("ConnectAttempted", None), ("ConnectSucceeded", None)]

    @pytest.mark.parametrize(
        "code, status, reason",
        [("made up", 400, "google does not accept the code"), ("down", 503, "google does not answer")],
    )
    async def test_failure_is_told_with_its_reason(
        self, client: httpx.AsyncClient, code: str, status: int, reason: str
    ) -> None:
        """A command that fails was attempted, and the reason survives the roll-back."""
        answer = await client.post("/me/providers/google", json={"code": code})
        assert answer.status_code == status
        assert await _trail(client) == [("ConnectAttempted", None), ("ConnectFailed", reason)]
        assert (await client.get("/me/providers")).json() == []

    async def test_connecting_twice_answers_409(self, client: httpx.AsyncClient) -> None:
        """One connection per user and provider."""
        await client.post("/me/providers/github", json=CONNECT)
        again = await client.post("/me/providers/github", json=CONNECT)
        assert (again.status_code, again.json()["code"]) == (409, "already_connected")
        assert (await _trail(client))[-1] == ("ConnectFailed", "github is connected already")

    async def test_disconnecting(self, client: httpx.AsyncClient) -> None:
        """Disconnecting works once, and tells the same three states."""
        await client.post("/me/providers/github", json=CONNECT)
        answers = [await client.delete("/me/providers/github") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [204, 404]
        assert (await client.get("/me/providers")).json() == []
        assert await _trail(client) == [
            ("ConnectAttempted", None),
            ("ConnectSucceeded", None),
            ("DisconnectAttempted", None),
            ("DisconnectSucceeded", None),
            ("DisconnectAttempted", None),
            ("DisconnectFailed", "github is not connected"),
        ]

    @pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": 7}, {"code": "user:ada", "more": 1}])
    async def test_invalid_commands_emit_nothing(self, client: httpx.AsyncClient, body: dict[str, object]) -> None:
        """What is refused before the handler was never attempted."""
        assert (await client.post("/me/providers/github", json=body)).status_code == 400
        assert (await client.post("/me/providers/nobody", json=CONNECT)).status_code == 400
        assert await _trail(client) == []

    async def test_the_log_is_loud_about_failures_only(
        self, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Attempted and Succeeded are logged as INFO, Failed as WARNING, and no code is shown."""
        with caplog.at_level(logging.INFO, logger="twofold.handler"):
            await client.post("/me/providers/github", json=CONNECT)
            await client.post("/me/providers/github", json=CONNECT)
            await app.settle()
        levels = {
            (record.message.split()[0], record.levelname)
            for record in caplog.records
            if record.name.startswith("twofold.handler")
        }
        assert levels == {("ConnectAttempted", "INFO"), ("ConnectSucceeded", "INFO"), ("ConnectFailed", "WARNING")}
        assert CONNECT["code"] not in caplog.text


async def test_a_failing_reaction_disturbs_nobody(tmp_path: Path) -> None:
    """Mail that cannot be sent holds up neither the command nor the other reactions, and is sent once it can be."""
    mail, user_id, failed = AsyncMock(spec=Mail), new_id(), asyncio.Event()

    async def fail(*_: object) -> None:
        failed.set()
        raise ConnectionError

    mail.send.side_effect = fail
    fresh = App("providers", modules=app.modules, database=tmp_path / "providers.db")
    fresh.override(Mail, mail)
    async with fresh:
        assert (await fresh.execute(_connect(user_id))).is_success
        await asyncio.wait_for(failed.wait(), 5)
        with pytest.raises(TimedOut, match="tell_connected"):
            await fresh.settle(timeout=0.5)
        assert [one.name for one in await fresh.progress() if one.lag] == [
            "providers.reactions.tell_connected:connect_succeeded"
        ]
        trail = (await fresh.execute(ReadTrail(user_id=user_id))).unwrap()
        assert [entry.event for entry in trail] == ["ConnectAttempted", "ConnectSucceeded"]
        mail.send.side_effect = None
        await fresh.settle()
    mail.send.assert_awaited_with(user_id, "github is connected to your account")


class TestAlone:
    """Handlers with fakes, no application."""

    async def test_connecting(self) -> None:
        """Attempted survives, Succeeded goes with the change."""
        connections, identities, events = _fakes()
        handler = ConnectProviderHandler(connections, identities, events)
        answer = await handler.handle(_connect())
        assert isinstance(answer.unwrap(), UUID)
        assert _published(events) == [("ConnectAttempted", True), ("ConnectSucceeded", False)]
        assert connections.add.await_args.args[0].account == "ada"

    async def test_connecting_again(self) -> None:
        """An expected error is a Failure, never raised; Failed survives the roll-back."""
        connections, identities, events = _fakes()
        connections.find.return_value = _connection()
        match await ConnectProviderHandler(connections, identities, events).handle(_connect()):
            case Failure(AlreadyConnected() as error):
                assert error.detail == "github is connected already"
            case other:
                pytest.fail(str(other))
        assert _published(events) == [("ConnectAttempted", True), ("ConnectFailed", True)]

    async def test_disconnecting(self) -> None:
        """What is found is removed; what is not is a Failure."""
        connections, _, events = _fakes()
        handler = DisconnectProviderHandler(connections, events)
        command = DisconnectProvider(user_id=new_id(), provider=Provider.GITHUB)
        assert isinstance((await handler.handle(command)).error, NotConnected)
        connections.find.return_value = _connection()
        assert await handler.handle(command) == Success()
        connections.remove.assert_awaited_once()


def _fakes() -> tuple[AsyncMock, AsyncMock, AsyncMock]:
    connections, identities = AsyncMock(spec=Connections), AsyncMock(spec=Identities)
    connections.find.return_value = None
    identities.account_of.return_value = Success("ada")
    return connections, identities, AsyncMock(spec=EventBus)


def _connect(user_id: UUID | None = None) -> ConnectProvider:
    return ConnectProvider(user_id=user_id or new_id(), provider=Provider.GITHUB, code=SecretStr("user:ada"))


def _connection() -> Connection:
    return Connection(id=new_id(), user_id=new_id(), provider=Provider.GITHUB, account="ada")


def _published(events: AsyncMock) -> list[tuple[str, bool]]:
    return [(type(call.args[0]).__name__, call.kwargs.get("survive", False)) for call in events.publish.await_args_list]


async def test_twofold_run_serves_it(each_database: Database, tmp_path: Path) -> None:
    """The demo's scenario holds against a server of its own."""
    async with Server("examples.providers:app", database=each_database, log=tmp_path / "log") as server:
        async with server.client() as client:
            checks = await scenario.drive(client)
    assert [check for check in checks.seen if not check.passed] == []
