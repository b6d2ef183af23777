"""`twofold audit replay`: commands of the past on throw-away copies, and what then and now came of them."""

import asyncio
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import rich_click as click

from twofold.app import App
from twofold.app.replay import AnsweredByKey, NothingKept, Replay, Replays, SentInside, replaying
from twofold.cli._audit import as_recorded, filters, wanted_of
from twofold.cli._exit import exit_code
from twofold.cli._load import behind_app, database_options, load, mount
from twofold.cli._replay_shown import Done, dict_of, lines_of
from twofold.cli._tell import telling
from twofold.errors import NotFound, TwofoldError

_DIFFERENT: Final = 1
"""The exit code when something came to something else."""


@click.command()
@click.argument("words", nargs=-1, metavar="[MODULE:APP] [ID]")
@filters
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@click.option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="What was secret; a path has dots.")
@click.option(
    "--allow", "allowed", multiple=True, metavar="NAME", help="A dependency or middleware to call all the same."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON: an object, or an array without an ID; errors, too.")
@database_options
def replay(
    *,
    words: tuple[str, ...],
    limit: int,
    given: tuple[str, ...],
    allowed: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Replay a command, or several, each on a throw-away copy of what was before it, and tell what differs.

    Nothing is written to a database of the application. No reaction runs, and no dependency that is not twofold's or
    allowed. Exit code 1 tells that something came to something else, and 4 that nothing is like what was asked for.
    """
    target, message_id = _what(words)
    wanted, databases = wanted_of(options)
    if (message_id is None) is not any(wanted.values()):
        raise click.UsageError("name the ID of one command, or say which with --correlation, --since and their like")
    secrets = _typed(given)

    async def replayed(app: App) -> list[Done]:
        async with replaying(app, typed=secrets, allowed=allowed) as replays:
            if message_id is not None:
                entry = await replays.audit.get(message_id)
                return [(entry, await replays.of(entry))]
            return await _all(replays, await as_recorded(app, replays.audit, wanted), limit)

    with telling(as_json=as_json):
        app = load(target)
        mount(app, **databases)
        done = asyncio.run(replayed(app))
        if not done:
            raise NotFound("nothing in the audit trail is like that")
    if as_json:
        shown = [dict_of(one) for one in done]
        click.echo(json.dumps(shown if message_id is None else shown[0], indent=2))
    else:
        click.echo("\n".join(line for one in done for line in lines_of(one)))
    for _, one in done:
        if isinstance(one, Replay) and one.crash is not None:
            traceback.print_exception(one.crash)
    sys.exit(_exit_code(done))


async def _all(replays: Replays, wanted: Mapping[str, Any], limit: int) -> list[Done]:
    """Replay what was found, the oldest first; what was sent inside another command comes with that."""
    done: list[Done] = []
    async for entry in replays.audit.entries(**wanted):
        if len(done) == limit:
            click.echo(f"there are more than {limit}; --limit replays more", err=True)
            break
        try:
            done.append((entry, await replays.of(entry)))
        except TwofoldError as error:
            done.append((entry, error))
    return done


def _exit_code(done: Sequence[Done]) -> int:
    for _, one in done:
        if isinstance(one, TwofoldError) and not isinstance(one, AnsweredByKey | SentInside | NothingKept):
            return exit_code(one)
    return 0 if all(one.same for _, one in done if isinstance(one, Replay)) else _DIFFERENT


def _what(words: Sequence[str]) -> tuple[str, UUID | None]:
    """The application, and the id of a command when one was named."""
    last = words[-1] if words else ""
    with suppress(ValueError):
        message_id = UUID(last)
        return behind_app(words, "ID")[0], message_id
    if len(words) > 1:
        raise click.UsageError(f"{last!r} is no id of a message: a UUID is")
    return behind_app(words)[0], None


def _typed(options: Sequence[str]) -> dict[str, str]:
    """What was typed of what was secret, by path."""
    typed: dict[str, str] = {}
    for option in options:
        path, separator, typed[path] = option.partition("=")
        if not separator:
            raise click.UsageError("--set takes FIELD=VALUE")
    return typed
