"""`twofold stream`: what a stream holds, what it had come to, and its end: in a file, or nowhere.

It opens the store and starts nothing. `archive` and `tombstone` are the one way for events out of the log.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from pathlib import Path

import rich_click as click

from twofold.aggregates import AsOf
from twofold.app import App
from twofold.app.streams import archive as archive_stream
from twofold.app.streams import archived_digest, entries, read_archive, state_of
from twofold.app.streams import tombstone as tombstone_stream
from twofold.cli._load import VARIABLE, behind_app, database_options
from twofold.cli._moment import at_option
from twofold.cli._sensitive import confirm, sensitive
from twofold.cli._store import with_stores
from twofold.cli._stream_shown import COLUMNS, as_dict, as_of_today, row_of, state_as_dict, state_lines
from twofold.cli._tables import print_rows
from twofold.errors import Corrupt
from twofold.middleware import printable
from twofold.store import Recorded

_HOLES = (
    "Its events leave the log, and nobody appends to it again. Read models keep what they have made of them, whoever"
    " has not followed the log up to there never sees them, and a rebuild is without them."
)


@click.group()
def stream() -> None:
    """Look at the events of a stream and at its state then and now; archive it, or put a tombstone on it."""


@stream.command()
@click.argument("words", nargs=-1, metavar="[MODULE:APP] NAME")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only behind this version.")
@at_option("Only what was recorded by then")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many events at most.")
@click.option("--upcast", is_flag=True, help="As handlers get them, and not as they were recorded.")
@click.option("--from", "file", metavar="FILE", help="Of an archive, and not of the log; no stream is named.")
@click.option("--sha256", metavar="DIGITS", help="With --from: what the file has to have, as `archive` printed it.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@database_options
def show(
    *,
    words: tuple[str, ...],
    after: int,
    as_of: AsOf | None,
    limit: int,
    upcast: bool,
    file: str | None,
    sha256: str | None,
    as_json: bool,
    **databases: str | None,
) -> None:
    """Show the events of a stream: where they stand, their types, when they were recorded, tags and data.

    What says by its name that it is a secret is hidden. The SHA-256 of an archive is compared with --sha256, or with
    the audit trail of the application that is named.
    """
    if file is None and sha256 is not None:
        raise click.UsageError("--sha256 is of a file: --from FILE")
    if file is None:
        target, name = behind_app(words, "NAME")

        async def found(app: App) -> list[Recorded]:
            page: list[Recorded] = []
            async for entry in entries(app, name, after=after, as_of=as_of):
                page += as_of_today(entry, app.router.catalogue) if upcast else [entry]
                if len(page) > limit:
                    break
            return page

        page = with_stores(target, databases, found)
    elif len(words) > 1 or upcast:
        raise click.UsageError("an archive is read as it is, and knows of what stream it is: --from FILE stands alone")
    else:
        archived = _archived(file, sha256, words, databases)
        by_then = archived if as_of is None else takewhile(as_of.covers, archived)
        page = list(islice((entry for entry in by_then if entry.version > after), limit + 1))
    _print(page[:limit], as_json=as_json)
    if len(page) > limit:
        rest = f"--limit shows more, --after {page[limit - 1].version} the rest"
        click.echo(f"there are more than {limit}; {rest}", err=True)


@stream.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODULE:APP] NAME")
@at_option("What it had come to then")
@click.option("--of", "keeper", metavar="NAME", help="Whose it is: an aggregate, or a function that decides.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@database_options
def state(
    *,
    words: tuple[str, ...],
    as_of: AsOf | None,
    keeper: str | None,
    as_json: bool,
    **databases: str | None,
) -> None:
    """Show what a stream has come to: the aggregate, or the state of the decider, that its events tell.

    What says by its name that it is a secret is hidden.
    """
    target, name = behind_app(words, "NAME")
    found = with_stores(target, databases, lambda app: state_of(app, name, as_of=as_of, keeper=keeper))
    if as_json:
        click.echo(json.dumps(state_as_dict(name, found), indent=2))
    else:
        click.echo("\n".join(state_lines(name, found)))


@stream.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODULE:APP] NAME")
@click.option("--to", "file", required=True, metavar="FILE", help="Where its events go; there must be nothing yet.")
@sensitive
@database_options
def archive(*, words: tuple[str, ...], file: str, yes: bool, by: str | None, **databases: str | None) -> None:
    """Close a stream for good, with its events in a file, which `show --from` reads.

    They leave the log once the file is on the disk and was read back.
    """
    target, name = behind_app(words, "NAME")
    confirm(f"{_HOLES}\nArchive stream {printable(name)}?", yes=yes)
    done = with_stores(target, databases, lambda app: archive_stream(app, name, Path(file), user_id=by))
    version = done.closing.version
    click.echo(f"stream {printable(name)} is closed at version {version}; its events are in {printable(file)}")
    click.echo(f"sha256 {done.sha256}")


@stream.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODULE:APP] NAME")
@sensitive
@database_options
def tombstone(*, words: tuple[str, ...], yes: bool, by: str | None, **databases: str | None) -> None:
    """Close a stream for good, and keep its events nowhere. It cannot be undone."""
    target, name = behind_app(words, "NAME")
    confirm(f"{_HOLES}\nPut a tombstone on stream {printable(name)}?", yes=yes)
    closing = with_stores(target, databases, lambda app: tombstone_stream(app, name, user_id=by))
    click.echo(f"stream {printable(name)} is closed at version {closing.version}, and its events are gone")


def _archived(
    file: str, sha256: str | None, words: tuple[str, ...], databases: Mapping[str, str | None]
) -> Iterator[Recorded]:
    """The events of an archive, once its SHA-256 was compared with one that somebody has kept; if not, that is said.

    Raises:
        Corrupt: It is another one.
    """
    archived = read_archive(Path(file))
    if sha256 is None and (words or os.environ.get(VARIABLE)):
        (target,) = behind_app(words)
        sha256 = with_stores(target, databases, lambda app: archived_digest(app, archived.stream))
    if sha256 is None:
        click.echo("nothing was compared with its SHA-256: name the application, or give --sha256", err=True)
    elif archived.sha256 != sha256.strip().lower():
        raise Corrupt(f"{file} was changed: its SHA-256 is {archived.sha256}, and was {sha256} when it was archived")
    return archived.entries


def _print(page: Sequence[Recorded], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([as_dict(entry) for entry in page], indent=2))
    elif page:
        print_rows(COLUMNS, [row_of(entry) for entry in page])
    else:
        click.echo("there is nothing in between")
