"""`twofold explain`: what really happens to one message, from the outermost stage to what its handler is given."""

import json
import sys
from typing import Final

import rich_click as click
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from twofold.app.explanation import OWN, Explanation
from twofold.app.explanation import explain as explain_message
from twofold.cli._completion import messages_of
from twofold.cli._load import app_and_name, load_as_run, told_apart

_UNCUT: Final = 10_000
"""The width of lines in a pipe."""


@click.command()
@app_and_name("MESSAGE", messages_of())
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def explain(*, names: tuple[str, ...], target: str | None, as_json: bool) -> None:
    """Show the pipeline that a message really goes through, and where all that is in it comes from.

    MESSAGE is a wire name or a class name.
    """
    target, message = told_apart(names, target, "message")
    explanation = explain_message(load_as_run(target), message)
    if as_json:
        click.echo(json.dumps(explanation.as_dict(), indent=2))
    else:
        Console(highlight=False, width=None if sys.stdout.isatty() else _UNCUT).print(_tree(explanation))


def _tree(explanation: Explanation) -> Tree:
    """Stages hang below each other as they call each other; at the end hangs the handler with what it is given."""
    title = Text.assemble((explanation.message, "bold"), f"  {explanation.kind}, version {explanation.version}")
    tree = Tree(title.append(f", {explanation.cls}", "dim"))
    for one in explanation.handlers:
        branch = tree
        for stage in one.stages:
            branch = branch.add(Text(stage, "cyan"))
        branch = branch.add(Text.assemble((one.handler, "bold green"), f"  {one.runs}, of module {one.module}"))
        for setting in one.settings:
            done_by = "" if setting.done_by == OWN else f", done by {setting.done_by}"
            branch.add(Text.assemble(f"{setting.part}: ", (setting.value, "yellow"), f"  {setting.source}{done_by}"))
        for need in one.needs:
            facts = f"{need.given_by}, one per {need.lives_as_long_as}"
            branch.add(Text.assemble(f"{need.parameter}: ", (need.type, "yellow"), f"  {facts}"))
    for projection in explanation.projections:
        tree.add(Text.assemble("projection ", (projection, "magenta")))
    return tree
