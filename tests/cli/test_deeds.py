"""Commands that change something: each asks, none does it unasked, and the audit trail tells who did what."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.versions import Paid, record, till
from tests.cli.conftest import Said
from tests.cli.mail import LetterPosted, Post, mail
from tests.cli.served import BOUND, ROOT
from twofold import App, Command, CommandBus, Context, Module, Principal
from twofold.app.deeds import told
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import NotFound, StoreUnavailable
from twofold.messages import Origin
from twofold.store import AuditEntry, MemoryStore

Twofold = Callable[..., Said]
DELIVER = "mail.deliver:letter_posted"


@dataclass(frozen=True, kw_only=True)
class Frank(Command[None]):
    """Sent by reactions."""

    machine: str


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with three boxes that hold a letter which cannot be delivered."""
    file = tmp_path / "mail.db"
    with App("mail", modules=[mail], database=file).sync as office:
        for number in (3, 1, 2):
            office.execute(Post(box=f"box-{number}", addresses=("?", "Main 2")))
        office.settle()
    return file


@pytest.fixture
def on_mail(twofold: Twofold, database: Path) -> Twofold:
    """A command on that database: two words, the application, and the rest."""
    return lambda *words: twofold(*words[:2], "tests.cli.mail:app", *words[2:], "--database", str(database))


@pytest.fixture
def on_till(twofold: Twofold, tmp_path: Path) -> Twofold:
    """A command on a database with a version of a projection that is live, and one that is built beside it."""
    file = tmp_path / "till.db"

    async def fill() -> None:
        async with till(1, SqliteStore(file)) as app:
            await record(app, Paid(amount=1))
            await app.settle()

    asyncio.run(fill())
    assert twofold("projections", "rebuild", "tests.cli.tills:slow", "sums", "--yes", "--database", str(file)).code == 0
    return lambda *words: twofold(*words[:2], f"tests.cli.tills:{words[2]}", *words[3:], "--database", str(file))


def entries(on: Twofold, *app: str) -> list[tuple[str, Any, str, Any]]:
    """What people have done by the trail: what, who, how it ended, and to what."""
    trail = json.loads(on("audit", "list", *app, "--oldest", "--json").out)
    own = [one for one in trail if one["message"].startswith("twofold.")]
    return [(one["message"], one["user_id"], one["outcome"], one["payload"]) for one in own]


def test_what_is_tried_again_is_not_done_as_who_asks_for_it(twofold: Twofold, tmp_path: Path) -> None:
    """It is done for the user of its event, or as the service that its reaction names; the trail tells of both."""
    file, broken, done = tmp_path / "mail.db", [True], list[tuple[str, str | None, bool]]()

    def office() -> App:
        module = Module("office")

        @module.handler
        async def frank(command: Frank, context: Context) -> None:
            done.append((command.machine, context.user_id, context.principal is None))

        async def stamp(event: LetterPosted, bus: CommandBus) -> None:
            if broken:
                raise LookupError("no stamps")
            await bus.execute(Frank(machine="own"))

        async def stamp_as_a_service(event: LetterPosted, bus: CommandBus) -> None:
            if broken:
                raise LookupError("no stamps")
            await bus.execute(Frank(machine="service"))

        module.on(LetterPosted)(stamp)
        module.on(LetterPosted, principal=Principal(user_id="franking"))(stamp_as_a_service)
        return App("mail", modules=[mail, module], database=file)

    def post(user: str, box: str) -> None:
        with office().sync as app:
            app.execute(Post(box=box, addresses=("Main 1",)), origin=Origin(principal=Principal(user_id=user)))
            app.settle(timeout=30)

    post("eve", "box-1")
    assert done == []
    broken.clear()
    for name in ("stamp", "stamp_as_a_service"):
        words = ("parked", "retry", "tests.cli.mail:app", f"office.{name}:letter_posted", "box-1", "--by", "ada")
        assert twofold(*words, "--database", str(file)).code == 0
    post("bob", "box-2")  # what is parked is tried before what is new
    own = [("own", "bob", True), ("own", "eve", True)]
    assert sorted(done) == [*own, *[("service", "franking", False)] * 2]
    trail = json.loads(twofold("audit", "list", "tests.cli.mail:app", "--json", "--database", str(file)).out)
    who = {(one["message"], one["user_id"]) for one in trail if one["message"] in ("frank", "twofold.parked_retry")}
    assert who == {("frank", user) for user in ("eve", "bob", "franking")} | {("twofold.parked_retry", "ada")}


@pytest.mark.parametrize("answer", ["n\n", ""])
@pytest.mark.parametrize(
    "words",
    [
        ("parked", "retry", DELIVER, "--all"),
        ("parked", "drop", DELIVER, "1"),
        ("audit", "prune", "--before", "2090-01-01"),
        ("stream", "tombstone", "box-1"),
    ],
    ids=lambda words: words[1],
)
def test_nothing_is_done_that_nobody_confirms(
    on_mail: Twofold, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], answer: str
) -> None:
    """Somebody who says no, and a script that cannot be asked, change nothing and leave no entry."""
    before = on_mail("parked", "list", "--json").out
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    said = on_mail(*words)
    assert (said.code, said.out) == (1, "")
    assert on_mail("parked", "list", "--json").out == before
    assert entries(on_mail) == []


@pytest.mark.parametrize(
    "words", [("rebuild", "slow"), ("reset", "old"), ("switch", "slow"), ("rollback", "slow"), ("drop", "slow")]
)
def test_no_version_changes_that_nobody_confirms(
    on_till: Twofold, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    """Whatever would be done to it, it stays where it is."""
    before = on_till("projections", "list", "slow", "--json").out, entries(on_till, "slow")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert on_till("projections", *words, "sums").code == 1
    assert (on_till("projections", "list", "slow", "--json").out, entries(on_till, "slow")) == before


def test_a_yes_is_enough(on_mail: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed when it is asked for, or as an option."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert on_mail("parked", "retry", DELIVER, "--all").code == 0
    assert on_mail("parked", "drop", DELIVER, "1", "--yes").code == 0


def test_the_trail_tells_who_did_what_to_what_is_parked(on_mail: Twofold) -> None:
    """Also what came to nothing, with the reason."""
    on_mail("parked", "retry", DELIVER, "--all", "--yes", "--by", "ada")
    on_mail("parked", "retry", DELIVER, "box-1", "--by", "bob")
    on_mail("parked", "retry", DELIVER, "box-9", "--by", "eve")
    on_mail("parked", "edit", DELIVER, "1", "--data", '{"address": "Main 1"}', "--by", "ada")
    on_mail("parked", "drop", DELIVER, "1", "--yes", "--by", "ada")
    on_mail("audit", "export", "--message", "post", "--by", "eve")
    who = {"subscription": DELIVER}
    assert entries(on_mail) == [
        ("twofold.parked_retry", "ada", "success", {**who, "limit": 100, "events": 6}),
        ("twofold.parked_retry", "bob", "success", {**who, "stream": "box-1", "events": 2}),
        ("twofold.parked_retry", "eve", "not_found", {**who, "stream": "box-9"}),
        ("twofold.parked_edit", "ada", "success", {**who, "position": 1}),
        ("twofold.parked_drop", "ada", "success", {**who, "position": 1}),
        ("twofold.audit_export", "eve", "success", {"message": "post", "entries": 3}),
    ]


def unread(*words: str) -> int:
    """The exit code of a process whose output is a pipe that nobody reads any more; it complains of nothing."""
    command = [sys.executable, "-m", "twofold", *words]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        return process.wait(BOUND)


def test_an_export_that_nobody_reads_to_the_end_has_not_crashed(on_mail: Twofold, database: Path) -> None:
    """The trail tells how many entries were written, and that these are not all."""
    assert unread("audit", "export", "tests.cli.mail:app", "--by", "eve", "--database", str(database)) == 0
    assert entries(on_mail) == [("twofold.audit_export", "eve", "success", {"cut": True, "entries": 0})]


def test_a_rebuild_goes_on_when_nobody_reads_of_it(on_till: Twofold, tmp_path: Path) -> None:
    """What a pipe is told of it is no part of it."""
    built = on_till("projections", "status", "slow", "sums").out
    assert on_till("projections", "drop", "slow", "sums", "--which", "next", "--yes").code == 0
    words = ("sums", "--yes", "--database", str(tmp_path / "till.db"))
    assert unread("projections", "rebuild", "tests.cli.tills:slow", *words) == 0
    assert entries(on_till, "slow")[-1] == ("twofold.projection_rebuild", None, "success", {"projection": "sums"})
    assert on_till("projections", "status", "slow", "sums").out == built


def test_the_trail_tells_who_did_what_to_a_projection(on_till: Twofold) -> None:
    """Each step of its versions, with what was refused."""
    on_till("projections", "switch", "slow", "sums", "--yes", "--by", "ada")
    on_till("projections", "rollback", "slow", "sums", "--yes", "--by", "bob")
    on_till("projections", "rollback", "slow", "sums", "--to", "1", "--yes", "--by", "bob")
    on_till("projections", "rebuild", "old", "sums", "--yes", "--by", "eve")
    on_till("projections", "reset", "old", "sums", "--yes", "--by", "eve")
    on_till("projections", "drop", "slow", "sums", "--yes")
    sums = {"projection": "sums"}
    assert entries(on_till, "slow") == [
        ("twofold.projection_rebuild", None, "success", sums),
        ("twofold.projection_switch", "ada", "success", sums),
        ("twofold.projection_rollback", "bob", "success", sums),
        ("twofold.projection_rollback", "bob", "success", {**sums, "to": 1}),
        ("twofold.projection_rebuild", "eve", "refused", sums),
        ("twofold.projection_reset", "eve", "success", sums),
        ("twofold.projection_drop", None, "success", {**sums, "which": "previous"}),
    ]


def test_all_are_tried_again_a_few_at_a_time(on_mail: Twofold) -> None:
    """Those that have waited longest come first, and what was asked for once is not asked for again."""
    for waiting in (["box-1", "box-2"], ["box-2"], [], []):
        said = on_mail("parked", "retry", DELIVER, "--all", "--yes", "--limit", "1")
        assert said.code == 0
        assert (f"there are {len(waiting)} streams more" in said.err) is bool(waiting)
        streams = json.loads(on_mail("parked", "list", "--json").out)
        assert [one["stream"] for one in streams if not one["due"]] == waiting


def test_what_people_have_done_is_not_replayed(on_mail: Twofold) -> None:
    """Their entries are none of commands, and do not count as something else than it was."""
    on_mail("parked", "retry", DELIVER, "--all", "--yes")
    said = on_mail("audit", "replay", "--message", "twofold.parked_retry")
    assert (said.code, "no command was kept for twofold.parked_retry" in said.out) == (0, True)


@pytest.mark.anyio
async def test_what_breaks_is_told_as_that() -> None:
    """A refusal by its category, a bug by its class, a cancelled one as cancelled; the error goes on."""
    app = App("empty", database=MemoryStore())
    async with app:

        async def do(error: BaseException | None = None) -> None:
            async with told(app, "deed", user_id="ada", of={"what": "this"}) as facts:
                facts["found"] = 1
                if error is not None:
                    raise error

        for error in (NotFound("gone"), KeyError("bug"), asyncio.CancelledError()):
            with pytest.raises(type(error)) as raised:
                await do(error)
            assert raised.value is error
        await do()
        found: list[AuditEntry] = [one async for one in app.audit.entries(message="twofold.deed")]
    assert [(one.outcome, one.code) for one in found] == [
        ("not_found", "not_found"),
        ("crashed", "KeyError"),
        ("cancelled", ""),
        ("success", ""),
    ]
    assert {(one.user_id, one.payload) for one in found} == {("ada", '{"what":"this","found":1}')}


@pytest.mark.anyio
async def test_what_cannot_be_told_is_said() -> None:
    """What somebody did is an error when the trail does not take it, and the first error is told first."""
    app = App("empty", database=MemoryStore())
    assert app.check() == []
    with pytest.raises(NotFound) as raised:
        async with told(app, "deed", user_id=None, of={}):
            raise NotFound("gone")
    assert "the audit trail does not tell of it" in raised.value.__notes__[0]
    with pytest.raises(StoreUnavailable):
        async with told(app, "deed", user_id=None, of={}):
            pass
