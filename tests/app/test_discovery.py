"""Modules found by convention: `App.discover`."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from twofold import App, Success
from twofold.app import NotDiscovered
from twofold.errors import WiringError

MODULE = "from twofold import Module\n{name} = Module({name!r})\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Mapping[str, str]], str]]:
    """Writes the files of a package that can be imported, and answers its name."""
    monkeypatch.syspath_prepend(tmp_path)
    name = f"discovered_{tmp_path.name.replace('-', '_')}"

    def write(files: Mapping[str, str]) -> str:
        for path, text in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("PACKAGE", name))
        return name

    yield write
    for one in [one for one in sys.modules if one.split(".")[0] == name]:
        del sys.modules[one]


def names(app: App) -> list[str]:
    """The modules that are mounted."""
    return [module.name for module in app.modules]


def test_every_module_below_a_package_is_mounted(package: Callable[..., str]) -> None:
    """Of private files and of packages in it too, in the order of the names of their files."""
    files = {
        "b.py": MODULE.format(name="b"),
        "_private.py": MODULE.format(name="hidden"),
        "a/__init__.py": MODULE.format(name="a"),
        "a/z.py": MODULE.format(name="az"),
        "a/deep/__init__.py": "",
        "a/deep/c.py": MODULE.format(name="c") + MODULE.format(name="a_second"),
    }
    assert names(App("shop").discover(package(files))) == ["hidden", "a", "c", "a_second", "az", "b"]


def test_a_module_is_mounted_once(package: Callable[..., str]) -> None:
    """However many files import it, and whether it was mounted before; what comes twice would be a second handler."""
    files = {
        "a.py": "from PACKAGE.b import b\n",
        "b.py": MODULE.format(name="b"),
        "c.py": "from PACKAGE.b import b as again\n" + MODULE.format(name="c"),
    }
    name = package(files)
    app = App("shop", modules=[importlib.import_module(f"{name}.c").c])
    assert names(app.discover(name)) == ["c", "b"]
    assert names(app.discover(name)) == ["c", "b"]


@pytest.mark.anyio
async def test_what_is_discovered_works_like_what_is_named(package: Callable[..., str]) -> None:
    """The package itself may be given, and the file of the application is in it: it says `discover(__package__)`."""
    greet = (
        "from dataclasses import dataclass\nfrom twofold import Command, Module\nmodule = Module('greetings')\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Greet(Command[str]):\n    name: str\n"
        "@module.handler\nasync def greet(command: Greet) -> str:\n    return f'Hello, {command.name}!'\n"
    )
    app_file = "from twofold import App\napp = App('shop', database='memory:').discover(__package__)\n"
    name = package({"greet.py": greet, "app.py": app_file})
    found = importlib.import_module(f"{name}.app")
    app: App = found.app
    assert names(App("other").discover(importlib.import_module(name))) == names(app) == ["greetings"]
    async with app:
        greeting = importlib.import_module(f"{name}.greet").Greet(name="Ada")
        assert await app.execute(greeting) == Success("Hello, Ada!")
        with pytest.raises(WiringError, match="is running"):
            app.discover(name)


def test_a_single_file_is_looked_through(package: Callable[..., str]) -> None:
    """It has nothing below it."""
    name = package({"a.py": MODULE.format(name="a"), "b.py": MODULE.format(name="b")})
    assert names(App("shop").discover(f"{name}.b")) == ["b"]


def test_what_runs_when_it_is_imported_is_not_imported(package: Callable[..., str]) -> None:
    """`__main__` is a program."""
    name = package({"__main__.py": "raise SystemExit(3)\n", "a.py": MODULE.format(name="a")})
    assert names(App("shop").discover(name)) == ["a"]


def test_a_file_that_cannot_be_imported_is_named_with_its_cause(package: Callable[..., str]) -> None:
    """A missing package of others is that file's trouble, and nothing is mounted."""
    name = package({"a.py": MODULE.format(name="a"), "b/__init__.py": "", "b/c.py": "import nowhere_to_be_found\n"})
    app = App("shop")
    with pytest.raises(NotDiscovered, match=rf"{name}\.b\.c cannot be imported: .*nowhere_to_be_found") as broken:
        app.discover(name)
    assert isinstance(broken.value.__cause__, ModuleNotFoundError)
    assert (broken.value.package, app.modules) == (name, [])
    (Path(importlib.import_module(name).__path__[0]) / "__init__.py").write_text("1 / 0\n")
    del sys.modules[name]
    with pytest.raises(NotDiscovered, match=f"{name} cannot be imported: ZeroDivisionError"):
        app.discover(name)
    package({"__init__.py": "import nowhere_to_be_found  # and longer than what was there\n"})
    with pytest.raises(NotDiscovered, match=f"{name} cannot be imported: ModuleNotFoundError"):
        app.discover(name)


@pytest.mark.parametrize("wanted", ["nowhere_to_be_found", "twofold.nowhere_to_be_found"])
def test_a_package_that_is_not_there_is_told(wanted: str) -> None:
    """As a mistake in its name."""
    with pytest.raises(NotDiscovered, match=f"there is no package '{wanted}'"):
        App("shop").discover(wanted)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_script_is_in_no_package(nothing: str | None) -> None:
    """Its `__package__` is None, or empty."""
    with pytest.raises(NotDiscovered, match="is no package"):
        App("shop").discover(nothing)


def test_an_application_of_nothing_is_told(package: Callable[..., str]) -> None:
    """A package without a module is a mistake, and the hint says what one looks like."""
    name = package({"a.py": "x = 1\n"})
    with pytest.raises(NotDiscovered, match=f"{name} has no Module") as empty:
        App("shop").discover(name)
    assert "__init__.py" in empty.value.hint
