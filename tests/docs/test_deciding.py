"""The page on deciding: its files are written, its scripts are run on them, and print what the page shows."""

import re
from pathlib import Path

from tests.docs.test_projections import run

PAGE = (Path(__file__).parents[2] / "docs" / "deciding.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_decides_as_printed(tmp_path: Path) -> None:
    """An aggregate, an entity, a decider, and a boundary that spans two things."""
    said, shown = "", 0
    for language, text in BLOCKS:
        name = re.match(r"# (\w+\.py)\n", text)
        if language == "text":
            assert said == text
            shown += 1
        elif name is not None:
            (tmp_path / name[1]).write_text(text)
        else:
            said = run(language, text, tmp_path)
    assert shown == 4
