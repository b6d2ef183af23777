"""`twofold erase`: a subject is erased for good, and what that covers is reported."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples._demo.database import Database
from tests.cli.conftest import Said
from tests.personal.guests import Lay, Sign, visited
from tests.personal.shop import CANARY, Introduce, Register, Shop
from twofold import App
from twofold.clock import new_id
from twofold.personal import MemoryKeyStore
from twofold.store import Append, Batch, Draft, foundation

SHOP = "tests.cli.test_erase:app"

KEYS = MemoryKeyStore()
app: App = Shop(KEYS).app()
GUESTS = "tests.cli.test_erase:guests"
guests = visited("guests.db", KEYS)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with what a customer of its own has done."""
    file = tmp_path / "shop.db"

    async def keep() -> None:
        async with Shop(KEYS).app(file) as running:
            await running.execute(Register(customer=tmp_path.name, email=CANARY))
            await running.execute(Introduce(customer=tmp_path.name, friend="b2", email=CANARY, name="Grace"))
            await running.settle()

    asyncio.run(keep())
    return file


def test_what_is_covered_is_reported(twofold: Callable[..., Said], database: Path) -> None:
    """Events, entries and projections, with those that remember; the audit trail shows markers, and who did it."""
    subject = f"customer:{database.parent.name}"
    said = twofold("erase", SHOP, subject, "--yes", "--by", "dpo", "--database", str(database))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        f"the key of {subject} is destroyed",
        "events: introduced 1, register_failed 1, registered 1",
        "audit entries: introduce 1, register 1",
        "parked events: none",
        "snapshots: none",
        "told to forget: directory",
        "NOT covered, since they do not handle SubjectErased: introductions",
    ]
    listed = json.loads(twofold("audit", "list", SHOP, "--json", "--database", str(database)).out)
    assert (listed[0]["message"], listed[0]["user_id"]) == ("twofold.erase", "dpo")
    shown = twofold("audit", "show", SHOP, listed[1]["message_id"], "--json", "--database", str(database)).out
    assert json.loads(shown)["payload"]["email"] == {"twofold:erased": True}


def test_the_snapshot_of_somebody_who_is_erased_says_so(twofold: Callable[..., Said], each_database: Database) -> None:
    """In the report, and in what is shown of the stream: the marker that an event has; of the past it is no part."""
    guest, where = str(new_id()), ("--database", each_database.address)

    async def keep() -> None:
        async with visited(each_database.address, KEYS) as running:
            await running.execute(Lay(book="a"))
            await running.execute(Sign(book="a", guest=guest, name="Ada"))
            await running.execute(Sign(book="a", guest="b", name="Bob"))

    def state(*more: str) -> Any:
        return json.loads(twofold("stream", "state", GUESTS, "book-a", "--json", *more, *where).out)

    asyncio.run(keep())
    assert state()["snapshot"] == {"version": 2, "state": {"id": "a", "names": ["Ada"]}}
    assert twofold("stream", "state", GUESTS, "book-a", *where).out.splitlines()[-1] == "snapshot: of version 2"
    said = twofold("erase", GUESTS, f"guest:{guest}", "--yes", *where)
    assert (said.code, said.out.splitlines()[4]) == (0, "snapshots: book-a")
    marker = {"twofold:erased": True}
    assert state() == {
        "stream": "book-a",
        "of": "Book",
        "version": 3,
        "state": {"id": "a", "names": [marker, "Bob"]},
        "snapshot": {"version": 2, "state": marker},
    }
    assert twofold("stream", "state", GUESTS, "book-a", *where).out.splitlines()[-1] == "snapshot: erased"
    assert state("--at", "2")["snapshot"] is None
    again = twofold("erase", GUESTS, f"guest:{guest}", "--yes", "--json", *where)
    assert json.loads(again.out)["snapshots"] == ["book-a"]


def test_what_is_in_plain_text_is_told_aloud(twofold: Callable[..., Said], database: Path) -> None:
    """What was recorded before it was personal, where it is, what is left to do, and an exit code of its own."""
    customer = database.parent.name

    async def keep() -> None:
        body = json.dumps({"customer": customer, "email": CANARY}).encode()
        async with Shop(KEYS).app(database) as running:
            draft = Draft(new_id(), "registered", 1, body, {}, running.clock.now())
            await foundation(running.store).commit(Batch((Append("old", (draft,)),)))

    asyncio.run(keep())
    said = twofold("erase", SHOP, f"customer:{customer}", "--yes", "--database", str(database))
    assert said.code == 3
    assert said.out.splitlines()[-4:] == [
        "NOT ERASED, since it was recorded in plain text, before it was personal; what is written stays as it is:",
        "  events: registered 1",
        "  in the streams: old",
        "  `twofold stream tombstone` takes a whole stream out of the log, with its snapshot",
    ]


def test_it_asks_first(twofold: Callable[..., Said], database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `--yes` somebody has to agree; whoever does not has erased nothing."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    said = twofold("erase", SHOP, f"customer:{database.parent.name}", "--database", str(database))
    assert said.code == 1
    assert "unreadable, for good?" in said.err
    assert f"customer:{database.parent.name}" in asyncio.run(KEYS.subjects())


def test_machines_read_the_report(twofold: Callable[..., Said], database: Path) -> None:
    """As one JSON object."""
    subject = f"customer:{database.parent.name}"
    said = json.loads(twofold("erase", SHOP, subject, "--yes", "--json", "--database", str(database)).out)
    assert said["subject"] == subject
    assert said["events"]["registered"] == 1
    assert said["remembering"] == ["introductions"]


def test_an_unknown_subject_is_told(twofold: Callable[..., Said], database: Path) -> None:
    """A kind that no message names has its exit code, with those that are."""
    said = twofold("erase", SHOP, "customr:7f3", "--yes", "--database", str(database))
    assert said.code == 4
    assert "customer, friend" in said.err
    assert "in front" not in said.err
    said = twofold("erase", SHOP, "7f3", "--yes", "--database", str(database))
    assert said.code == 4
    assert "it has that of customer, friend: the kind stands in front, as in customer:7f3" in said.err


def test_the_examples_of_a_log_have_no_personal_data(
    twofold: Callable[..., Said], database: Path, tmp_path: Path
) -> None:
    """A snapshot of schemas that takes examples of the log has the marker of what is erased in its file."""
    file = tmp_path / "events.json"
    assert twofold("schema", "snapshot", SHOP, str(file), "--from-log", "--database", str(database)).code == 0
    assert CANARY not in file.read_text()
    assert '"twofold:erased": true' in file.read_text()
    assert twofold("schema", "check", SHOP, str(file)).code == 0
