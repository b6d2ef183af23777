"""The page on the life of a command: its pipeline, its answers and what is left are as the page prints them."""

import re
from pathlib import Path

from tests.docs.test_parked import matches, run

PAGE = (Path(__file__).parents[2] / "docs" / "life-of-a-command.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_follows_its_commands_as_printed(tmp_path: Path) -> None:
    """What `explain` prints, what four requests are answered, what is in the stream, and the entries of all four."""
    (_, application), *rest = BLOCKS
    (tmp_path / "ferry.py").write_text(application)
    said = ""
    for language, text in rest:
        if language == "text":
            assert matches(said, text), said
        else:
            said = run(language, text, tmp_path)
    entries = run("sh", "twofold audit list ferry:app --json", tmp_path)
    assert sorted(re.findall(r'"outcome": ?"(\w+)"', entries)) == ["refused", "replayed", "success", "success"]


def test_every_stage_of_the_picture_is_explained() -> None:
    """The table has the stages of the picture in their order, and none beside them but the door and the handler."""
    picture = next(text for language, text in BLOCKS if language == "text")
    shown = re.findall(r"└── ([a-z]+)$", picture, re.MULTILINE)
    told = [name for row in re.findall(r"^\| ([a-z, ]+) \|", PAGE, re.MULTILINE) for name in row.split(", ")]
    table = told[told.index("the door") + 1 : told.index("handler")]
    assert set(table) == set(shown)
    assert [name for name in table if name != "timeout"] == [name for name in shown if name != "timeout"]
