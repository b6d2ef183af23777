"""What is asked before something is changed, and who it is that changes it: the same for every command that does."""

from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click

F = TypeVar("F", bound=Callable[..., Any])


def by_whom(command: F) -> F:
    """The option of a command that leaves an entry in the audit trail."""
    return click.option("--by", metavar="ID", help="Who does it, for the entry in the audit trail.")(command)


def sensitive(command: F) -> F:
    """The options of a command that asks before it changes something, and leaves an entry in the audit trail."""
    return click.option("--yes", is_flag=True, help="Do not ask first.")(by_whom(command))


def confirm(question: str, *, yes: bool) -> None:
    """Go on only when somebody says so.

    Args:
        question: What is about to happen.
        yes: Whether that was said already.

    Raises:
        Abort: They do not, or nobody is there to ask.
    """
    if not yes:
        click.confirm(question, abort=True, err=True)
