"""What is stored or sent is data and stays data: nothing of it is ever run, or names what is to be imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
FORMATS = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "joblib", "yaml", "pydoc"}
CALLS = {"eval", "exec", "compile", "__import__"}
BY_NAME = {"import_module", "resolve_name"}
NAMED_BY_PEOPLE = {
    "twofold/app/_locate.py": "the MODULE:APP of the command line",
    "twofold/app/discovery.py": "the package that the application's own code discovers, and the files that are in it",
    "twofold/errors/_extra.py": "rooms of twofold itself",
    "pytest_twofold.py": "a room of twofold, once a test asks for it",
}
"""The files that import what a text names, and who writes the text."""


def breaches(file: Path) -> Iterator[str]:
    """What a file does that would make data into code."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.split(".")[0] in FORMATS)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in FORMATS:
                yield module
            case ast.Call(func=ast.Name(id=name)) if name in CALLS | BY_NAME:
                yield name
            case ast.Call(func=ast.Attribute(attr=name)) if name in BY_NAME:
                yield name
            case _:
                pass


def test_no_format_that_runs_code_is_read() -> None:
    """No pickle and none of its kin, no eval, and no import of what a text names but for a few files."""
    found = {str(file.relative_to(SOURCE)): [*breaches(file)] for file in SOURCE.rglob("*.py")}
    found = {file: what for file, what in found.items() if what}
    assert set(found) == set(NAMED_BY_PEOPLE), found
    assert {one for what in found.values() for one in what} == {"import_module"}


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from yaml import load", "eval('1')", "import importlib\nimportlib.import_module('x')"],
)
def test_a_breach_is_seen(tmp_path: Path, text: str) -> None:
    """Whichever way it is written."""
    (tmp_path / "one.py").write_text(text)
    assert [*breaches(tmp_path / "one.py")]
