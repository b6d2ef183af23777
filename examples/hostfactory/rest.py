"""A REST API of one's own over the application service, in a FastAPI application of one's own.

`uvicorn examples.hostfactory.rest:api` serves it. `twofold run examples.hostfactory:app` needs none of this: there,
every command and query has a route already.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Response
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
    count: int = 1


@api.get("/templates")
async def templates(factory: Factory) -> Response:
    return respond(await factory.templates())


@api.post("/machines")
async def request_machines(wanted: Wanted, factory: Factory) -> Response:
    return respond(await factory.request_machines(wanted.template_id, wanted.count), status=201)


@api.put("/machines/{request_id}/{machine_id}")
async def update_machine(request_id: UUID, machine_id: UUID, status: MachineStatus, factory: Factory) -> Response:
    return respond(await factory.update_machine(request_id, machine_id, status))


@api.get("/machines/{request_id}")
async def request_status(request_id: UUID, factory: Factory) -> Response:
    return respond(await factory.request_status(request_id))
