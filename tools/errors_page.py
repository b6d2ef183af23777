"""Writes docs/errors.md: every code that twofold answers with, as the code has it; a test compares the two."""

import importlib
import pkgutil
from pathlib import Path

import twofold
from twofold.cli import exit_of
from twofold.errors import Classifier, TwofoldError
from twofold.result import Failure
from twofold.web._problem import CRASHED, title_of
from twofold.web._problem_pages import OF_HTTP, Meaning, own_errors

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"

HEAD = """# Errors

Made by `tools/errors_page.py` from the classes themselves; a test compares. A problem document has the code of its
error as `code`, and behind `/problems/` as `type`, where `app.http()` serves what this page says of it, and of errors
that handlers of yours declare. `app.http(problems="https://example.com/errors#")`, or the same in `App(http={...})`,
has it point at a page: at this one, each code being a heading of it, or at one of yours. Your own classes of `Refused`
have their name in snake case as their code. The exit code is that of a process which ends with it.
"""


def main() -> None:
    PAGE.write_text(page())


def page() -> str:
    """The page as it is to be."""
    sections = [*map(_section, _catalogue().values()), *map(_of_http, OF_HTTP)]
    return "\n".join([HEAD, *sorted(sections)])


def _catalogue() -> dict[str, type[TwofoldError]]:
    """The class of each code, of every room."""
    for found in pkgutil.walk_packages(twofold.__path__, "twofold."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return own_errors()


class _Sample(Exception):
    """Is of whatever category it is said to be."""


def _section(error: type[TwofoldError]) -> str:
    meaning = Meaning.of(error)
    exit_code = exit_of(Failure(_Sample()), Classifier({_Sample: error.category}))
    crashed = meaning.status == CRASHED.status
    shown = f"{meaning.status}, as [{CRASHED.code}](#{CRASHED.code})" if crashed else str(meaning.status)
    where = error.__module__.partition("._")[0]
    facts = f"HTTP {shown} · exit code {exit_code} · `{where}.{error.__qualname__}` · {error.category}"
    return _written(meaning, facts)


def _of_http(meaning: Meaning) -> str:
    return _written(meaning, f"HTTP {meaning.status}")


def _written(meaning: Meaning, facts: str) -> str:
    head = f"## {meaning.code}\n\n**{title_of(meaning.code)}** · {facts}"
    return f"{head}\n\n{meaning.text}\n\n*What to do.* {meaning.to_do}\n"


if __name__ == "__main__":
    main()
