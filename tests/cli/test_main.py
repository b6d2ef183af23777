"""The command itself: version, completion, applications that cannot be loaded, and bugs."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Said
from twofold.cli._main import commands

Twofold = Callable[..., Said]
CHANGING = {
    *("run", "parked edit", "parked retry", "parked drop", "audit prune", "stream archive", "stream tombstone"),
    *(f"projections {verb}" for verb in ("rebuild", "reset", "switch", "rollback", "drop")),
    *("db upgrade", "db restored", "schema snapshot"),
    *(f"new {what}" for what in ("project", "command", "query", "event", "aggregate", "projection", "reaction")),
}
READ_OTHERWISE = {"audit export": "each line is JSON already", "db sql": "SQL is what it prints"}
EITHER = "write tests.cli.shop:app or tests.cli.shop:strict"
EXPECTED = "write MODULE:APP, a module that can be imported from here and the App in it: shop.main:app, say"


def test_it_tells_its_version(twofold: Twofold) -> None:
    """`twofold --version` names the installed version."""
    assert version("twofold") in twofold("--version").out


def test_python_m_twofold_is_the_same(tmp_path: Path) -> None:
    """`python -m twofold` is the same command, and the current directory is importable."""
    (tmp_path / "tiny.py").write_text("from twofold import App\napp = App('tiny')\n")
    command = [sys.executable, "-m", "twofold", "describe", "tiny:app"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("application  tiny")


def test_a_shell_can_complete(twofold: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell's completion asks through the environment and is told the subcommands."""
    monkeypatch.setenv("_TWOFOLD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "twofold des")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert "describe" in twofold().out


@pytest.mark.parametrize(
    "target, told, hint",
    [
        ("nowhere", "there is no module 'nowhere'", EXPECTED),
        ("nowhere:app", "there is no module 'nowhere'", EXPECTED),
        ("tests.nowhere:app", "there is no module 'tests.nowhere'", EXPECTED),
        ("tests.cli.shop:nothing", "tests.cli.shop has no application called 'nothing'", EITHER),
        ("tests.cli.shop:shop", "'tests.cli.shop:shop' is no App: it is a Module", EITHER),
        (
            "tests.cli.conftest",
            "tests.cli.conftest has no application called 'app'",
            "tests.cli.conftest has no App: it takes app = App(...) in there",
        ),
        ("tests/cli/shop.py", "'tests/cli/shop.py' names no module", "write tests.cli.shop:app"),
        (":app", "':app' names no module", "write module:app"),
    ],
)
def test_an_application_that_is_not_there_is_one_clear_line(
    twofold: Twofold, target: str, told: str, hint: str
) -> None:
    """A wrong name gives exit code 2, and says what is not there and what to write."""
    said = twofold("describe", target)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [f"twofold: {told}", f"  hint: {hint}"]


def test_run_says_the_same_in_its_own_process(tmp_path: Path) -> None:
    """Where the log is set up already, and nothing but these lines is written."""
    command = [sys.executable, "-m", "twofold", "run", "missing"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = ["twofold: there is no module 'missing'", f"  hint: {EXPECTED}"]
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (2, "", lines)


def test_a_command_without_an_application_says_what_is_expected(twofold: Twofold) -> None:
    """With 2, and by name."""
    said = twofold("run")
    assert said.code == 2
    assert "MODULE:APP" in said.err


def test_a_module_that_cannot_be_imported_shows_where(
    twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that raises gives exit code 2, its own part of the traceback, and a last line that says which it was."""
    (tmp_path / "half.py").write_text("import json\n\nrate = json.loads('{')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = twofold("describe", "half:app")
    assert said.code == 2
    assert said.err.splitlines()[1].endswith('half.py", line 3, in <module>')
    assert said.err.splitlines()[-1].startswith("twofold: half:app cannot be imported: JSONDecodeError")
    assert "importlib" not in said.err


def test_a_module_that_cannot_be_discovered_shows_where(
    twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that `App.discover` imports is shown like that, and the application is not blamed for it."""
    (tmp_path / "halves").mkdir()
    (tmp_path / "halves" / "__init__.py").touch()
    (tmp_path / "halves" / "broken.py").write_text("import json\n\nrate = json.loads('{')\n")
    (tmp_path / "halves" / "main.py").write_text("from twofold import App\n\napp = App('x').discover(__package__)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = twofold("describe", "halves.main:app")
    assert said.code == 2
    assert said.err.splitlines()[1].endswith('broken.py", line 3, in <module>')
    assert "twofold: halves.broken cannot be imported: JSONDecodeError" in said.err.splitlines()[-2]


def test_text_from_outside_cannot_move_the_cursor(
    twofold: Twofold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed, and what an error says, is shown with its control characters escaped."""
    said = twofold("explain", "tests.cli.shop:app", "x\x1b[2Jy")
    assert said.code == 4
    assert "\x1b" not in said.err
    (tmp_path / "rude.py").write_text("raise ValueError('x\\u202ey')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert twofold("describe", "rude:app").err.splitlines()[-1].isprintable()


def test_every_command_that_reads_answers_machines_too() -> None:
    """All of them have `--json`, but for those that change something, and two that say why not."""
    plain = {name for name, options in leaves(commands) if "--json" not in options}
    assert plain == {*CHANGING, *READ_OTHERWISE}


def leaves(group: click.Group, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Each command that is no group of others, with its options."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", [flag for one in command.params for flag in one.opts]


def test_a_bug_is_shown_whole_and_is_70(twofold: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw prints its traceback and exits with 70."""

    def crash(*args: object, **kwargs: object) -> None:
        raise KeyError("order")

    monkeypatch.setattr("twofold.cli._describe.describe_app", crash)
    said = twofold("describe", "tests.cli.shop:app")
    assert said.code == 70
    assert "KeyError: 'order'" in said.err


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    """Without the packages of the command line, `python -m twofold` says what to install."""
    (tmp_path / "rich_click.py").write_text("raise ModuleNotFoundError('no', name='rich_click')\n")
    done = subprocess.run([sys.executable, "-m", "twofold"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "twofold: twofold.cli needs the package 'rich_click' (pip install \"twofold[cli]\")\n"


def test_its_version_is_told_without_its_packages(twofold: Twofold, tmp_path: Path) -> None:
    """In the words that it has with them."""
    (tmp_path / "rich_click.py").write_text("raise ModuleNotFoundError('no', name='rich_click')\n")
    command = [sys.executable, "-m", "twofold", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == twofold("--version").out
