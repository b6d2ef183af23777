"""`twofold graph`: how messages lead to each other, as text for Mermaid, as a picture, or as data."""

import json
from pathlib import Path

import rich_click as click

from twofold.app.graph import graph_of
from twofold.cli._drawn import as_mermaid, as_svg
from twofold.cli._load import app_argument, load
from twofold.errors import WiringError


@click.command()
@app_argument
@click.option("--svg", "file", metavar="FILE", help="Draw it into a file; - for standard output.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object with nodes and edges.")
def graph(*, target: str, file: str | None, as_json: bool) -> None:
    """Show how messages lead to each other: commands to events, and those to projections, reactions and commands.

    It is printed for Mermaid, which documents and code hosts draw. What a handler records or sends is read off its
    code, where no lifecycle and no decider declares it; it may do so, and may do more by what it is given.
    """
    if file is not None and as_json:
        raise click.UsageError("it is drawn or told as data: --svg or --json")
    found = graph_of(load(target))
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    elif file == "-":
        click.echo(as_svg(found), nl=False)
    elif file is not None:
        _write(Path(file), as_svg(found))
    else:
        click.echo("\n".join(as_mermaid(found)))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise WiringError(f"{file} cannot be written: {error.strerror}") from error
