"""Figures that pages tell in words are those of the page of figures, give or take a fifth."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FIGURES = (DOCS / "benchmarks.md").read_text()
TOLD = [  # where it is told, the row that it is of, and what the row's value says in the words of the page
    ("when-not.md", r"about ([\d,]+) commands in a second", "commands in a second", 1.0),
    ("when-not.md", r"and ([\d,]+) queries for objects", "queries by an object of a ReadSession in a second", 1.0),
    ("when-not.md", r"([\d,]+) for its columns", "queries by columns of a ReadSession in a second", 1.0),
    ("when-not.md", r"columns or ([\d,]+) with SQL", "queries by SQL through the store in a second", 1.0),
    ("when-not.md", r"appends one takes ([\d.]+) times", "command that loads 20 events and appends 1", -100.0),
    ("when-not.md", r"SQLAlchemy takes (\d+) times", "command with an AsyncSession (PostgreSQL)", -100.0),
    ("when-not.md", r"about ([\d,]+) events in a second", "events in a second, a log of 100,000", 1.0),
    ("peers.md", r"appended ([\d.]+) times", "commit of a unit of work, 8 at a time (eventsourcing)", 1.0),
]


@pytest.mark.parametrize("page, words, row, factor", TOLD, ids=[row for _, _, row, _ in TOLD])
def test_a_figure_in_words_is_the_one_that_was_measured(page: str, words: str, row: str, factor: float) -> None:
    """A negative factor is divided by the value: 32 % of somebody's speed is three times as long."""
    found = re.search(words, " ".join((DOCS / page).read_text().split()))
    assert found is not None
    name, _, only = row.partition(" (")
    rows = (line for line in FIGURES.splitlines() if line.startswith(f"| {name} | ") and picked(line, only))
    measured = float(re.sub(r"[^\d.]", "", next(rows).split(" | ")[2]))
    expected = measured * factor if factor > 0 else -factor / measured
    assert float(found[1].replace(",", "")) == pytest.approx(expected, rel=0.2)


def picked(line: str, only: str) -> bool:
    """Whether a row is the one that is meant, of several that are called so."""
    return {"PostgreSQL)": "asyncpg" in line, "eventsourcing)": "the library eventsourcing" in line}.get(only, True)
