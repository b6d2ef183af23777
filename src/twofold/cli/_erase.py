"""`twofold erase`: makes the personal data of a subject unreadable for good, and reports what that covers."""
# pyright: reportUnknownMemberType=false
# rich-click leaves the types of its options open.

import json
from collections.abc import Iterator, Mapping

import rich_click as click

from twofold.app.erasing import Erasure
from twofold.app.erasing import erase as erase_subject
from twofold.cli._load import behind_app, database_options
from twofold.cli._sensitive import confirm, sensitive
from twofold.cli._store import with_stores
from twofold.middleware import printable


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[MODULE:APP] SUBJECT")
@sensitive
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@database_options
def erase(*, words: tuple[str, ...], yes: bool, by: str | None, as_json: bool, **databases: str | None) -> None:
    """Destroy the key of a subject, `customer:7f3`, and report what nobody can read any more.

    It cannot be undone. The application may run meanwhile: its processes forget the key within half a minute.
    """
    target, subject = behind_app(words, "SUBJECT")
    confirm(f"Make the personal data of {printable(subject)} unreadable, for good?", yes=yes)
    done = with_stores(target, databases, lambda app: erase_subject(app, subject, user_id=by))
    click.echo(json.dumps(done.as_dict(), indent=2) if as_json else "\n".join(_lines(done)))


def _lines(done: Erasure) -> Iterator[str]:
    subject = printable(done.subject)
    yield f"the key of {subject} is destroyed" if done.key else f"{subject} had no key, and gets none"
    yield from _counted("events", done.events)
    yield from _counted("audit entries", done.audit)
    yield from _counted("parked events", done.parked)
    yield f"told to forget: {', '.join(done.forgetting) or 'nobody'}"
    if done.remembering:
        yield f"NOT covered, since they do not handle SubjectErased: {', '.join(done.remembering)}"


def _counted(what: str, found: Mapping[str, int]) -> Iterator[str]:
    told = ", ".join(f"{printable(name)} {count}" for name, count in found.items())
    yield f"{what}: {told or 'none'}"
