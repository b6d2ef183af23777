"""What `make test` demands of coverage, on a project of three files."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.coverage_floors import main

RUN_WHOLE = "print()\n"
RUN_HALF = "if not print():\n    pass\nelse:\n    print()\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two files that were run, whole and by half."""
    monkeypatch.chdir(tmp_path)
    (shop := tmp_path / "examples" / "shop").mkdir(parents=True)
    (shop / "whole.py").write_text(RUN_WHOLE)
    (shop / "half.py").write_text(RUN_HALF)
    demand()
    for file in shop.iterdir():
        command = [sys.executable, "-m", "coverage", "run", "--append", str(file)]
        subprocess.run(command, capture_output=True, check=True)
    return tmp_path


def demand(**floors: int) -> None:
    """A floor for each of these files."""
    groups = "".join(f'{name} = {{ files = ["examples/*/{name}.py"], floor = {floors[name]} }}\n' for name in floors)
    run = '[tool.coverage.run]\nbranch = true\nsource = ["examples"]\n'
    Path("pyproject.toml").write_text(f"{run}[tool.twofold.coverage]\n{groups}")


@pytest.mark.parametrize(
    "floors, status, said",
    [
        ({"whole": 100, "half": 60}, 0, "ok      half                       60.0 %  floor 60 %"),
        ({"whole": 100, "half": 61}, 1, "FAILED  half                       60.0 %  floor 61 %"),
        ({"whole": 100, "renamed": 0}, 1, "FAILED  renamed                  no files  floor 0 %"),
    ],
)
def test_each_group_has_a_floor(
    floors: dict[str, int], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Branches count, one group below its floor is enough, and so is one that has no file any more."""
    demand(**floors)
    assert main() == status
    assert said in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    "declares",
    ["@shop.handler(path='/orders')", "@shop.on(Placed)", "@shop.projection('totals')", "shop.register(Pay)"],
)
def test_a_handler_has_a_floor(project: Path, declares: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of the examples that declares one, however it does, is in a group."""
    (project / "examples" / "shop" / "late.py").write_text(f"from shop import shop\n\n{declares}\n")
    demand(whole=100)
    assert main() == 1
    assert "FAILED  examples/shop/late.py declares a handler, and has no floor" in capsys.readouterr().out.splitlines()
    demand(whole=100, late=0)
    main()
    assert "has no floor" not in capsys.readouterr().out
