"""The application service: one place for what takes a command and a query; REST and the command line both call it."""

from uuid import UUID

from examples.hostfactory.commands import CreateRequest, UpdateMachineStatus
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

    async def templates(self) -> Result[Page[Template], TwofoldError]:
        """What may be asked for."""
        return await self._queries.execute(GetTemplates())

    async def request_machines(
        self, template_id: str, count: int, *, user_id: str | None = None
    ) -> Result[RequestDTO, TwofoldError]:
        """Ask for machines, and tell how the request stands."""
        created = await self._commands.execute(CreateRequest(template_id=template_id, count=count, user_id=user_id))
        if isinstance(created, Failure):
            return created
        return await self.request_status(created.value)

    async def update_machine(
        self, request_id: UUID, machine_id: UUID, status: MachineStatus, *, user_id: str | None = None
    ) -> Result[RequestDTO, TwofoldError]:
        """Tell what a machine has become, and how its request stands then."""
        command = UpdateMachineStatus(request_id=request_id, machine_id=machine_id, status=status, user_id=user_id)
        updated = await self._commands.execute(command)
        if isinstance(updated, Failure):
            return updated
        return await self.request_status(request_id)

    async def request_status(self, request_id: UUID) -> Result[RequestDTO, TwofoldError]:
        """How a request and its machines stand."""
        match await self._queries.execute(GetRequestStatus(request_id=request_id, include_machines=True)):
            case Success(RequestDTO() as found):
                return Success(found)
            case Success():
                return Failure(NotFound(f"there is no request {request_id}"))
            case Failure() as failed:
                return failed
