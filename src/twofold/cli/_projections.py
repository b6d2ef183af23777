"""`twofold projections`: where they stand, building a version beside the live one, switching, and going back."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar, cast

import rich_click as click

from twofold.app import App
from twofold.app.administration import (
    MOST_PARKED,
    NEXT,
    PREVIOUS,
    Administration,
    Place,
    ProjectionStatus,
    Version,
    administering,
)
from twofold.app.deeds import told
from twofold.cli._load import app_and_name, app_argument, database_options, load, mount, told_apart
from twofold.cli._pace import PaceShown
from twofold.cli._sensitive import confirm, sensitive
from twofold.cli._tables import print_rows
from twofold.middleware import printable

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")
_place = click.Choice([NEXT, PREVIOUS])


def _named(command: F) -> F:
    """The arguments of a command about one projection."""
    return app_and_name("NAME")(database_options(command))


def _changing(command: F) -> F:
    """Those of one that changes something of it."""
    return _named(sensitive(command))


@click.group()
def projections() -> None:
    """Versions of projections: build one beside the live one, switch to it, go back."""


@projections.command("list")
@app_argument
@database_options
@_json
def list_(*, target: str, as_json: bool, **databases: str | None) -> None:
    """Show where all projections stand."""
    found = _administer(target, databases, lambda administration: administration.all())
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found], indent=2))
        return
    columns = ("projection", "mode", "declared", "live", "lag", "next", "previous", "note")
    print_rows(columns, [_row(one) for one in found], title="Projections")


@projections.command()
@_named
@_json
def status(*, names: tuple[str, ...], target: str | None, as_json: bool, **databases: str | None) -> None:
    """Show where one projection stands."""
    target, name = told_apart(names, target, "projection")
    found = _administer(target, databases, lambda administration: administration.status(name))
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
        return
    click.echo(
        f"{found.name}  {found.mode}, declared in version {found.declared}, tables {', '.join(found.tables) or '-'}"
    )
    for place, one in (("live", found.live), ("next", found.next), ("previous", found.previous)):
        click.echo(f"  {place.ljust(8)}  {_told(one)}")
    if found.note:
        click.echo(f"  {found.note}")


@projections.command()
@_changing
def rebuild(*, names: tuple[str, ...], target: str | None, yes: bool, by: str | None, **databases: str | None) -> None:
    """Build the declared version beside the live one, and switch to it; goes on where an earlier one stopped.

    An event that it cannot handle ends it: nothing is parked, and the live rows stay as they are.
    """
    target, name = told_apart(names, target, "projection")
    confirm(f"Build the version of {name} that is declared from the whole log, to take the place?", yes=yes)
    _build(target, databases, name, "projection_rebuild", by, Administration.rebuild)


@projections.command()
@_changing
def reset(*, names: tuple[str, ...], target: str | None, yes: bool, by: str | None, **databases: str | None) -> None:
    """Build the live version anew, beside itself, and switch to it."""
    target, name = told_apart(names, target, "projection")
    confirm(f"Build the version of {name} that is live anew from the whole log, to take the place?", yes=yes)
    _build(target, databases, name, "projection_reset", by, Administration.reset)


@projections.command()
@_changing
def switch(*, names: tuple[str, ...], target: str | None, yes: bool, by: str | None, **databases: str | None) -> None:
    """Let the version that was built take the place of the live one."""
    target, name = told_apart(names, target, "projection")
    found = _administer(target, databases, lambda administration: administration.status(name))
    if found.next is not None:
        live = f"version {found.live.version}" if found.live else "nothing"
        text = f"version {found.next.version} of {name} take the place of {live}"
        if found.next.parked:
            lacks = f"{_parked(found.next)}, which it lacks: `twofold parked list --subscription {name}@next`"
            click.echo(f"version {found.next.version} of {name} has {lacks}", err=True)
            text += f", with {_parked(found.next)}"
        confirm(f"Let {text}?", yes=yes)
    _change(target, databases, name, "projection_switch", by, lambda administration: administration.switch(name))
    _say_live(target, databases, name)


@projections.command()
@_changing
@click.option(
    "--to", type=click.IntRange(min=1), metavar="VERSION", help="The version that is to be live; said again, it stays."
)
def rollback(
    *,
    names: tuple[str, ...],
    target: str | None,
    to: int | None,
    yes: bool,
    by: str | None,
    **databases: str | None,
) -> None:
    """Exchange the live version with the previous one; a second time undoes it, so scripts say which with --to."""
    target, name = told_apart(names, target, "projection")
    confirm(f"Let the previous version of {name} take the place of what is live?", yes=yes)
    facts = {} if to is None else {"to": to}
    if not _change(target, databases, name, "projection_rollback", by, lambda one: one.rollback(name, to=to), **facts):
        click.echo(f"version {to} of {name} is live already: nothing is changed")
        return
    _say_live(target, databases, name)
    click.echo("queries of every process read these rows now: run the code that declares this version", err=True)


@projections.command()
@_changing
@click.option("--which", type=_place, default=PREVIOUS, show_default=True, help="What is built, or what was live.")
def drop(
    *, names: tuple[str, ...], target: str | None, which: str, yes: bool, by: str | None, **databases: str | None
) -> None:
    """Drop the tables that stand beside the live ones."""
    target, name = told_apart(names, target, "projection")
    place = cast("Place", which)
    confirm(f"Drop the {which} version of {name}?", yes=yes)
    found = _administer(target, databases, lambda administration: administration.status(name))
    _change(target, databases, name, "projection_drop", by, lambda one: one.drop(name, place), which=which)
    click.echo(f"the {which} version of {name} is dropped")
    if place == NEXT and found.next is not None and found.next.owner:
        click.echo(f"{found.next.owner} was building it, and builds it anew as long as it runs", err=True)


@projections.command()
@_named
@click.option("--with", "which", type=_place, default=NEXT, show_default=True, help="What is built, or what was live.")
@click.option("--limit", type=click.IntRange(min=0), default=10, show_default=True, help="Rows to show, of each table.")
@_json
def compare(
    *, names: tuple[str, ...], target: str | None, which: str, limit: int, as_json: bool, **databases: str | None
) -> None:
    """Compare the live rows with those beside them: how many differ, and some of them."""
    target, name = told_apart(names, target, "projection")
    place = cast("Place", which)
    found = _administer(target, databases, lambda administration: administration.compare(name, place, limit))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2, default=str))
        return
    for one in found:
        click.echo(f"{one.table}  {one.live} rows live, {one.aside} {which}, {one.different} differ")
        if one.columns:
            click.echo(f"  only one side has the columns {', '.join(one.columns)}")
        for row in one.differences:
            click.echo(printable(f"  {row.key}: live {row.live}, {which} {row.aside}"))


def _administer(target: str, databases: Mapping[str, str | None], work: Callable[[Administration], Awaitable[T]]) -> T:
    return _with(target, databases, lambda _, administration: work(administration))


def _change(
    target: str,
    databases: Mapping[str, str | None],
    name: str,
    deed: str,
    by: str | None,
    work: Callable[[Administration], Awaitable[T]],
    **facts: object,
) -> T:
    async def done(app: App, administration: Administration) -> T:
        async with told(app, deed, user_id=by, of={"projection": name, **facts}):
            return await work(administration)

    return _with(target, databases, done)


def _with(target: str, databases: Mapping[str, str | None], work: Callable[[App, Administration], Awaitable[T]]) -> T:
    app = load(target)
    mount(app, **databases)

    async def administer() -> T:
        async with administering(app) as administration:
            return await work(app, administration)

    return asyncio.run(administer())


def _build(
    target: str,
    databases: Mapping[str, str | None],
    name: str,
    deed: str,
    by: str | None,
    work: Callable[[Administration, str, Any], Awaitable[bool]],
) -> None:
    with PaceShown(name) as shown:
        switched = _change(target, databases, name, deed, by, lambda one: work(one, name, shown))
    if switched:
        _say_live(target, databases, name)
    else:
        click.echo(f"{name} is built, and waits for `twofold projections switch`")


def _say_live(target: str, databases: Mapping[str, str | None], name: str) -> None:
    found = _administer(target, databases, lambda administration: administration.status(name))
    click.echo(f"{name}: {_told(found.live)} is live; {_told(found.previous)} is kept for a roll-back")


def _row(one: ProjectionStatus) -> tuple[str, ...]:
    live, built, previous = map(_numbered, (one.live, one.next, one.previous))
    lag = "" if one.live is None else str(one.live.lag)
    return one.name, one.mode, str(one.declared), live, lag, built, previous, one.note


def _numbered(one: Version | None) -> str:
    if one is None:
        return ""
    return f"{one.version} ({one.parked} parked)" if one.parked else str(one.version)


def _parked(one: Version) -> str:
    if one.parked >= MOST_PARKED:
        return f"at least {MOST_PARKED} events parked"
    return "1 event parked" if one.parked == 1 else f"{one.parked} events parked"


def _told(one: Version | None) -> str:
    if one is None:
        return "nothing"
    parked = f", {_parked(one)}" if one.parked else ""
    place = "inline" if one.inline else f"at position {one.position}, {one.lag} behind"
    owner = f", followed by {one.owner}" if one.owner else ""
    return f"version {one.version} ({place}{parked}{owner})"
