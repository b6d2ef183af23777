"""`twofold events tail`: events as they come, until somebody has seen enough of them.

It opens the store and starts nothing; whoever follows the log goes on as they did.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from stat import S_ISFIFO
from types import FrameType
from typing import Any

import rich_click as click

from twofold.app import App
from twofold.app.tailing import selection_of
from twofold.app.tailing import tail as tail_of
from twofold.cli._load import app_argument, database_options
from twofold.cli._pipe import print_line
from twofold.cli._store import with_stores
from twofold.cli._stream_shown import as_dict, row_of
from twofold.middleware import printable
from twofold.store import Recorded

_NOW = "now"


@click.group()
def events() -> None:
    """Look at the events of the log."""


@events.command()
@app_argument
@click.option("--from", "start", metavar="POSITION", default=_NOW, show_default=True, help="Where to begin.")
@click.option("--type", "types", multiple=True, metavar="NAME", help="Only events of this name or class; may repeat.")
@click.option("--stream", metavar="NAME", help="Only of this stream; NAME* for all whose names begin so.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only events that carry this tag; may repeat.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after so many.")
@click.option("--json", "as_json", is_flag=True, help="As lines of JSON.")
@database_options
def tail(
    *,
    target: str,
    start: str,
    types: tuple[str, ...],
    stream: str | None,
    tags: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    **databases: str | None,
) -> None:
    """Print events as they are recorded, by whichever process, until --limit, a signal, or the end of the pipe.

    What says by its name that it is a secret is hidden.
    """
    after = _after(start)

    async def printed(app: App) -> None:
        where = selection_of(app, types=types, tags=tags, stream=stream)
        left = limit
        async with aclosing(tail_of(app, where, after=after)) as following:
            async for entry in following:
                left = None if left is None else left - 1
                if not print_line(json.dumps(as_dict(entry)) if as_json else _line(entry)) or left == 0:
                    return

    with_stores(target, databases, lambda app: _until_told(lambda: printed(app)))


async def _until_told(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do something until it ends, or a signal says stop, or nobody reads the pipe any more."""
    loop, working, pipe = asyncio.get_running_loop(), asyncio.ensure_future(work()), _pipe()

    def hear(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(working.cancel)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    if pipe is not None:
        loop.add_reader(pipe, working.cancel)  # of its writing end nothing is ever read: only its end is told
    try:
        await asyncio.wait({working})
        if not working.cancelled():
            working.result()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if pipe is not None:
            loop.remove_reader(pipe)


def _pipe() -> int | None:
    """The standard output, where it is a pipe."""
    try:
        number = sys.stdout.fileno()
    except OSError:  # of somebody who keeps it in memory
        return None
    return number if S_ISFIFO(os.fstat(number).st_mode) else None


def _after(start: str) -> int | None:
    if start == _NOW:
        return None
    if not start.isdecimal():
        raise click.UsageError(f"--from takes a position of the log or {_NOW}, and not {start!r}")
    return max(0, int(start) - 1)


def _line(entry: Recorded) -> str:
    position, version, kind, time, tags, data = row_of(entry)
    return "  ".join(filter(None, (position, time, f"{printable(entry.stream)}@{version}", kind, tags, data)))
