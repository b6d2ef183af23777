"""The wheel is what the tests test: file by file, the tree that an editable installation imports from."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.wheel import PROJECT, ROOT, build, flaws_of, flaws_of_sdist

METADATA = f"twofold-{PROJECT['version']}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("dist"))


def test_the_wheel_is_what_the_tests_import(wheel: Path) -> None:
    """Every file of `src` is in it as it is, with licence and entry points, and nothing else is."""
    assert [*flaws_of(wheel)] == []


@pytest.mark.parametrize(
    "name",
    [
        "twofold/py.typed",
        "pytest_twofold.py",
        "twofold/cli/new/templates/project_app.py.txt",
        "twofold/drivers/postgres/steps/001_tables.sql",
        f"{METADATA}/licenses/LICENSE",
    ],
)
def test_it_has_what_is_read_beside_code(wheel: Path, name: str) -> None:
    """Types, the plugin of pytest, the templates of `twofold new`, the steps of the schema, and the licence."""
    assert name in zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize(
    "change, flaw",
    [
        (lambda name, data: None if name.endswith("py.typed") else data, "twofold/py.typed is not in the wheel"),
        (lambda name, data: data + b"#" if name == "twofold/__init__.py" else data, "is another one in the wheel"),
        (lambda name, data: b"" if name.endswith("entry_points.txt") else data, "no entry point twofold"),
    ],
)
def test_a_wheel_that_is_not_so_is_found_out(
    wheel: Path, tmp_path: Path, change: Callable[[str, bytes], bytes | None], flaw: str
) -> None:
    """A file that is missing or another one, and an entry point that is not there."""
    with zipfile.ZipFile(wheel) as good, zipfile.ZipFile(tmp_path / "bad.whl", "w") as bad:
        for name in good.namelist():
            if (data := change(name, good.read(name))) is not None:
                bad.writestr(name, data)
    assert any(flaw in found for found in flaws_of(tmp_path / "bad.whl"))


def test_a_file_that_does_not_belong_is_found_out(wheel: Path, tmp_path: Path) -> None:
    """One of the tests, say."""
    (tmp_path / "bad.whl").write_bytes(wheel.read_bytes())
    with zipfile.ZipFile(tmp_path / "bad.whl", "a") as bad:
        bad.writestr("tests/conftest.py", "")
    assert [*flaws_of(tmp_path / "bad.whl")] == ["tests/conftest.py is in the wheel, and no part of it"]


def test_the_sdist_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """Byte by byte, and it has what its tests need."""
    (dist := tmp_path / "dist").mkdir()
    (place := tmp_path / "place").mkdir()
    assert [*flaws_of_sdist(build("sdist", dist), wheel, place)] == []
    (root,) = (one for one in place.iterdir() if one.is_dir())
    assert {"docs", "tests", "tools", "Makefile", "requirements.lock"} <= {one.name for one in root.iterdir()}


def test_every_extra_is_tried() -> None:
    """By a program of its own; a new extra without one is noticed here."""
    assert {file.stem for file in (ROOT / "tools" / "trials").glob("[a-z]*.py")} == {
        "bare",
        "doors",
        *PROJECT["optional-dependencies"],
    }
