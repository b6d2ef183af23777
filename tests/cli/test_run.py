"""`twofold run`: checks first, serves, drains on signals, and says clearly what is wrong."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.cli import forked
from tests.cli.served import BOUND, ROOT, Served, wait_until

SHOP = "tests.cli.shop:app"
STRICT = "tests.cli.shop:strict"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """One that coverage follows into: to see how it ends."""
    with Served(SHOP, "--database", str(tmp_path / "shop.db"), folder=tmp_path) as served:
        yield served


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Where the slow handler says that it has started, and waits for a `go`."""
    folder = tmp_path / "gate"
    folder.mkdir()
    return folder


@pytest.fixture
def slow(served: Served, gate: Path) -> Iterator[Future[httpx.Response]]:
    """A command that is in the middle of its handler."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(served.command, "sell_slowly", item="clock", gate=str(gate))
        wait_until((gate / "started").exists, "the handler has started")
        yield answer
        (gate / "go").touch()


def finished(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A `twofold` that ends by itself, and that coverage follows into."""
    return forked.finished("-m", "twofold", *arguments, where=ROOT)


@pytest.fixture
def forking(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what happens in between: coverage does not follow into their processes."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


def test_it_serves_commands_queries_health_metrics_and_documents(tmp_path: Path) -> None:
    """One process, for which nothing was imported, takes commands, projects, answers queries, and says how it is."""
    with Served(SHOP, "--database", str(tmp_path / "shop.db"), folder=tmp_path, forked=False) as served:
        assert served.command("sell", item="pen").status_code == 200
        wait_until(lambda: served.get("/queries/count_sales").json() == 1, "the sale is projected")
        assert served.get("/health/ready").json()["status"] == "ready"
        assert served.get("/docs").status_code == 200
        metrics = served.get("/metrics").text
        assert 'cqrs_command_total{message="sell",outcome="success"} 1.0' in metrics
        assert 'cqrs_subscription_lag{subscription="sales"} 0.0' in metrics
        assert f"twofold: documentation at {served.address}/docs" in served.output.splitlines()


@pytest.mark.usefixtures("forking")
def test_no_docs_means_no_docs(tmp_path: Path) -> None:
    """With --no-docs neither the documents nor their description are offered or announced."""
    with Served(SHOP, "--no-docs", "--database", str(tmp_path / "shop.db"), folder=tmp_path) as served:
        assert served.get("/docs").status_code == 404
        assert served.get("/openapi.json").status_code == 404
        assert "documentation" not in served.output


@pytest.mark.usefixtures("forking")
def test_an_application_says_how_it_is_served(tmp_path: Path) -> None:
    """What `App(http=...)` says holds, and what is typed wins over it."""
    address = str(tmp_path / "shop.db")
    with Served(STRICT, "--database", address, folder=tmp_path) as served:
        refused = served.command("sell", item="x" * 1000)
        assert (refused.status_code, refused.json()["type"]) == (413, "https://example.com/errors#too_large")
        assert served.get("/docs").status_code == 404
        assert served.get("/problems/too_large").status_code == 404
        assert "documentation" not in served.output
    with Served(STRICT, "--docs", "--database", address, folder=tmp_path) as served:
        assert served.get("/docs").status_code == 200


@pytest.mark.usefixtures("forking")
def test_a_connection_on_which_nothing_begins_is_closed(tmp_path: Path, gate: Path) -> None:
    """Whether nothing comes, or a part of a head, or that behind a request; one whose request takes long is left."""
    live = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    with (
        Served(STRICT, "--database", str(tmp_path / "shop.db"), folder=tmp_path) as served,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(served.command, "sell_slowly", item="clock", gate=str(gate))
        wait_until((gate / "started").exists, "the handler has started")
        for sent, answers in ((b"", 0), (live[:20], 0), (live + live[:20], 1)):
            with connected(served) as connection:
                connection.sendall(sent)
                assert all_of(connection).count(b"HTTP/1.1 200 ") == answers
        (gate / "go").touch()
        assert answer.result(BOUND).status_code == 200


@pytest.mark.usefixtures("forking")
def test_a_connection_too_many_is_a_503(tmp_path: Path) -> None:
    """With --max-connections a request on one more is refused at once, until another one is gone."""
    arguments = (SHOP, "--max-connections", "1", "--database", str(tmp_path / "shop.db"))
    with Served(*arguments, folder=tmp_path) as served:
        wait_until(lambda: served.get("/health/live").status_code == 200, "nobody else is connected")
        with connected(served) as connection:
            connection.sendall(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
            assert served.get("/health/live").status_code == 503
        wait_until(lambda: served.get("/health/live").status_code == 200, "there is room again")


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2])), timeout=BOUND)


def all_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(4096), b""))


def assert_given_up(answer: httpx.Response) -> None:
    """It is told to come again, and not that there is a bug."""
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == "unavailable"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_request_in_flight_finish(
    served: Served, slow: Future[httpx.Response], gate: Path, number: int
) -> None:
    """A signal stops new connections; what is in flight is answered and committed, and the exit code is 0."""
    served.signal(number)
    wait_until(lambda: not served.accepts(), "it accepts no new connection")
    assert served.process.poll() is None
    (gate / "go").touch()
    assert slow.result(BOUND).status_code == 200
    assert served.ended() == 0
    assert "Traceback" not in served.errors


def test_what_was_in_flight_is_there_after_a_restart(
    served: Served, slow: Future[httpx.Response], gate: Path, tmp_path: Path
) -> None:
    """The command that was in flight at the signal is in the read model of the next run on the same file."""
    served.signal()
    wait_until(lambda: not served.accepts(), "it accepts no new connection")
    (gate / "go").touch()
    assert slow.result(BOUND).status_code == 200
    assert served.ended() == 0
    again = tmp_path / "again"
    again.mkdir()
    with Served(SHOP, "--database", str(tmp_path / "shop.db"), folder=again) as next_run:
        wait_until(lambda: next_run.get("/queries/count_sales").json() == 1, "the sale is there")


def test_a_second_signal_hurries(served: Served, slow: Future[httpx.Response], gate: Path) -> None:
    """A second signal gives up what is in flight, closes everything all the same, and the exit code is 0."""
    served.signal()
    wait_until(lambda: "draining" in served.errors, "it has heard the first")
    served.signal()
    assert served.ended() == 0
    assert_given_up(slow.result(BOUND))
    assert "hurrying" in served.errors
    assert "Traceback" not in served.errors


def test_a_third_signal_kills(served: Served, gate: Path) -> None:
    """A handler that does not let itself be cancelled keeps the process until the third signal."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(served.command, "sell_slowly", item="clock", gate=str(gate), stubborn=True)
        wait_until((gate / "started").exists, "the handler has started")
        served.signal()
        wait_until(lambda: "draining" in served.errors, "it has heard the first")
        served.signal()
        wait_until(lambda: "hurrying" in served.errors, "it has heard the second")
        assert served.process.poll() is None
        served.signal()
        assert served.ended() == -signal.SIGTERM
        with pytest.raises(httpx.TransportError):
            answer.result(BOUND)


def test_the_grace_of_a_drain_ends(tmp_path: Path, gate: Path) -> None:
    """A request that is still running when the grace is over does not keep the process."""
    arguments = (SHOP, "--grace", "0", "--database", str(tmp_path / "shop.db"))
    with Served(*arguments, folder=tmp_path) as served, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(served.command, "sell_slowly", item="clock", gate=str(gate))
        wait_until((gate / "started").exists, "the handler has started")
        served.signal()
        assert served.ended() == 0
        assert_given_up(answer.result(BOUND))
    assert "Traceback" not in served.errors


def test_a_signal_ends_streams(served: Served) -> None:
    """One that would go on for ever does not keep the process: it ends properly, and the exit code is 0."""
    headers = {"accept": "text/event-stream"}
    with httpx.stream("GET", f"{served.address}/queries/count_sales", headers=headers, timeout=BOUND) as stream:
        lines = stream.iter_lines()
        assert "data: 0" in lines
        assert served.command("sell", item="pen").status_code == 200
        assert "data: 1" in lines
        served.signal()
        assert [line for line in lines if line.startswith("data")] == []
    assert served.ended() == 0
    assert "Traceback" not in served.errors


def test_faults_are_all_listed_and_nothing_is_served(tmp_path: Path) -> None:
    """An application with faults exits with 2, names every one, opens no port and makes no file."""
    database = tmp_path / "broken.db"
    with socket.create_server(("127.0.0.1", 0)) as other:  # a port in use would be told, were it asked for
        port = other.getsockname()[1]
        done = finished("run", "tests.cli.broken:app", "--port", str(port), "--database", str(database))
    assert done.returncode == 2
    assert done.stdout == ""
    assert "broken cannot start: 3 faults" in done.stderr
    for code in ("duplicate_handler", "missing_dependency", "handler_not_found"):
        assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not database.exists()


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    """A port that somebody else has gives exit code 75, one line and a hint, and the database is not touched."""
    database = tmp_path / "shop.db"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = finished("run", SHOP, "--port", str(port), "--database", str(database))
    assert done.returncode == 75
    first, hint = done.stderr.splitlines()
    assert first == f"twofold: port {port} of 127.0.0.1 is in use"
    assert "--port" in hint
    assert not database.exists()


def test_an_address_of_another_machine_is_a_usage_error(tmp_path: Path) -> None:
    """An address that this machine has not got gives exit code 2."""
    done = finished("run", SHOP, "--port", "0", "--host", "192.0.2.1", "--database", str(tmp_path / "shop.db"))
    assert done.returncode == 2
    assert done.stderr.startswith("twofold: cannot serve on 192.0.2.1")


def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    """A database that cannot be opened gives exit code 75, without a traceback, and nothing is served."""
    done = finished("run", SHOP, "--port", "0", "--database", str(tmp_path / "nowhere" / "shop.db"))
    assert done.returncode == 75
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.usefixtures("forking")
def test_log_lines_are_json_where_nobody_looks(tmp_path: Path) -> None:
    """In a file every line is an object; a message has a start and an outcome and no payload."""
    with Served(SHOP, "--database", str(tmp_path / "shop.db"), folder=tmp_path) as served:
        assert served.command("refuse", why="secret reason").status_code == 400
        served.signal()
        assert served.ended() == 0
    lines = [json.loads(line) for line in served.errors.splitlines()]
    started, failed = (line for line in lines if line.get("message") == "refuse")
    assert (started["step"], failed["step"], failed["outcome"]) == ("started", "failed", "refused")
    assert started["correlation_id"] == failed["correlation_id"]
    assert "secret" not in served.errors


@pytest.mark.usefixtures("forking")
def test_log_lines_are_for_people_on_demand(tmp_path: Path) -> None:
    """With --log-format console they are so in a file, too."""
    arguments = (SHOP, "--log-format", "console", "--database", str(tmp_path / "shop.db"))
    with Served(*arguments, folder=tmp_path) as served:
        assert served.command("sell", item="pen").status_code == 200
        served.signal()
        assert served.ended() == 0
    (line,) = (line for line in served.errors.splitlines() if "command sell succeeded" in line)
    assert "outcome=success" in line
    assert not line.startswith("{")


@pytest.mark.usefixtures("forking")
def test_a_log_level_keeps_lines_out(tmp_path: Path) -> None:
    """With --log-level warning a command that goes well leaves no line."""
    arguments = (SHOP, "--log-level", "warning", "--database", str(tmp_path / "shop.db"))
    with Served(*arguments, folder=tmp_path) as served:
        assert served.command("sell", item="pen").status_code == 200
        served.signal()
        assert served.ended() == 0
    assert served.errors == ""
