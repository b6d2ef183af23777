"""`twofold run` in production: what does on a desk, and not there, is told before anything is served."""

import os
from pathlib import Path

import pytest

from tests.cli.forked import finished

HELLO = """
from dataclasses import dataclass
from twofold import App, Command, Module

greetings = Module("greetings")

@dataclass(frozen=True, kw_only=True)
class Greet(Command[str]):
    pass

@greetings.handler
async def greet(command: Greet) -> str:
    return "Hello!"

app = App("hello", modules=[greetings])
guarded = App("guarded", modules=[greetings], profile="production")
"""


@pytest.mark.parametrize(
    "target, options, profile, reload",
    [
        ("hello:app", ["--profile", "production", "--reload"], "development", True),
        ("hello:app", ["--reload"], "production", True),
        ("hello:guarded", ["--reloaded"], "", True),
        ("hello:guarded", [], "", False),
    ],
    ids=["typed", "environment", "code, seen by whoever is begun anew", "code"],
)
def test_production_needs_what_a_desk_does_not(
    target: str, options: list[str], profile: str, reload: bool, tmp_path: Path
) -> None:
    """Whoever says that it is production, everything that is missing is told at once, with exit code 2."""
    (tmp_path / "hello.py").write_text(HELLO)
    said = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD_")}
    words = ["-m", "twofold", "run", target, "--database", "memory:", *options]
    done = finished(*words, where=tmp_path, env={**said, "TWOFOLD_PROFILE": profile})
    assert done.returncode == 2
    told = ("greet", "is in memory", "without a key", "/openapi.json", "/metrics", *(["--reload"] if reload else []))
    assert [text for text in told if text not in done.stderr] == []
