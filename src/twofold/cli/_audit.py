"""`twofold audit`: the trail that commands leave; looked at, proved and exported.

It opens the store and starts nothing. The trail is append-only: only `prune` changes it, and takes away what is old.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import rich_click as click

from twofold.app import App, Audit, Branch, NotAudited
from twofold.app.deeds import told
from twofold.app.trail import recorded_as
from twofold.cli._audit_entry import TIME, as_dict, lines_of, request_as_dict, request_lines, row_of
from twofold.cli._audit_verdict import verdict_as_dict, verdict_lines
from twofold.cli._load import app_argument, behind_app, database_options
from twofold.cli._moment import end, time
from twofold.cli._pipe import print_line
from twofold.cli._sensitive import by_whom, confirm, sensitive
from twofold.cli._store import with_stores
from twofold.cli._tables import print_rows
from twofold.cli._tell import telling
from twofold.errors import Corrupt
from twofold.store import OUTCOMES, AuditEntry, Pruned

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_COLUMNS: Final = ("number", "sent", "message", "user", "outcome", "code", "took", "id")


class TrailBroken(Corrupt):
    """The audit trail is not as it was sealed."""

    code: ClassVar[str] = "trail_broken"


@click.group()
def audit() -> None:
    """Look at what commands have left in the audit trail, prove and export it."""


def filters(command: F) -> F:
    """The options that say which entries are meant."""
    zone = "in UTC unless it says its zone"
    until = f"Only what was sent until this time, {zone}; without fractions until the end of its second."
    command = click.option("--until", type=end, metavar="TIME", help=until)(command)
    command = click.option("--since", type=time, help=f"Only what was sent since this time, {zone}.")(command)
    told = "`success`, a category of errors, `crashed`, …"
    command = click.option("--outcome", type=_outcome, metavar="WORD", help=told)(command)
    command = click.option("--correlation", metavar="ID", help="Only of this request.")(command)
    command = click.option("--user", metavar="ID", help="Only of this user.")(command)
    return click.option("--message", metavar="NAME", help="Only commands with this name, or of this class.")(command)


def _outcome(word: str) -> str:
    if word in OUTCOMES:
        return word
    near = get_close_matches(word.lower(), OUTCOMES)
    meant = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(OUTCOMES)}"
    raise click.BadParameter(f"{word!r} is no outcome: {meant}")


@audit.command(name="list")
@app_argument
@filters
@click.option("--oldest", is_flag=True, help="The oldest first, and not the newest.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many rows at most.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@database_options
def list_(*, target: str, oldest: bool, limit: int, as_json: bool, **options: Any) -> None:
    """List commands: who sent what and when, how it ended, and how long it took."""
    wanted, databases = wanted_of(options)

    async def found(app: App) -> list[AuditEntry]:
        searched = await as_recorded(app, app.audit, wanted)
        return [entry async for entry in app.audit.entries(**searched, newest=not oldest, limit=limit + 1)]

    entries = with_stores(target, databases, found)
    if as_json:
        click.echo(json.dumps([as_dict(entry) for entry in entries[:limit]], indent=2))
    elif entries:
        print_rows(_COLUMNS, [row_of(entry) for entry in entries[:limit]])
    else:
        anything = any(value is not None for value in wanted.values())
        click.echo("nothing in the audit trail is like that" if anything else "nothing is in the audit trail")
    if len(entries) > limit:
        click.echo(f"there are more than {limit}; --limit shows more", err=True)


@audit.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODULE:APP] ID")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@database_options
def show(*, words: tuple[str, ...], as_json: bool, **databases: str | None) -> None:
    """Show what is known of a command, and what else its request has caused; or a whole request, by its correlation."""
    target, word = behind_app(words, "ID")

    async def found(app: App) -> tuple[AuditEntry | None, Sequence[Branch]]:
        try:
            entry = await app.audit.get(UUID(word))
        except (ValueError, NotAudited):
            if tree := await app.audit.tree(word):
                return None, tree
            raise NotAudited(f"{word!r}, neither as a message nor as a correlation") from None
        return entry, await app.audit.tree(entry.correlation_id)

    entry, tree = with_stores(target, databases, found)
    if as_json:
        click.echo(json.dumps(request_as_dict(word, tree) if entry is None else as_dict(entry), indent=2))
    else:
        click.echo("\n".join(request_lines(tree) if entry is None else lines_of(entry, tree)))


@audit.command()
@app_argument
@click.option("--anchor", metavar="HASH", help="The hash of a block, as noted elsewhere: shows whether the end is cut.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object; what goes wrong, too, but for usage.")
@database_options
def verify(*, target: str, anchor: str | None, as_json: bool, **databases: str | None) -> None:
    """Prove that everything sealed is as it was, and tell the first entry that is not."""
    try:
        noted = None if anchor is None else bytes.fromhex(anchor)
    except ValueError:
        raise click.UsageError(f"{anchor!r} is no hash: hexadecimal digits are") from None
    with telling(as_json=as_json):
        verdict = with_stores(target, databases, lambda app: app.audit.verify(anchor=noted))
        if verdict.flaw is not None:
            raise TrailBroken(verdict.flaw.text)
    click.echo(json.dumps(verdict_as_dict(verdict), indent=2) if as_json else "\n".join(verdict_lines(verdict)))


@audit.command()
@app_argument
@click.option(
    "--before",
    type=time,
    required=True,
    help="Only what was sealed before this time, in UTC unless it says its zone.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be taken away, and take nothing.")
@sensitive
@database_options
def prune(*, target: str, before: datetime, dry_run: bool, yes: bool, by: str | None, **databases: str | None) -> None:
    """Take away what is old, in whole blocks; what is kept can still be proved, and tells of it."""
    confirm(f"Take away for good what was sealed before {before:{TIME}}?", yes=yes or dry_run)

    async def taken(app: App) -> Pruned:
        return await app.audit.prune(before, rule="twofold audit prune", user_id=by, dry_run=dry_run)

    done = with_stores(target, databases, taken)
    if not done:
        click.echo(f"nothing to take away was sealed before {before:{TIME}}; the last block is always kept")
        return
    words = "would be taken away" if dry_run else "were taken away"
    click.echo(f"{done.entries} entries, up to {done.until}, {words} in {done.blocks} blocks")


@audit.command()
@app_argument
@filters
@by_whom
@database_options
def export(*, target: str, by: str | None, **options: Any) -> None:
    """Print entries as lines of JSON, the oldest first, until they or the pipe end; an entry tells who has done so."""
    wanted, databases = wanted_of(options)

    async def printed(app: App) -> None:
        searched = await as_recorded(app, app.audit, wanted)
        asked = {name: given for name, given in searched.items() if given is not None}
        async with told(app, "audit_export", user_id=by, of=asked) as facts:
            count = 0
            async for entry in app.audit.entries(**searched):
                if not print_line(json.dumps(as_dict(entry))):
                    facts["cut"] = True
                    break
                count += 1
            facts["entries"] = count

    with_stores(target, databases, printed)


def wanted_of(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str | None]]:
    """The entries that are wanted, and the databases."""
    wanted = {
        "message": options["message"],
        "user_id": options["user"],
        "correlation_id": options["correlation"],
        "outcome": options["outcome"],
        "since": options["since"],
        "until": options["until"],
    }
    return wanted, {name: options[name] for name in ("database", "read_database")}


async def as_recorded(app: App, audit: Audit, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are wanted, with the command as they call it.

    Raises:
        NoSuchMessage: Neither the application nor the trail knows it.
    """
    name: str | None = wanted["message"]
    return {**wanted, "message": None if name is None else await recorded_as(app, audit, name)}
