"""The command itself: version, completion, applications that cannot be loaded, and bugs."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Said

Twofold = Callable[..., Said]


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
    "target, told",
    [
        ("nowhere:app", "there is no module 'nowhere'"),
        ("tests.cli.shop:nothing", "no application called 'nothing'"),
        ("tests.cli.shop:shop", "no application called 'shop'"),
        ("tests/cli/shop.py", "write tests.cli.shop:app"),
        (":app", "names no module"),
    ],
)
def test_an_application_that_is_not_there_is_one_clear_line(twofold: Twofold, target: str, told: str) -> None:
    """A wrong name gives exit code 2 and says what is not there."""
    said = twofold("describe", target)
    assert said.code == 2
    assert told in said.err
    assert len(said.err.splitlines()) == 1


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


def test_a_bug_is_shown_whole_and_is_70(twofold: Twofold, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw prints its traceback and exits with 70."""

    def crash(*args: object) -> None:
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
