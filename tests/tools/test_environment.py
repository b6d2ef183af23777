"""`make environment`: on the barest Python there is, again when something has changed, and otherwise not at all."""

import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "environment.py"

STAND_IN = """
import os, signal, sys

with open(os.environ["CALLS"], "a") as calls:
    print("packages" if "--requirement" in sys.argv else "project", file=calls)
if os.environ.get("DIES_AT") in sys.argv:
    os.kill(os.getppid(), signal.SIGKILL)
"""
"""A pip that installs nothing and notes what it was called for."""

BACKEND = """
import shutil

def build_editable(folder, config_settings=None, metadata_directory=None):
    shutil.copy("project-1-py3-none-any.whl", folder)
    return "project-1-py3-none-any.whl"
"""


@dataclass
class Tree:
    """A project whose lock has one package, the backend that builds it.

    Args:
        root: Its folder.
        python: The interpreter that sets it up.
        pip: A folder with the stand-in for pip.
    """

    root: Path
    python: Path
    pip: Path

    def set_up(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `tools/environment.py`."""
        command: list[str | Path] = [self.python, self.root / "tools" / "environment.py", ".venv"]
        variables = {**os.environ, **environment}
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    def noted(self, *, dies_at: str = "") -> tuple[int, list[str]]:
        """How that ends, and what pip is called for."""
        (calls := self.pip / "calls").write_text("")
        done = self.set_up(PYTHONPATH=str(self.pip), CALLS=str(calls), DIES_AT=dies_at)
        assert done.stderr == ""
        return done.returncode, calls.read_text().split()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter as Debian has it: with pip, and without `ensurepip`."""
    executable, library = Path(sys.executable).resolve(), Path(sysconfig.get_path("stdlib"))
    find_pip: list[str | Path] = [executable, "-c", "import pip; print(*pip.__path__)"]
    pip = subprocess.run(find_pip, capture_output=True, text=True, check=True).stdout.strip()
    place = tmp_path_factory.mktemp("python")
    packages = place / "lib" / library.name / "site-packages"
    packages.mkdir(parents=True)
    (packages / "pip").symlink_to(pip)
    for one in library.iterdir():
        if one.name not in {"ensurepip", "site-packages"}:
            (packages.parent / one.name).symlink_to(one)
    for one in library.parent.glob("libpython*"):
        (place / "lib" / one.name).symlink_to(one)
    (place / "bin").mkdir()
    return Path(shutil.copy(executable, place / "bin" / "python3"))


@pytest.fixture
def tree(python: Path, tmp_path: Path) -> Tree:
    tree = Tree(tmp_path / "here", python, tmp_path / "pip")
    for folder in (tree.root / "tools", tree.pip):
        folder.mkdir(parents=True)
    shutil.copy(SCRIPT, tree.root / "tools")
    (tree.pip / "pip.py").write_text(STAND_IN)
    wheel(tree.root, "project", "")
    locked = hashlib.sha256(wheel(tree.root, "backend", BACKEND).read_bytes()).hexdigest()
    (tree.root / "requirements.lock").write_text(f"backend==1 --hash=sha256:{locked}\n")
    (tree.root / "pyproject.toml").write_text('[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n')
    return tree


def wheel(folder: Path, name: str, code: str) -> Path:
    """A package of one module."""
    path, facts = folder / f"{name}-1-py3-none-any.whl", f"{name}-1.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", code)
        file.writestr(f"{facts}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        file.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{facts}/RECORD", "")
    return path


def test_a_python_without_ensurepip_is_enough(tree: Tree) -> None:
    """The pip beside it installs what is locked, and the project by means of that."""
    assert subprocess.run([tree.python, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 1
    done = tree.set_up(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tree.root))
    assert done.returncode == 0, done.stderr
    use: list[str | Path] = [
        tree.root / ".venv" / "bin" / "python",
        "-c",
        "import backend, project; print(project.__file__)",
    ]
    found = subprocess.run(use, capture_output=True, text=True, check=True).stdout
    assert Path(found).is_relative_to(tree.root / ".venv")


def test_a_second_call_does_nothing(tree: Tree) -> None:
    """And takes a fraction of the two seconds of processor that it may."""
    assert tree.noted() == (0, ["packages", "project"])
    before = seconds_of_children()
    assert tree.noted() == (0, [])
    assert seconds_of_children() - before < 2


def seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def change(file: str) -> Callable[[Tree], None]:
    def add_a_line(tree: Tree) -> None:
        with (tree.root / file).open("a") as text:
            text.write("\n")

    return add_a_line


def move(tree: Tree) -> None:
    tree.root = tree.root.rename(tree.root.with_name("there"))


def remove(tree: Tree) -> None:
    shutil.rmtree(tree.root / ".venv")


@pytest.mark.parametrize(
    "happens, made",
    [
        (remove, ["packages", "project"]),
        (change("requirements.lock"), ["packages", "project"]),
        (move, ["packages", "project"]),
        (change("pyproject.toml"), ["project"]),
    ],
    ids=["missing", "another lock", "another folder", "another project file"],
)
def test_what_is_stale_is_made_again(tree: Tree, happens: Callable[[Tree], None], made: list[str]) -> None:
    """An environment that is gone, of another lock or of another place is made anew; a project is installed again."""
    tree.noted()
    happens(tree)
    assert tree.noted() == (0, made)
    assert tree.noted() == (0, [])


@pytest.mark.parametrize("dies_at, left", [("--requirement", ["packages", "project"]), ("--editable", ["project"])])
def test_what_was_interrupted_is_done_by_the_next_call(tree: Tree, dies_at: str, left: list[str]) -> None:
    """A killed set-up counts for nothing, and what it had finished is not done twice."""
    status, _ = tree.noted(dies_at=dies_at)
    assert status == -signal.SIGKILL
    assert tree.noted() == (0, left)
