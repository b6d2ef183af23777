"""The command side; it can be deployed without the query side."""

from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError

from examples.hostfactory.domain import (
    MachineRequest,
    MachineStatus,
    Notes,
    NotThatWay,
    Template,
    TooManyMachines,
    Traced,
)
from examples.hostfactory.ports import Provider, Templates
from twofold import Command, Failure, Module, NotFound, Repository, Result, Success

commands = Module("hostfactory.commands")


_TEMPLATE = TypeAdapter(Template)


@dataclass(frozen=True, kw_only=True)
class TemplateFindings:
    """What is wrong with a template; nothing, when it may be used."""

    template_id: str | None
    valid: bool
    findings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ValidateTemplate(Traced, Command[TemplateFindings]):
    """Look at a template before it is offered. A wrong one is an answer and no failure; who asked is in the trail."""

    template: Annotated[dict[str, Any], Field(examples=[{"id": "small", "image": "debian-13", "max_machines": 10}])]


@commands.handler(path="/templates/validate")
async def validate_template(command: ValidateTemplate, provider: Provider) -> TemplateFindings:
    told = command.template.get("id")
    template_id = told if isinstance(told, str) else None
    try:
        template = _TEMPLATE.validate_python(command.template, extra="forbid")
    except ValidationError as error:
        wrong = tuple(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return TemplateFindings(template_id=template_id, valid=False, findings=wrong)
    unknown = () if template.image in await provider.images() else (f"image: there is no {template.image}",)
    return TemplateFindings(template_id=template_id, valid=not unknown, findings=unknown)


@dataclass(frozen=True, kw_only=True)
class CreateRequest(Traced, Command[UUID, NotFound | TooManyMachines]):
    """Ask for up to so many machines of a template; answers the request's id."""

    template_id: Annotated[str, Field(examples=["small"])]
    max_number: Annotated[int, Field(ge=1)] = 1
    attributes: Notes = field(default_factory=dict[str, str])


@commands.handler(path="/requests", status=201)
async def create_request(
    command: CreateRequest, templates: Templates, requests: Repository[MachineRequest]
) -> Result[UUID, NotFound | TooManyMachines]:
    template = await templates.get(command.template_id)
    placed = template.and_then(lambda found: MachineRequest.place(found, command.max_number, command.attributes))
    if isinstance(placed, Failure):
        return placed
    await requests.save(placed.value)
    return Success(placed.value.id)


@dataclass(frozen=True, kw_only=True)
class UpdateMachineStatus(Traced, Command[None, NotFound | NotThatWay]):
    """Tell what a machine has become."""

    request_id: UUID
    machine_id: UUID
    status: Annotated[MachineStatus, Field(examples=["running"])]
    metadata: Notes = field(default_factory=dict[str, str])


@commands.handler(path="/requests/{request_id}/machines/{machine_id}", method="PUT")
async def update_machine_status(
    command: UpdateMachineStatus, requests: Repository[MachineRequest]
) -> Result[None, NotFound | NotThatWay]:
    found = await requests.get(command.request_id)
    if isinstance(found, Failure):
        return found
    request = found.value
    updated = request.update_machine(command.machine_id, command.status, command.metadata)
    if updated.is_success:
        await requests.save(request)
    return updated
