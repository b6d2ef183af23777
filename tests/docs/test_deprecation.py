"""What the policy of deprecation says is how names are marked, and what a user sees."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.test_projections import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deprecation.md").read_text()
TOLD = re.compile(r"since (\d+)\.(\d+), gone in (\d+)\.(\d+): .+")


def test_the_warning_is_as_printed(tmp_path: Path) -> None:
    """A marked name warns whoever uses it, with its versions and what to take instead."""
    (_, script), (_, shown) = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert run("python", script, tmp_path) == shown
    assert unfit(script) == []


def test_every_mark_in_the_code_says_what_the_policy_asks_for() -> None:
    """Since when, when it goes, at least one minor version in between, and what to take instead."""
    sources = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    assert [text for source in sources if "deprecated(" in source for text in unfit(source)] == []


@pytest.mark.parametrize("text", ["take Module.handler", "since 0.4, gone in 0.5: take it", "since 0.4, gone in 0.6: "])
def test_a_mark_that_says_less_is_found(text: str) -> None:
    """Without versions, gone too soon, or without what to take."""
    assert unfit(f'@deprecated("{text}")\ndef handles(): ...') == [text]


def unfit(source: str) -> list[str]:
    """The texts of marks that do not say what they should."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    marks = [one for one in calls if ast.unparse(one.func).rpartition(".")[2] == "deprecated"]
    texts = [ast.literal_eval(one.args[0]) for one in marks]
    return [text for text in texts if not ((found := TOLD.fullmatch(text)) and stays(*map(int, found.groups())))]


def stays(since_major: int, since: int, gone_major: int, gone: int) -> bool:
    """Whether a minor version that warns lies between the one that marks and the one that takes away."""
    return gone >= since + 2 if since_major == gone_major == 0 else gone_major > since_major
