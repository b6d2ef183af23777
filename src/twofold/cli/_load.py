"""From what people type, `module:app` or the variable TWOFOLD_APP, to an application."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import rich_click as click

from twofold.app import App, NotDiscovered, locate, open_room
from twofold.cli._completion import Completion
from twofold.errors import MissingExtraError, TwofoldError, WiringError

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE = "TWOFOLD_APP"


def app_argument(command: F) -> F:
    """The argument that names the application."""
    return click.argument("target", metavar="MODULE:APP", envvar=VARIABLE)(command)


def behind_app(words: Sequence[str], *names: str) -> tuple[str, ...]:
    """The application, typed first or named by the variable, and the words behind it.

    Args:
        words: What was typed.
        names: What is expected behind the application.

    Raises:
        UsageError: There are too many words, or too few.
    """
    given = tuple(words) if len(words) > len(names) else (*filter(None, [os.environ.get(VARIABLE)]), *words)
    if len(given) != 1 + len(names):
        expected = " ".join(("MODULE:APP", *names))
        raise click.UsageError(f"expected {expected}, not {' '.join(words)}; {VARIABLE} stands in for MODULE:APP")
    return given


def app_and_name(metavar: str, completion: Completion | None = None) -> Callable[[F], F]:
    """The arguments that name an application, unless it is known otherwise, and something in it; see `told_apart`."""

    def arguments(command: F) -> F:
        names = click.argument(
            "names", nargs=-1, required=True, shell_complete=completion, metavar=f"[MODULE:APP] {metavar}"
        )
        return names(_app_option(command))

    return arguments


def app_and_words(metavar: str, completion: Completion) -> Callable[[F], F]:
    """The same, with more behind the name that is no business of the command's own options."""

    def arguments(command: F) -> F:
        words = click.argument(
            "words", nargs=-1, type=click.UNPROCESSED, shell_complete=completion, metavar=f"[MODULE:APP] {metavar}"
        )
        return words(_app_option(command))

    return arguments


def _app_option(command: F) -> F:
    hint = f"The application; or set {VARIABLE}."
    return click.option("--app", "target", envvar=VARIABLE, metavar="MODULE:APP", help=hint)(command)


def told_apart(names: tuple[str, ...], target: str | None, what: str) -> tuple[str, str]:
    """The application, and the name of something in it.

    Args:
        names: What was written: the name, and before it perhaps the application.
        target: The application, when it is known otherwise.
        what: What is named.

    Raises:
        UsageError: There are too many names, or no application.
    """
    *apps, name = names
    if len(apps) > 1:
        raise click.UsageError(f"one {what} at a time, not {' '.join(names)}")
    target = apps[0] if apps else target
    if target is None and (":" in name or "." in name):  # the application, and nothing of it
        raise click.UsageError(f"which {what} of {name}? Name it behind the application")
    if target is None:
        raise click.UsageError(f"of which application? Name it before the {what}, or set {VARIABLE}")
    return target, name


def database_options(command: F) -> F:
    """The options that say where the databases of the application are."""
    for name in ("--read-database", "--database"):
        command = click.option(name, metavar="ADDRESS", help="As given to `run`, if it was.")(command)
    return command


def load(target: str) -> App:
    """Import an application; the current directory is importable, as with `python -m`.

    Args:
        target: `module:attribute`.

    Raises:
        WiringError: It cannot be found, or its module cannot be imported.
    """
    try:
        return locate(target)
    except NotDiscovered as error:
        if isinstance(error.__cause__, Exception):
            _show_where(error.__cause__)
        raise
    except TwofoldError:
        raise
    except Exception as error:
        _show_where(error)
        raise WiringError(f"{target} cannot be imported: {type(error).__qualname__}: {error}") from error


def load_as_run(target: str) -> App:
    """Import an application, with the pipelines that it has when it is served.

    Raises:
        WiringError: It cannot be found, or its module cannot be imported.
    """
    app = load(target)
    with suppress(MissingExtraError):  # then nothing is counted when it is served, either
        watch(app)
    return app


def mount(app: App, *, database: str | None, read_database: str | None) -> None:
    """Mount an application on the databases that were typed.

    Args:
        app: The application.
        database: The address of its database.
        read_database: The address of its database for read models.
    """
    if database is not None:
        app.use_database(database)
    if read_database is not None:
        app.use_read_database(read_database)


def watch(app: App) -> None:
    """Have messages counted, unless the application has somebody else do it.

    Raises:
        MissingExtraError: The extra `observability` is not installed.
    """
    numbers = open_room("twofold.observability").PrometheusMeter
    meter = app.watching.meter or numbers(handlers=app.router.handlers, progress=app.progress, queues=app.queues)
    app.observe(meter=meter)


def _show_where(error: Exception) -> None:
    """Print the traceback of a module that cannot be imported, without the frames of those who import it."""
    frames = error.__traceback__
    machinery = (__file__, locate.__code__.co_filename, NotDiscovered.__init__.__code__.co_filename)
    while frames is not None and (
        frames.tb_frame.f_code.co_filename in machinery or "importlib" in frames.tb_frame.f_code.co_filename
    ):
        frames = frames.tb_next
    traceback.print_exception(type(error), error, frames, file=sys.stderr)
