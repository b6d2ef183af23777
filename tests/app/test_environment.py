"""Variables of the environment that nobody reads: a name that is nearly right keeps the application from starting."""

import re
from pathlib import Path

import pytest

from twofold import App
from twofold.app import misspelt_variables
from twofold.app._environment import _NAMES

SOURCES = Path(__file__).parents[2] / "src" / "twofold"


@pytest.mark.parametrize(
    "name, meant",
    [
        ("TWOFOLD_DATABSE", "TWOFOLD_DATABASE"),
        ("TWOFOLD_DATABASE_URL", "TWOFOLD_DATABASE"),
        ("twofold_database", "TWOFOLD_DATABASE"),
        ("TWOFOLD_READDATABASE", "TWOFOLD_READ_DATABASE"),
        ("TWOFOLD_BROKERS", "TWOFOLD_BROKER"),
        ("TWOFOLD_PROFIL", "TWOFOLD_PROFILE"),
        ("TWOFOLD_ROLES", "TWOFOLD_ROLE"),
        ("TWOFOLD_PERSONAL_KEYS", "TWOFOLD_PERSONAL_KEY"),
        ("TWOFOLD_AUDT_KEY", "TWOFOLD_AUDIT_KEY"),
    ],
)
def test_a_name_that_is_nearly_right_is_a_fault(name: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application would be on another database than somebody believes; the value is nobody's business."""
    monkeypatch.setenv(name, "canary")
    (fault,) = App("shop", database="memory:").check()
    assert str(fault) == f"the environment: sets {name}, which nobody reads (did you mean {meant}?)"


OTHERS = (
    "HOME",
    "TEST_DATABASE",
    "COLOUR",
    "DEV_DATABASE",
    "OLD_DATABASE",
    "DATABASE_DIR",
    "DATABASE_2",
    "PERSONAL_KEY_2",
)


@pytest.mark.parametrize("name", ["DATABSE", *(f"TWOFOLD_{one}" for one in OTHERS), *_NAMES])
def test_other_names_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read is none, nor what is somebody else's, or of tests."""
    monkeypatch.setenv(name, "1")
    assert list(misspelt_variables()) == []


def test_every_variable_that_is_read_is_known() -> None:
    """What the sources name as a variable of their own, so that none is called misspelt."""
    quoted = re.compile(r"""["'](TWOFOLD_[A-Z_]*[A-Z])["']""")
    named = {name for file in SOURCES.rglob("*.py") for name in quoted.findall(file.read_text())}
    assert named == set(_NAMES)
