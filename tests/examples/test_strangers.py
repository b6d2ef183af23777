"""Every endpoint of the examples with users: called without a token, and by a user about what belongs to another one.

What is called is read off OpenAPI, so an endpoint that is added is tested, or fails here for want of a sample.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from examples import providers
from examples.accounts import accounts
from examples.accounts.passwords import ScryptPasswords
from examples.accounts.services import Passwords
from twofold import App

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse 9"
SAMPLES: dict[str, Any] = {
    "active_only": True,
    "code": "user:ada",
    "current": PASSWORD,
    "email": "eve@example.com",
    "name": "Eve",
    "new": "battery staple 7",
    "page": 1,
    "page_size": 10,
    "password": PASSWORD,
    "provider": "google",
    "status": "active",
}
OPEN = {"POST /users", "POST /sign-in", "POST /sessions"}
"""Whoever has no token may come here."""
SHARED = {"GET /users/{user_id}": {"id", "email", "name", "status", "last_login"}}
"""The accounts are a directory of their members: what one is told of another one, as in the list of all."""


class Endpoint(NamedTuple):
    """A method, a path with names in it, and the fields of the body."""

    method: str
    path: str
    fields: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    async def call(self, client: httpx.AsyncClient, ids: dict[str, str], token: str | None) -> httpx.Response:
        path = re.sub(r"\{(\w+)\}", lambda found: str(ids.get(found[1]) or SAMPLES[found[1]]), self.path)
        body = {name: SAMPLES[name] for name in self.fields} or None
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await client.request(self.method, path, json=body, headers=headers)


def endpoints(app: App) -> list[Endpoint]:
    """What an application offers for messages."""
    found = list[Endpoint]()
    for path, operations in app.http().openapi()["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            fields = content.get("schema", {}).get("properties", ())
            if not path.startswith(("/health", "/metrics")):
                found.append(Endpoint(method.upper(), path, tuple(fields)))
    return found


class Place(NamedTuple):
    """An application with two users: what belongs to the first one, and the token of the second."""

    app: App
    client: httpx.AsyncClient
    ids: dict[str, str]
    stranger: str


async def users(app: App, client: httpx.AsyncClient, door: str) -> list[Any]:
    """Two users, each with what they have got for their password."""
    found = list[Any]()
    for email in ("ada@example.com", "bob@example.com"):
        named = {"name": "Ada"} if door == "/sign-in" else {}
        answer = await client.post("/users", json={"email": email, "password": PASSWORD, **named})
        assert answer.status_code == 201, answer.text
        answer = await client.post(door, json={"email": email, "password": PASSWORD})
        assert answer.is_success, answer.text
        found.append(answer.json())
    return found


@pytest.fixture(params=["accounts", "providers"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "accounts":
        app = accounts(database=tmp_path / "shop.db")
        app.override(Passwords, ScryptPasswords(cost=2))
    else:
        app = providers.app
        app.use_database(tmp_path / "shop.db")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://here") as client, app:
        if request.param == "accounts":
            ada, bob = await users(app, client, "/sign-in")
            yield Place(app, client, {"user_id": ada["user_id"]}, bob["token"])
        else:
            ada, bob = await users(app, client, "/sessions")
            sessions = await client.get("/me/sessions", headers={"Authorization": f"Bearer {ada}"})
            (session,) = sessions.json()["items"]
            yield Place(app, client, {"session_id": session["id"]}, bob)


async def test_nobody_without_a_token_gets_anywhere(place: Place) -> None:
    """But to where one gets it."""
    closed = [one for one in endpoints(place.app) if one.name not in OPEN]
    assert len(closed) > 4
    statuses = {one.name: (await one.call(place.client, place.ids, None)).status_code for one in closed}
    assert set(statuses.values()) == {401}, statuses


async def test_a_stranger_gets_at_nothing_of_another_user(place: Place) -> None:
    """Whatever takes an id is refused, or as if it were not there."""
    by_id = [one for one in endpoints(place.app) if any(f"{{{name}}}" in one.path for name in place.ids)]
    by_id = [one for one in by_id if one.name not in SHARED]
    assert by_id
    statuses = {one.name: (await one.call(place.client, place.ids, place.stranger)).status_code for one in by_id}
    assert set(statuses.values()) <= {403, 404}, statuses


async def test_what_members_are_told_of_one_another_is_what_is_said(place: Place) -> None:
    """These fields and no more, where anything of another user is shared at all; nothing of it can be changed."""
    shared = [one for one in endpoints(place.app) if one.name in SHARED]
    assert len(shared) == ("user_id" in place.ids)
    for one in shared:
        answer = await one.call(place.client, place.ids, place.stranger)
        assert (one.method, answer.status_code, set(answer.json())) == ("GET", 200, SHARED[one.name])
