"""The page on twofold's own tables: its commands print what it shows, and its recipe for Alembic does what it says."""

import os
import re
import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.cli.forked import finished
from twofold.drivers.sqlite import SqliteStore
from twofold.testing._store_case import append

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_goes_on_as_printed(tmp_path: Path) -> None:
    """Every command, one after the other, says what the block behind it shows."""
    (tmp_path / "club.py").write_text(python("club.py"))
    said = ""
    for language, text in BLOCKS:
        if language == "sh":
            said = run(text, tmp_path)
        elif language == "text":
            assert re.fullmatch(re.escape(text).replace(re.escape("…\n"), "(.*\n)*?"), said), said
    assert [language for language, _ in BLOCKS].count("text") == 7


@pytest.mark.anyio
async def test_whoever_only_reads_and_closes_last_leaves_the_log_beside_the_file(tmp_path: Path) -> None:
    """Then the file alone lacks events; upgrading brings them into it, looking at them does not, as the page says."""
    path = tmp_path / "club.db"
    writer = SqliteStore(path)
    await writer.start()
    reader = writer.read_only()
    await reader.start()
    await writer.commit(append("a"))
    await writer.stop()
    await reader.stop()
    await SqliteStore(path).schema()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        events_in_copy(path)
    await SqliteStore(path).upgrade()
    assert events_in_copy(path) == 1
    assert not path.with_name("club.db-wal").exists()
    assert "the last to close was a process that only reads (`--role api-queries`)" in " ".join(PAGE.split())


def events_in_copy(path: Path) -> int:
    """How many events a copy of the file alone has."""
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        found: int = connection.execute("SELECT count(*) FROM twofold_events").fetchone()[0]
    return found


def test_alembic_leaves_the_tables_alone() -> None:
    """The filter of the page refuses the tables of twofold, and nothing else."""
    names: dict[str, Any] = {}
    exec(python("env.py"), names)
    include = names["include_object"]
    assert not include(None, "twofold_events", "table", True, None)
    assert include(None, "sale", "table", True, None)
    assert include(None, "twofold_is_my_column", "column", True, None)


def test_a_revision_runs_the_sql_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The revision of the page executes the file that `twofold db sql` has printed, whole."""
    executed: list[str] = []
    alembic = ModuleType("alembic")
    vars(alembic)["op"] = SimpleNamespace(execute=executed.append)
    monkeypatch.setitem(sys.modules, "alembic", alembic)
    (tmp_path / "twofold_2.sql").write_text("DO ...")
    names: dict[str, Any] = {"__file__": str(tmp_path / "0001_twofold.py")}
    exec(python("0001_twofold.py"), names)
    names["upgrade"]()
    assert executed == ["DO ..."]
    with pytest.raises(NotImplementedError):
        names["downgrade"]()


def python(name: str) -> str:
    """The block that is a file of this name."""
    (found,) = (text for language, text in BLOCKS if language == "python" and text.partition("\n")[0].endswith(name))
    return found


def run(command: str, folder: Path) -> str:
    """What a command says, on either stream."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    words = ["-m", *shlex.split(command)]
    done = finished(*words, where=folder, env=environment)
    return done.stdout + done.stderr
