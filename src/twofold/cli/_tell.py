"""What the command line says when something goes wrong: one line for what, one for what to do."""

import rich_click as click

from twofold.errors import StartError, TwofoldError
from twofold.middleware import printable


def tell(error: TwofoldError) -> None:
    """Say on standard error what is wrong.

    Args:
        error: What went wrong; all faults of an application that cannot start.
    """
    if isinstance(error, StartError):
        _tell_faults(error)
    else:
        _line(printable(error.detail))
        _hint(error.hint)


def _tell_faults(error: StartError) -> None:
    count = len(error.faults)
    _line(f"{error.app} cannot start: {count} {'fault' if count == 1 else 'faults'}")
    for fault in error.faults:
        where = click.style(printable(fault.where), bold=True)
        code = click.style(fault.code, fg="yellow")
        click.echo(f"\n  {where} [{code}]\n    {printable(fault.text)}", err=True)
        _hint(fault.hint, indent="    ")


def _line(text: str) -> None:
    click.echo(f"{click.style('twofold:', fg='red', bold=True)} {text}", err=True)


def _hint(text: str, indent: str = "  ") -> None:
    if text:
        click.echo(f"{indent}{click.style('hint:', fg='cyan')} {printable(text)}", err=True)
