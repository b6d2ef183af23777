"""Every page is found, and what it points at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_every_link_of_every_page_leads_somewhere(page: Path) -> None:
    """To a file of the project, and to a heading of it when it says which."""
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]+))?\)", page.read_text()):
        file = (page.parent / target) if target else page
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}, anchor


def test_every_page_is_reached_from_the_readme() -> None:
    """By one link, or over a page that is."""
    reached, open_pages = set[Path](), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page not in reached:
            reached.add(page)
            links = re.findall(r"\]\(([^)#:\s]+\.md)(?:#[^)]+)?\)", page.read_text())
            open_pages += [(page.parent / link).resolve() for link in links]
    assert {*(ROOT / "docs").rglob("*.md")} <= reached


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([a-z_/]*\w+\.(?:py|sql)|[a-z_]+/)`", ARCHITECTURE))))
def test_every_file_of_the_structure_is_there(path: str) -> None:
    """A page that walks through the code names files that are in it."""
    assert [*(ROOT / "src" / "twofold").rglob(path)]


def test_the_floors_of_the_structure_are_those_that_are_checked() -> None:
    """Line by line, as the import contract has them."""
    block = re.search(r"^```text\n(.*?)^```", ARCHITECTURE, re.DOTALL | re.MULTILINE)
    contract = re.search(r"^layers = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    assert contract is not None
    drawn = [line.split("  ")[0] for line in block[1].splitlines()]
    floors = [re.sub(r"( \| )?\(\w+\)", "", line) for line in re.findall(r'"(.*?)"', contract[1])]
    assert drawn == [floor for floor in floors if floor]
