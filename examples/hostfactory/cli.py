"""The command line of the host factory: the same service as behind REST; what is refused becomes an exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import click
from pydantic_core import to_json

from examples.hostfactory import app
from examples.hostfactory.domain import MachineStatus
from examples.hostfactory.service import HostFactory
from twofold import Failure, Result, Success, TwofoldError
from twofold.cli import exit_of


@click.group()
def main() -> None:
    """Ask for machines, and see what becomes of them."""


@main.command()
def templates() -> None:
    """What may be asked for."""
    _answer(lambda factory: factory.templates())


@main.command()
@click.argument("template")
@click.argument("count", type=int, default=1)
@click.option("--user", help="Who asks.")
def request(template: str, count: int, user: str | None) -> None:
    """Ask for COUNT machines of a TEMPLATE."""
    _answer(lambda factory: factory.request_machines(template, count, user_id=user))


@main.command()
@click.argument("request_id", type=click.UUID)
@click.argument("machine_id", type=click.UUID)
@click.argument("status", type=click.Choice([status.value for status in MachineStatus]))
@click.option("--user", help="Who says so.")
def machine(request_id: UUID, machine_id: UUID, status: str, user: str | None) -> None:
    """Tell what a machine has become."""
    new = MachineStatus(status)
    _answer(lambda factory: factory.update_machine(request_id, machine_id, new, user_id=user))


@main.command()
@click.argument("request_id", type=click.UUID)
def status(request_id: UUID) -> None:
    """How a request and its machines stand."""
    _answer(lambda factory: factory.request_status(request_id))


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
