"""The providers example over HTTP: through the endpoints that twofold makes, and through those written by hand."""

import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from examples._demo.database import Database, SqliteFile
from examples.providers import app, scenario
from examples.providers.domain import Provider
from examples.providers.door import api
from examples.providers.provider_commands import ConnectProvider
from twofold.clock import new_id
from twofold.errors import Unauthenticated

pytestmark = pytest.mark.anyio

PASSWORD, OTHER = "correct horse 9", "battery staple 7"
CONNECT = {"code": "user:ada"}
DOORS: dict[str, Callable[[], Any]] = {"made": app.http, "by hand": lambda: api}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "providers.db"


@pytest.fixture
async def client(place: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Ada, who has just registered and logged in."""
    app.use_database(place)
    transport = httpx.ASGITransport(app.http())
    async with app, httpx.AsyncClient(transport=transport, base_url="http://providers") as client:
        await client.post("/users", json={"email": "ada@example.com", "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {await _log_in(client)}"
        yield client


async def _log_in(client: httpx.AsyncClient, email: str = "ada@example.com", password: str = PASSWORD) -> str:
    answer = await client.post("/sessions", json={"email": email, "password": password})
    assert answer.status_code == 201, answer.text
    token: str = answer.json()
    return token


async def _trail(client: httpx.AsyncClient) -> list[tuple[str, str | None]]:
    """What was noted of who is logged in, after the registration."""
    await app.settle()
    trail = [(entry["event"], entry["reason"]) for entry in (await client.get("/me/trail")).json()]
    assert trail.pop(0) == ("RegistrationSucceeded", None)
    return trail


class TestUsers:
    @pytest.mark.parametrize("email", ["ada@example.com", " ADA@Example.com "])
    async def test_an_address_is_taken_once(self, client: httpx.AsyncClient, email: str) -> None:
        """However it is written."""
        answer = await client.post("/users", json={"email": email, "password": PASSWORD})
        assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")

    @pytest.mark.parametrize(
        "email, password, field",
        [
            ("nobody", PASSWORD, "email"),
            ("b@example.com", "short", "password"),
            ("b@example.com", "a" * 20, "password"),
        ],
    )
    async def test_what_does_not_fit_is_told_by_its_field(
        self, client: httpx.AsyncClient, email: str, password: str, field: str
    ) -> None:
        """The same types check it at each door, nothing was attempted, and no password is repeated."""
        head = await app.store.log.head()
        answer = await client.post("/users", json={"email": email, "password": password})
        assert answer.status_code == 400
        assert [one["field"] for one in answer.json()["errors"]] == [field]
        assert password not in answer.text
        assert await app.store.log.head() == head

    @pytest.mark.parametrize("email, password", [("ada@example.com", OTHER), ("bob@example.com", PASSWORD)])
    async def test_who_cannot_log_in_is_not_told_why(
        self, client: httpx.AsyncClient, email: str, password: str
    ) -> None:
        """A wrong password and an unknown address are answered alike."""
        answer = await client.post("/sessions", json={"email": email, "password": password})
        assert (answer.status_code, answer.json()["detail"]) == (401, "nobody has this address and this password")

    async def test_changing_the_password_ends_all_sessions_before_it(self, client: httpx.AsyncClient) -> None:
        """Sessions that are opened with the new password stay, and those of others."""
        await client.post("/users", json={"email": "bob@example.com", "password": PASSWORD})
        bob = {"Authorization": f"Bearer {await _log_in(client, 'bob@example.com')}"}
        assert (await client.put("/me/password", json={"current": PASSWORD, "new": OTHER})).status_code == 200
        new = {"Authorization": f"Bearer {await _log_in(client, password=OTHER)}"}
        await app.settle()
        statuses = [(await client.get("/me/sessions", headers=one)).status_code for one in (None, new, bob)]
        assert statuses == [401, 200, 200]
        totals = [
            (await client.get("/me/sessions", params={"active_only": only}, headers=new)).json()["total"]
            for only in (True, False)
        ]
        assert totals == [1, 2]

    async def test_without_the_current_password_nothing_changes(self, client: httpx.AsyncClient) -> None:
        """The sessions stay, and the old password is the one that logs in."""
        answer = await client.put("/me/password", json={"current": OTHER, "new": OTHER})
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_password")
        assert [name for name, _ in await _trail(client)] == ["PasswordChangeAttempted", "PasswordChangeFailed"]
        assert (await client.get("/me/sessions")).json()["total"] == 1
        await _log_in(client)

    async def test_sessions_are_listed_in_pages(self, client: httpx.AsyncClient) -> None:
        """Newest first, with the total of all pages; one's own alone can be looked at."""
        for _ in range(2):
            await _log_in(client)
        pages = [(await client.get("/me/sessions", params={"page": page, "page_size": 2})).json() for page in (1, 2)]
        assert [(len(page["items"]), page["total"]) for page in pages] == [(2, 3), (1, 3)]
        ids = [one["id"] for page in pages for one in page["items"]]
        assert ids == sorted(ids, reverse=True)
        assert (await client.get(f"/me/sessions/{ids[2]}")).json() == pages[1]["items"][0]
        assert (await client.get(f"/me/sessions/{new_id()}")).status_code == 404
        assert (await client.get("/me/sessions", params={"page_size": 0})).status_code == 400


class TestConnections:
    async def test_connecting_answers_201(self, client: httpx.AsyncClient) -> None:
        """The connection belongs to who is logged in, and to nobody else; no token is shown."""
        answer = await client.post("/me/providers/github", json=CONNECT)
        assert answer.status_code == 201
        listed = (await client.get("/me/providers")).json()
        assert listed["total"] == 1
        assert {**listed["items"][0], "expires_at": None} == {
            "id": answer.json(),
            "provider": "github",
            "account": "ada",
            "active": True,
            "expires_at": None,
        }
        assert (await client.get("/me/providers/github")).json() == listed["items"][0]
        await client.post("/users", json={"email": "bob@example.com", "password": PASSWORD})
        bob = {"Authorization": f"Bearer {await _log_in(client, 'bob@example.com')}"}
        assert (await client.get("/me/providers", headers=bob)).json()["items"] == []
        assert (await client.get("/me/providers/github", headers=bob)).status_code == 404

    @pytest.mark.parametrize("authorization", ["", "Basic YTpi", "Bearer", "Bearer nobody", f"Bearer {'x' * 501}"])
    async def test_nobody_is_answered_401(self, client: httpx.AsyncClient, authorization: str) -> None:
        """Who a message acts for is never asked of the message."""
        answer = await client.post("/me/providers/github", json=CONNECT, headers={"Authorization": authorization})
        assert answer.status_code == 401
        assert await _trail(client) == []

    async def test_the_user_id_is_not_documented(self, client: httpx.AsyncClient) -> None:
        """Fields that the door fills are in no API document, and what only the door asks is not offered."""
        document = (await client.get("/openapi.json")).text
        assert "/me/providers/{provider}/tokens" in document
        assert "user_id" not in document
        assert "find_owner" not in document

    @pytest.mark.parametrize(
        "code, status, reason",
        [
            ("made up", 400, "provider_refused: google does not accept the code"),
            ("down", 503, "unavailable: google does not answer"),
        ],
    )
    async def test_failure_is_told_with_its_reason(
        self, client: httpx.AsyncClient, code: str, status: int, reason: str
    ) -> None:
        """A command that fails was attempted, and the reason survives the roll-back."""
        answer = await client.post("/me/providers/google", json={"code": code})
        assert answer.status_code == status
        assert await _trail(client) == [("ConnectAttempted", None), ("ConnectFailed", reason)]
        assert (await client.get("/me/providers", params={"active_only": False})).json()["total"] == 0

    async def test_once_at_a_time_and_again_later(self, client: httpx.AsyncClient) -> None:
        """One active connection per provider; what was disconnected is listed when all are asked for."""
        statuses = [
            (await client.post("/me/providers/github", json=CONNECT)).status_code,
            (await client.post("/me/providers/github", json=CONNECT)).status_code,
            (await client.delete("/me/providers/github")).status_code,
            (await client.delete("/me/providers/github")).status_code,
            (await client.post("/me/providers/github", json=CONNECT)).status_code,
        ]
        assert statuses == [201, 409, 204, 404, 201]
        listed = (await client.get("/me/providers", params={"active_only": False})).json()
        assert (listed["total"], [one["active"] for one in listed["items"]]) == (2, [False, True])

    async def test_tokens_are_refreshed_where_the_provider_agrees(self, client: httpx.AsyncClient) -> None:
        """They expire later then; a provider that does not renew them is told with its reason, and changes nothing."""
        for provider, code in (("github", "user:ada"), ("google", "once:ada")):
            await client.post(f"/me/providers/{provider}", json={"code": code})
        before = [one["expires_at"] for one in (await client.get("/me/providers")).json()["items"]]
        answers = [await client.post(f"/me/providers/{provider}/tokens") for provider in ("github", "google")]
        assert [answer.status_code for answer in answers] == [200, 400]
        after = [one["expires_at"] for one in (await client.get("/me/providers")).json()["items"]]
        assert after[0] > before[0]
        assert after[1] == before[1]
        assert (await _trail(client))[-1] == ("RefreshFailed", "provider_refused: google does not renew its tokens")

    @pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": 7}])
    async def test_invalid_commands_emit_nothing(self, client: httpx.AsyncClient, body: dict[str, object]) -> None:
        """What is refused before the handler was never attempted."""
        assert (await client.post("/me/providers/github", json=body)).status_code == 400
        assert (await client.post("/me/providers/nobody", json=CONNECT)).status_code == 400
        assert await _trail(client) == []

    async def test_who_sends_a_command_in_code_has_to_be_somebody(self, client: httpx.AsyncClient) -> None:
        """No door at all is no way around the policy."""
        command = ConnectProvider(user_id=new_id(), provider=Provider.GITHUB, code=SecretStr("user:ada"))
        assert isinstance((await app.execute(command)).error, Unauthenticated)
        assert await _trail(client) == []


async def test_no_secret_is_told(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords, codes and sessions' tokens are in no file; providers' tokens are in no log, audit entry or event."""
    app.use_database(place)
    transport = httpx.ASGITransport(app.http())
    with caplog.at_level(logging.DEBUG):
        async with app, httpx.AsyncClient(transport=transport, base_url="http://providers") as client:
            await client.post("/users", json={"email": "ada@example.com", "password": PASSWORD})
            token = await _log_in(client)
            client.headers["Authorization"] = f"Bearer {token}"
            await client.post("/me/providers/github", json={"code": "user:canary"})
            await client.post("/me/providers/google", json={"code": "refused:canary"})
            await client.post("/me/providers/github/tokens")
            await client.put("/me/password", json={"current": PASSWORD, "new": OTHER})
            await app.settle()
            payloads = [f"{entry.message} {entry.payload}" async for entry in app.audit.entries()]
            events = await app.store.log.read(0, until=await app.store.log.head(), limit=100)
            written = b"".join(one.read_bytes() for one in place.parent.glob("providers.db*"))
    assert [payload.split()[0] for payload in payloads if "***" in payload] == [
        *("register_user", "log_in", "connect_provider", "connect_provider", "change_password")
    ]
    told = "\n".join([caplog.text, *payloads, *map(str, events)])
    assert "ada@example.com" in told
    for secret in (PASSWORD, OTHER, "user:canary", "refused:canary", token):
        assert secret.encode() not in written
        assert secret not in told
    (tokens,) = await SqliteFile(place).rows("SELECT access_token, refresh_token FROM connection")
    assert [one for one in tokens if one in told] == []


@pytest.mark.parametrize("door", list(DOORS))
async def test_both_doors_pass_the_scenario(each_database: Database, door: str) -> None:
    """On SQLite and on PostgreSQL alike."""
    app.use_database(each_database.address)
    transport = httpx.ASGITransport(DOORS[door]())
    async with app, httpx.AsyncClient(transport=transport, base_url="http://providers") as client:
        checks = await scenario.drive(client)
    assert [check for check in checks.seen if not check.passed] == []
