"""The accounts example over HTTP, on every database: what each kind of caller is told, and what is left behind."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import httpx
import pytest

from examples._demo.database import Database, PostgresSchema
from examples.accounts import accounts, tokens
from examples.accounts.door import SignedTokens
from examples.accounts.events import UserRegistered
from examples.accounts.passwords import ScryptPasswords
from examples.accounts.queries import GetUser
from examples.accounts.read_models import SqlUserViews, UserOverview
from examples.accounts.services import LeakedPasswords, Passwords
from examples.accounts.storage import SqlUsers, user_table
from tests.reliability.virtual import HandClock
from twofold import App, Failure, Principal, Rows, Success, Unavailable
from twofold.app.description import describe
from twofold.clock import new_id
from twofold.dispatch import bound_facts
from twofold.reliability import Breaker, Breakers, Limiter, Limiters
from twofold.sql import WriteRefused

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse 9"


@dataclass(frozen=True)
class Somebody:
    """A user with a token."""

    id: str

    @property
    def path(self) -> str:
        return f"/users/{self.id}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {tokens.issue(self.id)}"}  # type: ignore[arg-type]  # an id as JSON has it


class Desk:
    """The application in this process, spoken to over HTTP."""

    def __init__(self, app: App, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client

    async def register(self, email: str = "ada@example.com", key: str | None = None, **said: str) -> httpx.Response:
        body = {"email": email, "name": "Ada", "password": PASSWORD, **said}
        return await self.client.post("/users", json=body, headers={} if key is None else {"Idempotency-Key": key})

    async def user(self, email: str = "ada@example.com") -> Somebody:
        answer = await self.register(email)
        assert answer.status_code == 201, answer.text
        return Somebody(answer.json())

    async def sign_in(self, email: str = "ada@example.com", password: str = PASSWORD) -> httpx.Response:
        return await self.client.post("/sign-in", json={"email": email, "password": password})

    async def put(self, who: Somebody, path: str, **body: str) -> httpx.Response:
        return await self.client.put(path, json=body, headers=who.headers)

    async def deactivate(self, who: Somebody) -> httpx.Response:
        return await self.client.post(f"{who.path}/deactivate", headers=who.headers)

    async def see(self, path: str, by: Somebody, **params: str) -> Any:
        answer = await self.client.get(path, params=params, headers=by.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def events(self) -> list[str]:
        log = self.app.store.log
        return [entry.type for entry in await log.read(0, until=await log.head(), limit=100)]


def made(database: Database | str) -> App:
    app = accounts(database=database if isinstance(database, str) else database.address)
    app.override(Passwords, ScryptPasswords(cost=2))
    return app


def desk_of(app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app.http()), base_url="http://accounts")


@pytest.fixture
async def desk(each_database: Database) -> AsyncIterator[Desk]:
    app = made(each_database)
    async with desk_of(app) as client, app:
        yield Desk(app, client)


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The detail of a problem document, once it is the one that is expected."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


class TestRegistering:
    async def test_it_answers_201_and_an_id(self, desk: Desk) -> None:
        """A new user is there at once, with its address in lower case, without its password, and was never seen."""
        ada = Somebody((await desk.register(" Ada@Example.COM ")).json())
        assert await desk.see(ada.path, ada) == {
            "id": ada.id,
            "email": "ada@example.com",
            "name": "Ada",
            "status": "active",
            "last_login": None,
        }

    async def test_a_taken_address_answers_409(self, desk: Desk) -> None:
        """The address in whatever case is the same address, and the problem has a stable code."""
        await desk.user()
        assert refused(await desk.register("ADA@example.com"), 409, "email_taken") == "ada@example.com is taken"

    async def test_of_many_at_once_one_gets_the_address(self, desk: Desk) -> None:
        """However many ask for one address at once, exactly one user comes of it."""
        answers = await asyncio.gather(*(desk.register() for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert await desk.events() == ["user_registered"]

    async def test_under_one_key_there_is_one_user(self, desk: Desk) -> None:
        """Sent again, it answers the same; with anything else in it, also another password, it answers 409."""
        first, again = await desk.register(key="k-1"), await desk.register(key="k-1")
        assert (again.status_code, again.json()) == (201, first.json())
        for said in ({"name": "Eve"}, {"password": "correct horse 8"}):
            refused(await desk.register(key="k-1", **said), 409, "key_conflict")
        assert await desk.events() == ["user_registered"]

    async def test_every_finding_is_told(self, desk: Desk) -> None:
        """An invalid command answers 400 with all findings, each at its field."""
        answer = await desk.register("nobody", name=" ", password="short")
        refused(answer, 400, "invalid")
        assert {error["field"] for error in answer.json()["errors"]} == {"email", "name", "password"}

    async def test_a_weak_password_answers_400(self, desk: Desk) -> None:
        """Too short, too uniform, too long, or made of the address: the finding is at the password."""
        for password in ("short1", "onlyletters", "1234567890123", "x" * 300 + "1", "my-ada-word-1"):
            answer = await desk.register(password=password)
            refused(answer, 400, "invalid")
            assert [error["field"] for error in answer.json()["errors"]] == ["password"]
            assert password not in answer.text

    async def test_a_leaked_password_answers_400(self, desk: Desk) -> None:
        """What the domain service refuses is the answer."""
        refused(await desk.register(password="Password123"), 400, "password_leaked")
        assert await desk.events() == []

    async def test_the_password_is_nowhere(self, desk: Desk, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
        """The text of a password is in no log line, no audit entry and no file."""
        with caplog.at_level(logging.DEBUG):
            await desk.register(key="k-1")
            await desk.sign_in()
        assert PASSWORD not in caplog.text
        entries = [entry async for entry in desk.app.audit.entries()]
        assert {entry.message for entry in entries} == {"register_user", "sign_in"}
        assert PASSWORD not in repr(entries)
        assert all(PASSWORD.encode() not in kept for kept in await asyncio.to_thread(contents, tmp_path))

    async def test_a_read_model_that_fails_leaves_nothing(
        self, each_database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """User, event and inline row are one transaction: the address is free afterwards."""

        def broken(self: object, event: UserRegistered, rows: Rows) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(UserOverview, "registered", broken)
            app = made(each_database)
            async with desk_of(app) as client, app:
                assert (await Desk(app, client).register()).status_code == 500
        app = made(each_database)
        async with desk_of(app) as client, app:
            desk = Desk(app, client)
            assert await desk.events() == []
            assert (await desk.register()).status_code == 201

    async def test_a_service_that_is_away_answers_503(self, desk: Desk) -> None:
        """Nothing is kept, and the client is told when to come again."""
        answer = await desk.register(password="offline-12345")
        refused(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
        assert await desk.events() == []

    async def test_a_service_that_stays_away_is_left_alone(self, each_database: Database) -> None:
        """Each registration asks it three times; after three of them the breaker is open, and nobody asks."""
        leaked = AsyncMock(spec=LeakedPasswords)
        leaked.check.return_value = Failure(Unavailable("away"))
        app = made(each_database)
        app.override(LeakedPasswords, leaked)
        async with desk_of(app) as client, app:
            answers = [await Desk(app, client).register() for _ in range(4)]
        assert [answer.json()["code"] for answer in answers] == ["unavailable"] * 3 + ["circuit_open"]
        assert {answer.status_code for answer in answers} == {503}
        assert leaked.check.await_count == 9


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


class TestSigningIn:
    async def test_the_caller_sees_the_login_at_once(self, desk: Desk) -> None:
        """The read model is behind the log, and a query with the position of the login waits for it."""
        ada, before = await desk.user(), datetime.now(UTC)
        answer = await desk.sign_in("ADA@example.com")
        ticket = answer.json()
        assert ticket["user_id"] == ada.id
        headers = {
            "Authorization": f"Bearer {ticket['token']}",
            "Twofold-Position": answer.headers["Twofold-Position"],
        }
        seen = (await desk.client.get(ada.path, headers=headers)).json()
        assert before <= datetime.fromisoformat(seen["last_login"]) <= datetime.now(UTC)

    async def test_wrong_credentials_answer_401_and_say_little(self, desk: Desk) -> None:
        """Nobody learns whether there is a user with this address."""
        await desk.user()
        wrong, nobody = await desk.sign_in(password="wrong"), await desk.sign_in("bob@example.com")
        assert refused(wrong, 401, "wrong_credentials") == refused(nobody, 401, "wrong_credentials")
        assert await desk.events() == ["user_registered"]

    async def test_a_deactivated_user_is_answered_403(self, desk: Desk) -> None:
        """With the right password; with a wrong one it is 401 as for everybody."""
        await desk.deactivate(await desk.user())
        refused(await desk.sign_in(), 403, "forbidden")
        refused(await desk.sign_in(password="wrong"), 401, "wrong_credentials")

    async def test_guessing_is_limited_by_user(self, desk: Desk) -> None:
        """The sixth attempt in a minute answers 429, whatever its case and password; others still sign in."""
        await desk.user(), await desk.user("bob@example.com")
        for _ in range(5):
            refused(await desk.sign_in(password="a guess"), 401, "wrong_credentials")
        answer = await desk.sign_in(" ADA@example.com")
        refused(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert (await desk.sign_in("bob@example.com")).status_code == 200

    async def test_nobody_waits_while_a_password_is_hashed(self, each_database: Database) -> None:
        """Others write meanwhile, also where there is one writer at a time."""
        passwords = Slow()
        app = made(each_database)
        app.override(Passwords, passwords)
        async with desk_of(app) as client, app:
            desk = Desk(app, client)
            ada = await desk.user()
            for slowly in (desk.sign_in(), desk.register("bob@example.com")):
                passwords.gate.clear()
                passwords.hashing.clear()
                held = asyncio.create_task(slowly)
                await passwords.hashing.wait()
                renamed = await desk.put(ada, ada.path, name="Ada L.")
                passwords.gate.set()
                assert (renamed.status_code, (await held).is_success) == (204, True)

    async def test_a_ticket_is_never_kept(self, desk: Desk) -> None:
        """An idempotency key means nothing here: each login has a token of its own, and the store has none of them."""
        await desk.user()
        body = {"email": "ada@example.com", "password": PASSWORD}
        for _ in range(2):
            await desk.client.post("/sign-in", json=body, headers={"Idempotency-Key": "k-1"})
        assert await desk.events() == ["user_registered", "user_signed_in", "user_signed_in"]


class Slow:
    """Hashes as long as the gate is closed, and then knows every password."""

    def __init__(self) -> None:
        self.gate, self.hashing = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def hashed(self, password: object) -> str:
        self.hashing.set()
        await self.gate.wait()
        return "hash"

    async def match(self, password: object, password_hash: str | None) -> bool:
        return await self.hashed(password) == password_hash


class TestChanging:
    async def test_changes_are_seen_at_once(self, desk: Desk) -> None:
        """Write model, events and read model change together, and a query right after sees it."""
        ada = await desk.user()
        answers = [
            await desk.put(ada, ada.path, name=" Ada L. "),
            await desk.put(ada, f"{ada.path}/email", email="Ada@Example.net"),
        ]
        assert [answer.status_code for answer in answers] == [204, 204]
        seen = await desk.see(ada.path, ada)
        assert (seen["name"], seen["email"]) == ("Ada L.", "ada@example.net")
        assert await desk.events() == ["user_registered", "user_updated", "email_changed"]

    async def test_a_refused_change_leaves_nothing(self, desk: Desk) -> None:
        """When the new address is taken, neither the user nor the read model nor the log has changed."""
        ada, _ = await desk.user(), await desk.user("bob@example.com")
        refused(await desk.put(ada, f"{ada.path}/email", email="bob@example.com"), 409, "email_taken")
        assert (await desk.see(ada.path, ada))["email"] == "ada@example.com"
        assert await desk.events() == ["user_registered"] * 2
        assert (await desk.sign_in()).status_code == 200

    async def test_a_deactivated_user_stays_as_it_is(self, desk: Desk) -> None:
        """Deactivating works once; afterwards that and every change are refused as business rules."""
        ada = await desk.user()
        assert (await desk.deactivate(ada)).status_code == 204
        for again in (
            await desk.deactivate(ada),
            await desk.put(ada, ada.path, name="Eve"),
            await desk.put(ada, f"{ada.path}/email", email="eve@example.net"),
        ):
            refused(again, 400, "deactivated")
        assert await desk.events() == ["user_registered", "user_deactivated"]

    async def test_others_are_answered_403(self, desk: Desk) -> None:
        """Whoever they are, and whether there is such a user or not."""
        ada, bob = await desk.user(), await desk.user("bob@example.com")
        for path in (ada.path, f"/users/{new_id()}"):
            refused(await desk.put(bob, path, name="Eve"), 403, "forbidden")
            refused(await desk.put(bob, f"{path}/email", email="eve@example.com"), 403, "forbidden")
            refused(await desk.client.post(f"{path}/deactivate", headers=bob.headers), 403, "forbidden")
        assert await desk.events() == ["user_registered"] * 2

    async def test_who_is_not_there_any_more_answers_404(self, desk: Desk) -> None:
        """A token may outlive its user: in a store that was restored, say."""
        gone = Somebody(str(new_id()))
        refused(await desk.put(gone, gone.path, name="Ada"), 404, "not_found")

    async def test_who_is_overtaken_is_decided_again(
        self, postgres_schema: PostgresSchema, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two commands that have read the same version: one commits, and the other decides on what that one left."""
        get, both, reads = SqlUsers.get, asyncio.Event(), list[object]()

        async def together(users: SqlUsers, user_id: Any) -> Any:
            found = await get(users, user_id)
            reads.append(user_id)
            if len(reads) == 2:
                both.set()
            await both.wait()
            return found

        app = made(postgres_schema)
        async with desk_of(app) as client, app:
            desk = Desk(app, client)
            ada = await desk.user()
            monkeypatch.setattr(SqlUsers, "get", together)
            changes = desk.put(ada, ada.path, name="Ada L."), desk.put(ada, f"{ada.path}/email", email="a@example.net")
            answers = await asyncio.gather(*changes)
            seen = await desk.see(ada.path, ada)
        assert [answer.status_code for answer in answers] == [204, 204]
        assert (len(reads), seen["name"], seen["email"]) == (3, "Ada L.", "a@example.net")


class TestReading:
    async def test_nobody_is_answered_401(self, desk: Desk) -> None:
        """Without a token, with another scheme, or with one that was made up; for a user that there is, too."""
        ada = await desk.user()
        for path in ("/users", ada.path, f"/users/{new_id()}"):
            for authorization in ("", "Basic YTpi", "Bearer nobody", f"Bearer {ada.id}.9999999999.é"):
                headers = [(b"authorization", authorization.encode("latin-1"))]
                refused(await desk.client.get(path, headers=headers), 401, "unauthenticated")

    async def test_a_deactivated_user_is_answered_403(self, desk: Desk) -> None:
        """At once, although the token is still good; the others see what became of them."""
        ada, bob = await desk.user(), await desk.user("bob@example.com")
        await desk.deactivate(ada)
        for path in ("/users", bob.path):
            refused(await desk.client.get(path, headers=ada.headers), 403, "forbidden")
        assert (await desk.see(ada.path, bob))["status"] == "deactivated"

    async def test_an_unknown_user_answers_404(self, desk: Desk) -> None:
        """For whoever may ask."""
        ada = await desk.user()
        refused(await desk.client.get(f"/users/{new_id()}", headers=ada.headers), 404, "not_found")

    async def test_lists_come_in_pages(self, desk: Desk) -> None:
        """By address, with the total of what was asked for: all, the active or the deactivated ones."""
        users = {name: await desk.user(f"{name}@example.com") for name in ("cyd", "ada", "bob")}
        await desk.deactivate(users["bob"])

        async def names(**params: str) -> tuple[int, list[str]]:
            page = await desk.see("/users", users["ada"], **params)
            return page["total"], [item["email"].partition("@")[0] for item in page["items"]]

        assert await names() == (3, ["ada", "bob", "cyd"])
        assert await names(page="2", page_size="2") == (3, ["cyd"])
        assert await names(status="active") == (2, ["ada", "cyd"])
        assert await names(status="deactivated") == (1, ["bob"])

    async def test_what_cannot_be_listed_answers_400(self, desk: Desk) -> None:
        """A page that there cannot be, one that is too large, and a status that there is not."""
        ada = await desk.user()
        for field, value in (
            ("page", "0"),
            ("page_size", "0"),
            ("page_size", "201"),
            ("page", "x"),
            ("status", "gone"),
        ):
            answer = await desk.client.get("/users", params={field: value}, headers=ada.headers)
            refused(answer, 400, "invalid")
            assert [error["field"] for error in answer.json()["errors"]] == [field]

    async def test_the_list_is_kept_until_something_happens(self, desk: Desk) -> None:
        """Members share one answer; whatever changes it ends it, and who has changed it sees that at once."""
        ada, bob = await desk.user(), await desk.user("bob@example.com")
        await desk.app.settle()  # an answer counts from where the slowest of its read models stood
        before = await numbers(desk, "cqrs_cache_hits_total", message="list_users")
        for who in (ada, bob, ada):
            assert (await desk.see("/users", who))["total"] == 2
        assert await numbers(desk, "cqrs_cache_hits_total", message="list_users") == before + 2
        changed = await desk.put(bob, bob.path, name="Bob")
        position = {"Twofold-Position": changed.headers["Twofold-Position"]}
        seen = (await desk.client.get("/users", headers={**bob.headers, **position})).json()
        assert [item["name"] for item in seen["items"]] == ["Ada", "Bob"]
        await desk.deactivate(bob)
        assert [item["status"] for item in (await desk.see("/users", ada))["items"]] == ["active", "deactivated"]

    async def test_a_query_cannot_write(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """The session of the read repository refuses, whoever forgets that it only reads."""
        ada = await desk.user()

        async def forget(views: Any, user_id: object) -> None:
            await views._session.execute(user_table.delete())

        with monkeypatch.context() as patch:
            patch.setattr(SqlUserViews, "find", forget)
            with pytest.raises(WriteRefused):
                await desk.app.caller(principal=Principal(user_id=ada.id)).execute(GetUser(user_id=new_id()))
        assert (await desk.see(ada.path, ada))["status"] == "active"


class TestWatching:
    async def test_every_command_is_in_the_audit_trail(self, desk: Desk) -> None:
        """Who, what, and how it ended, without the password."""
        ada = await desk.user()
        await desk.register("ada@example.com")
        await desk.put(ada, ada.path, name="Ada L.")
        entries = [entry async for entry in desk.app.audit.entries()]
        assert sorted((entry.message, entry.user_id or "", entry.outcome) for entry in entries) == [
            ("register_user", "", "exists"),
            ("register_user", "", "success"),
            ("update_user", ada.id, "success"),
        ]
        assert '"password":"***' in next(entry.payload for entry in entries if entry.message == "register_user")

    async def test_numbers_are_at_metrics(self, desk: Desk) -> None:
        """Commands are counted by outcome, and the handler's own numbers are there under the id in its config."""
        outcomes = ("success", "exists")
        before = [await numbers(desk, "cqrs_command_total", message="register_user", outcome=one) for one in outcomes]
        for _ in outcomes:
            await desk.register()
        after = [await numbers(desk, "cqrs_command_total", message="register_user", outcome=one) for one in outcomes]
        assert after == [one + 1 for one in before]
        own = {"handler": "accounts.register_user", "key": "registration.count"}
        assert await numbers(desk, "cqrs_handler_metric", **own) >= 2

    async def test_log_lines_carry_the_handlers_facts(self, desk: Desk) -> None:
        """The handler's logger has the name in its config, and its lines the id that it has pushed."""
        lines: list[tuple[str, dict[str, Any]]] = []

        class Keeping(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                lines.append((record.getMessage(), bound_facts()))

        logger, keeping = logging.getLogger("twofold.handler.register_user"), Keeping()
        logger.addHandler(keeping)
        logger.setLevel(logging.INFO)
        try:
            ada = await desk.user()
        finally:
            logger.removeHandler(keeping)
            logger.setLevel(logging.NOTSET)
        assert lines == [("registered a user", {"registered": ada.id})]


async def numbers(desk: Desk, metric: str, **labels: str) -> float:
    """A number at /metrics; 0.0 when it is not there. Counters outlive a stop of the application."""
    said = ",".join(f'{name}="{value}"' for name, value in labels.items())
    found = re.search(rf"^{metric}{{{said}}} (\S+)$", (await desk.client.get("/metrics")).text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


class TestPutTogether:
    """What is set, and what a team may put in its place."""

    def test_the_stages_stand_in_their_order(self, tmp_path: Path) -> None:
        """Limit, policy, validation, breaker, timeout, retry, transaction; one's own middleware in two places."""
        app = made(str(tmp_path / "accounts.db"))
        stages = {handler.message: handler.stages for handler in describe(app).handlers}
        assert in_order(
            stages["register_user"],
            ("audit", "slow the whole", "validation", "idempotency", "breaker", "timeout", "retry", "transaction"),
        )
        assert stages["register_user"][-1] == "slow the handler"
        assert in_order(stages["sign_in"], ("slow the whole", "rate limit", "validation", "timeout", "transaction"))
        assert "idempotency" not in stages["sign_in"]
        assert in_order(stages["update_user"], ("authorization", "validation", "idempotency", "transaction"))
        assert in_order(stages["list_users"], ("slow the whole", "authorization", "cache", "timeout", "read only"))
        assert "slow the handler" not in stages["list_users"]

    async def test_what_is_slow_is_told(self, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
        """The line says which part was slow, and nothing of the message."""
        clock = HandClock()

        class Sluggish:
            async def check(self, password: object) -> Success[None]:
                clock.time += 0.45
                return Success()

        app = accounts(database=tmp_path / "accounts.db", clock=clock)
        app.override(Passwords, ScryptPasswords(cost=2))
        app.override(LeakedPasswords, Sluggish())
        async with desk_of(app) as client, app:
            await Desk(app, client).user()
        lines = [record.message for record in caplog.records if record.name == "examples.accounts.middleware"]
        assert lines == ["RegisterUser: the handler took 0.450 s"]

    async def test_parts_are_replaced_in_the_container(self, tmp_path: Path) -> None:
        """A limiter and a breaker of one's own are asked instead of the built-in ones, by message type."""
        limiters, breakers = Mock(spec=Limiters), Mock(spec=Breakers)
        limiters.of.return_value, breakers.of.return_value = AsyncMock(spec=Limiter), Mock(spec=Breaker)
        app = made(str(tmp_path / "accounts.db"))
        app.override(Limiters, limiters)
        app.override(Breakers, breakers)
        async with desk_of(app) as client, app:
            desk = Desk(app, client)
            await desk.user()
            for _ in range(6):
                assert (await desk.sign_in(password="a guess")).status_code == 401
        assert {call.args[0].__name__ for call in limiters.of.call_args_list} == {"SignIn"}
        assert {call.args[0].__name__ for call in breakers.of.call_args_list} == {"RegisterUser"}

    def test_a_token_is_good_for_its_time_and_its_key(self) -> None:
        """It names its user until its end; not afterwards, not under another key, and not once it was changed."""
        clock, user_id = HandClock(), new_id()
        door = SignedTokens(b"key", lasts=60, clock=clock)
        token = door.issue(user_id)
        clock.time += 59
        found = door.read(token)
        assert found is not None
        assert found.user_id == str(user_id)
        assert SignedTokens(b"another", clock=clock).read(token) is None
        assert door.read(token.replace(str(user_id), str(new_id()))) is None
        assert door.read("") is None
        clock.time += 1
        assert door.read(token) is None


def in_order(stages: tuple[str, ...], expected: tuple[str, ...]) -> bool:
    """Whether stages are all there, in this order."""
    return [stage for stage in stages if stage in expected] == list(expected)
