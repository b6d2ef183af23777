"""The page on events that keep failing: its blocks, run one after the other, print what the page shows."""

import os
import re
import shlex
from pathlib import Path

from tests.cli.forked import finished

PAGE = (Path(__file__).parents[2] / "docs" / "parked.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


def test_the_page_goes_through_the_case_as_printed(tmp_path: Path) -> None:
    """The application, what happens to it, and every command with what it says."""
    (_, application), *rest = BLOCKS
    assert application.startswith("# club.py")
    (tmp_path / "club.py").write_text(application)
    said = ""
    for language, text in rest:
        if language == "text":
            assert matches(said, text), said
        else:
            said = run(language, text, tmp_path)
    assert [language for language, _ in BLOCKS].count("text") == 8


def run(language: str, text: str, folder: Path) -> str:
    """What a script or a command says, on either stream."""
    words = ["-c", text] if language == "python" else ["-m", *shlex.split(text)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    done = finished(*words, where=folder, env=environment)
    return done.stdout + ("" if language == "python" else done.stderr)


def matches(said: str, shown: str) -> bool:
    """Whether it is that, at whatever time; a line with three dots stands for any lines."""
    pattern = re.escape(TIME.sub("<time>", shown)).replace(re.escape("…\n"), "(.*\n)*?")
    return re.fullmatch(pattern, TIME.sub("<time>", said)) is not None
