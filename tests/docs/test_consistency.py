"""The page on consistency: its application answers as the page prints."""

import re
from pathlib import Path

from tests.docs.test_projections import run

PAGE = (Path(__file__).parents[2] / "docs" / "consistency.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_answers_as_printed(tmp_path: Path) -> None:
    """Own writes, those of another, a position that is not there, five commands at once, and a version that is past."""
    (_, application), (language, script), (_, shown) = BLOCKS
    (tmp_path / "match.py").write_text(application)
    assert run(language, script, tmp_path) == shown
