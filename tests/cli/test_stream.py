"""`twofold stream`: events are shown, states are told then and now, and a stream is closed with and without a file."""

import asyncio
import hashlib
import io
import json
import os
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from examples._demo.database import Database
from tests.aggregates.members import Join, members
from tests.cli.conftest import Said
from tests.cli.ledger import Book, Count, Open, Sum, ledger
from twofold import App
from twofold.app.streams import archive
from twofold.clock import new_id
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import Corrupt, NotFound, StreamClosed, VersionConflict
from twofold.store import CLOSED, Append, Batch, Draft
from twofold.testing._store_case import append

Stream = Callable[..., Said]
LEDGER = "tests.cli.ledger:app"
OLD = datetime(2001, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two accounts, by turns, one of them with an older form of an event, and a counter."""
    file = tmp_path / "ledger.db"
    with App("ledger", modules=[ledger], database=file).sync as books:
        for command in (Open(account_id="7"), Open(account_id="8"), Book(account_id="7", amount=10), Count(name="x")):
            assert books.execute(command).is_success
        old = Draft(new_id(), "booked", 1, b'{"amount":5}', {}, datetime.now(UTC))
        asyncio.run(commit(file, Batch((Append("account-7", (old,)),))))
        assert books.execute(Book(account_id="7", amount=100)).unwrap() == 115
    return file


@pytest.fixture
def stream(twofold: Callable[..., Said], database: Path) -> Stream:
    """`twofold stream` with the application and its database."""

    def call(command: str, *arguments: str) -> Said:
        return twofold("stream", command, LEDGER, *arguments, "--database", str(database))

    return call


async def commit(file: Path, batch: Batch) -> None:
    """Write something past the application."""
    store = SqliteStore(file)
    await store.start()
    await store.commit(batch)
    await store.stop()


def shown(said: Said) -> Any:
    """What was said in JSON."""
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_events_are_shown_as_they_were_recorded(stream: Stream) -> None:
    """Position, version, type, time, tags and data; what says that it is secret is hidden, for machines too."""
    head, *rows = [line.split() for line in stream("show", "account-7").out.splitlines()]
    assert head == ["position", "version", "type", "recorded", "tags", "data"]
    assert [" ".join(row[:3]) for row in rows] == ["1 1 opened", "3 2 booked", "5 3 booked", "6 4 booked"]
    assert rows[0][-5:] == ["account:7", '{"account_id":', '"7",', '"api_key":', '"***"}']
    events = shown(stream("show", "account-7", "--json"))
    assert [(one["schema_version"], one["data"]) for one in events] == [
        (1, {"account_id": "7", "api_key": "***"}),
        (2, {"amount": 10, "text": "cash"}),
        (1, {"amount": 5}),
        (2, {"amount": 100, "text": "cash"}),
    ]
    assert events[0]["tags"] == ["account:7"]
    assert {"correlation_id", "causation_id"} <= events[0]["headers"].keys()


def test_events_are_shown_as_handlers_get_them(stream: Stream) -> None:
    """An older form becomes that of today."""
    events = shown(stream("show", "account-7", "--upcast", "--json"))
    assert (events[2]["schema_version"], events[2]["data"]) == (2, {"amount": 5, "text": "none"})


def test_a_long_stream_is_shown_in_parts(stream: Stream) -> None:
    """By the version to start behind, and a limit that says that there is more."""
    said = stream("show", "account-7", "--after", "1", "--limit", "2", "--json")
    assert [one["version"] for one in shown(said)] == [2, 3]
    assert said.err == "there are more than 2; --limit shows more, --after 3 the rest\n"
    assert [one["version"] for one in shown(stream("show", "account-7", "--after", "3", "--json"))] == [4]
    assert stream("show", "account-7", "--after", "9").out == "there is nothing in between\n"
    said = stream("show", "account-9")
    assert (said.code, said.err) == (4, "twofold: there is no stream 'account-9'\n")


def test_text_of_events_moves_no_cursor(stream: Stream, database: Path) -> None:
    """Whatever somebody has sent."""
    asyncio.run(commit(database, append("strange", kind="\x1b[2J")))
    assert "\x1b" not in stream("show", "strange").out


@pytest.mark.parametrize(
    "when, version, amounts",
    [
        ((), 4, [10, 5, 100]),
        (("--at", "2"), 2, [10]),
        (("--at", "@5"), 3, [10, 5]),
        (("--at", "2999-01-01T00:00Z"), 4, [10, 5, 100]),
    ],
)
def test_a_state_is_told_as_of_a_moment(
    stream: Stream, when: tuple[str, ...], version: int, amounts: list[int]
) -> None:
    """That of the aggregate whose name the stream has, found by itself, its secrets hidden; and events up to then."""
    found = shown(stream("state", "account-7", *when, "--json"))
    state = {"id": "7", "amounts": amounts, "token": "***"}
    told = {"stream": "account-7", "of": "Account", "version": version, "state": state, "snapshot": None}
    assert found == told
    said = stream("state", "account-7", *when)
    assert said.out.startswith(f"account-7 of Account, at version {version}\n{{\n")
    assert [one["version"] for one in shown(stream("show", "account-7", *when, "--json"))] == [*range(1, version + 1)]


def test_an_instant_may_say_its_time_zone(stream: Stream) -> None:
    """As `show` prints it, with and without `--json`; and a moment before everything is told as such, of events too."""
    row = re.search(r"\S+ \S+ UTC", stream("show", "account-7").out)
    assert row is not None
    first, second = (one["time"] for one in shown(stream("show", "account-7", "--json"))[:2])
    assert first in [one["time"] for one in shown(stream("show", "account-7", "--at", row[0], "--json"))]
    assert stream("state", "account-7", "--at", row[0]).code == 0
    assert shown(stream("state", "account-7", "--at", second, "--json"))["version"] == 2
    assert [one["version"] for one in shown(stream("show", "account-7", "--at", second, "--json"))] == [1, 2]
    for command in ("show", "state"):
        said = stream(command, "account-7", "--at", "2001-01-01T12:00:00+02:00")
        told = "twofold: stream 'account-7' has no events as of 2001-01-01 12:00:00.999999+02:00\n"
        assert (said.code, said.err) == (4, told)


def test_events_between_a_version_and_a_moment_are_shown(
    stream: Stream, twofold: Callable[..., Said], tmp_path: Path
) -> None:
    """Of the log and of an archive; where there are none, that is said."""
    file = tmp_path / "a.jsonl"

    def versions(*where: str) -> list[int]:
        return [one["version"] for one in shown(twofold("stream", "show", *where, "--json"))]

    between = shown(stream("show", "account-7", "--after", "1", "--at", "@5", "--json"))
    assert [one["version"] for one in between] == [2, 3]
    assert stream("show", "account-7", "--after", "3", "--at", "2").out == "there is nothing in between\n"
    assert stream("archive", "account-7", "--to", str(file), "--yes").code == 0
    assert versions("--from", str(file), "--after", "1", "--at", "@5") == [2, 3]
    assert versions("--from", str(file), "--at", "9") == [1, 2, 3, 4]


def test_the_state_of_a_decider_is_told(stream: Stream) -> None:
    """Of two whose names fit, the one whose name says more."""
    found = shown(stream("state", "account-counter-x", "--json"))
    assert (found["of"], found["state"]) == ("decide", {"count": 1})


def test_whoever_keeps_a_state_elsewhere_is_named(stream: Stream, database: Path) -> None:
    """Where the name of a stream does not tell; an unknown one is told with those that there are."""
    asyncio.run(commit(database, Batch((Append("elsewhere", (Draft(new_id(), "counted", 1, b"{}", {}, OLD),)),))))
    said = stream("state", "elsewhere")
    assert said.code == 4
    assert "--of: Account, decide" in said.err
    assert shown(stream("state", "elsewhere", "--of", "decide", "--json"))["state"] == {"count": 1}
    assert "--of: Account, decide" in stream("state", "elsewhere", "--of", "Nobody").err


club = App("club", modules=[members])


@pytest.mark.parametrize("options", [("member-bob",), ("member-bob", "--of", "Member"), ("queue-1",)])
def test_the_state_of_an_entity_is_no_stream_s(
    twofold: Callable[..., Said], tmp_path: Path, options: tuple[str, ...]
) -> None:
    """Whether it is named or found by the name of the stream: that says where its state is."""
    file = tmp_path / "club.db"
    with App("club", modules=[members], database=file).sync as running:
        running.execute(Join(id="bob")).unwrap()
    said = twofold("stream", "state", "tests.cli.test_stream:club", *options, "--database", str(file))
    name = "Ticket" if options == ("queue-1",) else "Member"
    told = f"twofold: {name} is an entity: its state is in its table, and no stream's\n"
    hint = "  hint: ask a query for it; `twofold stream show` shows what it has recorded\n"
    assert (said.code, said.err) == (4, told + hint)
    said = twofold("stream", "state", "tests.cli.test_stream:club", "other-1", "--database", str(file))
    assert "nobody is known to keep state in stream 'other-1'" in said.err


def test_an_event_that_is_passed_over_is_one_of_its_versions(stream: Stream, database: Path) -> None:
    """The version that a state is told as of counts it; where nothing else is there, that is said."""
    passed = Draft(new_id(), "viewed", 1, b"{}", {}, OLD)
    asyncio.run(
        commit(database, Batch((Append("account-7", (passed,)), Append("account-9", (passed._replace(id=new_id()),)))))
    )
    assert stream("state", "account-7", "--at", "5").out.startswith("account-7 of Account, at version 5\n")
    assert shown(stream("state", "account-7", "--json"))["version"] == 5
    said = stream("state", "account-9")
    told = "twofold: stream 'account-9' has 1 events, and none of them is one of today's\n"
    assert (said.code, said.err) == (4, told)


@pytest.mark.parametrize(
    "word, text",
    [
        ("0", "versions count from 1, so there is no version 0"),
        ("-1", "'-1' is no moment"),
        ("@", "'@' is no moment"),
        ("@-1", "'@-1' is no moment"),
        ("9" * 5000, "is no moment"),
        ("yesterday", "'yesterday' is no moment"),
        ("2026-13-01T00:00Z", "'2026-13-01T00:00Z' is no moment"),
        ("2026-05-01", "'2026-05-01' says no time zone, and is an instant with Z or an offset at its end"),
        ("2026-05-01T10:00", "'2026-05-01T10:00' says no time zone, and is an instant with Z or an offset at its end"),
    ],
)
@pytest.mark.parametrize("command", ["show", "state"])
def test_what_is_no_moment_is_told_with_those_that_there_are(
    stream: Stream, command: str, word: str, text: str
) -> None:
    """A version, a position and an instant are told apart by their form; a time zone is guessed by nobody."""
    said = stream(command, "account-7", "--at", word)
    assert said.code == 2
    told = " ".join(said.err.replace("│", " ").split())
    assert text in told
    assert "; 3 is a version of the stream, @120 a position of the log, and 2030-01-02T03:04:05Z an instant" in told


def test_an_archived_stream_is_in_its_file_alone(
    stream: Stream, twofold: Callable[..., Said], database: Path, tmp_path: Path
) -> None:
    """Byte by byte what the log had; nobody reads it but its owner, and the trail tells of it."""
    file, before = tmp_path / "account-7.jsonl", shown(stream("show", "account-7", "--json"))
    said = stream("archive", "account-7", "--to", str(file), "--yes", "--by", "root")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert said.out == f"stream account-7 is closed at version 4; its events are in {file}\nsha256 {digest}\n"
    assert file.stat().st_mode & 0o077 == 0
    assert shown(twofold("stream", "show", "--from", str(file), "--json")) == before
    assert '"api_key":"hush"' in file.read_text()
    for command in ("show", "state"):
        gone = stream(command, "account-7")
        assert (gone.code, gone.err) == (4, "twofold: stream 'account-7' is closed for good\n")
    assert shown(stream("show", "account-8", "--json"))[0]["position"] == 2
    where = LEDGER, "--database", str(database)
    (told,) = shown(twofold("audit", "list", *where, "--message", CLOSED, "--json"))
    assert told["user_id"] == "root"
    assert told["payload"] == {"stream": "account-7", "version": 4, "how": "archived", "sha256": digest}
    assert twofold("audit", "verify", *where).code == 0


def test_a_stream_of_each_database_is_told_and_archived(
    twofold: Callable[..., Said], each_database: Database, tmp_path: Path
) -> None:
    """Then and now, and in its file as the log had it."""
    where, file = ("--database", each_database.address), tmp_path / "a.jsonl"
    with App("ledger", modules=[ledger], database=each_database.address).sync as books:
        for command in (Open(account_id="7"), Book(account_id="7", amount=10), Book(account_id="7", amount=100)):
            assert books.execute(command).is_success
    then = shown(twofold("stream", "state", LEDGER, "account-7", "--at", "2", "--json", *where))
    assert (then["version"], then["state"]["amounts"]) == (2, [10])
    before = shown(twofold("stream", "show", LEDGER, "account-7", "--json", *where))
    assert [one["version"] for one in before] == [1, 2, 3]
    assert twofold("stream", "archive", LEDGER, "account-7", "--to", str(file), "--yes", *where).code == 0
    assert shown(twofold("stream", "show", LEDGER, "--from", str(file), "--json", *where)) == before
    assert twofold("stream", "show", LEDGER, "account-7", *where).code == 4
    assert twofold("audit", "verify", LEDGER, *where).code == 0


def test_a_tombstone_leaves_nothing(stream: Stream, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once somebody has said yes, knowing what that means; a second time there is nothing to close."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    said = stream("tombstone", "account-7")
    assert (said.code, "a rebuild is without them" in said.err) == (1, True)
    assert len(shown(stream("show", "account-7", "--json"))) == 4
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    said = stream("tombstone", "account-7")
    assert said.out.endswith("stream account-7 is closed at version 4, and its events are gone\n")
    assert stream("tombstone", "account-7", "--yes").code == 4
    assert stream("tombstone", "account-9", "--yes").err == "twofold: there is no stream 'account-9'\n"
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM twofold_events").fetchone() == (2,)
    connection.close()


def test_a_closed_stream_refuses_commands(stream: Stream, database: Path) -> None:
    """What was in it is not found, and nobody begins it anew."""
    stream("tombstone", "account-7", "--yes")
    with App("ledger", modules=[ledger], database=database).sync as books:
        for command in (Book(account_id="7", amount=1), Sum(account_id="7")):
            assert isinstance(books.execute(command).error, NotFound)
        refused = books.execute(Open(account_id="7")).error
        assert isinstance(refused, StreamClosed)
        assert (refused.category, str(refused)) == ("gone", "stream 'account-7' is closed for good")
        assert books.execute(Book(account_id="8", amount=1)).is_success
        assert books.execute(Sum(account_id="8", version=1)).unwrap() == 0


def test_a_file_that_is_there_is_not_overwritten(stream: Stream, tmp_path: Path) -> None:
    """Nor is a stream closed whose events cannot be kept."""
    file = tmp_path / "mine.txt"
    file.write_text("mine")
    assert stream("archive", "account-7", "--to", str(file), "--yes").code == 5
    assert file.read_text() == "mine"
    assert stream("archive", "account-7", "--to", str(tmp_path / "no" / "where"), "--yes").code == 2
    assert stream("archive", "account-9", "--to", str(tmp_path / "new"), "--yes").code == 4
    assert not (tmp_path / "new").exists()
    assert len(shown(stream("show", "account-7", "--json"))) == 4


@pytest.mark.anyio
async def test_a_stream_that_goes_on_meanwhile_is_not_closed(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so, the file is taken away, and the log has everything."""
    app, file = App("ledger", modules=[ledger], database=database), tmp_path / "a.jsonl"
    assert app.check() == []
    await app.stores.start()
    close = SqliteStore.close_stream

    async def closed_late(store: SqliteStore, *what: Any) -> None:
        await store.commit(append("account-7"))
        await close(store, *what)

    monkeypatch.setattr(SqliteStore, "close_stream", closed_late)
    with pytest.raises(VersionConflict):
        await archive(app, "account-7", file)
    assert not file.exists()
    assert len(await app.store.log.read_stream("account-7")) == 5
    await app.stores.stop()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "change", [lambda text: text[:-20], lambda text: text.replace('"amount":10', '"amount":99', 1)]
)
async def test_what_the_disk_has_not_as_it_was_written_closes_nothing(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str]
) -> None:
    """The file is read before anything leaves the log, and taken away where it is another one."""
    app, file = App("ledger", modules=[ledger], database=database), tmp_path / "a.jsonl"
    assert app.check() == []
    await app.stores.start()
    sync = os.fsync

    def sync_badly(descriptor: int) -> None:
        sync(descriptor)
        file.write_text(change(file.read_text()))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", sync_badly)
        with pytest.raises(Corrupt):
            await archive(app, "account-7", file)
    assert not file.exists()
    assert len(await app.store.log.read_stream("account-7")) == 4
    await app.stores.stop()


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda text: text.replace('"version":3', '"version":4', 1), "line 4"),
        (lambda text: text.replace('{"position":3', '{"position": 3', 1), "line 3"),
        (lambda text: text[:-20], "line 5"),
        (lambda text: text.replace('"archive":1', '"archive":2'), "no archive"),
        (lambda text: "", "line 1"),
        (lambda text: "[]", "line 1"),
        (lambda text: text.replace('"tags":[', '"tug":[', 1), "line 2"),
    ],
)
def test_an_archive_that_was_changed_is_told(
    stream: Stream, twofold: Callable[..., Said], tmp_path: Path, change: Callable[[str], str], text: str
) -> None:
    """Where its form shows it, by the number of the line."""
    file = tmp_path / "a.jsonl"
    stream("archive", "account-7", "--to", str(file), "--yes")
    file.write_text(change(file.read_text()))
    said = twofold("stream", "show", "--from", str(file))
    assert (said.code, text in said.err) == (70, True)


def test_a_value_that_was_changed_in_an_archive_is_told(
    stream: Stream, twofold: Callable[..., Said], database: Path, tmp_path: Path
) -> None:
    """By its SHA-256: that of the audit trail, or one that is given; where there is neither, it is said so."""
    file = tmp_path / "a.jsonl"
    digest = stream("archive", "account-7", "--to", str(file), "--yes").out.split()[-1]
    trail, given = (LEDGER, "--database", str(database)), ("--sha256", digest)

    def show(*more: str) -> Said:
        return twofold("stream", "show", *more, "--from", str(file))

    assert [(said.code, said.err) for said in (show(*trail), show(*given), show("--sha256", digest.upper()))] == [
        (0, "")
    ] * 3
    file.write_text(file.read_text().replace('"amount":10', '"amount":99', 1))
    for said in (show(*trail), show(*given)):
        assert (said.code, said.out) == (70, "")
        assert f"was changed: its SHA-256 is {hashlib.sha256(file.read_bytes()).hexdigest()}" in said.err
    said = show()
    assert (said.code, '"amount": 99' in said.out) == (0, True)
    assert said.err == "nothing was compared with its SHA-256: name the application, or give --sha256\n"
    assert show(LEDGER, "--database", str(tmp_path / "other.db")).code == 4
    assert twofold("stream", "show", LEDGER, "account-8", *given).code == 2


def test_an_archive_stands_alone(twofold: Callable[..., Said], tmp_path: Path) -> None:
    """It knows of what stream it is; one that is not there is told as such."""
    assert twofold("stream", "show", LEDGER, "account-7", "--from", "x").code == 2
    said = twofold("stream", "show", "--from", str(tmp_path / "x"))
    assert (said.code, "cannot be read" in said.err) == (2, True)


def test_data_of_any_kind_comes_back(
    stream: Stream, twofold: Callable[..., Said], database: Path, tmp_path: Path
) -> None:
    """What is no JSON, has line breaks, or looks like a line of the file."""
    kinds = [b"\xff\x00", b'{"a":\n1}', b'{"x":",\\"data\\":1","data":{"data":2}}', b"", "\u2028é".encode(), b"1.10"]
    drafts = [Draft(new_id(), "odd", 1, data, {"data": "{}"}, datetime.now(UTC), ("a:b",)) for data in kinds]
    asyncio.run(commit(database, Batch((Append("odd", tuple(drafts)),))))
    file = tmp_path / "odd.jsonl"
    before = shown(stream("show", "odd", "--json"))
    assert stream("archive", "odd", "--to", str(file), "--yes").code == 0
    assert shown(twofold("stream", "show", "--from", str(file), "--json")) == before
    assert len(file.read_text().splitlines()) == 7
    assert '"data":1.10}' in file.read_text()
