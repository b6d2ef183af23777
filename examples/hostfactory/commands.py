"""The command side; it can be deployed without the query side."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import Field

from examples.hostfactory.domain import (
    MachineRequest,
    MachineStatus,
    NotThatWay,
    Templates,
    TooManyMachines,
    Traced,
)
from twofold import Command, Failure, Module, NotFound, Repository, Result, Success

commands = Module("hostfactory.commands")


@dataclass(frozen=True, kw_only=True)
class CreateRequest(Traced, Command[UUID, NotFound | TooManyMachines]):
    """Ask for machines of a template; answers the request's id."""

    template_id: str
    count: Annotated[int, Field(ge=1)] = 1


@commands.handler(path="/requests", status=201)
async def create_request(
    command: CreateRequest, templates: Templates, requests: Repository[MachineRequest]
) -> Result[UUID, NotFound | TooManyMachines]:
    template = await templates.get(command.template_id)
    placed = template.and_then(lambda found: MachineRequest.place(found, command.count))
    if isinstance(placed, Failure):
        return placed
    await requests.save(placed.value)
    return Success(placed.value.id)


@dataclass(frozen=True, kw_only=True)
class UpdateMachineStatus(Traced, Command[None, NotFound | NotThatWay]):
    """Tell what a machine has become."""

    request_id: UUID
    machine_id: UUID
    status: MachineStatus


@commands.handler(path="/requests/{request_id}/machines/{machine_id}", method="PUT")
async def update_machine_status(
    command: UpdateMachineStatus, requests: Repository[MachineRequest]
) -> Result[None, NotFound | NotThatWay]:
    found = await requests.get(command.request_id)
    if isinstance(found, Failure):
        return found
    request = found.value
    updated = request.update_machine(command.machine_id, command.status)
    if updated.is_success:
        await requests.save(request)
    return updated
