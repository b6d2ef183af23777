"""`twofold doctor`: what keeps an application from starting, and what will hurt later, in its code and databases."""

import asyncio
import json
import sys
from collections.abc import Sequence

import rich_click as click

from twofold.app.diagnosis import Diagnosis, examine
from twofold.cli._exit import exit_code
from twofold.cli._load import app_argument, database_options, load, mount
from twofold.errors import WiringError
from twofold.middleware import printable

_COLOURS = {"fault": "red", "warning": "yellow"}
_FAULTY = exit_code(WiringError(""))


@click.command()
@app_argument
@click.option("--strict", is_flag=True, help="Warnings are exit code 1.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON array.")
@database_options
def doctor(*, target: str, strict: bool, as_json: bool, **databases: str | None) -> None:
    """Examine an application and its databases, beside the processes that run it; nothing is changed.

    The exit code is 2 when something keeps it from starting, 1 with --strict when there is anything to say, else 0.
    """
    app = load(target)
    mount(app, **databases)
    found = asyncio.run(examine(app))
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found], indent=2))
    else:
        for one in found:
            _show(one)
        click.echo(f"{app.name}: {_counted(found)}")
    faulty = any(one.severity == "fault" for one in found)
    sys.exit(_FAULTY if faulty else int(strict and bool(found)))


def _show(one: Diagnosis) -> None:
    severity = click.style(one.severity, fg=_COLOURS[one.severity], bold=True)
    click.echo(f"{severity} {printable(one.where)} {printable(one.text)} [{one.code}]")
    if one.hint:
        click.echo(f"  {click.style('hint:', fg='cyan')} {printable(one.hint)}")


def _counted(found: Sequence[Diagnosis]) -> str:
    counts = {severity: sum(one.severity == severity for one in found) for severity in _COLOURS}
    told = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count]
    return ", ".join(told) or "nothing to say"
