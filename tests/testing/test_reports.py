"""What pytest says of tests that show nothing, and of bugs in handlers."""

import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = """
import pytest
from dataclasses import dataclass
from tests.testing.stall import Article, Sold, Stocked, StockRow, InStock
from twofold import Aggregate, App, Command, Event, Module
from twofold.testing import given

@dataclass(frozen=True, kw_only=True)
class Break(Command[None]):
    pass

class Slow(Aggregate):
    async def sell(self) -> None: ...
    def evolve(self, event: Event) -> None: ...

broken = Module("broken")

@broken.handler
async def fall_over(command: Break) -> None:
    raise ZeroDivisionError("by design")

@pytest.fixture
def anyio_backend():
    return "asyncio"

PENS = Stocked(article="pen", count=2)

def test_forgotten_then():
    given(Article, PENS).when(Article.sell, "ada")

def test_forgotten_rows():
    given(InStock, PENS)

def test_not_awaited():
    given(broken).when(Break()).then(Sold)

def test_not_awaited_either():
    given(broken).then(Sold)

def test_async_decision():
    given(Slow).when(Slow.sell).then()

def test_fails_by_itself():
    given(Article, PENS).when(Article.sell, "ada")
    assert False, "its own reason"

def test_judged():
    given(Article, PENS).when(Article.sell, "ada").then(Sold(article="pen", buyer="ada"))

@pytest.mark.anyio
async def test_bug():
    await given(broken).when(Break()).then()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of these says; one run for all."""
    file = tmp_path_factory.mktemp("reports") / "test_wrong.py"
    file.write_text(_TESTS)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-q", "-W", "ignore"]
    words += [str(file), f"--rootdir={file.parent}"]
    return subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False).stdout


@pytest.mark.parametrize(
    "test, what",
    [
        ("test_forgotten_then", "nothing was judged of Article.sell('ada')"),
        ("test_forgotten_rows", "nothing was judged of InStock"),
        ("test_not_awaited", "nothing was judged of Break()"),
        ("test_not_awaited_either", "nothing was judged of given(...)"),
        ("test_async_decision", "Slow.sell is an async def, so nothing is decided"),
        ("test_fails_by_itself", "its own reason"),
    ],
)
def test_a_test_that_shows_nothing_fails(report: str, test: str, what: str) -> None:
    """With what was forgotten; one that fails anyway says why."""
    (section,) = (part for part in report.split("\n____") if part.lstrip("_ ").startswith(f"{test} "))
    assert what in section
    assert "judged of" not in section or test != "test_fails_by_itself"


def test_one_that_judges_passes(report: str) -> None:
    """What an earlier test has forgotten is not its fault."""
    assert "PASSED" in report
    assert "7 failed, 1 passed" in report


def test_a_bug_in_a_handler_is_shown_without_what_carries_it(report: str) -> None:
    """The test, and the handler's own line."""
    (section,) = (part for part in report.split("\n____") if part.lstrip("_ ").startswith("test_bug "))
    assert 'raise ZeroDivisionError("by design")' in section
    assert "src/twofold/" not in section
