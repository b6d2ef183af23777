"""Every promise on the page of guarantees names tests that are there, and the stores that it holds for."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
ROWS = [
    line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "promise |" not in line
]
OF_STORES = [row for row in ROWS if len(row) == 3]
TEST = re.compile(r"`([^`]+)::(\w+)`(?: \(([a-z ]+)\))?")
SUITE = "src/twofold/testing/_store_"
RUN_THE_SUITE = {
    "M": ("tests/store/test_memory_store.py", "TestMemoryStore"),
    "S": ("tests/drivers/sqlite/test_conformance.py", "TestSqliteStore"),
    "P": ("tests/drivers/postgres/test_conformance.py", "TestPostgresStore"),
}
SKIPPED = {"M": ("require_sql", "require_turns", "impatient_store"), "S": (), "P": ("require_turns",)}
"""What a test of the suite asks for, and a store does not have."""


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_promise_names_tests_that_are_there(row: list[str]) -> None:
    """Each row has at least one test, each is defined where the row says, and what is not always run is marked."""
    tests = TEST.findall(row[-1])
    assert tests, row[0]
    for path, name, mark in tests:
        assert name in functions(path), f"{path} has no {name}"
        assert mark == mark_of(path, name), f"{name} of {path}"


@pytest.mark.parametrize("row", OF_STORES, ids=[row[0] for row in OF_STORES])
def test_every_promise_of_the_store_says_for_which_it_holds(row: list[str]) -> None:
    """For those at least that its tests are of; for no others, when all of them are of a driver or of the suite."""
    _, stores, shown = row
    tests = [stores_of(path, name) for path, name, _ in TEST.findall(shown)]
    said, shown_for = set(stores.split()), set[str]().union(*filter(None, tests))
    assert shown_for <= said <= RUN_THE_SUITE.keys()
    if all(tests):
        assert said == shown_for


def test_the_rows_of_the_store_are_those_of_four_sections() -> None:
    """None of them is left out."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    counted = {one.partition("\n")[0]: len(re.findall(r"^\| .*::", one, flags=re.MULTILINE)) for one in sections}
    of_stores = sum(counted[name] for name in ("Writing", "Time", "Reading", "Following"))
    assert len(OF_STORES) == of_stores
    assert len(ROWS) == sum(counted.values())


@pytest.mark.parametrize("store", RUN_THE_SUITE)
def test_the_suite_is_run_for_each_store(store: str) -> None:
    """By the class that the page names."""
    path, name = RUN_THE_SUITE[store]
    assert f"`{path}::{name}`" in PAGE
    (found,) = [node for node in parsed(path).body if isinstance(node, ast.ClassDef) and node.name == name]
    assert "StoreConformance" in [ast.unparse(base) for base in found.bases]


def stores_of(path: str, name: str) -> set[str] | None:
    """The stores that a test is of; None for one of what stands above them."""
    for folder, store in (("sqlite", "S"), ("postgres", "P")):
        if path.startswith(f"tests/drivers/{folder}/"):
            return {store}
    if not path.startswith(SUITE):
        return None
    asked = ast.unparse(functions(path)[name])
    return {store for store, words in SKIPPED.items() if not any(word in asked for word in words)}


def mark_of(path: str, name: str) -> str:
    """What the page says of a test that `make test` does not always run."""
    defined = functions(path)
    test = defined[name]
    asked = [test, *(defined[one.arg] for one in test.args.args if one.arg in defined)]
    of_the_file = [ast.unparse(one) for one in parsed(path).body if isinstance(one, ast.Assign)]
    decorated = "pytest.mark.faults" in map(ast.unparse, test.decorator_list)
    if decorated or any(one.startswith("pytestmark") and "pytest.mark.faults" in one for one in of_the_file):
        return "faults"
    skips = any(re.search(r"pytest\.skip\(|mark\.skipif", ast.unparse(one)) for one in asked)
    return "may be skipped" if skips and not path.startswith(SUITE) else ""


@cache
def functions(path: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a file, those in classes too."""
    found = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: node for node in found}


@cache
def parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())
