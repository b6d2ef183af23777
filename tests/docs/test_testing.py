"""The page on testing: its tests pass as printed, and the one that fails says what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

from twofold.testing import Fault

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_tests_of_the_page_run_as_printed(tmp_path: Path) -> None:
    """All of them pass but the one that is there to fail, and that is told as the page tells it."""
    tests = 0
    for language, text in BLOCKS:
        if language == "python":
            name = text.partition("\n")[0].removeprefix("# ")
            (tmp_path / name).write_text(text)
            tests += text.count("def test_") + text.count("fault: Fault") * (len(Fault) - 1)
    said = run_tests(tmp_path)
    assert f"1 failed, {tests - 1} passed" in said, said
    (failure,) = (text for language, text in BLOCKS if language == "text" and text.startswith("AssertionError"))
    assert failure in re.sub(r"^E {7}", "", said, flags=re.MULTILINE), said
    assert not [*tmp_path.glob("*.db")]


def run_tests(folder: Path) -> str:
    """What pytest says of the tests in a folder, with the plugins that they need and no others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWOFOLD")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ["-p", "anyio.pytest_plugin", "-p", "pytest_twofold", "-p", "no:cacheprovider"]
    (folder / "conftest.py").write_text(
        'import pytest\n\n\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n'
    )
    command = [sys.executable, "-m", "pytest", *plugins]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout


def test_every_fault_is_on_the_page() -> None:
    """In the order of the fixture."""
    assert re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.MULTILINE) == [fault.name for fault in Fault]
