"""A leading underscore makes a file private to its room: its folder under `src/twofold`, or its driver's."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_rooms_are_entered_by_the_front_door() -> None:
    """No file imports a private file of a room that it does not live in."""
    assert any((ROOT / "src").rglob("*.py"))
    assert [breach for folder in ("src", "examples") for breach in breaches(ROOT / folder)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "import twofold.dispatch._handler",
        "import twofold.dispatch._handler as handler",
        "from twofold.dispatch import _handler",
        "from twofold.dispatch._handler import Handler",
        "from ..dispatch import _handler",
        "from ..dispatch._handler import Handler",
        "def late():\n    from twofold.drivers.postgres._pool import Pool",
    ],
)
def test_a_breach_is_seen(tmp_path: Path, statement: str) -> None:
    """Each way to write the import of another room's private file is a breach."""
    write(tmp_path / "twofold/store/unit.py", statement)
    assert len(list(breaches(tmp_path))) == 1


@pytest.mark.parametrize(
    "statement",
    ["from . import _row", "from ._row import Row", "from twofold.store import __doc__", "import _thread"],
)
def test_own_private_files_are_no_breach(tmp_path: Path, statement: str) -> None:
    """A room imports its own private files freely."""
    write(tmp_path / "twofold/store/unit.py", statement)
    write(tmp_path / "twofold/store/__init__.py", statement)
    assert list(breaches(tmp_path)) == []


def test_drivers_are_strangers(tmp_path: Path) -> None:
    """One driver's private file is closed to the other drivers."""
    write(tmp_path / "twofold/drivers/sqlite/log.py", "from twofold.drivers.postgres import _pool")
    breach = "twofold/drivers/sqlite/log.py:1 imports twofold.drivers.postgres._pool"
    assert list(breaches(tmp_path)) == [breach]


def breaches(source: Path) -> Iterator[str]:
    for file in sorted(source.rglob("*.py")):
        package = file.relative_to(source).parts[:-1]
        for line, target in imports(file, package):
            private = next((place for place, name in enumerate(target) if is_private(name)), None)
            if target[0] == "twofold" and private and room(target[:private]) != room(package):
                yield f"{file.relative_to(source)}:{line} imports {'.'.join(target)}"


def imports(file: Path, package: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = node.module.split(".") if node.module else ()
            for alias in node.names:
                yield node.lineno, (*base, *module, alias.name)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def room(package: Sequence[str]) -> tuple[str, ...]:
    return tuple(package[: 3 if package[1:2] == ("drivers",) else 2])


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n")
