"""Finding an application by the name that people type."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from twofold import App
from twofold.app import AppNotFound, locate
from twofold.errors import WiringError

SHOP = """
from twofold import App

app = App("shop")
other = App("other")
none = 1
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to work in, with a Python module that holds applications."""
    (tmp_path / "located_shop.py").write_text(
        'from twofold import App\napp = App("shop")\nother = App("other")\nnone = 1\n'
    )
    (tmp_path / "located_broken.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])
    yield tmp_path
    for name in ("located_shop", "located_broken"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "target, name", [("located_shop:other", "other"), ("located_shop:app", "shop"), ("located_shop", "shop")]
)
def test_it_is_found_from_the_working_directory(here: Path, target: str, name: str) -> None:
    """The attribute is `app` unless it is given."""
    app = locate(target)
    assert isinstance(app, App)
    assert app.name == name


@pytest.mark.parametrize(
    "target, fault",
    [
        ("located_nowhere:app", "no module 'located_nowhere'"),
        ("located_shop:none", "is no App"),
        ("located_shop:missing", "no application called .*missing"),
    ],
)
def test_what_is_not_there_is_named(here: Path, target: str, fault: str) -> None:
    """As what it is: a mistake in the name."""
    with pytest.raises(WiringError, match=fault):
        locate(target)


def test_a_module_that_cannot_import_what_it_needs_says_so_itself(here: Path) -> None:
    """That is no mistake in the name, and hiding it would send people looking for one."""
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        locate("located_broken")


def test_a_module_whose_name_begins_like_it_is_not_mistaken_for_it(here: Path) -> None:
    """What `located_broken` needs is missing, and not `located_broken` itself."""
    (here / "located_broken.py").write_text("import located_bro\n")
    with pytest.raises(ModuleNotFoundError, match="located_bro'"):
        locate("located_broken")


def test_an_application_under_another_name_is_pointed_to(here: Path) -> None:
    """As it is to be typed."""
    with pytest.raises(AppNotFound) as missing:
        locate("located_shop:shop")
    assert missing.value.hint == "write located_shop:app or located_shop:other"
