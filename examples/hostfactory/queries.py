"""The query side; it can be deployed without the command side."""

from dataclasses import dataclass
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import Field

from examples.hostfactory.domain import MachineStatus, Template, Traced
from examples.hostfactory.ports import Templates
from twofold import Module, Page, Query

queries = Module("hostfactory.queries")


@dataclass(frozen=True, kw_only=True)
class MachineDTO:
    """A machine of a request."""

    id: UUID
    status: MachineStatus
    metadata: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RequestDTO:
    """How a request stands; its machines only when they were asked for."""

    id: UUID
    template_id: str
    requested: int
    attributes: dict[str, str]
    fulfilled: bool
    machines: tuple[MachineDTO, ...] | None = None


class RequestViews(Protocol):
    """The read repository."""

    async def find(self, request_id: UUID, *, with_machines: bool) -> RequestDTO | None:
        """A request by its id; None when there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class GetRequestStatus(Traced, Query[RequestDTO | None]):
    """How a request stands; 404 when there is none."""

    request_id: UUID
    include_machines: bool = False


@queries.handler(path="/requests/{request_id}")
async def get_request_status(query: GetRequestStatus, requests: RequestViews) -> RequestDTO | None:
    return await requests.find(query.request_id, with_machines=query.include_machines)


@dataclass(frozen=True, kw_only=True)
class GetTemplates(Traced, Query[Page[Template]]):
    """What may be asked for: all, or those of an image or with enough machines. None while the catalogue is away."""

    image: str | None = None
    min_machines: Annotated[int, Field(ge=0)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    offset: Annotated[int, Field(ge=0)] = 0


def no_templates(query: GetTemplates) -> Page[Template]:
    return Page[Template].slice((), total=0, limit=query.limit, offset=query.offset)


@queries.handler(path="/templates", fallback=no_templates)
async def get_templates(query: GetTemplates, templates: Templates) -> Page[Template]:
    found = [
        one
        for one in await templates.all()
        if query.image in (None, one.image) and (query.min_machines or 0) <= one.max_machines
    ]
    some = found[query.offset : query.offset + query.limit]
    return Page[Template].slice(some, total=len(found), limit=query.limit, offset=query.offset)
