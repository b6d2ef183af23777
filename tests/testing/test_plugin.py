"""The pytest plugin: installed with twofold, and weightless where nobody uses it."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest_twofold
from twofold.testing import Fault, VirtualClock


def test_the_fixtures_are_there(virtual_clock: VirtualClock, fault: Fault) -> None:
    """Nobody imports them: the entry point does."""
    assert isinstance(virtual_clock, VirtualClock)
    assert isinstance(fault, Fault)


def test_it_is_installed_by_an_entry_point() -> None:
    """Pytest finds it in every environment that twofold is installed in."""
    (found,) = entry_points(group="pytest11", name="twofold")
    assert found.load() is pytest_twofold


def test_the_fixture_has_every_fault() -> None:
    """The plugin names them by itself, since it must not import them."""
    assert list(pytest_twofold.FAULTS) == list(Fault)


def test_nothing_is_loaded_for_those_who_do_not_use_it() -> None:
    """Whoever has twofold installed and tests something else loads nothing of it, nor pydantic and dishka with it."""
    code = "import sys, pytest_twofold; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pytest_twofold" in loaded
    assert not {"twofold", "pydantic", "dishka", "sqlalchemy"} & loaded
