"""Every promise on the page of guarantees names tests, and they are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
ROWS = [
    line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "promise |" not in line
]


@pytest.mark.parametrize("promise, shown", ROWS, ids=[row[0] for row in ROWS])
def test_every_promise_names_tests_that_are_there(promise: str, shown: str) -> None:
    """Each row has at least one test, and each is defined where the row says."""
    tests = re.findall(r"`([^`]+)::(\w+)`", shown)
    assert tests, promise
    for path, name in tests:
        assert re.search(rf"def {name}\(", (ROOT / path).read_text()), f"{path} has no {name}"
