"""The command line of the host factory: the same service as behind REST; what is refused becomes an exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TextIO, cast
from uuid import UUID

import click
from pydantic_core import from_json, to_json

from examples.hostfactory import app
from examples.hostfactory.domain import MachineStatus
from examples.hostfactory.service import HostFactory
from twofold import Failure, Result, Success, TwofoldError
from twofold.cli import exit_of


@click.group()
def main() -> None:
    """Ask for machines, and see what becomes of them."""


def _pairs(_context: click.Context, _option: click.Parameter, typed: tuple[str, ...]) -> dict[str, str]:
    """`key=value` options as a mapping."""
    apart = [one.partition("=") for one in typed]
    if wrong := [key for key, sign, _ in apart if not sign]:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form KEY=VALUE")
    return {key: value for key, _, value in apart}


@main.command()
@click.option("--image", help="Only those of an image.")
@click.option("--min-machines", type=int, help="Only those with so many machines at least.")
@click.option("--limit", type=int, default=20, show_default=True)
@click.option("--offset", type=int, default=0, show_default=True)
def templates(image: str | None, min_machines: int | None, limit: int, offset: int) -> None:
    """What may be asked for."""
    _answer(lambda factory: factory.templates(image=image, min_machines=min_machines, limit=limit, offset=offset))


@main.command()
@click.argument("template", type=click.File())
@click.option("--user", help="Who asks.")
def validate(template: TextIO, user: str | None) -> None:
    """What is wrong with the TEMPLATE in a file of JSON; - reads standard input."""
    try:
        content: object = from_json(template.read())
    except ValueError as error:
        raise click.BadParameter(f"it is no JSON: {error}") from None
    if not isinstance(content, dict):
        raise click.BadParameter("a template is an object")
    told = cast("dict[str, Any]", content)
    _answer(lambda factory: factory.validate_template(told, user_id=user))


@main.command()
@click.argument("template")
@click.argument("max_number", type=int, default=1)
@click.option("--attribute", "attributes", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="May repeat.")
@click.option("--user", help="Who asks.")
def request(template: str, max_number: int, attributes: dict[str, str], user: str | None) -> None:
    """Ask for up to MAX_NUMBER machines of a TEMPLATE."""
    _answer(lambda factory: factory.request_machines(template, max_number, attributes, user_id=user))


@main.command()
@click.argument("request_id", type=click.UUID)
@click.argument("machine_id", type=click.UUID)
@click.argument("status", type=click.Choice([status.value for status in MachineStatus]))
@click.option("--metadata", multiple=True, callback=_pairs, metavar="KEY=VALUE", help="May repeat.")
@click.option("--user", help="Who says so.")
def machine(request_id: UUID, machine_id: UUID, status: str, metadata: dict[str, str], user: str | None) -> None:
    """Tell what a machine has become."""
    new = MachineStatus(status)
    _answer(lambda factory: factory.update_machine(request_id, machine_id, new, metadata, user_id=user))


@main.command()
@click.argument("request_id", type=click.UUID)
@click.option("--machines/--no-machines", default=True, show_default=True, help="With its machines, or without.")
def status(request_id: UUID, machines: bool) -> None:
    """How a request and its machines stand."""
    _answer(lambda factory: factory.request_status(request_id, include_machines=machines))


def _answer(work: Callable[[HostFactory], Awaitable[Result[Any, TwofoldError]]]) -> None:
    """Print a Success as JSON and a Failure as a line on standard error; exit with the code that it means."""
    result = asyncio.run(_run(work))
    match result:
        case Success(value):
            click.echo(to_json(value, indent=2))
        case Failure(error):
            click.echo(str(error), err=True)
    click.get_current_context().exit(exit_of(result))


async def _run(work: Callable[[HostFactory], Awaitable[Result[Any, TwofoldError]]]) -> Result[Any, TwofoldError]:
    try:
        async with app:
            return await work(await app.get(HostFactory))
    except TwofoldError as error:
        return Failure(error)
