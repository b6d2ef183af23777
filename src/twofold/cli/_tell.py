"""What the command line says when something goes wrong: one line for what, one for what to do."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import rich_click as click

from twofold.cli._exit import exit_code
from twofold.errors import Classifier, Invalid, StartError, TwofoldError, Unauthenticated, code_of, detail_of
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


def tell_failure(error: Any, classifier: Classifier, *, as_json: bool) -> None:
    """Say on standard error what a message was answered with.

    Args:
        error: What the Failure holds; any value.
        classifier: Tells what it means.
        as_json: Whether machines read it.
    """
    category = classifier.of_value(error)
    code = code_of(error, category)
    text = error.detail if isinstance(error, TwofoldError) else detail_of(error, category)
    findings = error.findings if isinstance(error, Invalid) else ()
    hint = error.hint if isinstance(error, TwofoldError) else ""
    if isinstance(error, Unauthenticated) and not hint:
        hint = "say who sends it with --as, and in which roles with --role"
    if as_json:
        found = [{"field": one.field, "rule": one.rule, "message": one.message} for one in findings]
        facts = {"code": code, "category": category.value, "detail": text, "hint": hint, "findings": found}
        if isinstance(error, StartError):
            facts |= {"detail": text.partition("\n")[0], "faults": [asdict(one) for one in error.faults]}
        click.echo(json.dumps(facts, indent=2), err=True)
        return
    _line(f"{'the message is not as it should be' if findings else printable(text)} [{click.style(code, fg='yellow')}]")
    for one in findings:
        click.echo(
            f"  {click.style(printable(one.field or 'all of it'), bold=True)}: {printable(one.message)}", err=True
        )
    _hint(hint)


@contextmanager
def telling(*, as_json: bool) -> Generator[None]:
    """Say as JSON, if machines read it, what a command has ended with, and exit; for people `main` says it.

    Args:
        as_json: Whether machines read it.
    """
    try:
        yield
    except TwofoldError as error:
        if not as_json:
            raise
        tell_failure(error, Classifier(), as_json=True)
        sys.exit(exit_code(error))


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
