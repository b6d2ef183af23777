"""The benchmarks run; what they measure is reported by `make bench`, and never asserted."""

from pathlib import Path

import pytest

from benchmarks.__main__ import SECTIONS
from tests.cli.forked import finished

_PAGE = Path("docs/benchmarks.md")
_SHORT = {"dispatch"}
"""What runs with all other tests; the rest start servers or interpreters, wait for the disk, or need a long log."""


@pytest.mark.parametrize(
    "section", [name if name in _SHORT else pytest.param(name, marks=pytest.mark.faults) for name in SECTIONS]
)
def test_a_section_gives_figures_and_writes_them_into_its_page(section: str, tmp_path: Path) -> None:
    """Every section runs to its end, shows its figures, and fills its own part of the page and no other."""
    page = tmp_path / "page.md"
    page.write_text(
        f"by hand\n<!-- measured: {section} -->\nforgotten\n<!-- end of {section} -->\n## Ideas that did not pay\n",
        encoding="utf-8",
    )
    # In a process of its own: before each round garbage is collected, which among all that tests leave takes long.
    done = finished("-m", "benchmarks", section, "--quick", "--write", str(page), where=Path.cwd())
    assert done.returncode == 0, done.stderr
    written = page.read_text(encoding="utf-8")
    assert SECTIONS[section].TITLE in done.stdout
    assert "Measured" in written
    assert "forgotten" not in written
    assert written.startswith("by hand\n")
    assert written.endswith("## Ideas that did not pay\n")


def test_the_page_has_a_place_for_every_section() -> None:
    """`python -m benchmarks --write docs/benchmarks.md` finds the markers of each section."""
    page = _PAGE.read_text(encoding="utf-8")
    missing = [
        name for name in SECTIONS if f"<!-- measured: {name} -->" not in page or f"<!-- end of {name} -->" not in page
    ]
    assert missing == []
