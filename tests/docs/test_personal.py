"""The page on personal data: its blocks, run one after the other, print what the page shows."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from tests.cli.forked import finished

PAGE = (Path(__file__).parents[2] / "docs" / "personal.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_erases_as_printed(tmp_path: Path) -> None:
    """The application, the master key, what is recorded, and what is left once it is erased."""
    (_, application), *rest = BLOCKS
    assert application.startswith("# club.py")
    (tmp_path / "club.py").write_text(application)
    said, given = "", dict[str, str]()
    for language, text in rest:
        if text.startswith("export "):
            name, _, value = text.removeprefix("export ").strip().partition("=")
            given[name] = value
        elif language == "text":
            assert said == text
        else:
            said = run(language, text, tmp_path, given)
    assert [language for language, _ in BLOCKS].count("text") == 3


def run(language: str, text: str, folder: Path, given: Mapping[str, str]) -> str:
    """What a script or a command says; it ends well."""
    words = ["-c", text] if language == "python" else ["-m", *shlex.split(text)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    environment.update(given)
    done = finished(*words, where=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
