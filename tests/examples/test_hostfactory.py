"""The host factory, over HTTP, through REST and a command line that share one service, and in process."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock
from uuid import UUID

import httpx
import pytest
from click.testing import CliRunner, Result

from examples.hostfactory import app
from examples.hostfactory.cli import main
from examples.hostfactory.commands import CreateRequest
from examples.hostfactory.domain import MachineRequest, MachineStatus, NotThatWay, Template, TooManyMachines
from examples.hostfactory.ports import Provider, Templates
from examples.hostfactory.provider import SimulatedProvider
from examples.hostfactory.queries import GetTemplates
from examples.hostfactory.rest import api
from examples.hostfactory.service import HostFactory
from twofold import App, CommandBus, Failure, NotFound, QueryBus, Success, Unavailable
from twofold.clock import new_id

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(tmp_path: Path) -> Path:
    app.use_database(tmp_path / "hosts.db")
    return tmp_path / "hosts.db"


@pytest.fixture
async def client(database: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app.http())
    async with app, httpx.AsyncClient(transport=transport, base_url="http://hosts") as client:
        yield client


@pytest.fixture
async def rest(database: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with app, httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://rest") as client:
        yield client


async def _headers_in_log() -> list[dict[str, str]]:
    """What is kept beside each request."""
    head = await app.store.log.head()
    entries = await app.store.log.read(0, until=head, limit=100)
    return [dict(entry.headers) for entry in entries if entry.type == "machines_requested"]


class TestOverHttp:
    async def test_a_request_and_its_machines(self, client: httpx.AsyncClient) -> None:
        """A request answers 201 with its id; its machines are shown when they are asked for."""
        wanted = {"template_id": "small", "max_number": 2, "attributes": {"team": "web"}}
        answer = await client.post("/requests", json=wanted)
        assert answer.status_code == 201
        path = f"/requests/{answer.json()}"
        assert (await client.get(path)).json() == {
            "id": answer.json(),
            "template_id": "small",
            "requested": 2,
            "attributes": {"team": "web"},
            "fulfilled": False,
            "machines": None,
        }
        machines = (await client.get(path, params={"include_machines": "true"})).json()["machines"]
        assert [machine["status"] in {"requested", "launched"} for machine in machines] == [True, True]

    async def test_a_request_is_fulfilled_once_all_run(self, client: httpx.AsyncClient) -> None:
        """The aggregate sees all machines of a request at once."""
        request = (await client.post("/requests", json={"template_id": "small", "max_number": 2})).json()
        path = f"/requests/{request}"
        machines = (await client.get(path, params={"include_machines": "true"})).json()["machines"]
        for machine, fulfilled in zip(machines, (False, True), strict=True):
            put = await client.put(f"{path}/machines/{machine['id']}", json={"status": "running"})
            assert put.status_code == 204
            assert (await client.get(path)).json()["fulfilled"] is fulfilled

    @pytest.mark.parametrize(
        "body, status, code",
        [
            ({"template_id": "large", "max_number": 3}, 400, "too_many_machines"),
            ({"template_id": "huge"}, 404, "not_found"),
            ({"template_id": "large", "max_number": 0}, 400, "invalid"),
            ({"template_id": "large", "attributes": {"": "no name"}}, 400, "invalid"),
            ({"template_id": "large", "correlation_id": "mine"}, 400, "invalid"),
        ],
    )
    async def test_refusals(self, client: httpx.AsyncClient, body: dict[str, Any], status: int, code: str) -> None:
        """Each has its status and code, and leaves nothing in the log."""
        answer = await client.post("/requests", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert await _headers_in_log() == []

    async def test_the_correlation_id_goes_all_the_way(self, client: httpx.AsyncClient) -> None:
        """What a client sends along comes back, and is kept beside the events."""
        headers = {"X-Correlation-ID": "c-1"}
        answer = await client.post("/requests", json={"template_id": "small"}, headers=headers)
        assert answer.headers["x-correlation-id"] == "c-1"
        assert [entry["correlation_id"] for entry in await _headers_in_log()] == ["c-1"]

    @pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "101"}, {"offset": "-1"}])
    async def test_limits_are_bounded(self, client: httpx.AsyncClient, params: dict[str, str]) -> None:
        """A limit or offset that there cannot be is invalid."""
        assert (await client.get("/templates", params=params)).status_code == 400


class TestRest:
    """A FastAPI application of one's own, over the application service."""

    async def test_one_call_for_a_command_and_a_query(self, rest: httpx.AsyncClient) -> None:
        """The service sends the command, and answers with what the query side knows then."""
        wanted = await rest.post("/machines", json={"template_id": "large", "max_number": 1})
        assert wanted.status_code == 201
        request = wanted.json()
        path = f"/machines/{request['id']}/{request['machines'][0]['id']}"
        running = await rest.put(path, json={"status": "running", "metadata": {"rack": "7"}})
        assert (running.status_code, running.json()["fulfilled"]) == (200, True)
        assert running.json()["machines"][0]["metadata"] == {"rack": "7"}
        assert (await rest.get(f"/machines/{request['id']}")).json() == running.json()
        without = await rest.get(f"/machines/{request['id']}", params={"include_machines": "false"})
        assert without.json() == {**running.json(), "machines": None}
        assert (await rest.get("/templates", params={"min_machines": 3})).json()["total"] == 1

    async def test_an_invalid_template_is_an_answer(self, rest: httpx.AsyncClient) -> None:
        """What was found is told with 200; a right one has nothing."""
        wrong = await rest.post("/templates/validate", json={"id": "tiny", "image": "debian-13", "max_machines": 0})
        told = wrong.json()
        assert (wrong.status_code, told["template_id"], told["valid"]) == (200, "tiny", False)
        assert [one.partition(":")[0] for one in told["findings"]] == ["max_machines"]
        right = await rest.post("/templates/validate", json={"id": "tiny", "image": "debian-13", "max_machines": 1})
        assert right.json() == {"template_id": "tiny", "valid": True, "findings": []}

    async def test_domain_errors_become_statuses(self, rest: httpx.AsyncClient) -> None:
        """Problem documents, as on the routes that twofold makes."""
        answers = [
            await rest.post("/machines", json={"template_id": "large", "max_number": 3}),
            await rest.post("/machines", json={"template_id": "huge"}),
            await rest.get(f"/machines/{new_id()}"),
            await rest.put(f"/machines/{new_id()}/{new_id()}", json={"status": "running"}),
            await rest.post("/machines", json={"max_number": 1}),
        ]
        assert [answer.status_code for answer in answers] == [400, 404, 404, 404, 400]
        assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}

    async def test_the_correlation_id_goes_through_the_service(self, rest: httpx.AsyncClient) -> None:
        """A service that knows nothing of HTTP sends its messages in the name of the request."""
        headers = {"X-Correlation-ID": "c-2"}
        await rest.post("/machines", json={"template_id": "small"}, headers=headers)
        assert [entry["correlation_id"] for entry in await _headers_in_log()] == ["c-2"]
        await app.execute(CreateRequest(template_id="small"))
        assert (await _headers_in_log())[-1]["correlation_id"] != "c-2"


def _run(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=typed)


@pytest.mark.usefixtures("database")
class TestCommandLine:
    """The same service from a shell."""

    def test_the_same_service(self) -> None:
        """Asking, starting and looking, each answered as JSON with exit code 0."""
        asked = json.loads(_run("request", "small", "1", "--user", "ada", "--attribute", "team=web").stdout)
        assert asked["attributes"] == {"team": "web"}
        machine = asked["machines"][0]["id"]
        running = _run("machine", asked["id"], machine, "running", "--metadata", "rack=7")
        assert json.loads(running.stdout)["fulfilled"] is True
        seen = _run("status", asked["id"])
        (shown,) = json.loads(seen.stdout)["machines"]
        assert (seen.exit_code, shown["status"], shown["metadata"]) == (0, "running", {"rack": "7"})
        assert json.loads(_run("status", asked["id"], "--no-machines").stdout)["machines"] is None
        assert [one["id"] for one in json.loads(_run("templates").stdout)["items"]] == ["large", "small"]
        filtered = _run("templates", "--image", "debian-13", "--min-machines", "3", "--limit", "1")
        assert [one["id"] for one in json.loads(filtered.stdout)["items"]] == ["small"]

    def test_a_template_is_looked_at(self, tmp_path: Path) -> None:
        """Whether it is read from a file or typed; what is wrong with it is an answer, and exit code 0."""
        file = tmp_path / "template.json"
        file.write_text('{"id": "tiny", "image": "debian-0", "max_machines": 1}')
        looked_at = _run("validate", str(file))
        assert (looked_at.exit_code, json.loads(looked_at.stdout)["findings"]) == (0, ["image: there is no debian-0"])
        typed = _run("validate", "-", typed='{"id": "tiny", "image": "debian-12", "max_machines": 1}')
        assert json.loads(typed.stdout)["valid"] is True

    @pytest.mark.parametrize("typed", ["no JSON", "[]"])
    def test_what_is_no_template_at_all(self, typed: str) -> None:
        """It is how the command was called: 2."""
        assert _run("validate", "-", typed=typed).exit_code == 2

    @pytest.mark.parametrize(
        "words, code",
        [
            (("request", "large", "3"), 3),
            (("request", "large", "0"), 3),
            (("request", "huge"), 4),
            (("status", str(UUID(int=0))), 4),
            (("machine", str(UUID(int=0)), str(UUID(int=0)), "running"), 4),
            (("request",), 2),
            (("request", "small", "1", "--attribute", "team"), 2),
            (("machine", "x", "y", "running"), 2),
        ],
    )
    def test_domain_errors_become_exit_codes(self, words: tuple[str, ...], code: int) -> None:
        """3 for what is invalid or against a rule, 4 for what is not there, 2 for how it was called."""
        result = _run(*words)
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr

    def test_a_database_that_cannot_be_opened(self, tmp_path: Path) -> None:
        """Somebody who could try again later is told so by 75."""
        app.use_database(tmp_path / "no" / "such" / "folder" / "hosts.db")
        assert _run("templates").exit_code == 75

    def test_as_a_module(self, tmp_path: Path) -> None:
        """`python -m examples.hostfactory` is the same, as a process of its own."""
        environment = {"TWOFOLD_DATABASE": str(tmp_path / "hosts.db")}
        command = [sys.executable, "-m", "examples.hostfactory", "request", "huge"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (4, "", "there is no template 'huge'\n")


class TestInProcess:
    async def test_a_message_may_say_who_sent_it(self, database: Path) -> None:
        """A correlation id and a user id in the command itself are kept beside its events."""
        async with app:
            await app.execute(CreateRequest(template_id="small", user_id="ada", correlation_id="c-3"))
            headers = await _headers_in_log()
        assert [(entry["user_id"], entry["correlation_id"]) for entry in headers] == [("ada", "c-3")]

    async def test_what_a_door_knows_wins(self, database: Path) -> None:
        """Whoever was authenticated stays who they are, whatever the command says."""
        async with app:
            await app.caller(user_id="eve").execute(CreateRequest(template_id="small", user_id="ada"))
            headers = await _headers_in_log()
        assert [entry["user_id"] for entry in headers] == ["eve"]

    async def test_the_service_stands_on_buses_alone(self) -> None:
        """With fakes for both buses, the service needs no application; a refusal ends it."""
        commands, queries = AsyncMock(spec=CommandBus), AsyncMock(spec=QueryBus)
        commands.execute.return_value = refusal = Failure(Unavailable("not now"))
        factory = HostFactory(commands, queries)
        assert await factory.request_machines("small", 1) is refusal
        assert await factory.update_machine(new_id(), new_id(), MachineStatus.RUNNING) is refusal
        queries.execute.assert_not_awaited()
        queries.execute.return_value = refusal
        assert await factory.request_status(new_id()) is refusal

    async def test_the_query_side_runs_without_the_command_side(self, tmp_path: Path) -> None:
        """Mounted without the modules of the command side, queries answer all the same."""
        commanding = {"hostfactory.commands", "hostfactory.launching"}
        sides = [module for module in app.modules if module.name not in commanding]
        reading = App(
            "reading", modules=[one for one in sides if one.name != "hostfactory.shared"], database=tmp_path / "r.db"
        )
        assert [fault.code for fault in reading.check()] == ["missing_dependency"]
        async with App("reading", modules=sides, database=tmp_path / "r.db") as whole:
            assert (await whole.execute(GetTemplates())).unwrap().total == 2


class TestTheCatalogue:
    async def test_while_it_is_away_the_list_is_empty(self, tmp_path: Path) -> None:
        """The query declares so; a command needs the template, and says that it cannot have it."""
        away = AsyncMock(spec=Templates)
        away.all.side_effect = away.get.side_effect = ConnectionError("no route")
        shared = next(module for module in app.modules if module.name == "hostfactory.shared")
        rest = [module for module in app.modules if module is not shared]
        without = App("without", modules=[shared, *rest], database=tmp_path / "w.db")
        without.override(Templates, away)
        async with without:
            listed = (await without.execute(GetTemplates(limit=5))).unwrap()
            assert (listed.items, listed.total, listed.page_size) == ((), 0, 5)
            refused = await without.execute(CreateRequest(template_id="small"))
        assert isinstance(refused.error, ConnectionError)


class TestLaunching:
    async def test_what_the_provider_has_no_room_for_fails(self, tmp_path: Path) -> None:
        """A request is for up to so many machines: those that it got fulfil it, and the rest say why they failed."""
        made = App("small", modules=app.modules, database=tmp_path / "l.db")
        made.override(Provider, SimulatedProvider(room=1))
        async with made:
            factory = await made.get(HostFactory)
            asked = (await factory.request_machines("small", 2)).unwrap()
            await made.settle()
            (first, second) = (await factory.request_status(asked.id)).unwrap().machines or ()
            assert (first.status, second.status) == (MachineStatus.LAUNCHED, MachineStatus.FAILED)
            assert second.metadata == {"reason": "no room"}
            running = await factory.update_machine(asked.id, first.id, MachineStatus.RUNNING)
            assert running.unwrap().fulfilled

    async def test_a_machine_that_is_further_already_stays_so(self, tmp_path: Path) -> None:
        """What the provider says of it comes late, and changes nothing; the reaction is not parked."""
        made = App("late", modules=app.modules, database=tmp_path / "l.db")
        provider, go_on = AsyncMock(spec=Provider), asyncio.Event()

        async def launch(template: Template, machine_ids: tuple[UUID, ...], attributes: object) -> dict[UUID, str]:
            await go_on.wait()
            return dict.fromkeys(machine_ids, "late.example")

        provider.launch.side_effect = launch
        made.override(Provider, provider)
        async with made:
            factory = await made.get(HostFactory)
            asked = (await factory.request_machines("small", 1)).unwrap()
            (machine,) = asked.machines or ()
            await factory.update_machine(asked.id, machine.id, MachineStatus.RUNNING)
            go_on.set()
            await made.settle()
            assert await made.parked.list() == []
            (machine,) = (await factory.request_status(asked.id)).unwrap().machines or ()
        assert (machine.status, machine.metadata) == (MachineStatus.RUNNING, {})


class TestAggregate:
    """Decisions, without anything around them."""

    def test_it_collects_its_events(self) -> None:
        """Every decision is recorded as events, and rebuilding from them gives the same state."""
        request = _placed(1)
        (machine,) = request.machines
        assert request.update_machine(machine, MachineStatus.RUNNING) == Success()
        names = [type(event).__name__ for event in request.recorded]
        assert names == ["MachinesRequested", "MachineStatusChanged", "RequestFulfilled"]
        rebuilt = MachineRequest.rebuild(request.recorded)
        assert isinstance(rebuilt, MachineRequest)
        assert (rebuilt.machines, rebuilt.fulfilled) == ({machine: MachineStatus.RUNNING}, True)

    def test_it_refuses(self) -> None:
        """Too many machines, a machine it does not have, and a way that a machine does not go."""
        request = _placed(1)
        (machine,) = request.machines
        template = Template(id="t", image="i", max_machines=1)
        assert isinstance(MachineRequest.place(template, 2).error, TooManyMachines)
        assert isinstance(request.update_machine(new_id(), MachineStatus.RUNNING).error, NotFound)
        assert isinstance(request.update_machine(machine, MachineStatus.STOPPED).error, NotThatWay)
        assert len(request.recorded) == 1


def _placed(count: int) -> MachineRequest:
    return MachineRequest.place(Template(id="t", image="i", max_machines=9), count).unwrap()
