"""`twofold projections`: what an operator sees and does, and the exit codes that scripts go by."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.versions import Paid, record, till, until_status
from tests.cli import tills
from tests.cli.conftest import Said
from twofold.cli._pace import PaceShown, told
from twofold.drivers.sqlite import SqliteStore
from twofold.projections import Pace

Twofold = Callable[..., Said]
CHANGING = ("rebuild", "reset", "switch", "rollback", "drop")


@pytest.fixture
def projections(twofold: Twofold, tmp_path: Path) -> Twofold:
    """`twofold projections COMMAND tests.cli.tills:APP …` on a database in which version 1 has run."""

    async def fill() -> None:
        async with till(1, SqliteStore(tmp_path / "till.db")) as app:
            await record(app, Paid(amount=1), Paid(amount=2, who="ann"))
            await app.settle()

    asyncio.run(fill())

    def call(command: str, app: str, *arguments: str) -> Said:
        sure = ["--yes"] if command in CHANGING else []
        return twofold(
            *("projections", command, f"tests.cli.tills:{app}", *arguments, *sure),
            *("--database", str(tmp_path / "till.db")),
        )

    return call


def test_a_rebuild_shows_its_progress_and_ends_with_what_is_live(projections: Twofold) -> None:
    """Plain lines in a pipe; afterwards status, list and JSON agree, and the way back is told."""
    said = projections("rebuild", "new", "sums")
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("sums    0%  0 of 2")
    assert said.out.splitlines()[-2].startswith("sums  100%  2 of 2")
    last = said.out.splitlines()[-1]
    assert last == (
        "sums: version 2 (at position 2, 0 behind) is live; version 1 (at position 2, 0 behind) is kept for a roll-back"
    )
    assert projections("list", "new").out.splitlines()[1].split() == ["sums", "async", "2", "2", "0", "-", "1", "-"]
    status = json.loads(projections("status", "new", "sums", "--json").out)
    assert (status["live"]["version"], status["next"], status["previous"]["version"]) == (2, None, 1)
    assert json.loads(projections("list", "new", "--json").out) == [status]
    assert "  next      nothing" in projections("status", "new", "sums").out.splitlines()


def test_code_that_fails_ends_a_rebuild_with_the_event_and_the_line(projections: Twofold) -> None:
    """No traceback; what is live stays, and mended code that drops nothing goes on from there, which is told."""
    said = projections("rebuild", "broken", "sums")
    assert said.code == 2
    assert "twofold: 'sums@next' cannot handle 'paid' at position 2, of stream" in said.err
    assert "LookupError: no such account (tills.py:" in said.err
    assert "drop what it has made of the events before (`twofold projections drop sums --which next`)" in said.err
    assert "without the drop it goes on there, and keeps that; what was live before is untouched" in said.err
    assert "Traceback" not in said.err
    assert projections("list", "broken").out.splitlines()[1].split()[3:6] == ["1", "0", "2"]
    assert "version 2 (at position 2, 0 behind) is live" in projections("rebuild", "new", "sums").out


def test_a_line_of_twofold_is_not_what_there_is_to_mend(projections: Twofold, tmp_path: Path) -> None:
    """The line of whoever called it is told; none when only twofold was at work, as with too large a number."""
    assert "(tills.py:" in projections("rebuild", "inside", "sums").err

    async def fill() -> None:
        async with till(1, SqliteStore(tmp_path / "till.db")) as app:
            await record(app, Paid(amount=2**62, who="ann"))
            await app.settle()

    asyncio.run(fill())
    said = projections("rebuild", "new", "sums").err
    assert "a number is beyond what can be stored" in said
    assert ".py:" not in said


def test_a_manual_one_is_compared_switched_rolled_back_and_dropped(projections: Twofold) -> None:
    """Step by step, each with what it did."""
    assert projections("rebuild", "slow", "sums").out.splitlines()[-1] == (
        "sums is built, and waits for `twofold projections switch`"
    )
    note = "version 3 is built, and waits for `twofold projections switch sums`"
    assert note in projections("list", "slow").out
    assert projections("status", "slow", "sums").out.splitlines()[-1] == f"  {note}"
    compared = projections("compare", "slow", "sums", "--limit", "1").out.splitlines()
    assert compared == [
        "sums  2 rows live, 2 next, 2 differ",
        "  only one side has the columns events",
        "  {'who': 'all'}: live {'total': 1}, next {'total': 3}",
    ]
    assert json.loads(projections("compare", "slow", "sums", "--json").out)[0]["different"] == 2
    assert "version 3 (at position 2, 0 behind) is live" in projections("switch", "slow", "sums").out
    assert "version 1 (at position 2, 0 behind) is live" in projections("rollback", "slow", "sums").out
    assert "stands aside" not in projections("status", "old", "sums").out
    assert "version 3 was rolled back to version 1" in projections("status", "slow", "sums").out
    assert projections("drop", "slow", "sums").out == "the previous version of sums is dropped\n"
    assert projections("drop", "slow", "sums").code == 4


def test_what_a_version_lacks_is_told_before_it_takes_the_place(
    projections: Twofold, twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question names both versions and what is parked; who needs no question is told all the same."""

    async def park() -> None:
        async with till(2, SqliteStore(tmp_path / "till.db"), look=tills.refuse) as app:
            await until_status(app, "sums@next", "waits for a command: it has put events aside")

    asyncio.run(park())
    assert "version 2 is built, and waits: it has put events aside" in projections("list", "new").out
    lacks = "version 2 of sums has 1 event parked, which it lacks: `twofold parked list --subscription sums@next`\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    asked = twofold("projections", "switch", "tests.cli.tills:new", "sums", "--database", str(tmp_path / "till.db"))
    assert asked.code == 1
    assert asked.err.startswith(lacks + "Let version 2 of sums take the place of version 1, with 1 event parked? [y/N]")
    done = projections("switch", "new", "sums")
    assert (done.code, done.err) == (0, lacks)
    assert done.out.startswith("sums: version 2 (at position 2, 0 behind, 1 event parked) is live")
    monkeypatch.setattr("twofold.cli._projections.MOST_PARKED", 1)  # no more are counted
    assert "at least 1 events parked" in projections("status", "new", "sums").out


def test_the_question_names_both_versions(
    projections: Twofold, twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is built, nothing is asked."""
    command = ("projections", "switch", "tests.cli.tills:slow", "sums", "--database", str(tmp_path / "till.db"))
    assert twofold(*command).err.startswith("twofold: nothing is built beside sums")
    projections("rebuild", "slow", "sums")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert twofold(*command).err.startswith("Let version 3 of sums take the place of version 1? [y/N]")


def test_who_builds_again_what_is_dropped_is_told(projections: Twofold, tmp_path: Path) -> None:
    """A worker of that version begins anew, and nobody would know."""

    async def drop_beside_it() -> tuple[str, Said]:
        async with till(3, SqliteStore(tmp_path / "till.db"), switch="manual") as app:
            await until_status(app, "sums@next", "waits for `twofold projections switch sums`")
            owner = (await app.store.checkpoints.get("sums@next")).owner
            return owner, await asyncio.to_thread(projections, "drop", "slow", "sums", "--which", "next")

    owner, said = asyncio.run(drop_beside_it())
    assert (said.code, said.out) == (0, "the next version of sums is dropped\n")
    assert said.err == f"{owner} was building it, and builds it anew as long as it runs\n"
    projections("rebuild", "slow", "sums")
    assert projections("drop", "slow", "sums", "--which", "next").err == ""


def test_what_no_process_runs_is_told_once_events_wait(projections: Twofold, tmp_path: Path) -> None:
    """A version that was switched to before its processes run, and one whose building has stopped."""

    async def pay(version: int, amount: int) -> None:
        async with till(version, SqliteStore(tmp_path / "till.db")) as app:
            await record(app, Paid(amount=amount))

    projections("rebuild", "new", "sums")
    asyncio.run(pay(1, 3))
    (row,) = projections("list", "new").out.splitlines()[1:]
    assert row.split("  ")[-1].strip() == "events wait, and no process runs version 2"
    projections("rebuild", "slow", "sums")
    assert "version 3 is built, and waits" in projections("list", "slow").out
    asyncio.run(pay(2, 4))
    note = "version 3 is built up to position 3; `twofold projections rebuild sums` goes on"
    assert note in projections("list", "slow").out


def test_a_roll_back_to_a_version_is_done_once(projections: Twofold) -> None:
    """A script that says it again changes nothing, whichever code it has; a version that is not kept is refused."""
    projections("rebuild", "new", "sums")
    assert "version 1 (at position 2, 0 behind) is live" in projections("rollback", "new", "sums", "--to", "1").out
    for app in ("new", "old"):
        said = projections("rollback", app, "sums", "--to", "1")
        assert (said.code, said.out, said.err) == (0, "version 1 of sums is live already: nothing is changed\n", "")
    said = projections("rollback", "new", "sums", "--to", "3")
    assert (said.code, said.out) == (3, "")
    assert "version 2 of sums is the previous one, and not version 3: version 1 is live" in said.err
    assert "version 2 (at position 2, 0 behind) is live" in projections("rollback", "new", "sums", "--to", "2").out
    assert projections("rollback", "new", "sums", "--to", "0").code == 2


def test_a_reset_keeps_the_version(projections: Twofold) -> None:
    """And the rows before it."""
    last = projections("reset", "old", "sums").out.splitlines()[-1]
    assert last.startswith("sums: version 1 (at position 2, 0 behind) is live; version 1")


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (("rebuild", "old", "sums"), 3, "version 1 of sums is live: `reset` builds the same version anew"),
        (("reset", "new", "sums"), 3, "version 1 of sums is live, and this application has version 2"),
        (
            ("switch", "new", "sums"),
            4,
            "nothing is built beside sums\n  hint: `twofold projections rebuild sums` builds",
        ),
        (("rollback", "new", "sums"), 4, "projection sums has no previous version\n  hint: only a switch leaves one"),
        (
            ("drop", "new", "sums", "--which", "next"),
            4,
            "projection sums has no next version\n  hint: `twofold projections re",
        ),
        (("compare", "new", "sums"), 4, "projection sums has no next version"),
        (("status", "new", "others"), 4, "till has no projection 'others'; it has sums"),
        (("status", "new", "one", "two"), 2, "one projection at a time"),
    ],
)
def test_what_cannot_be_done_exits_with_its_code(
    projections: Twofold, arguments: tuple[str, ...], code: int, text: str
) -> None:
    """And says why, on standard error."""
    said = projections(*arguments)
    assert (said.code, said.out) == (code, "")
    assert text in said.err


def test_a_pace_in_words_promises_nothing_that_it_does_not_know() -> None:
    """Rate and time left appear once they are known, and count what arrives."""
    pace = Pace(0, 10_000, now=0.0)
    assert told(pace) == "0 of 10,000"
    pace.note(1000, 10_500, now=1.0)
    assert told(pace) == "1,000 of 10,500, 1,000/s, about 19 s left"
    pace.note(1100, 20_000, now=2.0)
    assert told(pace) == "1,100 of 20,000, 550/s, the log grows as fast"
    slow = Pace(0, 1000, now=0.0)
    slow.note(10, 1000, now=1.0)
    assert told(slow).endswith("about 1 min 39 s left")


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It fills, and stays when it is done."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with PaceShown("sums") as shown:
        pace = Pace(0, 200, now=0.0)
        pace.note(200, 200, now=1.0)
        shown(pace)
    out = capsys.readouterr().out
    assert "100%" in out
    assert "200 of 200, 200/s" in out
