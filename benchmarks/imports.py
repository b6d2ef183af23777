"""What `import twofold` costs, in fresh interpreters."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.figures import Figure, Run
from benchmarks.rounds import Contender, compare

TITLE = "Import"
ABOUT = "The whole life of a fresh interpreter that does nothing else, bytecode cached."

_FLOOR = "import asyncio, pydantic, dishka"


# An installed package is compiled once, and not at every start.
_CACHING = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure(*, quick: bool) -> Iterator[Figure]:
    """Over a bare interpreter, and over what twofold is made of."""
    rounds = 2 if quick else 21
    for what, code, against, bar in (
        ("import twofold", "pass", "a bare interpreter", 200.0),
        ("import twofold", _FLOOR, _FLOOR, None),
    ):
        done = asyncio.run(compare(_interpreter("import twofold"), _interpreter(code), rounds=rounds))
        yield done.figure(what, "ms more", against, at_most=bar)


def _interpreter(code: str) -> Contender:
    async def run() -> Run:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=_CACHING, check=True)  # noqa: ASYNC221  # nothing else runs
        seconds = time.perf_counter() - started
        return Run(1, seconds, [seconds])

    return run
