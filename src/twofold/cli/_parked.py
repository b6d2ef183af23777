"""`twofold parked`: what subscriptions have put aside; looked at, mended, tried again or given up.

It opens the store and starts nothing: whichever process owns a subscription does what was asked of it here.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import rich_click as click

from twofold.app import App
from twofold.app.deeds import told
from twofold.cli._load import app_argument, behind_app, database_options
from twofold.cli._parked_event import as_dict, lines_of, row_of, stream_as_dict, stream_row_of
from twofold.cli._sensitive import by_whom, confirm, sensitive
from twofold.cli._store import with_stores
from twofold.cli._tables import Rows, print_rows
from twofold.middleware import printable

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_STREAMS: Final = ("subscription", "stream", "position", "parked", "since", "cause")
_EVENTS: Final = ("subscription", "position", "stream", "type", "cause", "attempts", "since")


@click.group()
def parked() -> None:
    """Look at events that keep failing, and mend, retry or drop them."""


def _words(*names: str) -> Callable[[F], F]:
    """Arguments behind the application, which may be named by the variable instead."""
    return click.argument("words", nargs=-1, required=True, metavar=" ".join(("[MODULE:APP]", *names)))


@parked.command(name="list")
@app_argument
@click.option("--subscription", metavar="NAME", help="Only of this projection or reaction.")
@click.option("--stream", metavar="NAME", help="Only of this stream.")
@click.option("--events", is_flag=True, help="A row for each event, and not one for each stream.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many rows at most.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@database_options
def list_(
    *,
    target: str,
    subscription: str | None,
    stream: str | None,
    events: bool,
    limit: int,
    as_json: bool,
    **databases: str | None,
) -> None:
    """List the streams that are parked: where each begins, how many of its events are put aside, and why the first is.

    The position is that of the first event, which `show`, `edit` and `drop` take.
    """
    if events:
        found = with_stores(
            target, databases, lambda app: app.parked.list(subscription, stream=stream, limit=limit + 1)
        )
        _list(_EVENTS, [row_of(one) for one in found], [as_dict(one) for one in found], limit, as_json=as_json)
    else:
        streams = with_stores(target, databases, lambda app: app.parked.streams(subscription, stream=stream))
        rows = [stream_row_of(one) for one in streams]
        _list(_STREAMS, rows, [stream_as_dict(one) for one in streams], limit, as_json=as_json)


@parked.command()
@_words("SUBSCRIPTION", "POSITION")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@database_options
def show(*, words: tuple[str, ...], as_json: bool, **databases: str | None) -> None:
    """Show a parked event: its data, its headers, and what went wrong where."""
    target, subscription, position = _event(words)
    event = with_stores(target, databases, lambda app: app.parked.show(subscription, position))
    if as_json:
        click.echo(json.dumps(as_dict(event.parked, event), indent=2))
    else:
        click.echo("\n".join(lines_of(event)))


@parked.command()
@_words("SUBSCRIPTION", "POSITION")
@click.option("--data", required=True, metavar="JSON", help="The event from now on; @FILE to read it, - for the input.")
@by_whom
@database_options
def edit(*, words: tuple[str, ...], data: str, by: str | None, **databases: str | None) -> None:
    """Have a parked event read as other data. The log keeps what it has."""
    target, subscription, position = _event(words)
    body = _body(data)

    async def edited(app: App) -> None:
        async with told(app, "parked_edit", user_id=by, of={"subscription": subscription, "position": position}):
            await app.parked.edit(subscription, position, body)

    with_stores(target, databases, edited)
    click.echo(f"edited; `twofold parked retry` has {printable(subscription)} try it again")


@parked.command()
@_words("SUBSCRIPTION", "[STREAM]")
@click.option("--all", "everything", is_flag=True, help="Everything that the subscription has parked; asks first.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many streams of --all.")
@sensitive
@database_options
def retry(
    *,
    words: tuple[str, ...],
    everything: bool,
    limit: int,
    yes: bool,
    by: str | None,
    **databases: str | None,
) -> None:
    """Have a stream's parked events tried again, in order, by whoever owns the subscription.

    With --all those of the streams that have waited longest, and are not asked for already.
    """
    stream: str | None = None
    if everything:
        target, subscription = behind_app(words, "SUBSCRIPTION")
        confirm(f"Have {printable(subscription)} do again what it has parked, of {limit} streams at most?", yes=yes)
    else:
        target, subscription, stream = behind_app(words, "SUBSCRIPTION", "STREAM (or --all)")

    async def retried(app: App) -> tuple[int, int]:
        left, what = 0, {"limit": limit} if stream is None else {"stream": stream}
        async with told(app, "parked_retry", user_id=by, of={"subscription": subscription, **what}) as facts:
            if stream is not None:
                count = await app.parked.retry(subscription, stream)
            else:
                count = await app.parked.retry_all(subscription, limit=limit)
                left = sum(not one.first.due for one in await app.parked.streams(subscription))
            facts["events"] = count
        return count, left

    count, left = with_stores(target, databases, retried)
    click.echo(f"{_events(count)} of {printable(subscription)} will be tried again")
    if left:
        click.echo(f"there are {left} streams more; --limit retries more", err=True)


@parked.command()
@_words("SUBSCRIPTION", "POSITION")
@sensitive
@database_options
def drop(*, words: tuple[str, ...], yes: bool, by: str | None, **databases: str | None) -> None:
    """Give a parked event up: its subscription never handles it. The log keeps it."""
    target, subscription, position = _event(words)

    async def dropped(app: App) -> tuple[str, int]:
        one = (await app.parked.show(subscription, position)).parked
        what = f"{printable(one.type)} at {position} of stream {printable(one.stream)}"
        confirm(f"{printable(subscription)} will never handle {what}. Drop it?", yes=yes)
        async with told(app, "parked_drop", user_id=by, of={"subscription": subscription, "position": position}):
            return printable(one.stream), await app.parked.drop(subscription, position)

    stream, waiting = with_stores(target, databases, dropped)
    click.echo(f"dropped {position}; of stream {stream} {_events(waiting) if waiting else 'nothing'} more is parked")
    if waiting:
        click.echo(f"`twofold parked retry` has {printable(subscription)} go on with that")


def _list(columns: Sequence[str], rows: Rows, facts: Sequence[object], limit: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts[:limit], indent=2))
    elif rows:
        print_rows(columns, rows[:limit])
    else:
        click.echo("nothing is parked")
    if len(rows) > limit:
        click.echo(f"there are more than {limit}; --limit shows more", err=True)


def _event(words: tuple[str, ...]) -> tuple[str, str, int]:
    target, subscription, position = behind_app(words, "SUBSCRIPTION", "POSITION")
    try:
        return target, subscription, int(position)
    except ValueError:
        raise click.UsageError(f"{position!r} is no position in the log: a number is") from None


def _body(data: str) -> str:
    if data == "-":
        return sys.stdin.read()
    if not data.startswith("@"):
        return data
    try:
        return Path(data[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise click.UsageError(f"cannot read {data[1:]}: {error}") from None


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
