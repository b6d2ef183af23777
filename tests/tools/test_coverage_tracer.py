"""Threads that end under coverage's tracer, each with a greenlet of its own."""

import os
import subprocess
import sys
from pathlib import Path

THREADS_END = """
import sys
import threading
from collections import namedtuple

from tools.coverage_tracer import keep_greenlets

keep_greenlets()
wrong = []
sys.unraisablehook = wrong.append


def ends() -> None:
    pass


def end_many() -> None:
    for _ in range(100):
        thread = threading.Thread(target=ends)
        thread.start()
        thread.join()


Pair = namedtuple("Pair", "left right")
ending = threading.Thread(target=end_many)
ending.start()
while ending.is_alive():
    Pair(1, 2)
print(len(wrong), "went wrong")
"""


def test_a_thread_ends_while_a_named_tuple_is_made(tmp_path: Path) -> None:
    """Its greenlet, which the tracer keeps, is looked for by nobody: in a function without builtins that would fail."""
    (script := tmp_path / "threads_end.py").write_text(THREADS_END)
    (settings := tmp_path / ".coveragerc").write_text("[run]\nconcurrency = thread, greenlet\ncore = ctrace\n")
    alone = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "coverage",
            "run",
            f"--rcfile={settings}",
            f"--data-file={tmp_path / 'data'}",
            str(script),
        ],
        env=alone | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "0 went wrong\n"
