"""Read models on a server of their own, which is stopped: commands go on, and each process says what it misses."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.served import Served, wait_until
from tools.postgres import Server, private_server
from tools.shared_postgres import fresh_database

SHOP = "tests.cli.shop:app"
POSITION, WAIT = "twofold-position", "twofold-wait"
READ = pytest.mark.parametrize("parts", ["read"], indirect=True)


class Parts:
    """The processes of a shop, on two databases, one of them on a server that a test may stop."""

    def __init__(self, stack: ExitStack, folder: Path, server: Server, write: str, read: str) -> None:
        self.server = server
        self._stack, self._folder = stack, folder
        self._databases = ("--database", write, "--read-database", read)
        self.worker, self.commands, self.queries = map(self.start, ("worker", "api-commands", "api-queries"))

    def start(self, role: str) -> Served:
        """One more process."""
        folder = self._folder / f"{role}-{time.monotonic_ns()}"
        folder.mkdir()
        return self._stack.enter_context(Served(SHOP, "--role", role, *self._databases, folder=folder))


@pytest.fixture
def parts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parts]:
    """A worker, a command service and a query service; the server of one side is for this test alone."""
    with asyncio.Runner() as runner, ExitStack() as stack:
        server = stack.enter_context(private_server())
        database = fresh_database()
        lasting = runner.run(database.__aenter__())
        stack.callback(lambda: runner.run(database.__aexit__(None, None, None)))
        write, read = (server.url(), lasting) if request.param == "write" else (lasting, server.url())
        yield Parts(stack, tmp_path, server, write, read)


def ready(part: Served) -> tuple[int, str, list[str]]:
    """What a balancer is told: the status of the answer, and what its body says."""
    answer = part.get("/health/ready")
    return answer.status_code, answer.json()["status"], answer.json()["away"]


def workers(part: Served) -> tuple[int, str, list[str]]:
    """What an alarm is told."""
    answer = part.get("/health/workers")
    return answer.status_code, answer.json()["status"], answer.json()["away"]


def goes_on(part: Served) -> None:
    """See that all is well again, in a while."""
    wait_until(lambda: workers(part) == (200, "working", []), "it sees the read database")
    assert ready(part) == (200, "ready", [])


def sell(part: Served) -> str:
    """The position of a sale that was taken."""
    sold = part.command("sell", item="pen")
    assert sold.status_code == 200
    return sold.headers[POSITION]


@READ
def test_commands_are_taken_while_the_read_database_is_away(parts: Parts) -> None:
    """Their service is ready, and another one starts; who needs what is away says so, and all go on when it is back."""
    sell(parts.commands)
    parts.server.stop()
    assert ready(parts.commands) == (200, "ready", [])
    assert ready(parts.worker) == ready(parts.queries) == (503, "unready", ["read database"])
    for part in (parts.commands, parts.worker, parts.queries):
        assert workers(part) == (503, "stuck", ["read database"])
    sell(parts.commands)

    late = parts.start("api-commands")
    assert ready(late) == (200, "ready", [])
    names: Any = [one["name"] for one in late.get("/health/ready").json()["subscriptions"]]
    assert names == ["shop.thank:sold"]
    position = {POSITION: sell(late), WAIT: "10"}
    assert late.errors.count("the read database is away, and commands are taken without it") == 1

    parts.server.start()
    wait_until(lambda: parts.queries.get("/queries/count_sales", position).status_code == 200, "queries see it")
    assert parts.queries.get("/queries/count_sales", position).json() == 3
    for part in (parts.commands, parts.worker, late):
        goes_on(part)


@pytest.mark.parametrize("parts", ["write"], indirect=True)
def test_a_query_service_is_ready_while_the_write_database_is_away(parts: Parts) -> None:
    """It serves from the read database alone; the others say what is away."""
    position = {POSITION: sell(parts.commands), WAIT: "10"}
    assert parts.queries.get("/queries/count_sales", position).json() == 1
    parts.server.stop()
    assert ready(parts.queries) == (200, "ready", [])
    for part in (parts.commands, parts.worker):
        assert ready(part) == (503, "unready", ["database"])
        assert workers(part) == (503, "stuck", ["database"])


@READ
def test_a_read_database_that_answers_nothing_keeps_no_probe_waiting(parts: Parts) -> None:
    """A balancer does not wait for long: whether commands are taken is told without a look at the read database."""
    sell(parts.commands)
    with parts.server.frozen():
        began = time.monotonic()
        assert ready(parts.commands) == (200, "ready", [])
        assert time.monotonic() - began < 4  # others wait for it for 5 s
        assert workers(parts.commands) == (503, "stuck", ["read database"])
