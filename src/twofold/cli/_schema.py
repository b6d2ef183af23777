"""`twofold schema`: keeps the forms that events have had, and tells before a release which are no longer read."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import rich_click as click

from twofold.app.evolution import Change, Snapshot, Verdict, compare, read_log, stored_forms
from twofold.app.evolution import snapshot as snapshot_of
from twofold.cli._exit import exit_code
from twofold.cli._load import app_argument, database_options, load
from twofold.cli._store import with_stores
from twofold.errors import Conflict, Refused
from twofold.store import foundation

_CODES: Final = {
    Verdict.COMPATIBLE: 0,
    Verdict.NEEDS_UPCASTER: exit_code(Refused("")),
    Verdict.BREAKING: exit_code(Conflict("")),
}
_file = click.argument("file", metavar="[FILE]", type=click.Path(path_type=Path, dir_okay=False), default="events.json")


@click.group()
def schema() -> None:
    """Keep the forms that events have had, and check that today's code still reads them."""


@schema.command()
@app_argument
@_file
@click.option("--from-log", is_flag=True, help="Take examples of the log too: real data, so look at the file.")
@database_options
def snapshot(*, target: str, file: Path, from_log: bool, **databases: str | None) -> None:
    """Write names, versions, JSON Schemas and examples of all events to FILE (events.json); older forms stay in it.

    Nothing is written when what FILE has is no longer read: see `check`.
    """
    before = Snapshot.parse(file.read_text(encoding="utf-8")) if file.exists() else Snapshot()
    stored = with_stores(target, databases, lambda app: stored_forms(foundation(app.store).log)) if from_log else None
    read = with_stores(target, databases, read_log) if from_log and before.forms else None
    in_log = {key: found for key, found in (read or {}).items() if key in before.forms}
    app = load(target)
    changes = [one for one in compare(app, before, in_log) if one.verdict is not Verdict.COMPATIBLE]
    if changes:
        _tell(changes)
        click.echo(f"{file} stays as it is: mend this first, or take what was never recorded out of it", err=True)
        sys.exit(_code(changes))
    now = snapshot_of(app, before, stored)
    file.write_text(str(now), encoding="utf-8")
    click.echo(f"{file}: {_forms(now)}")
    for (name, version), form in sorted(now.forms.items()):
        if not form.examples:
            click.echo(f"{name} version {version} has no example: its rules refuse what was made; try --from-log")


@schema.command()
@app_argument
@_file
@click.option("--from-log", is_flag=True, help="Read all of the log too: what is read there needs no other proof.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@database_options
def check(*, target: str, file: Path, from_log: bool, as_json: bool, **databases: str | None) -> None:
    """Tell what has changed since the snapshot in FILE (events.json), and what to do about it.

    The exit code is 0 when all that was recorded is read as it is, 3 when something needs an upcaster, and 5 when
    nothing reads it.
    """
    if not file.exists():
        raise click.UsageError(f"there is no {file}: `twofold schema snapshot` writes it")
    before = Snapshot.parse(file.read_text(encoding="utf-8"))
    in_log = with_stores(target, databases, read_log) if from_log else None
    changes = compare(load(target), before, in_log)
    if as_json:
        verdict = _worst(changes)
        click.echo(json.dumps({"verdict": verdict, "changes": [asdict(one) for one in changes]}, indent=2))
    else:
        _tell(changes)
        click.echo(f"{_worst(changes)}: {_forms(before)} looked at")
    sys.exit(_code(changes))


def _tell(changes: Sequence[Change]) -> None:
    for one in changes:
        hint = f"; {one.hint}" if one.hint else ""
        click.echo(f"{one.verdict}: {one.event} version {one.version}: {one.text}{hint}")


def _worst(changes: Sequence[Change]) -> Verdict:
    return max((one.verdict for one in changes), key=list(Verdict).index, default=Verdict.COMPATIBLE)


def _code(changes: Sequence[Change]) -> int:
    return _CODES[_worst(changes)]


def _forms(known: Snapshot) -> str:
    events = {name for name, _ in known.forms}
    return f"{len(known.forms)} forms of {len(events)} events"
