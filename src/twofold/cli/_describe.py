"""`twofold describe`: what is wired; tables on a terminal, plain stable lines in a pipe, and JSON."""

import json
import sys
from collections.abc import Iterable, Sequence

import rich_click as click
from rich.console import Console
from rich.text import Text

from twofold.app.catalogue import catalogue_of
from twofold.app.description import Description
from twofold.app.description import describe as describe_app
from twofold.cli._load import app_argument, load_as_run
from twofold.cli._markdown import as_markdown
from twofold.cli._tables import Rows, aligned, drawn


@click.command()
@app_argument
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.option("--markdown", is_flag=True, help="As a page: every message with its fields, its answer and its door.")
def describe(*, target: str, as_json: bool, markdown: bool) -> None:
    """Show what an application is made of: messages, handlers, dependencies, events, projections."""
    if as_json and markdown:
        raise click.UsageError("it is a page or data: --markdown or --json")
    app = load_as_run(target)
    if markdown:
        click.echo("\n".join(as_markdown(app.name, catalogue_of(app))))
        return
    description = describe_app(app, routes=as_json)
    if as_json:
        click.echo(json.dumps(description.as_dict(), indent=2))
    elif sys.stdout.isatty():
        console = Console()
        modules = ", ".join(description.modules) or "no modules"
        console.print(Text.assemble((description.name, "bold"), f" of {modules}\n"))
        for title, columns, rows in _tables(description):
            console.print(drawn(columns, rows, title=title))
    else:
        click.echo("\n".join(_plain(description)))


def _tables(description: Description) -> Iterable[tuple[str, Sequence[str], Rows]]:
    """The tables with anything in them: title, columns, rows."""
    tables: list[tuple[str, Sequence[str], Rows]] = [
        (
            {"command": "Commands", "query": "Queries", "event": "Reactions"}[kind],
            ("message", "answers", "handler", "depends on"),
            [
                (one.message, one.answers, one.handler, ", ".join(one.depends_on))
                for one in description.handlers
                if one.kind == kind
            ],
        )
        for kind in ("command", "query", "event")
    ]
    tables.append(
        (
            "Events",
            ("event", "version", "projections", "reactions"),
            [
                (one.name, str(one.version), ", ".join(one.projections), ", ".join(one.reactions))
                for one in description.events
            ],
        )
    )
    tables.append(
        (
            "Projections",
            ("projection", "mode", "version", "events", "tables"),
            [
                (one.name, one.mode, str(one.version), ", ".join(one.events), ", ".join(one.tables))
                for one in description.projections
            ],
        )
    )
    return [table for table in tables if table[2]]


def _plain(description: Description) -> Iterable[str]:
    """One line per row; columns aligned, so that both people and `grep` read it."""
    yield f"application  {description.name}"
    yield f"modules      {', '.join(description.modules)}"
    for title, columns, rows in _tables(description):
        yield ""
        yield title
        for line in aligned(columns, rows):
            yield f"  {line}"
