"""The page on tenants: its application is served, and answers as the page shows."""

import re
from pathlib import Path

from tests.docs.test_projections import run

PAGE = (Path(__file__).parents[2] / "docs" / "tenants.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_answers_as_printed(tmp_path: Path) -> None:
    """Rows of two tenants, an operator, and a refund that needs two people of one tenant."""
    (_, application), (language, script), (_, shown) = BLOCKS
    (tmp_path / "billing.py").write_text(application)
    assert run(language, script, tmp_path) == shown
