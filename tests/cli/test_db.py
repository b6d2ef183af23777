"""`twofold db`: how far the store's own tables are, upgraded or shown as SQL, while nothing of the application runs."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.apart import Count, Pay, Till
from tests.cli.conftest import Said
from tests.cli.shop import shop
from twofold import App, Success
from twofold.drivers.sqlite import SqliteStore
from twofold.errors import WiringError
from twofold.store import MemoryStore

Db = Callable[..., Said]
SHOP = "tests.cli.shop:app"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "shop.db"


@pytest.fixture
def db(twofold: Callable[..., Said], database: Path) -> Db:
    """`twofold db` with an application and its database."""

    def call(command: str, *arguments: str) -> Said:
        return twofold("db", command, SHOP, *arguments, "--database", str(database))

    return call


def tables(database: Path) -> set[str]:
    """What there is in it."""
    connection = sqlite3.connect(database)
    found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return found - {"sqlite_sequence"}


def test_a_database_that_is_behind_is_told_as_such(db: Db, database: Path) -> None:
    """With exit code 75 and the way out; nothing is made."""
    said = db("status")
    assert (said.code, said.out) == (75, "schema 0 of 7: behind; `twofold db upgrade` brings it up to date\n")
    said = db("status", "--json")
    assert (said.code, json.loads(said.out)) == (75, {"taken": 0, "known": 7, "state": "behind"})
    assert not database.exists()


@pytest.mark.parametrize("command", ["status", "upgrade", "sql"])
def test_a_misspelt_variable_is_told(
    command: str, twofold: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have been another database, and nothing is made of that."""
    monkeypatch.setenv("TWOFOLD_DATABSE", str(tmp_path / "meant.db"))
    said = twofold("db", command, SHOP)
    assert said.code == 2
    assert "sets TWOFOLD_DATABSE, which nobody reads\n    hint: did you mean TWOFOLD_DATABASE?" in said.err
    assert not list(tmp_path.iterdir())


def test_a_read_database_is_upgraded_by_itself(db: Db, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tables are its own; without one, nobody can mean it."""
    said = db("status", "--read")
    assert (said.code, "shop has no read database" in said.err) == (2, True)
    read = database.with_name("read.db")
    monkeypatch.setenv("TWOFOLD_READ_DATABASE", str(read))
    assert db("upgrade", "--read") == Said(0, "schema 7 of 7: upgraded from 0\n", "")
    assert (read.exists(), database.exists()) == (True, False)


def test_an_upgrade_makes_the_tables_of_the_store_only(db: Db, database: Path) -> None:
    """Once: a second one finds nothing to do, and the read models are left to whoever runs the application."""
    assert db("upgrade") == Said(0, "schema 7 of 7: upgraded from 0\n", "")
    assert db("upgrade") == Said(0, "schema 7 of 7: up to date\n", "")
    assert db("status") == Said(0, "schema 7 of 7: up to date\n", "")
    names = (
        "meta",
        "events",
        "checkpoints",
        "parked",
        "replies",
        "tags",
        "audit",
        "audit_blocks",
        "audit_cuts",
        "snapshots",
        "closings",
    )
    assert tables(database) == {f"twofold_{name}" for name in names}


def test_what_a_newer_twofold_made_is_told_and_left_alone(db: Db, database: Path) -> None:
    """With exit code 2, by all three."""
    db("upgrade")
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE twofold_meta SET value = '99' WHERE name = 'schema'")
    connection.close()
    said = db("status", "--json")
    assert (said.code, json.loads(said.out)["state"]) == (2, "newer")
    assert "upgrade twofold" in db("status").out
    for command in ("upgrade", "sql"):
        said = db(command)
        assert (said.code, said.out) == (2, "")
        assert "schema 99" in said.err


def test_the_sql_can_be_run_by_others(db: Db, database: Path) -> None:
    """As it is printed, from the step that the database is at; there it says that there is nothing to do."""
    script = db("sql").out
    assert script.startswith("-- ")
    connection = sqlite3.connect(database)
    connection.executescript(script)
    connection.close()
    assert db("status").code == 0
    assert db("sql") == Said(0, "-- The tables of twofold, from step 7: nothing to do\n", "")
    assert db("sql", "--from", "0").out == script
    assert db("sql", "--from", "1").out.count("CREATE TABLE") < script.count("CREATE TABLE")
    assert db("sql", "--from", "8").code == 2


def test_a_database_that_cannot_be_opened_is_unavailable(db: Db, database: Path) -> None:
    """Exit code 75, as everywhere."""
    database.write_text("Dear diary, " * 500)
    assert [db(command).code for command in ("status", "upgrade", "sql")] == [75, 75, 75]


def test_memory_has_nothing_to_upgrade() -> None:
    """Which is a mistake of whoever asks; in a process of its own, since the application stays in memory."""
    words = [sys.executable, "-m", "twofold", "db", "status", SHOP, "--database", "memory:"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "has no tables to upgrade" in done.stderr) == (2, True)


def test_two_commands_at_once_both_end_well(database: Path) -> None:
    """Whoever comes second finds it done."""
    words = [sys.executable, "-m", "twofold", "db", "upgrade", SHOP, "--database", str(database)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        said = sorted(one.communicate(timeout=60)[0] for one in both)
    finally:
        for one in both:
            one.kill()
            one.communicate()
    assert [one.returncode for one in both] == [0, 0]
    assert said == ["schema 7 of 7: up to date\n", "schema 7 of 7: upgraded from 0\n"]


def test_an_application_may_leave_upgrades_to_others(database: Path) -> None:
    """It does not start before they are done."""
    with pytest.raises(WiringError, match="twofold db upgrade"), App("shop", database=database, migrate=False).sync:
        pass
    assert not database.exists()


def test_an_application_that_leaves_upgrades_to_others_starts_after_them(db: Db, database: Path) -> None:
    """And makes the tables of its read models."""
    db("upgrade")
    with App("shop", modules=[shop], database=database, migrate=False).sync:
        pass
    assert "sale" in tables(database)


def test_a_restored_log_goes_on_and_names_who_has_seen_what_was_lost(
    twofold: Callable[..., Said], database: Path
) -> None:
    """Until then nothing runs on it; what the command names is built anew by the commands that it names."""
    read, backup = database.with_name("read.db"), database.with_name("backup.db")
    words = ("tests.app.apart:app", "--database", str(database), "--read-database", str(read))
    till = Till()
    for _ in range(2):
        with till.app(database, read).sync as app:
            app.execute(Pay(payer="ada", amount=1))
            app.settle()
        if not backup.exists():
            shutil.copy(database, backup)
    shutil.copy(backup, database)
    said = twofold("projections", "list", *words)
    assert (said.code, said.out) == (2, "")
    assert "stands at 2, and the log ends at 1" in said.err
    assert "twofold db restored" in said.err
    assert twofold("db", "restored", *words) == Said(
        0,
        "the backup ends at position 1; what comes next stands behind 1000000002\n"
        "payments has seen what was lost: run `twofold projections reset payments`\n"
        "index has written what was lost: clear what it fills, and give the writer another name\n",
        "",
    )
    assert twofold("projections", "reset", words[0], "payments", *words[1:], "--yes").code == 0
    with till.app(database, read).sync as app:
        assert app.execute(Count()) == Success(1)


def test_a_store_has_to_agree_about_upgrades(tmp_path: Path) -> None:
    """An application that leaves them to others refuses a store that makes them; one without tables is fine."""
    made = SqliteStore(tmp_path / "shop.db")
    with pytest.raises(WiringError, match="its SqliteStore has not"):
        _ = App("shop", database=made, migrate=False).store
    for store in (SqliteStore(tmp_path / "shop.db", migrate=False), MemoryStore()):
        assert App("shop", database=store, migrate=False).store is store
