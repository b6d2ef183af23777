"""The application service: one place for what takes a command and a query; REST and the command line both call it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from examples.hostfactory.commands import CreateRequest, TemplateFindings, UpdateMachineStatus, ValidateTemplate
from examples.hostfactory.domain import MachineStatus, Template
from examples.hostfactory.queries import GetRequestStatus, GetTemplates, RequestDTO
from twofold import CommandBus, Failure, NotFound, Page, QueryBus, Result, Success, TwofoldError


class HostFactory:
    """Coordinates the command side and the query side.

    Args:
        commands: Where changes go.
        queries: Where questions go.
    """

    def __init__(self, commands: CommandBus, queries: QueryBus) -> None:
        self._commands = commands
        self._queries = queries

    async def templates(
        self, *, image: str | None = None, min_machines: int | None = None, limit: int = 20, offset: int = 0
    ) -> Result[Page[Template], TwofoldError]:
        """What may be asked for."""
        return await self._queries.execute(
            GetTemplates(image=image, min_machines=min_machines, limit=limit, offset=offset)
        )

    async def validate_template(
        self, template: dict[str, Any], *, user_id: str | None = None
    ) -> Result[TemplateFindings, TwofoldError]:
        """What is wrong with a template."""
        return await self._commands.execute(ValidateTemplate(template=template, user_id=user_id))

    async def request_machines(
        self,
        template_id: str,
        max_number: int,
        attributes: Mapping[str, str] | None = None,
        *,
        user_id: str | None = None,
    ) -> Result[RequestDTO, TwofoldError]:
        """Ask for machines, and tell how the request stands."""
        created = await self._commands.execute(
            CreateRequest(
                template_id=template_id, max_number=max_number, attributes=dict(attributes or {}), user_id=user_id
            )
        )
        if isinstance(created, Failure):
            return created
        return await self.request_status(created.value)

    async def update_machine(
        self,
        request_id: UUID,
        machine_id: UUID,
        status: MachineStatus,
        metadata: Mapping[str, str] | None = None,
        *,
        user_id: str | None = None,
    ) -> Result[RequestDTO, TwofoldError]:
        """Tell what a machine has become, and how its request stands then."""
        command = UpdateMachineStatus(
            request_id=request_id,
            machine_id=machine_id,
            status=status,
            metadata=dict(metadata or {}),
            user_id=user_id,
        )
        updated = await self._commands.execute(command)
        if isinstance(updated, Failure):
            return updated
        return await self.request_status(request_id)

    async def request_status(
        self, request_id: UUID, *, include_machines: bool = True
    ) -> Result[RequestDTO, TwofoldError]:
        """How a request stands, and its machines unless they are left out."""
        match await self._queries.execute(GetRequestStatus(request_id=request_id, include_machines=include_machines)):
            case Success(RequestDTO() as found):
                return Success(found)
            case Success():
                return Failure(NotFound(f"there is no request {request_id}"))
            case Failure() as failed:
                return failed
