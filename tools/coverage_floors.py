"""Prints the coverage of each group of files in `[tool.twofold.coverage]` and fails below its floor.

A group that matches no file fails as well, so that no renamed file leaves its floor unnoticed.
"""

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

from coverage import Coverage
from coverage.exceptions import NoDataError


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
        print(f"{'ok' if reached else 'FAILED':8}{name:20}{shown:>9}  floor {group['floor']} %")
    return 1 if failed else 0


def measure(coverage: Coverage, files: list[str]) -> float | None:
    try:
        with Path(os.devnull).open("w") as nowhere:
            return coverage.report(include=files, file=nowhere)
    except NoDataError:
        return None


if __name__ == "__main__":
    sys.exit(main())
