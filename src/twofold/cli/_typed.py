"""The fields of a message as options of the command line, with a help page of their own."""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import rich_click as click

from twofold.app.sending import Field, Sendable


def typed_fields(wanted: Sendable, words: Sequence[str], *, usage: str, taken: Collection[str]) -> dict[str, str]:
    """What was typed for the fields of a message, by name; `--help` among it shows them all, and exits.

    Args:
        wanted: The message.
        words: What was typed behind its name.
        usage: What was typed before.
        taken: Names of options that are no fields: such a field is said in `--data`.

    Raises:
        UsageError: It has no such field.
    """
    fields = {f"field_{number}": one for number, one in enumerate(wanted.fields) if one.name not in taken}
    options = [_option(name, field) for name, field in fields.items()]
    only = [one.name for one in wanted.fields if one.name in taken and not one.filled_by]
    command = click.RichCommand(
        name=usage,
        params=[*options],
        help=wanted.text or None,
        epilog=f"In --data alone: {', '.join(only)}." if only else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    parsed = command.make_context(usage, [*words])
    return {field.name: value for name, field in fields.items() if (value := parsed.params[name]) is not None}


def _option(name: str, field: Field) -> click.Option:
    make = partial(
        click.Option,
        [*_flags(field.name), name],
        metavar=field.type,
        help=_help(field.text, field.limits, field.default, required=field.required),
        hidden=bool(field.filled_by),
    )
    # A field that is true or false may stand without a value.
    return make(is_flag=False, flag_value="true") if field.type == "true or false" else make()


def flag_of(name: str) -> str:
    """The option that a field is typed as; an underscore will do for a dash as well."""
    return f"--{name.replace('_', '-')}"


def _flags(name: str) -> list[str]:
    return list(dict.fromkeys((flag_of(name), f"--{name}")))


def _help(text: str, limits: Sequence[str], default: str, *, required: bool) -> str:
    facts = [*limits, *(["required"] if required else []), *([f"default {default}"] if default else [])]
    return " ".join(filter(None, (text, f"[{'; '.join(facts)}]" if facts else "")))


def own_names(command: click.Command) -> frozenset[str]:
    """The names that options of a command have, as a field would be called."""
    flags: list[Any] = [flag for one in command.params for flag in (*one.opts, *one.secondary_opts)]
    return frozenset(flag.lstrip("-").replace("-", "_") for flag in flags if flag.startswith("-"))
