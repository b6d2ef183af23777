"""`twofold new`: projects and what is in them, written out with tests. Nothing of a project is imported for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import rich_click as click

from twofold.cli.new._command import command as new_command
from twofold.cli.new._event import aggregate as new_aggregate
from twofold.cli.new._event import event as new_event
from twofold.cli.new._fields import TYPES
from twofold.cli.new._follow import projection as new_projection
from twofold.cli.new._follow import reaction as new_reaction
from twofold.cli.new._place import Layout, Project
from twofold.cli.new._project import project as new_project
from twofold.cli.new._query import query as new_query

F = TypeVar("F", bound=Callable[..., Any])

_FIELDS: Final = f"\n\nA field is written item:str, with one of {', '.join(TYPES)}."


def _named(function: F) -> F:
    """What every generator but that of projects takes."""
    option = click.option("--feature", metavar="NAME", help="The feature that it belongs to; by its name unless given.")
    return click.argument("name", metavar="NAME")(option(function))


_fields = click.argument("fields", nargs=-1, metavar="[FIELD:TYPE]...")


@click.group()
def new() -> None:
    """Write a project, or a part of one: code, and tests that pass as they are.

    What is written is found by `App.discover` and needs no registration. Nothing that is there is changed.
    """


@new.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--layout",
    type=click.Choice(get_args(Layout)),
    default="flat",
    show_default=True,
    help="A folder for each feature, or one for each layer; kept in pyproject.toml.",
)
def project(*, name: str, layout: Layout) -> None:
    """Make the folder NAME, with an application that runs."""
    new_project(Path.cwd(), name, layout)


@new.command(help=f"Write a command: a verb and what it is about, as PlaceOrder.{_FIELDS}")
@_named
@_fields
@click.option("--critical", is_flag=True, help="Have events tell that it was attempted, and how it ended.")
def command(*, name: str, fields: tuple[str, ...], feature: str | None, critical: bool) -> None:
    new_command(_here(), name, fields, feature, critical=critical).write()


@new.command(
    help=f"Write a query: a verb and what it is about, as GetOrder, or ListOrders for a page of many.{_FIELDS}"
)
@_named
@_fields
@click.option("--from", "model", metavar="NAME", help="The projection it looks at; the one that fits unless given.")
def query(*, name: str, fields: tuple[str, ...], feature: str | None, model: str | None) -> None:
    new_query(_here(), name, fields, feature, model).write()


@new.command(help=f"Write an event: what it is about, and what happened, as OrderPlaced.{_FIELDS}")
@_named
@_fields
def event(*, name: str, fields: tuple[str, ...], feature: str | None) -> None:
    new_event(_here(), name, fields, feature).write()


@new.command(help=f"Write an aggregate, as Order, with the events of its beginning and its end.{_FIELDS}")
@_named
@_fields
def aggregate(*, name: str, fields: tuple[str, ...], feature: str | None) -> None:
    new_aggregate(_here(), name, fields, feature).write()


@new.command()
@_named
@click.option("--on", multiple=True, metavar="EVENT", help="An event that fills it; those of its feature unless given.")
def projection(*, name: str, feature: str | None, on: tuple[str, ...]) -> None:
    """Write a read model, as OrderList, with a table of what its events say."""
    new_projection(_here(), name, on, feature).write()


@new.command()
@_named
@click.option("--on", metavar="EVENT", help="The event that it follows; the only one of its feature unless given.")
def reaction(*, name: str, feature: str | None, on: str | None) -> None:
    """Write a reaction: what is done once an event is recorded, as SendReceipt."""
    new_reaction(_here(), name, on, feature).write()


def _here() -> Project:
    return Project.around(Path.cwd())
