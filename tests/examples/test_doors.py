"""Every example whole: served by `twofold run`, driven over HTTP and from a shell, on both databases.

What is sent through one door is seen through the other one.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from examples._demo.database import Database, PostgresSchema, SqliteFile
from examples._demo.scenario import Checks, Scenario
from examples._demo.server import caught_up
from examples.accounts import scenario as accounts
from examples.courses import scenario as courses
from examples.hostfactory import scenario as hostfactory
from examples.orders import scenario as orders
from examples.providers import scenario as providers
from tests.cli.forked import finished
from tests.cli.served import ROOT, Served, wait_until
from twofold.clock import new_id

SCENARIOS: Final[dict[str, Scenario]] = {
    "accounts": accounts,
    "courses": courses,
    "hostfactory": hostfactory,
    "orders": orders,
    "providers": providers,
}
PHRASE: Final = "correct horse 9"


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Both doors of one example on one database."""

    example: str
    database: Database
    http: httpx.Client

    def send(self, command: str, **fields: object) -> Any:
        """What `twofold send` prints."""
        return self._shell("send", command, None, fields)

    def ask(self, query: str, *, user: str | None = None, **fields: object) -> Any:
        """What `twofold ask` prints."""
        return self._shell("ask", query, user, fields)

    def get(self, path: str, **headers: str) -> Any:
        """What a query answers over HTTP, once the projections have come to the end of the log."""
        asyncio.run(self._caught_up())
        answer = self.http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def drive(self) -> Checks:
        """The scenario of the demo."""
        async with httpx.AsyncClient(base_url=self.http.base_url, timeout=30, trust_env=False) as client:
            return await SCENARIOS[self.example].drive(client)

    async def _caught_up(self) -> None:
        async with httpx.AsyncClient(base_url=self.http.base_url, trust_env=False) as client:
            await caught_up(client)

    def _shell(self, verb: str, message: str, user: str | None, fields: dict[str, object]) -> Any:
        words = ["-m", "twofold", verb, f"examples.{self.example}:app", message, "--json", "--data", json.dumps(fields)]
        words += [*(["--as", user] if user else []), "--database", self.database.address]
        done = finished(*words, where=ROOT)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


# The demo's own test drives every scenario on PostgreSQL in each run.
@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.faults)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database."""
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "example.db")
    schema: PostgresSchema = request.getfixturevalue("postgres_schema")
    return schema


@pytest.fixture(params=SCENARIOS)
def doors(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Doors]:
    """An example that is served on it."""
    example: str = request.param
    with Served(f"examples.{example}:app", "--database", database.address, folder=tmp_path) as served:
        with httpx.Client(base_url=served.address, timeout=30, trust_env=False) as client:
            yield Doors(example=example, database=database, http=client)


def _accounts(doors: Doors) -> None:
    user = str(doors.send("register_user", email="door@example.com", name="Door", password=PHRASE))
    ticket = doors.http.post("/sign-in", json={"email": "door@example.com", "password": PHRASE}).json()
    assert ticket["user_id"] == user
    signed_in = {"Authorization": f"Bearer {ticket['token']}"}
    assert doors.http.put(f"/users/{user}", json={"name": "Gate"}, headers=signed_in).status_code == 204
    assert doors.ask("get_user", user=user, user_id=user)["name"] == "Gate"


def _courses(doors: Doors) -> None:
    doors.send("define_course", course_id="door", title="Doors", capacity=3)
    assert doors.http.post("/courses/door/subscribe", json={"student_id": "gil"}).status_code == 204
    assert doors.get("/courses/door")["taken"] == 1
    assert doors.ask("get_student", student_id="gil")["courses"] == [{"course_id": "door", "title": "Doors"}]


def _hostfactory(doors: Doors) -> None:
    asked = doors.send("create_request", template_id="small", attributes={"team": "doors"})
    path = f"/requests/{asked}"
    (machine,) = doors.get(f"{path}?include_machines=true")["machines"]
    assert machine["status"] == "launched"
    running = doors.http.put(f"{path}/machines/{machine['id']}", json={"status": "running"})
    assert running.status_code == 204
    assert doors.ask("get_request_status", request_id=asked)["fulfilled"] is True


def _orders(doors: Doors) -> None:
    lines = [{"sku": "door", "quantity": 2, "unit_price": "1.25"}]
    order = doors.send("order_at_once", customer_id=str(new_id()), lines=lines)
    assert doors.get(f"/orders/{order}")["total"] == "2.50"
    assert doors.http.post(f"/orders/{order}/pay", json={"amount": "2.50"}).status_code == 204
    assert doors.ask("get_order", order_id=order)["status"] == "paid"


def _providers(doors: Doors) -> None:
    user = doors.send("register_user", email="door@example.com", password=PHRASE)
    opened = doors.http.post("/sessions", json={"email": "door@example.com", "password": PHRASE})
    assert opened.status_code == 201
    assert doors.ask("list_sessions", user=user)["total"] == 1


CASES: Final[dict[str, Callable[[Doors], None]]] = {
    "accounts": _accounts,
    "courses": _courses,
    "hostfactory": _hostfactory,
    "orders": _orders,
    "providers": _providers,
}


def test_both_doors_lead_to_one_application(doors: Doors) -> None:
    """The scenario holds over HTTP; then a shell and HTTP each see what the other one did."""
    checks = asyncio.run(doors.drive())
    assert [check for check in checks.seen if not check.passed] == []
    CASES[doors.example](doors)


def test_the_host_factory_has_doors_of_its_own(database: Database, tmp_path: Path) -> None:
    """Its REST API, served by uvicorn, and its command line: each sees what was done behind the other one."""
    environment = {**os.environ, "TWOFOLD_DATABASE": database.address}

    def typed(*words: str) -> tuple[int, Any]:
        done = finished("-m", "examples.hostfactory", *words, where=ROOT, env=environment)
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    with (
        served_by_uvicorn("examples.hostfactory.rest:api", environment, tmp_path / "log") as address,
        httpx.Client(base_url=address, timeout=30, trust_env=False) as rest,
    ):
        code, asked = typed("request", "small", "1", "--user", "ada", "--attribute", "team=doors")
        assert (code, asked["attributes"]) == (0, {"team": "doors"})
        path = f"/machines/{asked['id']}"
        assert rest.get(path).json()["attributes"] == {"team": "doors"}
        running = rest.put(
            f"{path}/{asked['machines'][0]['id']}", json={"status": "running", "metadata": {"rack": "7"}}
        )
        assert (running.status_code, running.json()["fulfilled"]) == (200, True)
        code, seen = typed("status", asked["id"])
        assert (code, seen["fulfilled"], seen["machines"][0]["metadata"]["rack"]) == (0, True, "7")
        wanted = rest.post("/machines", json={"template_id": "large", "max_number": 1})
        assert (wanted.status_code, typed("status", wanted.json()["id"])[0]) == (201, 0)
        refused = rest.post("/machines", json={"template_id": "large", "max_number": 3})
        assert (refused.status_code, typed("request", "large", "3")[0]) == (400, 3)
        assert (rest.get(f"/machines/{new_id()}").status_code, typed("status", str(new_id()))[0]) == (404, 4)


@contextmanager
def served_by_uvicorn(target: str, environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """An application of FastAPI as its own server runs it; where it is."""
    command = [sys.executable, "-m", "uvicorn", target, "--port", "0"]
    with log.open("w") as out, subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out) as server:
        try:
            wait_until(lambda: "running on" in log.read_text() or server.poll() is not None, "it serves or has ended")
            (address,) = re.findall(r"running on (http://[\d.:]+)", log.read_text())
            yield address
        finally:
            server.terminate()


def test_the_sides_of_the_host_factory_are_served_apart(postgres_schema: PostgresSchema, tmp_path: Path) -> None:
    """A process takes its commands and another one answers its queries; the worker, a third, launches machines."""
    with ExitStack() as stack:

        def part(role: str) -> Served:
            folder = tmp_path / role
            folder.mkdir()
            where = ("--role", role, "--database", postgres_schema.address)
            return stack.enter_context(Served("examples.hostfactory:app", *where, folder=folder))

        part("worker")  # which prepares the database for the others
        commands, queries = part("api-commands"), part("api-queries")
        asked = httpx.post(f"{commands.address}/requests", json={"template_id": "small"})
        seen = queries.get(f"/requests/{UUID(asked.json())}", {"Twofold-Position": asked.headers["Twofold-Position"]})
        assert (seen.status_code, seen.json()["requested"]) == (200, 1)
        assert commands.get("/templates").status_code == 404
        assert httpx.post(f"{queries.address}/requests", json={"template_id": "small"}).status_code == 404
