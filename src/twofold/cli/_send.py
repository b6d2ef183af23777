"""`twofold send` and `twofold ask`: a command or a query from the shell, through the same pipeline as over HTTP.

The application runs for this one message: it takes the message and follows nothing, so it may run beside others.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, TypeVar

import rich_click as click

from twofold.app import App
from twofold.app.sending import Sendable, Sent, client, sendable
from twofold.app.sending import send as send_message
from twofold.cli._answer_shown import show
from twofold.cli._completion import messages_of
from twofold.cli._exit import exit_of
from twofold.cli._load import app_and_words, database_options, load, mount, told_apart
from twofold.cli._message_command import AskCommand, SendCommand
from twofold.cli._tell import tell_failure, telling
from twofold.cli._typed import own_names, typed_fields
from twofold.messages import Kind, Principal

F = TypeVar("F", bound=Callable[..., Any])

_SETTINGS = {"ignore_unknown_options": True, "help_option_names": list[str]()}


def _message_options(command: F) -> F:
    """What both have: where fields come from, who sends it, and how the answer is printed."""
    for option in (
        click.option("-h", "--help", "helping", is_flag=True, help="Show this; behind a message, its fields."),
        click.option("--settle", is_flag=True, help="Be a worker too: prepare the database, and deal with all events."),
        click.option(
            "--json", "as_json", is_flag=True, help="The answer as JSON; what goes wrong, too, but for usage."
        ),
        click.option("--tenant", metavar="ID", help="For which tenant."),
        click.option("--role", "roles", multiple=True, metavar="NAME", help="A role of whoever sends it; may repeat."),
        click.option("--as", "user", metavar="ID", help="Who sends it."),
        click.option("--data", metavar="JSON", help="Fields as a JSON object; - reads it from standard input."),
    ):
        command = option(command)
    return database_options(command)


@click.command(cls=SendCommand, context_settings=_SETTINGS)
@app_and_words("COMMAND [--FIELD VALUE]...", messages_of(Kind.COMMAND))
@click.option("--key", metavar="KEY", help="What you call it: sent again under the same key, it is not done again.")
@_message_options
@click.pass_context
def send(context: click.Context, /, *, key: str | None, **options: Any) -> None:
    """Send a command through its whole pipeline, and print what its handler answers.

    COMMAND is a wire name or a class name; each field of it is an option, and lists and objects are typed as JSON.
    `twofold send MODULE:APP COMMAND --help` shows them.
    """
    _dispatch(context, Kind.COMMAND, key=key, **options)


@click.command(cls=AskCommand, context_settings=_SETTINGS)
@app_and_words("QUERY [--FIELD VALUE]...", messages_of(Kind.QUERY))
@_message_options
@click.pass_context
def ask(context: click.Context, /, **options: Any) -> None:
    """Ask a query through its whole pipeline, and print what its handler answers.

    QUERY is a wire name or a class name; each field of it is an option, and lists and objects are typed as JSON.
    `twofold ask MODULE:APP QUERY --help` shows them.
    """
    _dispatch(context, Kind.QUERY, key=None, **options)


def _dispatch(
    context: click.Context,
    kind: Kind,
    *,
    words: tuple[str, ...],
    target: str | None,
    data: str | None,
    user: str | None,
    roles: tuple[str, ...],
    tenant: str | None,
    key: str | None,
    settle: bool,
    as_json: bool,
    helping: bool,
    **databases: str | None,
) -> None:
    names = tuple(takewhile(lambda word: not word.startswith("-"), words))
    if not names:
        if helping or not words:
            click.echo(context.get_help())
            context.exit(0 if helping else 2)
        raise click.UsageError(f"name the {kind} before its fields: {' '.join(words)}")
    target, name = told_apart(names, target, kind.value)
    with telling(as_json=as_json):
        app = load(target)
        mount(app, **databases)
        wanted = sendable(app, name, kind)
        typed = _typed(wanted, words[len(names) :], context, helping=helping)
        principal = _principal(user, roles, tenant)
        body = sys.stdin.read() if data == "-" else data

        async def run() -> Sent:
            async with client(app, kind, settle=settle):
                return await send_message(
                    app, wanted, data=body, typed=typed, principal=principal, tenant=tenant, key=key
                )

        _print(app, asyncio.run(run()), as_json=as_json)


def _typed(wanted: Sendable, words: tuple[str, ...], context: click.Context, *, helping: bool) -> Mapping[str, str]:
    usage = f"{context.command_path} [MODULE:APP] {wanted.kind.name}"
    return typed_fields(
        wanted, (*words, *(["--help"] if helping else [])), usage=usage, taken=own_names(context.command)
    )


def _principal(user: str | None, roles: tuple[str, ...], tenant: str | None) -> Principal | None:
    """Who sends it; what is blank is of a variable that nobody has set, and no way past a policy."""
    for option, typed in [("--as", user), ("--tenant", tenant), *(("--role", one) for one in roles)]:
        if typed is not None and not typed.strip():
            raise click.UsageError(f"{option} is blank, and that names nobody and nothing: leave it out, or say it")
    if user is None:
        if roles:
            raise click.UsageError("a role is somebody's: say whose with --as")
        return None
    return Principal(user_id=user, tenant=tenant, roles=frozenset(roles))


def _print(app: App, sent: Sent, *, as_json: bool) -> None:
    classifier = app.router.settings.classifier
    if sent.answer is None:
        tell_failure(sent.result.error, classifier, as_json=as_json)
    elif as_json:
        click.echo(sent.answer)
    else:
        show(json.loads(sent.answer))
    sys.exit(exit_of(sent.result, classifier))
