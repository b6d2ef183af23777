"""The accounts example, over HTTP, through the application, and handler by handler."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from examples._demo.database import Database
from examples._demo.server import Server
from examples.accounts import app, scenario
from examples.accounts.commands import ChangeEmail, ChangeEmailHandler, RegisterAccount, RegisterAccountHandler
from examples.accounts.domain import Account, AccountIsClosed, Accounts, EmailTaken, Passwords
from examples.accounts.queries import GetAccount, GetAccountHandler
from examples.accounts.storage import ScryptPasswords
from twofold import EventBus, Failure, Invalid, NotFound, Success
from twofold.clock import new_id

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse 9"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app.use_database(tmp_path / "accounts.db")
    transport = httpx.ASGITransport(app.http())
    async with app, httpx.AsyncClient(transport=transport, base_url="http://accounts") as client:
        yield client


async def _register(client: httpx.AsyncClient, email: str = "ada@example.com") -> str:
    answer = await client.post("/accounts", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return str(answer.json())


def _contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


async def _events() -> list[str]:
    return [entry.type for entry in await app.store.log.read(0, until=await app.store.log.head(), limit=100)]


class TestOverHttp:
    async def test_registering_answers_201_and_an_id(self, client: httpx.AsyncClient) -> None:
        """A new account is there at once, with its address in lower case and without its password."""
        account_id = await _register(client, " Ada@Example.COM ")
        seen = await client.get(f"/accounts/{account_id}")
        assert seen.json() == {"id": account_id, "email": "ada@example.com", "closed": False, "email_changes": 0}

    async def test_a_taken_address_answers_409(self, client: httpx.AsyncClient) -> None:
        """The address in whatever case is the same address, and the problem has a stable code."""
        await _register(client)
        answer = await client.post("/accounts", json={"email": "ADA@example.com", "password": PASSWORD})
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json()["code"], answer.json()["detail"]) == ("email_taken", "ada@example.com is taken")

    async def test_of_many_at_once_one_gets_the_address(self, client: httpx.AsyncClient) -> None:
        """However many ask for one address at once, exactly one account comes of it."""
        body = {"email": "ada@example.com", "password": PASSWORD}
        answers = await asyncio.gather(*(client.post("/accounts", json=body) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert (await client.get("/accounts")).json()["total"] == 1
        assert await _events() == ["account_registered"]

    async def test_every_finding_is_told(self, client: httpx.AsyncClient) -> None:
        """An invalid command answers 400 with all findings, each with its field and rule."""
        answer = await client.post("/accounts", json={"email": "nobody", "password": "short"})
        assert answer.status_code == 400
        assert {error["field"] for error in answer.json()["errors"]} == {"email", "password"}
        assert await _events() == []

    @pytest.mark.parametrize("password", ["short1", "onlyletters", "1234567890123", "x" * 300 + "1", "my-ada-word-1"])
    async def test_a_weak_password_is_refused(self, client: httpx.AsyncClient, password: str) -> None:
        """Too short, too uniform, too long, or made of the address: the finding is at the password."""
        answer = await client.post("/accounts", json={"email": "ada@example.com", "password": password})
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == ["password"]
        assert password not in answer.text

    async def test_the_password_is_nowhere(
        self, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, tmp_path: Path
    ) -> None:
        """The text of a password is in no log line and in no file."""
        with caplog.at_level(logging.DEBUG):
            await _register(client)
        assert PASSWORD not in caplog.text
        assert all(PASSWORD.encode() not in kept for kept in await asyncio.to_thread(_contents, tmp_path))

    async def test_changing_the_address(self, client: httpx.AsyncClient) -> None:
        """Write model, event and read model change together, and a query right after sees it."""
        account_id = await _register(client)
        changed = await client.put(f"/accounts/{account_id}/email", json={"email": "Ada@Example.net"})
        assert changed.status_code == 204
        seen = (await client.get(f"/accounts/{account_id}")).json()
        assert (seen["email"], seen["email_changes"]) == ("ada@example.net", 1)
        assert await _events() == ["account_registered", "email_changed"]

    async def test_a_refused_change_leaves_nothing(self, client: httpx.AsyncClient) -> None:
        """When the new address is taken, neither the account nor the read model nor the log has changed."""
        account_id, _ = await _register(client), await _register(client, "bob@example.com")
        refused = await client.put(f"/accounts/{account_id}/email", json={"email": "bob@example.com"})
        assert refused.status_code == 409
        seen = (await client.get(f"/accounts/{account_id}")).json()
        assert (seen["email"], seen["email_changes"]) == ("ada@example.com", 0)
        assert await _events() == ["account_registered"] * 2

    async def test_a_closed_account_stays_as_it_is(self, client: httpx.AsyncClient) -> None:
        """Closing works once; afterwards closing and changing are refused as business rules."""
        account_id = await _register(client)
        assert (await client.post(f"/accounts/{account_id}/close")).status_code == 204
        again = await client.post(f"/accounts/{account_id}/close")
        change = await client.put(f"/accounts/{account_id}/email", json={"email": "ada@example.net"})
        assert [answer.status_code for answer in (again, change)] == [400, 400]
        assert again.json()["code"] == "account_is_closed"
        assert await _events() == ["account_registered", "account_closed"]

    async def test_what_is_not_there_answers_404(self, client: httpx.AsyncClient) -> None:
        """Queries and commands alike."""
        nobody = f"/accounts/{new_id()}"
        answers = [
            await client.get(nobody),
            await client.put(f"{nobody}/email", json={"email": "ada@example.com"}),
            await client.post(f"{nobody}/close"),
        ]
        assert [answer.status_code for answer in answers] == [404, 404, 404]

    async def test_lists_come_in_pages(self, client: httpx.AsyncClient) -> None:
        """By address, with the total of what was asked for, whether all, open or closed."""
        ids = {name: await _register(client, f"{name}@example.com") for name in ("cyd", "ada", "bob")}
        await client.post(f"/accounts/{ids['bob']}/close")

        async def names(**params: str) -> tuple[int, list[str]]:
            page = (await client.get("/accounts", params=params)).json()
            return page["total"], [item["email"].partition("@")[0] for item in page["items"]]

        assert await names() == (3, ["ada", "bob", "cyd"])
        assert await names(page="2", page_size="2") == (3, ["cyd"])
        assert await names(closed="false") == (2, ["ada", "cyd"])
        assert await names(closed="true") == (1, ["bob"])

    @pytest.mark.parametrize("params", [{"page": "0"}, {"page_size": "0"}, {"page_size": "201"}, {"page": "x"}])
    async def test_pages_are_bounded(self, client: httpx.AsyncClient, params: dict[str, str]) -> None:
        """A page that there cannot be, or one that is too large, is invalid."""
        assert (await client.get("/accounts", params=params)).status_code == 400

    async def test_numbers_are_at_metrics(self, client: httpx.AsyncClient) -> None:
        """Commands and queries are counted by outcome, and the handler's own numbers are there too."""
        before = (await _numbers(client, "success"), await _numbers(client, "exists"))
        await _register(client)
        await client.post("/accounts", json={"email": "ada@example.com", "password": PASSWORD})
        assert (await _numbers(client, "success"), await _numbers(client, "exists")) == (before[0] + 1, before[1] + 1)
        own = r'cqrs_handler_metric{handler="[^"]*RegisterAccountHandler",key="hash_password.count"}'
        assert re.search(own, (await client.get("/metrics")).text)


async def _numbers(client: httpx.AsyncClient, outcome: str) -> float:
    """How many registrations ended so; counters outlive a stop of the application."""
    line = rf'^cqrs_command_total{{message="register_account",outcome="{outcome}"}} (\S+)$'
    found = re.search(line, (await client.get("/metrics")).text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


class TestAlone:
    """Handlers with fakes, no application."""

    async def test_registering(self) -> None:
        """The handler hashes, keeps and publishes, and counts what it hashed."""
        handler = _registering(saved=Success)
        answer = await handler.execute(RegisterAccount(email="ada@example.com", password=SecretStr(PASSWORD)))
        assert isinstance(answer.unwrap(), UUID)
        assert handler.metrics.get("hash_password.count") == 1
        publish: Any = handler.events.publish
        assert publish.await_args.args[0].email == "ada@example.com"

    async def test_registering_a_taken_address(self) -> None:
        """What the repository refuses is the answer, and nothing is published."""
        handler = _registering(saved=lambda account: Failure(EmailTaken(account.email)))
        answer = await handler.execute(RegisterAccount(email="ada@example.com", password=SecretStr(PASSWORD)))
        assert answer == Failure(EmailTaken("ada@example.com"))
        assert handler.metrics.get("emails_taken") == 1
        publish: Any = handler.events.publish
        publish.assert_not_awaited()

    async def test_validate_stops_first(self) -> None:
        """A password made of the address is refused before anything is hashed."""
        handler = _registering(saved=Success)
        answer = await handler.execute(RegisterAccount(email="horse@example.com", password=SecretStr(PASSWORD)))
        assert isinstance(answer.error, Invalid)
        assert handler.metrics.all() == {}

    async def test_changing_runs_until_the_first_failure(self) -> None:
        """Not found, then closed, then taken: each stops the rest."""
        closed = Account(id=new_id(), email="a@example.com", password_hash="", closed=True)
        for found, expected in ((Failure(NotFound("no")), NotFound), (Success(closed), AccountIsClosed)):
            accounts = AsyncMock(spec=Accounts)
            accounts.get.return_value = found
            handler = ChangeEmailHandler(accounts, AsyncMock(spec=EventBus))
            answer = await handler.execute(ChangeEmail(account_id=new_id(), email="b@example.com"))
            assert isinstance(answer.error, expected)
            accounts.save.assert_not_awaited()

    async def test_asking_for_an_account(self) -> None:
        """The query handler answers what the read repository knows."""
        views = AsyncMock()
        views.find.return_value = None
        assert await GetAccountHandler(views).execute(GetAccount(account_id=new_id())) == Success(None)

    async def test_hashes_are_salted(self) -> None:
        """One password twice makes two hashes, and neither shows it."""
        passwords = ScryptPasswords(cost=2)
        one, other = await passwords.hashed(SecretStr(PASSWORD)), await passwords.hashed(SecretStr(PASSWORD))
        assert one != other
        assert PASSWORD not in one


def _registering(saved: Any) -> RegisterAccountHandler:
    accounts, passwords = AsyncMock(spec=Accounts), AsyncMock(spec=Passwords)
    accounts.save.side_effect = saved
    passwords.hashed.return_value = "hash"
    return RegisterAccountHandler(accounts, passwords, AsyncMock(spec=EventBus))


async def test_twofold_run_serves_it(each_database: Database, tmp_path: Path) -> None:
    """The demo's scenario holds against a server of its own."""
    async with Server("examples.accounts:app", database=each_database, log=tmp_path / "log") as server:
        async with server.client() as client:
            checks = await scenario.drive(client)
    assert [check for check in checks.seen if not check.passed] == []
