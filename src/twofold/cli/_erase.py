"""`twofold erase`: makes the personal data of a subject unreadable for good, and reports what that covers."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import rich_click as click

from twofold.app.erasing import Erasure, InPlainText
from twofold.app.erasing import erase as erase_subject
from twofold.cli._exit import exit_code
from twofold.cli._load import behind_app, database_options
from twofold.cli._sensitive import confirm, sensitive
from twofold.cli._store import with_stores
from twofold.errors import Refused
from twofold.middleware import printable

_SHOWN: Final = 10


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODULE:APP] SUBJECT")
@sensitive
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@database_options
def erase(*, words: tuple[str, ...], yes: bool, by: str | None, as_json: bool, **databases: str | None) -> None:
    """Destroy the key of a subject, `customer:7f3`, and report what nobody can read any more.

    It cannot be undone. The application may run meanwhile: its processes forget the key within half a minute. The exit
    code is 3 when something of the subject is in plain text, which no key makes unreadable.
    """
    target, subject = behind_app(words, "SUBJECT")
    confirm(f"Make the personal data of {printable(subject)} unreadable, for good?", yes=yes)
    done = with_stores(target, databases, lambda app: erase_subject(app, subject, user_id=by))
    click.echo(json.dumps(done.as_dict(), indent=2) if as_json else "\n".join(_lines(done)))
    if done.plain:
        sys.exit(exit_code(Refused("")))


def _lines(done: Erasure) -> Iterator[str]:
    subject = printable(done.subject)
    yield f"the key of {subject} is destroyed" if done.key else f"{subject} had no key, and gets none"
    yield from _counted("events", done.events)
    yield from _counted("audit entries", done.audit)
    yield from _counted("parked events", done.parked)
    yield f"snapshots: {_named(done.snapshots) or 'none'}"
    yield f"told to forget: {', '.join(done.forgetting) or 'nobody'}"
    if done.remembering:
        yield f"NOT covered, since they do not handle SubjectErased: {', '.join(done.remembering)}"
    if done.plain:
        yield from _plain_lines(done.plain)


def _plain_lines(plain: InPlainText) -> Iterator[str]:
    yield "NOT ERASED, since it was recorded in plain text, before it was personal; what is written stays as it is:"
    if plain.events:
        yield from _counted("  events", plain.events)
        yield f"  in the streams: {_named(plain.streams)}"
        yield "  `twofold stream tombstone` takes a whole stream out of the log, with its snapshot"
    if plain.snapshots:
        yield f"  of which have a snapshot: {len(plain.snapshots)}"
    if plain.audit:
        yield from _counted("  audit entries", plain.audit)
        yield "  `twofold audit prune` takes the oldest entries out of the trail"


def _named(streams: Sequence[str]) -> str:
    more = f" and {len(streams) - _SHOWN} more" if len(streams) > _SHOWN else ""
    return f"{', '.join(map(printable, streams[:_SHOWN]))}{more}"


def _counted(what: str, found: Mapping[str, int]) -> Iterator[str]:
    told = ", ".join(f"{printable(name)} {count}" for name, count in found.items())
    yield f"{what}: {told or 'none'}"
