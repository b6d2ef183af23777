"""Prints the coverage of each group of files in `[tool.twofold.coverage]` and fails below its floor.

A group that matches no file fails as well, so that no renamed file leaves its floor unnoticed; so does a file of the
examples that declares a handler and is in no group.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coverage import Coverage
from coverage.exceptions import NoDataError

HANDLER = re.compile(r"^\s*(?:@\w+\.(?:handler|on|projection)|\w+\.(?:register|decider))\(", re.MULTILINE)


def main() -> int:
    groups: dict[str, Any] = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["twofold"]["coverage"]
    coverage = Coverage()
    coverage.load()
    failed = 0
    for name, group in groups.items():
        percent = measure(coverage, group["files"])
        reached = percent is not None and percent >= group["floor"]
        failed += not reached
        shown = "no files" if percent is None else f"{percent:.1f} %"
        print(f"{'ok' if reached else 'FAILED':8}{name:24}{shown:>9}  floor {group['floor']} %")
    for file in without_floor(pattern for group in groups.values() for pattern in group["files"]):
        failed += 1
        print(f"{'FAILED':8}{file} declares a handler, and has no floor")
    return 1 if failed else 0


def measure(coverage: Coverage, files: list[str]) -> float | None:
    try:
        with Path(os.devnull).open("w") as nowhere:
            return coverage.report(include=files, file=nowhere)
    except NoDataError:
        return None


def without_floor(patterns: Iterable[str]) -> list[Path]:
    """The files of the examples that declare a handler, and that no pattern names."""
    named = {file for pattern in patterns for file in Path().glob(pattern)}
    files = sorted(Path("examples").rglob("*.py"))
    return [file for file in files if file not in named and HANDLER.search(file.read_text())]


if __name__ == "__main__":
    sys.exit(main())
