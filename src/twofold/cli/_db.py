"""`twofold db`: the tables of the store itself, upgraded by whoever may, and shown to whoever reviews that.

It starts nothing of the application, and leaves the tables of its read models alone. A log that comes from an older
backup is told so here.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import rich_click as click

from twofold.app import misspelt_variables
from twofold.app.restoring import go_on
from twofold.cli._exit import exit_code
from twofold.cli._load import app_argument, database_options, load, mount
from twofold.errors import StartError, Unavailable, WiringError
from twofold.store import MigratableStore, SchemaState, foundation

F = TypeVar("F", bound=Callable[..., Any])

_CODES: Final = {"current": 0, "behind": exit_code(Unavailable("")), "newer": exit_code(WiringError(""))}
_MEANING: Final = {
    "current": "up to date",
    "behind": "behind; `twofold db upgrade` brings it up to date",
    "newer": "a newer twofold made it; upgrade twofold",
}


@click.group()
def db() -> None:
    """Look at the tables of the store itself, and upgrade them."""


def _database(command: F) -> F:
    read = click.option("--read", is_flag=True, help="The read database; the other one unless given.")
    return read(database_options(command))


@db.command()
@app_argument
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@_database
def status(*, target: str, as_json: bool, read: bool, **databases: str | None) -> None:
    """Tell how far the tables are; changes nothing.

    The exit code is 0 when they are up to date, 75 when they are behind, and 2 when a newer twofold made them.
    """
    found = asyncio.run(_store(target, databases, read=read).schema())
    standing = "behind" if found.behind else "newer" if found.newer else "current"
    if as_json:
        click.echo(json.dumps({"taken": found.taken, "known": found.known, "state": standing}, indent=2))
    else:
        click.echo(f"schema {found.taken} of {found.known}: {_MEANING[standing]}")
    sys.exit(_CODES[standing])


@db.command()
@app_argument
@_database
def upgrade(*, target: str, read: bool, **databases: str | None) -> None:
    """Bring the tables up to date, all or nothing; harmless when they are, and when several do it at once."""
    found = asyncio.run(_store(target, databases, read=read).upgrade())
    click.echo(f"schema {found.known} of {found.known}: {_done(found)}")


@db.command()
@app_argument
@click.option(
    "--from", "since", type=click.IntRange(min=0), metavar="STEP", help="The step it is at; asks no database."
)
@_database
def sql(*, target: str, since: int | None, read: bool, **databases: str | None) -> None:
    """Print the SQL that brings the tables up to date, for review or for a role that may change them."""
    store = _store(target, databases, read=read)
    if since is None:
        found = asyncio.run(store.schema())
        found.refuse_newer()
        since = found.taken
    text = store.upgrade_sql(since)
    click.echo(f"-- The tables of twofold, from step {since}{'' if text else ': nothing to do'}\n{text}", nl=False)


@db.command()
@app_argument
@database_options
def restored(*, target: str, **databases: str | None) -> None:
    """Let the log go on after an older backup was restored, behind every position that was lost.

    No process of the application may run. Watches for one that does, if the backup comes from a running application,
    for as long as a lease lasts.
    """
    app = load(target)
    mount(app, **databases)
    found = asyncio.run(go_on(app))
    click.echo(f"the backup ends at position {found.epoch.head}; what comes next stands behind {found.epoch.start}")
    for name in found.projections:
        click.echo(f"{name} has seen what was lost: run `twofold projections reset {name}`")
    for name in found.writers:
        click.echo(f"{name} has written what was lost: clear what it fills, and give the writer another name")


def _store(target: str, databases: Mapping[str, str | None], *, read: bool) -> MigratableStore:
    app = load(target)
    mount(app, **databases)
    faults = list(misspelt_variables())  # one may be meant to name the database
    if faults:
        raise StartError(app=app.name, faults=faults)
    if read and not app.stores.apart:
        raise WiringError(f"{app.name} has no read database")
    store = foundation(app.stores.read if read else app.store)
    if not isinstance(store, MigratableStore):
        raise WiringError(f"a {type(store).__qualname__} has no tables to upgrade")
    return store


def _done(found: SchemaState) -> str:
    return f"upgraded from {found.taken}" if found.behind else "up to date"
