"""What a command or query answers as the command line shows it: text for people, made of its JSON."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard, cast

import rich_click as click

from twofold.cli._tables import print_rows
from twofold.middleware import printable


def show(answer: object) -> None:
    """Print an answer: a value as it stands, records as a table, and what has several facts as a line for each.

    Args:
        answer: As `json.loads` gives it.
    """
    if answer is None:
        click.echo("done")
    elif isinstance(answer, dict):
        _facts(cast("dict[str, object]", answer))
    elif _are_records(answer):
        _table(answer)
    elif isinstance(answer, list):
        click.echo("\n".join(map(_text, cast("list[object]", answer))) or "none")
    else:
        click.echo(_text(answer))


def _facts(facts: Mapping[str, object]) -> None:
    """First what fits into a line each, then every list of records as a table under its name."""
    tables = {name: value for name, value in facts.items() if _are_records(value)}
    lines = [(printable(name), _text(value)) for name, value in facts.items() if name not in tables]
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        click.echo(f"{name:{width}}  {value}".rstrip())
    for name, rows in tables.items():
        click.echo(f"{printable(name)}:")
        _table(rows)


def _table(records: Sequence[Mapping[str, object]]) -> None:
    columns = list(dict.fromkeys(name for record in records for name in record))
    rows = [[_text(record.get(name)) for name in columns] for record in records]
    print_rows([printable(name) for name in columns], rows)


def _are_records(value: object) -> TypeGuard[list[dict[str, object]]]:
    """Whether it is a list of objects alone, and not an empty one."""
    values = cast("list[object]", value) if isinstance(value, list) else []
    return bool(values) and all(isinstance(one, dict) for one in values)


def _text(value: object) -> str:
    if value is None:
        return ""
    return printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
