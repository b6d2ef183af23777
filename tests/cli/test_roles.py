"""Three processes on one database: a command service, a query service and a worker, deployed and scaled apart."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from examples._demo.database import Database
from tests.app.apart import Pay, Till
from tests.cli.forked import finished
from tests.cli.served import ROOT, Served

SHOP = "tests.cli.shop:app"
POSITION, WAIT = "twofold-position", "twofold-wait"


class Parts(NamedTuple):
    """Three processes."""

    worker: Served
    commands: Served
    queries: Served


@pytest.fixture
def parts(each_database: Database, tmp_path: Path) -> Iterator[Parts]:
    def part(role: str) -> Served:
        folder = tmp_path / role
        folder.mkdir()
        return Served(SHOP, "--role", role, "--database", each_database.address, folder=folder)

    with part("worker") as worker:  # which prepares the database for the other two
        commands, queries = part("api-commands"), part("api-queries")
        with commands, queries:
            yield Parts(worker, commands, queries)


def test_what_one_takes_the_other_shows(parts: Parts) -> None:
    """Sold at the command service, seen at the query service with the position, projected by the worker."""
    for number in range(1, 4):
        sold = parts.commands.command("sell", item="pen")
        assert (sold.status_code, sold.headers[POSITION]) == (200, str(number))
        counted = parts.queries.get("/queries/count_sales", {POSITION: str(number), WAIT: "10"})
        assert (counted.status_code, counted.json()) == (200, number)
    each_has_its_side_only(parts)


def each_has_its_side_only(parts: Parts) -> None:
    """What the other side takes is not there; the worker takes no message; all of them say how they are."""
    assert parts.queries.command("sell", item="pen").status_code == 404
    assert parts.commands.get("/queries/count_sales").status_code == 404
    assert parts.worker.command("sell", item="pen").status_code == 404
    assert parts.worker.get("/queries/count_sales").status_code == 404
    for part in parts:
        ready = part.get("/health/ready").json()
        assert (ready["status"], sorted(one["name"] for one in ready["subscriptions"])) == (
            "ready",
            ["sales", "shop.thank:sold"],
        )
        assert part.get("/metrics").status_code == 200


def test_without_the_worker_a_query_says_what_it_misses(parts: Parts, each_database: Database, tmp_path: Path) -> None:
    """It waits as long as it may, and comes to it when a worker is there again; nothing is lost in between."""
    parts.worker.signal()
    assert parts.worker.ended() == 0
    sold = parts.commands.command("sell", item="pen")
    position = {POSITION: sold.headers[POSITION]}
    missed = parts.queries.get("/queries/count_sales", {**position, WAIT: "0.1"})
    assert (missed.status_code, missed.json()["code"]) == (503, "not_yet_visible")
    assert missed.headers["retry-after"] == "1"
    assert parts.queries.get("/queries/count_sales").json() == 0
    again = tmp_path / "again"
    again.mkdir()
    with Served(SHOP, "--role", "worker", "--database", each_database.address, folder=again):
        assert parts.queries.get("/queries/count_sales", {**position, WAIT: "10"}).json() == 1


def test_a_query_service_has_a_database_of_its_own(tmp_path: Path) -> None:
    """It is given the read database only, by an option or the environment, and waits for positions all the same."""
    write, read = str(tmp_path / "shop.db"), str(tmp_path / "read.db")
    with ExitStack() as stack:
        served: list[Served] = []
        for role, database in (("worker", write), ("api-commands", write), ("api-queries", "/no/such/shop.db")):
            folder = tmp_path / role
            folder.mkdir()
            arguments = (SHOP, "--role", role, "--database", database, "--read-database", read)
            served.append(stack.enter_context(Served(*arguments, folder=folder)))
        parts = Parts(*served)
        for number in range(1, 4):
            sold = parts.commands.command("sell", item="pen")
            position = {POSITION: sold.headers[POSITION], WAIT: "10"}
            assert parts.queries.get("/queries/count_sales", position).json() == number
        assert parts.queries.get("/queries/count_sales", {POSITION: "99", WAIT: "0.1"}).status_code == 503
        names = [
            [one["name"] for one in part.get("/health/ready").json()["subscriptions"]]
            for part in (parts.worker, parts.queries)
        ]
        assert names == [["sales", "shop.thank:sold"], ["sales"]]
        assert parts.worker.get("/health/workers").json()["status"] == "working"


def test_a_part_that_comes_before_the_worker_is_told(each_database: Database) -> None:
    """It ends with 75, for its supervisor to start it again, and says what is missing."""
    for role in ("api-queries", "api-commands"):
        words = ("-m", "twofold", "run", SHOP, "--role", role, "--port", "0", "--database", each_database.address)
        done = finished(*words, where=ROOT)
        assert done.returncode == 75
        assert "a process that writes makes" in done.stderr or "start a worker first" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_read_database_of_another_log_is_refused(each_database: Database, tmp_path: Path) -> None:
    """The address of the log is wrong, say: the process ends with 2, and says so."""
    read = tmp_path / "read.db"
    with Till().app(tmp_path / "till.db", read).sync as app:
        app.execute(Pay(payer="ada", amount=1))
        app.settle()
    for role in ("all", "worker", "api-commands"):
        where = ("--database", each_database.address, "--read-database", str(read))
        done = finished(
            "-m", "twofold", "run", "tests.app.apart:app", "--role", role, "--port", "0", *where, where=ROOT
        )
        assert done.returncode == 2
        assert "stands at 1 of another log; this one ends at 0" in done.stderr
        assert "wrong address" in done.stderr
