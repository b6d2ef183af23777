"""`twofold parked`: what subscriptions have put aside; looked at, mended, tried again or given up.

It opens the store and starts nothing: whichever process owns a subscription does what was asked of it here.
"""
# pyright: reportUnknownMemberType=false
# rich-click leaves the types of its options open.

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import rich_click as click
from rich.console import Console

from twofold.app import App
from twofold.cli._load import app_argument, behind_app, load, mount
from twofold.cli._parked_event import as_dict, lines_of, row_of
from twofold.cli._store import opened
from twofold.cli._tables import aligned, drawn
from twofold.middleware import printable

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_COLUMNS: Final = ("subscription", "position", "stream", "type", "cause", "attempts", "since")


@click.group()
def parked() -> None:
    """Look at events that keep failing, and mend, retry or drop them."""


def _database(command: F) -> F:
    text = "As given to `run`, if it was."
    for name in ("--read-database", "--database"):
        command = click.option(name, metavar="ADDRESS", help=text)(command)
    return command


def _words(*names: str) -> Callable[[F], F]:
    """Arguments behind the application, which may be named by the variable instead."""
    return click.argument("words", nargs=-1, required=True, metavar=" ".join(("[MODULE:APP]", *names)))


@parked.command(name="list")
@app_argument
@click.option("--subscription", metavar="NAME", help="Only of this projection or reaction.")
@click.option("--stream", metavar="NAME", help="Only of this stream.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@_database
def list_(
    *, target: str, subscription: str | None, stream: str | None, limit: int, as_json: bool, **databases: str | None
) -> None:
    """List parked events: of each stream the one that failed, and those that wait behind it."""
    found = _with(target, databases, lambda app: app.parked.list(subscription, stream=stream, limit=limit + 1))
    shown = found[:limit]
    if as_json:
        click.echo(json.dumps([as_dict(one) for one in shown], indent=2))
    elif not shown:
        click.echo("nothing is parked")
    elif sys.stdout.isatty():
        Console().print(drawn(_COLUMNS, [row_of(one) for one in shown]))
    else:
        click.echo("\n".join(aligned(_COLUMNS, [row_of(one) for one in shown])))
    if len(found) > limit:
        click.echo(f"there are more than {limit}; --limit shows more", err=True)


@parked.command()
@_words("SUBSCRIPTION", "POSITION")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@_database
def show(*, words: tuple[str, ...], as_json: bool, **databases: str | None) -> None:
    """Show a parked event: its data, its headers, and what went wrong where."""
    target, subscription, position = _event(words)
    event = _with(target, databases, lambda app: app.parked.show(subscription, position))
    if as_json:
        click.echo(json.dumps(as_dict(event.parked, event), indent=2))
    else:
        click.echo("\n".join(lines_of(event)))


@parked.command()
@_words("SUBSCRIPTION", "POSITION")
@click.option("--data", required=True, metavar="JSON", help="The event from now on; @FILE to read it, - for the input.")
@_database
def edit(*, words: tuple[str, ...], data: str, **databases: str | None) -> None:
    """Have a parked event read as other data. The log keeps what it has."""
    target, subscription, position = _event(words)
    body = _body(data)
    _with(target, databases, lambda app: app.parked.edit(subscription, position, body))
    click.echo(f"edited; `twofold parked retry` has {printable(subscription)} try it again")


@parked.command()
@_words("SUBSCRIPTION", "[STREAM]")
@click.option("--all", "everything", is_flag=True, help="Everything that the subscription has parked.")
@_database
def retry(*, words: tuple[str, ...], everything: bool, **databases: str | None) -> None:
    """Have a stream's parked events tried again, in order, by whoever owns the subscription."""
    if everything:
        target, subscription = behind_app(words, "SUBSCRIPTION")
        count = _with(target, databases, lambda app: app.parked.retry_all(subscription))
    else:
        target, subscription, stream = behind_app(words, "SUBSCRIPTION", "STREAM")
        count = _with(target, databases, lambda app: app.parked.retry(subscription, stream))
    click.echo(f"{_events(count)} of {printable(subscription)} will be tried again")


@parked.command()
@_words("SUBSCRIPTION", "POSITION")
@click.option("--yes", is_flag=True, help="Without asking.")
@_database
def drop(*, words: tuple[str, ...], yes: bool, **databases: str | None) -> None:
    """Give a parked event up: its subscription never handles it. The log keeps it."""
    target, subscription, position = _event(words)

    async def dropped(app: App) -> tuple[str, int]:
        one = (await app.parked.show(subscription, position)).parked
        if not yes:
            what = f"{printable(one.type)} at {position} of stream {printable(one.stream)}"
            click.confirm(f"{printable(subscription)} will never handle {what}. Drop it?", abort=True)
        return printable(one.stream), await app.parked.drop(subscription, position)

    stream, waiting = _with(target, databases, dropped)
    click.echo(f"dropped {position}; of stream {stream} {_events(waiting) if waiting else 'nothing'} more is parked")
    if waiting:
        click.echo(f"`twofold parked retry` has {printable(subscription)} go on with that")


def _with(target: str, databases: Mapping[str, str | None], work: Callable[[App], Awaitable[T]]) -> T:
    """Do something with an application whose store is open."""

    async def done() -> T:
        app = load(target)
        mount(app, **databases)
        async with opened(app):
            return await work(app)

    return asyncio.run(done())


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
