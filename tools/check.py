"""Runs every check that is not a test, two at a time, and fails after the last with the list of failures."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

TOOLS = Path(sys.executable).parent
CHECKS = {
    "basedpyright": ["basedpyright", "--warnings"],
    "mypy": ["mypy"],
    "ruff check": ["ruff", "check", "--output-format", "concise"],
    "ruff format": ["ruff", "format", "--check", "--output-format", "concise"],
    "lint-imports": ["lint-imports"],
    "deptry": ["deptry", "src"],
    "architecture": ["pytest", "-q", "-p", "no:cacheprovider", "-k", "not quick", "tests/architecture"],
    "duplication": [
        "jscpd", "--format", "python", "--min-lines", "5", "--min-tokens", "50", "--threshold", "5",
        "--fail-on-empty", "--no-colors", "src", "examples",
    ],
}  # fmt: skip


def main() -> int:
    with ThreadPoolExecutor(max_workers=2) as pool:
        failed = [name for name, passed in zip(CHECKS, pool.map(run, CHECKS), strict=True) if not passed]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def run(name: str) -> bool:
    command, *arguments = CHECKS[name]
    started = perf_counter()
    tool = [str(TOOLS / command), *arguments]
    done = subprocess.run(tool, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    passed = done.returncode == 0
    lines = [f"{'ok' if passed else 'FAILED':8}{name:14}{perf_counter() - started:6.1f} s"]
    if not passed:
        lines.append(done.stdout.rstrip())
    print("\n".join(lines), flush=True)
    return passed


if __name__ == "__main__":
    sys.exit(main())
