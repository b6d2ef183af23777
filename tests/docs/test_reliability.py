"""The page on reliability: its blocks run, one after the other, and print what the page shows."""

import os
import re
import shlex
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from tests.cli.forked import finished
from tests.docs.test_parked import matches
from twofold import errors, reliability
from twofold.dispatch import Policies
from twofold.errors import BulkheadFull, CircuitOpen, RateLimited, TimedOut

PAGE = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_says_what_happens(tmp_path: Path) -> None:
    """The application, what it answers, and what is explained with settings from outside."""
    (_, application), (_, script), (_, answers), (_, command), (_, explained) = BLOCKS[:5]
    (tmp_path / "desk.py").write_text(application)
    assert matches(run(["-c", script], tmp_path), answers)
    variables, words = split(command)
    assert matches(run(["-m", *words], tmp_path, **variables), explained)


def test_who_listens_to_a_breaker_is_told_what_is_printed(tmp_path: Path) -> None:
    """And a listener that raises disturbs nothing."""
    (_, paged), (_, told) = BLOCKS[5:7]
    assert run(["-c", paged], tmp_path) == told


def test_the_recipe_runs_as_printed(tmp_path: Path) -> None:
    """The first one that is there decides."""
    (_, chain), (_, answers) = BLOCKS[7:]
    assert run(["-c", chain], tmp_path) == answers


def split(command: str) -> tuple[dict[str, str], list[str]]:
    """The variables before a command, and the command."""
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if word.startswith("TWOFOLD_"))
    return variables, words[len(variables) :]


def run(words: list[str], folder: Path, **variables: str) -> str:
    """What a command prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    done = finished(*words, where=folder, env=environment | variables)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_setting_is_there_with_its_default() -> None:
    """As it would be written in code."""
    rows: dict[str, str] = dict(re.findall(r"^\| `(\w+)` \| ((?:`[^`]*`(?:, )?)+) \|$", PAGE, re.MULTILINE))
    assert rows.keys() == {"RateLimit", "Bulkhead", "CircuitBreaker", "Timeout", "Retry"}
    for name, told in rows.items():
        assert told == ", ".join(f"`{written(one)}`" for one in fields(getattr(reliability, name)))


def written(field: Any) -> str:
    """A setting and its default."""
    if field.default is MISSING:
        return str(field.name)
    plain = sorted(map(str, field.default)) if isinstance(field.default, frozenset) else None
    return f"{field.name}={field.default!r}" if plain is None else f"{field.name}={{{', '.join(map(repr, plain))}}}"


def test_every_part_is_there_in_its_order() -> None:
    """With its shorthand, its settings, and what it refuses with."""
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \| `(\w+)` \| .*? \| (.*?) \|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == list(Policies.__annotations__)
    known: Any = {
        "RateLimit": RateLimited,
        "Bulkhead": BulkheadFull,
        "CircuitBreaker": CircuitOpen,
        "Timeout": TimedOut,
    }
    for _, shorthand, settings, refusal in rows:
        assert getattr(reliability, settings).of(eval(shorthand))  # the page's own text
        if settings in known:
            assert refusal.startswith(f"`{known[settings].code}`")
            status = 429 if known[settings].category is errors.rate_limited else 503
            assert refusal.endswith(str(status))
