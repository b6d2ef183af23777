"""`twofold schema`: the forms that events have had, and whether today's code reads them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from twofold import App
from twofold.clock import SystemClock, new_id
from twofold.store import Append, Batch, Draft

SHOP = "tests.cli.shop:app"
Twofold = Callable[..., Said]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the snapshot is."""
    return tmp_path / "events.json"


def edited(file: Path, old: str, new: str) -> None:
    """Have had other events before."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_snapshot_is_compatible_with_what_it_was_taken_of(twofold: Twofold, file: Path) -> None:
    """It opens no database, and taking it again changes nothing."""
    assert twofold("schema", "snapshot", SHOP, str(file)) == Said(0, f"{file}: 1 forms of 1 events\n", "")
    text = file.read_text()
    (example,) = json.loads(text)["events"]["sold"]["1"]["examples"]
    assert example == {"order_id": "01890a5d-ac96-774b-bcce-b302099a8057", "item": "text"}
    assert twofold("schema", "check", SHOP, str(file)) == Said(0, "compatible: 1 forms of 1 events looked at\n", "")
    assert twofold("schema", "snapshot", SHOP, str(file)).code == 0
    assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_each_change_is_a_line_with_its_verdict(twofold: Twofold, file: Path) -> None:
    """And what to do; the exit code is that of the worst."""
    twofold("schema", "snapshot", SHOP, str(file))
    edited(file, '"item": "text"', '"thing": "text"')
    said = twofold("schema", "check", SHOP, str(file))
    assert (said.code, said.err) == (3, "")
    how = "give the class version 2, and say what this one becomes: upcast('sold', 1)"
    first, last = said.out.splitlines()
    assert first.startswith("needs an upcaster: sold version 1: an example is not read: ")
    assert first.endswith(f"item: Field required; {how}")
    assert last == "needs an upcaster: 1 forms of 1 events looked at"
    edited(file, '"sold": {', '"sold_once": {')
    said = twofold("schema", "check", SHOP, str(file))
    assert said.code == 5
    assert [line.partition(": ")[0] for line in said.out.splitlines()] == ["compatible", "breaking", "breaking"]


def test_machines_get_json(twofold: Twofold, file: Path) -> None:
    """With --json it is one object with the verdict and all changes."""
    twofold("schema", "snapshot", SHOP, str(file))
    edited(file, '"sold": {', '"sold_once": {')
    said = twofold("schema", "check", SHOP, str(file), "--json")
    told = json.loads(said.out)
    assert (said.code, told["verdict"]) == (5, "breaking")
    assert [(one["event"], one["version"], one["verdict"]) for one in told["changes"]] == [
        ("sold", 1, "compatible"),
        ("sold_once", 1, "breaking"),
    ]


def test_a_snapshot_is_not_taken_over_what_is_no_longer_read(twofold: Twofold, file: Path) -> None:
    """Else the check would be silenced by what it is to find."""
    twofold("schema", "snapshot", SHOP, str(file))
    edited(file, '"sold": {', '"sold_once": {')
    text = file.read_text()
    said = twofold("schema", "snapshot", SHOP, str(file))
    assert said.code == 5
    assert "stays as it is" in said.err
    assert file.read_text() == text


def test_without_a_snapshot_there_is_nothing_to_check(twofold: Twofold, file: Path) -> None:
    """That is a mistake, and not compatible."""
    said = twofold("schema", "check", SHOP, str(file))
    assert said.code == 2
    assert "`twofold schema snapshot` writes it" in said.err


def test_the_log_gives_examples_of_what_no_class_tells(twofold: Twofold, file: Path) -> None:
    """Of all that it has, so an event that nobody reads any more is found."""
    database = file.parent / "shop.db"

    async def fill() -> None:
        async with App("shop", database=database) as app:
            draft = Draft(new_id(), "sold", 1, b'{"order_id": "x"}', {}, SystemClock().now())
            await app.store.commit(Batch((Append("s", (draft,)),)))

    asyncio.run(fill())
    said = twofold("schema", "snapshot", SHOP, str(file), "--from-log", "--database", str(database))
    assert said.code == 0
    assert twofold("schema", "check", SHOP, str(file)).code == 3


def test_a_check_may_read_all_of_the_log(twofold: Twofold, file: Path) -> None:
    """What the snapshot leaves open its events show, one way or the other."""
    database = file.parent / "shop.db"
    twofold("schema", "snapshot", SHOP, str(file))
    edited(file, '"type": "string"', '"type": "number"')
    assert twofold("schema", "check", SHOP, str(file)).code == 3

    async def record(body: bytes) -> None:
        async with App("shop", database=database) as app:
            await app.store.commit(Batch((Append("s", (Draft(new_id(), "sold", 1, body, {}, SystemClock().now()),)),)))

    asyncio.run(record(b'{"order_id": "01890a5d-ac96-774b-bcce-b302099a8057", "item": "y"}'))
    where = SHOP, str(file), "--from-log", "--database", str(database)
    assert twofold("schema", "check", *where).code == 0
    asyncio.run(record(b'{"order_id": "x"}'))
    said = twofold("schema", "check", *where)
    assert said.code == 3
    assert "the log has one that is not read: position 2: " in said.out
