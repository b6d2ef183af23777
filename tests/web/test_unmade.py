"""What cannot be made into a message is seen, limited and decided about like everything else at the door."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest
from starlette.requests import Request

from tests.web.shop import client_of
from twofold import App, Command, Module, Principal, Query, has_role
from twofold.errors import Category, TwofoldError
from twofold.reliability import RateLimit

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, kw_only=True)
class Close(Command[int]):
    """What only an administrator may do, twice an hour."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    """What its owner may do."""

    number: int


class SessionOver(TwofoldError):
    """Who sends was known, and is no more."""

    category = Category.UNAUTHENTICATED
    code = "session_over"


def _own(query: Look, principal: Principal) -> bool:
    return query.number == 1


def _whose(command: Close, sender: object) -> str:
    return str(command.number)


def desk(**limit: Any) -> App:
    """An application with a limit and two kinds of policies."""
    module = Module("desk")

    @module.handler(authorize=has_role("admin"), rate_limit=RateLimit("2/hour", **limit))
    async def close(command: Close) -> int:
        return 1

    @module.handler(authorize=_own)
    async def look(query: Look) -> int:
        return 1

    async def who(request: Request) -> Principal | None:
        name = request.headers.get("x-user")
        if name == "expired":
            raise SessionOver("ada, since noon")
        return None if name is None else Principal(user_id=name, roles=frozenset({name}))

    return App("desk", modules=[module], database="memory:", authenticate=who)


@pytest.fixture
async def app() -> App:
    return desk()


@pytest.fixture
async def client(app: App) -> AsyncGenerator[httpx.AsyncClient]:
    async with client_of(app, app.http()) as client:
        yield client


async def close(client: httpx.AsyncClient, user: str | None = "admin", **body: Any) -> int:
    """The status that a body is answered with."""
    headers = {} if user is None else {"x-user": user}
    return (await client.post("/commands/close", json=body, headers=headers)).status_code


async def test_nonsense_is_limited(client: httpx.AsyncClient) -> None:
    """It counts like what is none."""
    assert [await close(client, nope=1), await close(client), await close(client, number=1)] == [400, 400, 429]


async def test_who_limits_by_message_limits_nonsense_by_its_sender() -> None:
    """So that a field which is not there keeps nobody from counting."""
    app = desk(per=_whose)
    async with client_of(app, app.http()) as client:
        answers = [await close(client, nope=nth) for nth in range(3)]
        answers.append(await close(client, "other", nope=1))
        answers.append(await close(client, number=1))
    assert answers == [400, 400, 429, 403, 200]


async def test_nonsense_is_decided_about_as_far_as_that_needs_no_message(client: httpx.AsyncClient) -> None:
    """Who may not send the message is not told what is wrong with it."""
    assert [await close(client, None, nope=1), await close(client, "guest", nope=1)] == [401, 403]
    answers = [await client.get("/queries/look", params={"number": "x"}, headers=who) for who in ({}, {"x-user": "a"})]
    assert [one.status_code for one in answers] == [401, 400]


async def test_nonsense_is_audited_and_counted(app: App, client: httpx.AsyncClient) -> None:
    """Without anything of what was sent, since nobody can tell what of it is secret."""
    await close(client, nope="kanarienvogel")
    (entry,) = [one async for one in app.audit.entries()]
    assert (entry.message, entry.user_id, entry.outcome, entry.payload) == ("close", "admin", "invalid", "null")
    assert entry.source == "http"
    metrics = (await client.get("/metrics")).text
    assert 'cqrs_command_total{message="close",outcome="invalid"} 1.0' in metrics
    assert 'cqrs_refusals_total{code="invalid",message="close"} 1.0' in metrics
    assert "kanarienvogel" not in metrics


async def test_what_never_becomes_a_message_is_counted_too(app: App) -> None:
    """By the code of its problem: no JSON, too large, too slow, not authenticated."""
    async with client_of(app, app.http(max_body=100, patience=0.05)) as client:

        async def send(content: Any = b"{}", kind: str = "application/json", **headers: str) -> int:
            said = {"content-type": kind, "x-user": "admin", **headers}
            return (await client.post("/commands/close", content=content, headers=said)).status_code

        async def half() -> AsyncGenerator[bytes]:
            yield b"{"
            await anyio.sleep_forever()

        answers = [
            await send(kind="text/plain"),
            await send(b" " * 101),
            await send(half()),
            await send(**{"x-user": "expired"}),
        ]
        metrics = (await client.get("/metrics")).text
    assert answers == [415, 413, 408, 401]
    for code in ("unsupported_media_type", "too_large", "request_timeout", "session_over"):
        assert f'cqrs_refusals_total{{code="{code}",message="close"}} 1.0' in metrics
    assert "cqrs_command_total{" not in metrics
    assert "noon" not in metrics
