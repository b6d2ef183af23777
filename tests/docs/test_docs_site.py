"""What the site is built from: every page has its place, and every public name its page."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from tools import docs_site
from tools.docs_site import fetches, layout, led, rooms


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Every page, by its place."""
    return layout()[0]


@pytest.mark.parametrize("room", rooms())
def test_every_public_name_is_on_the_page_of_its_room(room: str, pages: dict[str, str]) -> None:
    """In its list, whose links a build proves to lead to the docstrings; and those of a room are rendered there."""
    page, names = pages[f"names/{room}.md"], sorted(import_module(room).__all__)
    assert sorted(re.findall(r"^\| \[`(\w+)`\]\[[\w.]+\]", page, re.MULTILINE)) == names
    if room != "twofold":
        assert sorted(re.findall(rf"^::: {room}\.(\w+)$", page, re.MULTILINE)) == names


def test_a_class_tells_what_it_has_from_one_that_has_no_page(pages: dict[str, str]) -> None:
    """As `App` does: `App.use` is written in a private class. What others have is their own, or on another page."""
    shown = r"^::: twofold\.app\.(\w+)\n    options:\n      inherited_members: true$"
    assert re.findall(shown, pages["names/twofold.app.md"], re.MULTILINE) == ["App"]


def test_every_page_is_in_the_navigation(pages: dict[str, str]) -> None:
    """Under one of the four kinds; the files that pages show are reached by links alone."""
    nav = json.dumps(layout()[1])
    assert [one for one in pages if not one.startswith("source/") and f'"{one}"' not in nav] == []
    assert re.findall(r'\{"(Tutorials|How to|Explanation|Reference)": \[\{', nav) == list(docs_site.KINDS)


def test_a_page_that_no_table_has_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new page has to be put under a kind."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "forgotten.md").write_text("# Forgotten\n")
    (tmp_path / "README.md").write_text("# It\n\n### Tutorials\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n")
    monkeypatch.setattr(docs_site, "ROOT", tmp_path)
    monkeypatch.setattr(docs_site, "DOCS", tmp_path / "docs")
    with pytest.raises(ValueError, match=r"no row for forgotten\.md"):
        layout()


def test_links_lead_to_where_files_are_in_the_site() -> None:
    """From the README into the pages, and from pages to the README and to files of the project."""
    readme, page = docs_site.ROOT / "README.md", docs_site.DOCS / "reference.md"
    assert led(readme, "[a](docs/http.md#pages)") == "[a](http.md#pages)"
    assert led(readme, "[a](examples/orders)") == "[a](source/examples/orders.md)"
    assert led(page, "[a](../README.md) [b](../CHANGELOG.md)") == "[a](index.md) [b](changelog.md)"
    assert led(page, r"| `int \| None` |") == "| `int | None` |"
    with pytest.raises(ValueError, match=r"docs/reference\.md links to nothing\.md"):
        led(page, "[a](nothing.md)")


@pytest.mark.parametrize(
    "tag, found",
    [
        ('<script src="https://cdn.example/a.js"></script>', ["https://cdn.example/a.js"]),
        ('<link rel="stylesheet" href="https://fonts.example/a.css">', ["https://fonts.example/a.css"]),
        ("<img alt=a src=https://pictures.example/a.png>", ["https://pictures.example/a.png"]),
        ('<a href="https://dcb.events">that</a><script src="assets/a.js"></script>', []),
    ],
)
def test_what_a_page_would_fetch_from_elsewhere_is_found(tag: str, found: list[str], tmp_path: Path) -> None:
    """Scripts, styles and pictures; a link that somebody may follow is none."""
    (tmp_path / "page.html").write_text(tag)
    assert fetches(tmp_path / "page.html") == found
