"""The page on what stands around a handler: its application is served, and answers as the page shows."""

import re
from pathlib import Path

from tests.docs.test_projections import run

PAGE = (Path(__file__).parents[2] / "docs" / "handling.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_answers_as_printed(tmp_path: Path) -> None:
    """Normalised, refused by each who may refuse, classified, and answered by the fallback."""
    (_, application), (language, script), (_, shown), *_ = BLOCKS
    (tmp_path / "library.py").write_text(application)
    assert run(language, script, tmp_path) == shown


def test_who_loses_a_right_meanwhile_is_refused(tmp_path: Path) -> None:
    """By the handler, which is run again on what is there when it commits."""
    _, _, _, (language, script), (_, shown), *_ = BLOCKS
    assert script.startswith("# notebook.py")
    assert run(language, script, tmp_path) == shown


def test_a_class_of_handlers_prints_what_the_page_shows(tmp_path: Path) -> None:
    """With its tools, alone and in an application."""
    *_, (language, script), (_, shown) = BLOCKS
    assert run(language, script, tmp_path) == shown
