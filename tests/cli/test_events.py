"""`twofold events tail`: events are printed as they come, and it ends when nobody wants more of them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Said
from tests.cli.ledger import Book, Count, Open, ledger
from tests.cli.served import BOUND, ROOT
from twofold import App

Twofold = Callable[..., Said]
LEDGER = "tests.cli.ledger:app"


def record(database: Path, *commands: object) -> None:
    """Have another application do something."""
    with App("ledger", modules=[ledger], database=database).sync as books:
        for command in commands:
            assert books.execute(command).is_success


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Four events at positions 1 to 4."""
    file = tmp_path / "ledger.db"
    record(file, Open(account_id="7"), Open(account_id="8"), Book(account_id="7", amount=10), Count(name="x"))
    return file


@pytest.fixture
def tail(twofold: Twofold, database: Path) -> Twofold:
    """`twofold events tail` from the beginning."""

    def call(*arguments: str) -> Said:
        return twofold("events", "tail", LEDGER, "--database", str(database), "--from", "0", *arguments)

    return call


def positions(said: Said) -> list[Any]:
    """Which events were printed as lines of JSON."""
    assert said.code == 0, said.err
    return [json.loads(line)["position"] for line in said.out.splitlines()]


def test_what_is_in_the_log_is_printed_first(tail: Twofold) -> None:
    """In its order, a line each, without what says that it is secret; a limit ends it."""
    lines = [line.split("  ") for line in tail("--limit", "3").out.splitlines()]
    assert [(line[0], line[2], line[3]) for line in lines] == [
        ("1", "account-7@1", "opened"),
        ("2", "account-8@1", "opened"),
        ("3", "account-7@2", "booked v2"),
    ]
    assert lines[0][4:] == ["account:7", '{"account_id": "7", "api_key": "***"}']
    assert "hush" not in tail("--limit", "4", "--json").out


@pytest.mark.parametrize(
    "wanted, found",
    [
        (("--type", "opened"), [1, 2]),
        (("--type", "Booked", "--type", "counted"), [3, 4]),
        (("--stream", "account-7"), [1, 3]),
        (("--stream", "account-*", "--type", "counted"), [4]),
        (("--tag", "account:8"), [2]),
        (("--from", "3"), [3, 4]),
    ],
)
def test_events_are_chosen_by_type_stream_tag_and_position(
    tail: Twofold, wanted: tuple[str, ...], found: list[int]
) -> None:
    """Of all that were given each narrows it; a type is known by its name or its class."""
    assert positions(tail(*wanted, "--limit", str(len(found)), "--json")) == found


def test_what_cannot_be_meant_is_told(tail: Twofold) -> None:
    """An event that there is not, a command, and no position."""
    said = tail("--type", "open")
    assert (said.code, "it is a command" in said.err) == (4, True)
    assert "did you mean opened?" in tail("--type", "openned").err
    assert tail("--from", "-1").code == tail("--from", "yesterday").code == 2


@contextmanager
def following(database: Path, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
    """`twofold events tail` in a process of its own, whose output is a pipe; it has shown what was there."""
    command = [sys.executable, "-m", "twofold", "events", "tail", LEDGER, "--database", str(database), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read(process: subprocess.Popen[bytes]) -> Any:
    """The next event that it prints."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_other_processes_record_is_printed_until_a_signal(database: Path, number: int) -> None:
    """It ends well, with nothing on standard error."""
    with following(database, "--from", "4", "--json") as process:
        assert read(process)["position"] == 4
        record(database, Book(account_id="8", amount=1))
        assert (read(process)["position"], process.poll()) == (5, None)
        process.send_signal(number)
        assert process.wait(BOUND) == 0
        assert process.communicate() == (b"", b"")


@pytest.mark.parametrize("shown", [0, 1])
def test_it_ends_when_nobody_reads_the_pipe_any_more(database: Path, shown: int) -> None:
    """At once, and not with the next event; nothing is said of it."""
    with following(database, "--from", "4", "--json") as process:
        assert process.stdout is not None
        for _ in range(shown):
            read(process)
        process.stdout.close()
        assert process.wait(BOUND) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
