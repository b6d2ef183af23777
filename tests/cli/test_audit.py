"""`twofold audit`: the trail that commands leave, listed, shown, proved and exported."""

import asyncio
import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.app.test_audit import Open, OpenTwo, bank
from tests.cli.conftest import Said
from twofold import App

Audit = Callable[..., Said]
BANK = "tests.cli.test_audit:app"

app = App("bank", modules=[bank()])
emptied = App("bank")
"""The same, later: its commands are gone."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the trail of three requests."""
    file = tmp_path_factory.mktemp("bank") / "bank.db"

    async def keep() -> None:
        async with App("bank", modules=[bank()], database=file) as running:
            await running.caller(user_id="ada", correlation_id="c-1").execute(OpenTwo(second="refuse"))
            await running.audit.seal()
            await running.caller(user_id="\x1b[2Jbob").execute(Open(then="refuse"))
            await running.execute(Open())

    asyncio.run(keep())
    return file


@pytest.fixture
def database(kept: Path, tmp_path: Path) -> Path:
    """A copy of it for each test."""
    return Path(shutil.copy(kept, tmp_path / "bank.db"))


@pytest.fixture
def audit(twofold: Callable[..., Said], database: Path) -> Audit:
    """`twofold audit` with the application and its database."""

    def call(command: str, *arguments: str) -> Said:
        return twofold("audit", command, BANK, *arguments, "--database", str(database))

    return call


def test_commands_are_listed_newest_first(audit: Audit) -> None:
    """With who, what and how it ended; safe for a terminal."""
    said = audit("list")
    assert said.code == 0
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0] == ["number", "sent", "message", "user", "outcome", "code", "took", "id"]
    assert [row[0] for row in rows[1:]] == ["5", "4", "3", "2", "1"]
    assert ("\x1b" in said.out, "bob" in said.out) == (False, True)


@pytest.mark.parametrize(
    "options, numbers",
    [
        (["--oldest", "--limit", "2"], [1, 2]),
        (["--user", "ada"], [3, 2, 1]),
        (["--correlation", "c-1", "--message", "open"], [2, 1]),
        (["--outcome", "refused"], [4, 2]),
        (["--since", "2090-01-01"], []),
        (["--until", "2090-01-01T00:00:00", "--oldest"], [1, 2, 3, 4, 5]),
    ],
)
def test_the_list_is_narrowed(audit: Audit, options: list[str], numbers: list[int]) -> None:
    """By all that is asked for; and there is a hint when there is more."""
    said = audit("list", "--json", *options)
    found = [one["number"] for one in json.loads(said.out)]
    assert found == numbers
    assert ("there are more than 2" in said.err) is ("--limit" in options)


def test_a_time_is_taken_as_it_is_printed(audit: Audit) -> None:
    """By `list`, by `show` and in JSON, and with the offset of another zone; what is none is told, with a form."""
    (last,) = json.loads(audit("list", "--json", "--limit", "1").out)
    row = re.search(r"\S+ \S+ UTC", audit("list", "--limit", "1").out)
    line = re.search(r"^time +(.+)$", audit("show", last["message_id"]).out, re.MULTILINE)
    assert row is not None
    assert line is not None
    elsewhere = datetime.fromisoformat(last["time"]).astimezone(timezone(timedelta(hours=-7))).isoformat()
    for time in (row[0], line[1], last["time"], elsewhere):
        assert last in json.loads(audit("list", "--json", "--since", time).out), time
        assert last in json.loads(audit("list", "--json", "--until", time).out), time
        assert last in json.loads(audit("list", "--json", "--since", time, "--until", time).out), time
        assert audit("prune", "--before", time, "--dry-run").code == 0
    for time in ("yesterday", "0001-01-01T00:00+14:00"):
        said = audit("list", "--since", time)
        told = " ".join(said.err.replace("│", "").split())
        assert (said.code, f"{time!r} is no instant; 2030-01-02 is, and 2030-01-02T03:04:05Z" in told) == (2, True)


def test_an_end_is_its_whole_second_unless_it_says_fractions(audit: Audit) -> None:
    """As tables print it, and no later; with fractions it is exact, and what was sent at that very time is meant."""
    (first,) = json.loads(audit("list", "--json", "--oldest", "--limit", "1").out)
    sent = datetime.fromisoformat(first["time"])
    second, tick = sent.replace(microsecond=0), timedelta(microseconds=1)
    for until, among in [
        (f"{second:%Y-%m-%d %H:%M:%S UTC}", True),
        (f"{second - timedelta(seconds=1):%Y-%m-%d %H:%M:%S UTC}", False),
        ((sent - tick).isoformat(timespec="microseconds"), False),
        ("9999-12-31T23:59:59Z", True),
    ]:
        assert (first in json.loads(audit("list", "--json", "--until", until).out)) is among, until


def test_a_duration_has_its_unit(audit: Audit) -> None:
    """The same for people in the row and among the lines; a number of seconds in JSON."""
    (last,) = json.loads(audit("list", "--json", "--limit", "1").out)
    took = f"{last['duration'] * 1000:.1f} ms"
    assert f" {took} " in audit("list", "--limit", "1").out
    assert re.search(rf"^duration +{re.escape(took)}$", audit("show", last["message_id"]).out, re.MULTILINE)
    assert json.loads(audit("show", last["message_id"], "--json").out)["duration"] == last["duration"]


def test_a_command_is_shown_with_its_request(audit: Audit) -> None:
    """Its payload, and the commands beside it, as a tree."""
    (inner,) = json.loads(audit("list", "--json", "--outcome", "refused", "--correlation", "c-1").out)
    said = audit("show", inner["message_id"])
    assert said.code == 0
    lines = said.out.splitlines()
    assert '    "then": "refuse"' in lines
    tree = [line.split()[0] for line in lines[lines.index("request") + 1 :]]
    assert tree == ["open_two", "open", "open"]
    assert lines[-1].endswith("<-")
    assert json.loads(audit("show", inner["message_id"], "--json").out) == inner
    assert "nothing of" in audit("show", "00000000-0000-0000-0000-000000000000").err
    assert audit("show", "what").code == 4


def test_a_request_is_shown_by_its_correlation(audit: Audit) -> None:
    """All that it has caused, as lines and as JSON."""
    assert audit("show", "c-1").out.startswith("request\n  open_two ")
    shown = json.loads(audit("show", "c-1", "--json").out)
    root, *others = shown["entries"]
    assert (shown["correlation_id"], root["message"], root["below"]) == ("c-1", "open_two", None)
    assert [one["below"] for one in others] == [root["message_id"]] * 2


def test_the_trail_is_proved(audit: Audit, database: Path) -> None:
    """With an anchor to note; a changed byte, and a cut tail where the anchor is known, are told and fail."""
    said = audit("verify")
    first, second = said.out.splitlines()
    assert (said.code, first[:35]) == (0, "5 entries are as they were sealed, ")
    anchor = second.removeprefix("anchor ")
    assert audit("verify", "--anchor", anchor).code == 0
    assert json.loads(audit("verify", "--json").out) == {
        "entries": 5, "blocks": 2, "keyed": 0, "unsealed": 0, "anchor": anchor, "taken_away": None
    }  # fmt: skip
    said = audit("verify", "--anchor", anchor[::-1])
    assert (said.code, "the end was cut off" in said.err) == (70, True)
    assert audit("verify", "--anchor", "xyz").code == 2
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("DROP TRIGGER twofold_audit_update")
    connection.execute("UPDATE twofold_audit SET outcome = 'success' WHERE number = 4")
    connection.close()
    said = audit("verify")
    assert (said.code, "entry 4 was changed" in said.err) == (70, True)
    said = audit("verify", "--json")
    assert (said.code, said.out, json.loads(said.err)["code"]) == (70, "", "trail_broken")


def test_the_trail_is_exported(audit: Audit) -> None:
    """A line of JSON for each entry, the oldest first."""
    lines = [json.loads(line) for line in audit("export", "--outcome", "success").out.splitlines()]
    assert [(one["number"], one["message"]) for one in lines] == [(1, "open"), (3, "open_two"), (5, "open")]


def test_what_is_old_is_taken_away(audit: Audit, database: Path) -> None:
    """A dry run tells what; then it is gone, an entry tells by whom, and the proof tells of both."""
    said = audit("prune", "--before", "2090-01-01", "--dry-run")
    assert (said.code, said.out) == (0, "3 entries, up to 3, would be taken away in 1 blocks\n")
    assert audit("verify").out.startswith("5 entries are as they were sealed, in 2 blocks\n")
    said = audit("prune", "--before", "2090-01-01", "--by", "ada", "--yes")
    assert (said.code, said.out) == (0, "3 entries, up to 3, were taken away in 1 blocks\n")
    (told,) = json.loads(audit("list", "--json", "--message", "twofold.audit_cut").out)
    assert (told["number"], told["user_id"], told["payload"]["block"]) == (6, "ada", 1)
    removed, proved, anchor, unsealed = audit("verify").out.splitlines()
    assert removed.startswith("entries up to 3, in blocks up to 1, were taken away at ")
    assert removed.endswith("by the rule twofold audit prune: they had been sealed before 2090-01-01 00:00:00 UTC")
    assert proved == "2 entries are as they were sealed, in 1 blocks, from block 2 on"
    assert (anchor[:7], unsealed[:6]) == ("anchor ", "1 more")
    told_by_machine = json.loads(audit("verify", "--json").out)
    assert (told_by_machine["entries"], told_by_machine["blocks"], told_by_machine["unsealed"]) == (2, 1, 1)
    taken_away = told_by_machine["taken_away"]
    assert (taken_away["until_entry"], taken_away["until_block"]) == (3, 1)
    assert taken_away["sealed_before"] == "2090-01-01T00:00:00+00:00"
    assert audit("prune", "--before", "2090-01-01", "--yes").out.startswith(
        "nothing to take away was sealed before 2090"
    )
    assert audit("prune").code == 2
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("DROP TRIGGER twofold_audit_cuts_update")
    connection.execute("UPDATE twofold_audit_cuts SET rule = 'another one'")
    connection.close()
    said = audit("verify")
    assert (said.code, "record of what was taken away was changed" in said.err) == (70, True)


def test_without_its_key_nothing_is_proved(audit: Audit, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no flaw of the trail, but a mistake of whoever asks; with the key it is told how much that seals."""

    async def go_on() -> None:
        async with App("bank", modules=[bank()], database=database) as running:
            await running.execute(Open())

    monkeypatch.setenv("TWOFOLD_AUDIT_KEY", "k" * 32)
    asyncio.run(go_on())
    said = audit("verify")
    assert said.code == 0
    assert said.out.splitlines()[:2] == [
        "6 entries are as they were sealed, in 3 blocks",
        "1 of them are sealed under a key",
    ]
    for other in ({}, {"TWOFOLD_AUDIT_KEY": "o" * 32}):
        monkeypatch.delenv("TWOFOLD_AUDIT_KEY")
        for name, value in other.items():
            monkeypatch.setenv(name, value)
        said = audit("verify")
        assert (said.code, said.out, "nothing is proved of it" in said.err) == (2, "", True)
        assert "TWOFOLD_AUDIT_KEY_FILE" in said.err
        monkeypatch.setenv("TWOFOLD_AUDIT_KEY", "k" * 32)


@pytest.mark.parametrize(
    "word, told",
    [
        ("crash", "'crash' is no outcome: did you mean crashed?"),
        ("Refused", "'Refused' is no outcome: did you mean refused?"),
        ("xyz", "'xyz' is no outcome: there are success, wiring, invalid,"),
    ],
)
@pytest.mark.parametrize("command", ["list", "export", "replay"])
def test_an_outcome_that_is_none_is_a_usage_error(audit: Audit, command: str, word: str, told: str) -> None:
    """Nobody is told that nothing is like that, when nothing could be; with what may have been meant."""
    said = audit(command, "--outcome", word)
    assert (said.code, said.out) == (2, "")
    assert told in " ".join(said.err.replace("│", "").split())


@pytest.mark.parametrize("outcome", ["crashed", "cancelled", "undone", "replayed", "interrupted", "not_found"])
def test_an_outcome_that_nothing_had_is_none_the_less_one(audit: Audit, outcome: str) -> None:
    """It is asked for, and nothing is like that."""
    said = audit("list", "--outcome", outcome)
    assert (said.code, said.out) == (0, "nothing in the audit trail is like that\n")


@pytest.mark.parametrize("command", ["list", "export", "replay"])
def test_a_message_that_nobody_knows_is_told(audit: Audit, command: str) -> None:
    """With what may have been meant; and one that is no command with what it is."""
    said = audit(command, "--message", "opn_two")
    told = "twofold: bank knows no command called 'opn_two'\n  hint: did you mean open_two?\n"
    assert (said.code, said.out, said.err) == (4, "", told)
    assert "knows no command called 'look': it is a query" in audit(command, "--message", "look").err


def test_a_message_of_the_past_is_none_the_less_one(twofold: Callable[..., Said], audit: Audit, database: Path) -> None:
    """What the trail holds is found, whether its class is still there or not; what twofold itself writes is known."""
    assert len(json.loads(audit("list", "--json", "--message", "OpenTwo").out)) == 1
    where = ("tests.cli.test_audit:emptied", "--database", str(database))
    assert len(json.loads(twofold("audit", "list", *where, "--json", "--message", "open_two").out)) == 1
    assert twofold("audit", "list", *where, "--message", "open_three").code == 4
    for name in ("*", "twofold.audit_cut"):
        said = twofold("audit", "list", *where, "--message", name)
        assert (said.code, said.out) == (0, "nothing in the audit trail is like that\n")


def test_a_filter_that_matches_nothing_is_told_apart_from_an_empty_trail(
    audit: Audit, twofold: Callable[..., Said], tmp_path: Path
) -> None:
    """Of a trail that has entries nobody says that it has none."""
    assert audit("list", "--user", "eve").out == "nothing in the audit trail is like that\n"
    empty = twofold("audit", "list", BANK, "--database", str(tmp_path / "empty.db"))
    assert empty.out == "nothing is in the audit trail\n"
