"""The page on read models: its blocks, run one after the other, print what the page shows."""

import os
import re
import shlex
from pathlib import Path

from tests.cli.forked import finished

PAGE = (Path(__file__).parents[2] / "docs" / "projections.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_goes_through_the_case_as_printed(tmp_path: Path) -> None:
    """The application, what is asked of it, its new version, and what every command says."""
    (_, application), *rest = BLOCKS
    assert application.startswith("# fund.py")
    (tmp_path / "fund.py").write_text(application)
    said = ""
    for language, text in rest:
        if language == "text":
            assert said == text
        else:
            said = run(language, text, tmp_path)
    assert [language for language, _ in BLOCKS].count("text") == 3


def run(language: str, text: str, folder: Path) -> str:
    """What a script or a command says; it ends well."""
    words = ["-c", text] if language == "python" else ["-m", *shlex.split(text)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    done = finished(*words, where=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
