"""The pages for who comes from elsewhere: what their tables name is in code that runs, and says what is printed."""

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import click
import pytest

from twofold.cli._main import commands

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("coming-from-s*.md"))
CODE = re.compile(r"^```(python|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def page(request: pytest.FixtureRequest) -> str:
    text: str = request.param.read_text()
    return text


@pytest.fixture
def modules() -> Iterator[None]:
    """What the blocks are imported as is forgotten again."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == "a page":
            del sys.modules[name]


@pytest.mark.usefixtures("modules")
def test_the_code_runs_as_printed(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole application, and a script that uses it and prints what the page shows."""
    monkeypatch.chdir(tmp_path)
    (_, application), (_, script), (_, shown) = CODE.findall(page)
    module = ModuleType(application.partition("\n")[0].removeprefix("# ").removesuffix(".py"))
    module.__file__ = "a page"
    sys.modules[module.__name__] = module
    exec(compile(application, module.__name__, "exec"), vars(module))
    said = StringIO()
    with redirect_stdout(said):
        exec(compile(script, "script", "exec"), {"__name__": "script"})
    assert said.getvalue() == shown


def test_all_that_the_table_names_is_there(page: str) -> None:
    """In the code of the page, in that of a page that the row links to, or among the commands of `twofold`."""
    own = "\n".join(text for _, text in CODE.findall(page))
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", page, re.MULTILINE)[1:]
    assert len(rows) >= 10
    for old, new in rows:
        linked = re.findall(r"\]\(([\w-]+\.md)", new)
        code = own + "\n".join(text for one in linked for _, text in CODE.findall((DOCS / one).read_text()))
        for snippet in re.findall(r"`([^`]+)`", new):
            if snippet.startswith("twofold "):
                resolve(snippet)
            else:
                assert flat(snippet.replace("\\|", "|")) in flat(code), (old, snippet)
        assert "`" in new, old


def flat(code: str) -> str:
    """Code without its lines and spaces."""
    return re.sub(r"\s+", "", code)


def resolve(typed: str) -> None:
    """Look for a command of the command line, and its options."""
    command: click.Command = commands
    for word in shlex.split(typed)[1:]:
        if word.startswith("--"):
            assert any(word in one.opts for one in command.params), typed
        elif isinstance(command, click.Group):
            found = command.commands.get(word)
            assert found is not None, typed
            command = found


def test_there_are_five() -> None:
    """And each says what it is about."""
    titles = [page.read_text().partition("\n")[0] for page in PAGES]
    assert len(titles) == len(set(titles)) == 5
    assert all(title.startswith("# Coming from ") for title in titles)
