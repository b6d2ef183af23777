"""`twofold run --reload`: the same service in a process of its own, begun anew whenever a Python file has changed.

For the time of writing an application: what is in flight is finished before, as by any SIGTERM.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

import rich_click as click

_PAUSE: Final = 0.3
"""How long nobody looks at files, in seconds."""


def run_again_and_again(arguments: Sequence[str]) -> None:
    """Run the command line in a process of its own, and anew after every change, until a signal says stop.

    Args:
        arguments: What stands behind `twofold`.
    """
    stop = threading.Event()

    def hear(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, hear)
    while not stop.is_set():
        seen = _snapshot()
        words = [sys.executable, "-m", "twofold", *arguments]
        process = subprocess.Popen(words)  # noqa: S603  # what this very process was called with
        changed = _wait(seen, process, stop)
        if changed is not None:
            click.echo(f"twofold: {changed} has changed, beginning anew")
        process.terminate()
        process.wait()


def _wait(seen: Mapping[Path, int], process: subprocess.Popen[bytes], stop: threading.Event) -> Path | None:
    """Wait until a file is not as it was seen, and tell which; None when somebody says stop."""
    told = False
    while not stop.wait(_PAUSE):
        if (changed := _changed(seen, _snapshot())) is not None:
            return changed
        if process.poll() is not None and not told:
            click.echo("twofold: it has ended, and begins anew with the next change", err=True)
            told = True
    return None


def _snapshot() -> dict[Path, int]:
    """When each Python file below this folder was written."""
    found: dict[Path, int] = {}
    for file in _files():
        with suppress(FileNotFoundError):  # it was there a moment ago
            found[file] = file.stat().st_mtime_ns
    return found


def _files() -> Iterator[Path]:
    for folder, inner, names in os.walk(Path.cwd()):
        if "pyvenv.cfg" in names:
            inner.clear()
            continue
        inner[:] = [name for name in inner if not name.startswith((".", "__")) and name != "node_modules"]
        yield from (Path(folder, name) for name in names if name.endswith(".py"))


def _changed(before: Mapping[Path, int], now: Mapping[Path, int]) -> Path | None:
    """A file that was written, made or taken away."""
    file = next((one for one in sorted({*before, *now}) if before.get(one) != now.get(one)), None)
    return None if file is None else file.relative_to(Path.cwd())
