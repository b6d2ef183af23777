"""The demo, from its command line to its exit code."""

import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.cli.forked import finished
from tests.conftest import Execute

ROOT = Path(__file__).resolve().parent.parent.parent
REFUSED = [
    f"refused: {mistake}"
    for mistake in ("broken JSON", "a wrong type", "an unknown field", "an unknown order", "an oversized body")
]


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return finished("-m", "examples.demo", *map(str, arguments), where=ROOT)


# On files, test_doors drives every scenario in each run, and CI the whole demo.
@pytest.mark.parametrize(
    "database",
    [pytest.param((), marks=pytest.mark.faults), ("--database", "postgres")],
    ids=["sqlite", "postgres"],
)
def test_all_examples_pass_and_the_demo_ends_with_0(database: tuple[str, ...]) -> None:
    """Without a terminal it drives every example, prints figures and a line for each system, and leaves nothing."""
    done = demo("--commands", "150", *database)
    assert done.returncode == 0, done.stdout + done.stderr
    for system in ("S1", "S2", "S3", "S4", "S5"):
        assert re.search(rf"^PASS {system} .*examples\.", done.stdout, re.MULTILINE)
    for row in ("events", "refused: order_not_paid", "command p50 / p99", "projection lag", *REFUSED):
        assert row in done.stdout
    (sent,) = re.findall(r"commands sent\W+(\d+)", done.stdout)
    assert int(sent) >= 150
    assert done.stdout.splitlines()[-1].startswith("VERDICT PASS")
    assert done.stderr == ""
    if database:
        assert_nothing_is_left(done.stdout)


def test_it_sends_at_least_a_thousand_commands() -> None:
    """Unless it is told how many."""
    (default,) = re.findall(
        r"how many commands orders gets \(default: (\d+)\)", " ".join(demo("--help").stdout.split())
    )
    assert int(default) >= 1000


@pytest.fixture
def no_orders_left(postgres_admin: tuple[str, Execute]) -> Iterator[None]:
    """What a demo keeps is gone afterwards: now and then a log of another test would have the same advisory locks."""
    _, execute = postgres_admin
    yield
    execute("DROP SCHEMA orders CASCADE")


@pytest.mark.usefixtures("no_orders_left")
def test_on_postgresql_it_goes_on_where_the_database_stands(postgres_database: str) -> None:
    """Each example has a schema of its own, which is kept."""
    stood = [demo("orders", "--commands", "60", "--database", postgres_database, "--seed", seed) for seed in "12"]
    for done in stood:
        assert done.returncode == 0, done.stdout + done.stderr
    before, after = ("continued where the database stood" in done.stdout for done in stood)
    assert (before, after) == (False, True)


@pytest.mark.parametrize(
    "number, when",
    [
        (signal.SIGINT, "commands"),
        (signal.SIGTERM, "database postgresql://"),
        pytest.param(signal.SIGINT, "database postgresql://", marks=pytest.mark.faults),
        pytest.param(signal.SIGTERM, "commands", marks=pytest.mark.faults),
    ],
)
def test_however_it_is_stopped_no_server_stays(number: signal.Signals, when: str) -> None:
    """A PostgreSQL server that was started for it ends with it, and its folder is gone."""
    command = [sys.executable, "-m", "examples.demo", "orders", "--commands", "100000", "--database", "postgres"]
    ours, theirs = pty.openpty()
    terminal: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
    # Where the terminal is dumb, nothing is drawn before the last of the commands.
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TERM": "xterm"}, **terminal) as process:
        os.close(theirs)
        try:
            printed = read_until(ours, when, within=180)
            process.send_signal(number)
            assert process.wait(120) == 130
            assert_nothing_is_left(printed + read_until(ours, "nothing", within=1))
        finally:
            process.kill()
            os.close(ours)


def assert_nothing_is_left(printed: str) -> None:
    """Neither the folder of the server that the demo has told of, nor a process of it."""
    (folder,) = {*re.findall(r"host=(/\S+?)&", printed)}
    assert not Path(folder).exists()
    assert not [one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or ())]


def test_a_wrong_total_fails_the_demo_and_is_shown(tmp_path: Path) -> None:
    """A read model that is one cent off is found by the numbers alone, on a file that continues where it was."""
    database = tmp_path / "orders.db"
    assert demo("orders", "--commands", "60", "--database", database).returncode == 0
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "CREATE TRIGGER one_cent AFTER INSERT ON customer_totals BEGIN"
            " UPDATE customer_totals SET paid = paid + 1 WHERE customer_id = new.customer_id; END"
        )
        connection.commit()
    done = demo("orders", "--commands", "60", "--database", database, "--seed", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "continued where the database stood" in done.stdout
    assert re.search(r"^FAIL S5 ", done.stdout, re.MULTILINE)
    assert "every customer's totals are what the commands imply: " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("VERDICT FAIL")


def test_one_example_is_driven_when_it_is_named() -> None:
    """Only its systems are shown, and only its checks decide."""
    done = demo("accounts")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^PASS (S\d)", done.stdout, re.MULTILINE) == ["S1", "S4"]


@pytest.mark.parametrize("word", ["mysql", "postgresql"])
def test_a_mere_word_is_no_database(word: str) -> None:
    """It would be the name of a file, where somebody means a server: refused, and nothing is made."""
    done = demo("orders", "--commands", "1", "--database", word)
    assert done.returncode == 2
    assert f"{word} is no address, and no good name for a file: say postgres" in " ".join(done.stderr.split())
    assert not (ROOT / word).exists()


def test_sqlite_is_what_it_takes_anyway() -> None:
    """Fresh files, as when nothing is said."""
    done = demo("courses", "--database", "sqlite")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (ROOT / "sqlite").exists()


def test_a_server_that_dies_is_shown_with_its_log(tmp_path: Path) -> None:
    """A file that is no database stops the server, and the demo says what the server said."""
    database = tmp_path / "orders.db"
    database.write_text("this is no database, and long enough to be looked at" * 100)
    done = demo("orders", "--database", database)
    assert done.returncode == 1
    assert "the server died; the end of its log:\ntwofold: " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("VERDICT FAIL")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_on_a_terminal_it_keeps_serving_until_it_is_told_to_stop() -> None:
    """It draws how far it is, says where to click, serves what it says, and ends with its verdict at Ctrl-C."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "examples.demo", "orders", "--commands", "20"]
    terminal: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TERM": "xterm"}, **terminal) as process:
        os.close(theirs)
        try:
            printed = read_until(ours, "end with Ctrl-C", within=60)
            url = re.search(r"open (http://\S+/docs)", printed)
            assert url, printed
            assert re.search(r"commands .*━.* \d+/\d+", printed)
            assert httpx.get(url.group(1), trust_env=False).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
            with pytest.raises(httpx.ConnectError):
                httpx.get(url.group(1), trust_env=False)
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, text: str, *, within: float) -> str:
    """What a terminal shows, up to a text or the end."""
    end = time.monotonic() + within
    shown = ""
    os.set_blocking(terminal, False)
    while text not in shown and time.monotonic() < end:
        try:
            shown += os.read(terminal, 4096).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:
            break
    return shown
