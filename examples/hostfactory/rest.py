"""A REST API of one's own over the application service, in a FastAPI application of one's own.

`uvicorn examples.hostfactory.rest:api` serves it. `twofold run examples.hostfactory:app` needs none of this: there,
every command and query has a route already.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Depends, FastAPI, Response
from pydantic import BaseModel

from examples.hostfactory import app
from examples.hostfactory.domain import MachineStatus
from examples.hostfactory.service import HostFactory
from twofold.web import resolve, respond

api = FastAPI(title="Host factory")
app.attach(api)

Factory = Annotated[HostFactory, Depends(resolve(HostFactory))]


class Wanted(BaseModel):
    """Which machines somebody asks for."""

    template_id: str
    max_number: int = 1
    attributes: dict[str, str] = {}


class Become(BaseModel):
    """What a machine has become."""

    status: MachineStatus
    metadata: dict[str, str] = {}


@api.get("/templates")
async def templates(
    factory: Factory, image: str | None = None, min_machines: int | None = None, limit: int = 20, offset: int = 0
) -> Response:
    return respond(await factory.templates(image=image, min_machines=min_machines, limit=limit, offset=offset))


@api.post("/templates/validate")
async def validate_template(template: Annotated[dict[str, Any], Body()], factory: Factory) -> Response:
    return respond(await factory.validate_template(template))


@api.post("/machines")
async def request_machines(wanted: Wanted, factory: Factory) -> Response:
    asked = await factory.request_machines(wanted.template_id, wanted.max_number, wanted.attributes)
    return respond(asked, status=201)


@api.put("/machines/{request_id}/{machine_id}")
async def update_machine(request_id: UUID, machine_id: UUID, become: Become, factory: Factory) -> Response:
    return respond(await factory.update_machine(request_id, machine_id, become.status, become.metadata))


@api.get("/machines/{request_id}")
async def request_status(request_id: UUID, factory: Factory, include_machines: bool = True) -> Response:
    return respond(await factory.request_status(request_id, include_machines=include_machines))
