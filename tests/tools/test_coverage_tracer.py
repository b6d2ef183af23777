"""Coverage's tracer: threads that end under it, each with a greenlet of its own, and what it has seen."""

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
    assert traced(THREADS_END, tmp_path) == "0 went wrong\n"


SEES = """
from tools.coverage_tracer import keep_greenlets, seen, untraced

keep_greenlets()


def either(left: bool) -> str:
    if left:
        return "left"
    return "right"


def grown(left: bool) -> bool:
    before = seen()
    either(left)
    return seen() > before


grown(True)
told = [grown(True), grown(False)]
with untraced():
    told.append(grown(True))
print(*told)
"""


def test_it_is_told_when_something_new_has_run(tmp_path: Path) -> None:
    """The other branch of a line is something new; the same again is not."""
    assert traced(SEES, tmp_path) == "False True False\n"


def traced(program: str, folder: Path) -> str:
    """What a program says under coverage."""
    (script := folder / "program.py").write_text(program)
    (settings := folder / ".coveragerc").write_text(
        "[run]\nbranch = true\nconcurrency = thread, greenlet\ncore = ctrace\n"
    )
    alone = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "coverage",
            "run",
            f"--rcfile={settings}",
            f"--data-file={folder / 'data'}",
            str(script),
        ],
        env=alone | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout
