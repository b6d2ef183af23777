"""Showing how far a rebuild is: a bar on a terminal, now and then a line in a pipe."""

import time
from types import TracebackType
from typing import Final, Self, final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from twofold.app.administration import Pace
from twofold.cli._pipe import print_line

_BETWEEN_LINES: Final = 2.0


@final
class PaceShown:
    """Shows the pace of one rebuild; call it with the pace as often as you like.

    Args:
        name: What is rebuilt.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = Console()
        self._last = ""
        self._told = -_BETWEEN_LINES
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[pace]}"),
            console=self._console,
        )
        self._task = self._progress.add_task(name, total=1.0, pace="")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def __call__(self, pace: Pace) -> None:
        """Show it."""
        text = told(pace)
        now = time.monotonic()
        if self._console.is_terminal:
            self._progress.update(self._task, completed=pace.fraction, pace=text)
        elif text != self._last and (not pace.left or now - self._told >= _BETWEEN_LINES):
            print_line(f"{self._name}  {pace.fraction:4.0%}  {text}")  # who reads no more ends no rebuild
            self._last, self._told = text, now


def told(pace: Pace) -> str:
    """A pace in words."""
    text = f"{pace.done:,} of {pace.done + pace.left:,}"
    if pace.rate:
        text += f", {pace.rate:,.0f}/s"
    seconds = pace.seconds_left
    if not pace.left:
        return text
    if seconds is None:
        return text + (", the log grows as fast" if pace.rate else "")
    minutes, rest = divmod(round(seconds), 60)
    return f"{text}, about {f'{minutes} min ' if minutes else ''}{rest} s left"
