"""The page on snapshots: its file is written, its script is run, and prints what the page shows."""

import re
from pathlib import Path

from tests.docs.test_projections import run

PAGE = (Path(__file__).parents[2] / "docs" / "snapshots.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_takes_a_snapshot_as_printed(tmp_path: Path) -> None:
    """The aggregate of the page, and what is kept of it."""
    (_, shelf), (language, script), (_, shown) = BLOCKS
    (tmp_path / "shelf.py").write_text(shelf)
    assert run(language, script, tmp_path) == shown
