"""`twofold doctor`: an application and its databases are examined, and the exit code says how it is."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Mapped, mapped_column

from tests.cli.conftest import Said
from tests.cli.desk import Base, Order, desk
from tests.cli.mail import Post, mail
from twofold import App, Event, Module, Rows

Twofold = Callable[..., Said]
DESK = "tests.cli.desk:app"
MAIL = "tests.cli.mail:app"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One that a worker has prepared."""
    file = tmp_path / "desk.db"
    with App("desk", modules=[desk], database=file).sync:
        pass
    return file


def codes(said: Said) -> list[Any]:
    """What was found: the code, and where."""
    return [(one["code"], one["where"]) for one in json.loads(said.out)]


def test_what_is_said_has_a_severity_a_code_and_a_hint(twofold: Twofold, database: Path) -> None:
    """Warnings are no failure, unless they are to be one; a terminal is given no controls."""
    where = ("--database", str(database))
    said = twofold("doctor", DESK, *where)
    assert said.code == 0
    first, hint, last = said.out.splitlines()
    assert first.startswith("warning desk lets everybody send what has no policy: take, fail,")
    assert first.endswith("[unguarded]")
    assert hint.startswith("  hint: ")
    assert last == "desk: 1 warning"
    assert twofold("doctor", DESK, *where, "--strict").code == 1
    said = twofold("doctor", "examples.orders:app", "--database", str(database.parent / "new.db"), "--strict")
    assert (said.code, said.out) == (0, "orders: nothing to say\n")


def test_an_application_that_cannot_start_is_code_2(twofold: Twofold, tmp_path: Path) -> None:
    """With all its faults, as `run` would say them."""
    where = ("--database", str(tmp_path / "new.db"))
    said = twofold("doctor", "tests.cli.broken:app", *where, "--json")
    assert said.code == 2
    found = json.loads(said.out)
    assert [one["severity"] for one in found[:4]] == ["fault", "fault", "fault", "warning"]
    assert twofold("doctor", "tests.cli.broken:app", *where).out.splitlines()[-1] == "broken: 3 faults, 3 warnings"


def test_faults_of_the_code_hide_none_of_the_database(twofold: Twofold, tmp_path: Path) -> None:
    """Both are told at once, whichever is mended first; and a database of an unsound application stays as it is."""
    (tmp_path / "text.db").write_text("no database at all, but a file of text that is long enough")
    found = codes(twofold("doctor", "tests.cli.broken:app", "--database", str(tmp_path / "text.db"), "--json"))
    assert {("duplicate_handler", "Twice"), ("store_unavailable", "the database")} <= {*found}
    file = tmp_path / "desk.db"
    with App("desk", modules=[desk], database=file).sync:
        pass
    before = file.read_bytes()
    found = codes(twofold("doctor", "tests.cli.broken:app", "--database", str(file), "--json"))
    assert not {"behind", "not_started", "unknown_event", "parked"} & {code for code, _ in found}
    assert file.read_bytes() == before


def test_a_database_that_is_not_there_yet_stays_so(twofold: Twofold, tmp_path: Path) -> None:
    """Nothing is to be said of it, and no file is made."""
    assert codes(twofold("doctor", DESK, "--database", str(tmp_path / "new.db"), "--json")) == [("unguarded", "desk")]
    assert not (tmp_path / "new.db").exists()


def test_a_database_that_cannot_be_opened_is_a_fault(twofold: Twofold, tmp_path: Path) -> None:
    """The application is as it was said to be, and would not start."""
    (tmp_path / "text.db").write_text("no database at all, but a file of text that is long enough")
    said = twofold("doctor", DESK, "--database", str(tmp_path / "text.db"), "--json")
    assert said.code == 2
    assert codes(said)[0] == ("store_unavailable", "the database")


apart = App("desk", modules=[desk])
"""No other test reads where this one is told to."""


@pytest.mark.parametrize("option, where", [("--database", "the database"), ("--read-database", "the read database")])
def test_a_database_without_a_folder_is_a_fault(
    twofold: Twofold, database: Path, tmp_path: Path, option: str, where: str
) -> None:
    """As it is for `run`, in the same words; and none is made."""
    missing = tmp_path / "nowhere" / "x.db"
    given = {"--database": str(database), option: str(missing)}
    options = [word for pair in given.items() for word in pair]
    said = twofold("doctor", "tests.cli.test_doctor:apart", *options, "--json")
    first = json.loads(said.out)[0]
    assert (said.code, first["severity"], first["code"], first["where"]) == (2, "fault", "store_unavailable", where)
    assert (f"{missing}: " in first["text"], "there is no such folder" in first["text"]) == (True, True)
    assert not missing.parent.exists()


untouched = App("desk", modules=[desk])
"""No other test has given it a role, which stays for the rest of a process."""


def test_tables_of_an_older_or_newer_twofold_are_told(twofold: Twofold, database: Path) -> None:
    """An older one is upgraded by whoever starts, a newer one is a fault; neither is touched."""
    known = version(database)
    version(database, known - 1)
    where = ("--database", str(database), "--json")
    said = twofold("doctor", "tests.cli.test_doctor:untouched", *where)
    assert (said.code, codes(said)) == (0, [("unguarded", "desk"), ("schema_behind", "the database")])
    assert version(database) == known - 1
    version(database, known + 1)
    said = twofold("doctor", "tests.cli.test_doctor:untouched", *where)
    assert (said.code, codes(said)[0]) == (2, ("wiring", "the database"))


def version(database: Path, new: int | None = None) -> int:
    """The step that a file says it has; set when a new one is given."""
    with closing(sqlite3.connect(database)) as connection:
        if new is not None:
            connection.execute("UPDATE twofold_meta SET value = ? WHERE name = 'schema'", (str(new),))
            connection.commit()
        (found,) = connection.execute("SELECT value FROM twofold_meta WHERE name = 'schema'").fetchone()
    return int(found)


def test_projections_that_nobody_brings_forward_are_told(twofold: Twofold, database: Path, tmp_path: Path) -> None:
    """One that is behind without an owner, one that has never run, and a version that is not built."""
    copy = Path(shutil.copy(database, tmp_path / "copy.db"))
    send = ("--data", '{"lines": []}', "--as", "ada", "--database", str(copy))
    assert twofold("send", DESK, "take", *send).code == 0
    said = twofold("doctor", DESK, "--database", str(copy), "--json")
    assert codes(said)[1:] == [("behind", "projection desk_orders")]
    said = twofold("doctor", "tests.cli.test_doctor:newer", "--database", str(copy), "--json")
    assert {("version_not_built", "projection desk_orders"), ("not_started", "projection others")} <= {*codes(said)}


def test_events_that_nobody_knows_are_told(twofold: Twofold, database: Path, tmp_path: Path) -> None:
    """By their name: who follows the log passes over them."""
    copy = Path(shutil.copy(database, tmp_path / "copy.db"))
    send = ("--data", '{"lines": []}', "--as", "ada", "--database", str(copy))
    for _ in range(2):
        assert twofold("send", DESK, "take", *send).code == 0
    known = twofold("doctor", DESK, "--database", str(copy), "--json")
    assert "unknown_event" not in dict(codes(known))
    said = twofold("doctor", "tests.cli.test_doctor:newer", "--database", str(copy), "--json")
    (unknown,) = [one for one in json.loads(said.out) if one["code"] == "unknown_event"]
    assert unknown["where"] == "event taken"
    assert unknown["text"].startswith("is in the log 2 times")


def test_events_that_were_put_aside_are_told(twofold: Twofold, tmp_path: Path) -> None:
    """By who has put them aside, with the command that shows them."""
    file = tmp_path / "mail.db"
    with App("mail", modules=[mail], database=file).sync as office:
        office.execute(Post(box="box-1", addresses=("?", "Main 1")))
        office.settle()
    said = twofold("doctor", MAIL, "--database", str(file), "--json")
    (parked,) = [one for one in json.loads(said.out) if one["code"] == "parked"]
    assert parked["where"] == "mail.deliver:letter_posted"
    assert parked["text"] == "has put events of 1 stream aside"


@dataclass(frozen=True)
class Gone(Event):
    """Nothing of the desk."""


class Other(Base):
    __tablename__ = "desk_other"
    id: Mapped[int] = mapped_column(primary_key=True)


class Newer:
    """Another version of the desk's projection."""

    def gone(self, event: Gone, rows: Rows) -> None:
        """Nothing."""


follow = Module("follow")
follow.projection("desk_orders", tables=[Order], version=2)(Newer)
follow.projection("others", tables=[Other])(type("Others", (Newer,), {}))
newer = App("desk", modules=[follow])
