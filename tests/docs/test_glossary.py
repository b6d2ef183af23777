"""The glossary: what it names is there, and what the code is made of has a word."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from tools.docs_site import rooms

PAGE = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text()
ROWS: list[tuple[str, str]] = re.findall(r"^\| ([a-z ]+) \| .* \| (`.*`) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("word, names", ROWS, ids=[word for word, _ in ROWS])
def test_what_a_word_is_called_in_code_is_public(word: str, names: str) -> None:
    """Each name of the third column is in the `__all__` of a room, and so is what it has behind a dot."""
    for name in re.findall(r"`(.+?)`", names):
        first, *attributes = re.sub(r"\(.*\)", "", name).split(".")
        homes = [room for room in map(import_module, rooms()) if first in room.__all__]
        assert homes, f"{word}: {name}"
        value = getattr(homes[0], first)
        for attribute in attributes:
            assert hasattr(value, attribute) or attribute in value.__annotations__, f"{word}: {name}"


def test_each_word_has_one_line() -> None:
    """In one table, and in none twice."""
    words = [word for word, _ in ROWS]
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and "| is |" not in line]
    assert len(words) == len(set(words)) == len(lines) > 40
