"""The page on twofold's own tables: its commands print what it shows, and its recipe for Alembic does what it says."""

import os
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.cli.forked import finished

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
