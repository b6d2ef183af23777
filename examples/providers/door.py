"""Endpoints of one's own in a FastAPI application of one's own: each has a bus by `Depends`, and sends one message.

`uvicorn examples.providers.door:api` serves it. `twofold run examples.providers:app` needs none of this: there, every
command and query has such an endpoint already.
"""

from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import Body, Depends, FastAPI, Response

from examples.providers import app
from examples.providers.domain import Code, Password, Phrase, Provider
from examples.providers.provider_commands import ConnectProvider, DisconnectProvider, RefreshTokens
from examples.providers.queries import GetConnection, GetSession, ListConnections, ListSessions, ReadTrail
from examples.providers.user_commands import ChangePassword, LogIn, RegisterUser
from twofold import CommandBus, Failure, NotFound, Principal, QueryBus, Result, Success
from twofold.web import respond

api = FastAPI(title="Providers")
app.attach(api)


def logged_in(principal: Annotated[Principal, Depends()]) -> UUID:
    """The user that a request comes from."""
    return UUID(principal.user_id)


def found(result: Result[Any, Any]) -> Result[Any, Any]:
    """The same, where None says that there is nothing to be shown."""
    return Failure(NotFound("there is none")) if result == Success(None) else result


Commands: TypeAlias = Annotated[CommandBus, Depends()]
Queries: TypeAlias = Annotated[QueryBus, Depends()]
Me: TypeAlias = Annotated[UUID, Depends(logged_in)]


@api.post("/users")
async def register(command: RegisterUser, commands: Commands) -> Response:
    return respond(await commands.execute(command), status=201)


@api.post("/sessions")
async def log_in(command: LogIn, commands: Commands) -> Response:
    return respond(await commands.execute(command), status=201)


@api.put("/me/password")
async def change_password(
    me: Me, current: Annotated[Phrase, Body()], new: Annotated[Password, Body()], commands: Commands
) -> Response:
    return respond(await commands.execute(ChangePassword(user_id=me, current=current, new=new)))


@api.get("/me/sessions")
async def sessions(me: Me, queries: Queries, active_only: bool = True, page: int = 1, page_size: int = 20) -> Response:
    asked = ListSessions(user_id=me, active_only=active_only, page=page, page_size=page_size)
    return respond(await queries.execute(asked))


@api.get("/me/sessions/{session_id}")
async def session(me: Me, session_id: UUID, queries: Queries) -> Response:
    return respond(found(await queries.execute(GetSession(user_id=me, session_id=session_id))))


@api.get("/me/providers")
async def connections(
    me: Me, queries: Queries, active_only: bool = True, page: int = 1, page_size: int = 20
) -> Response:
    asked = ListConnections(user_id=me, active_only=active_only, page=page, page_size=page_size)
    return respond(await queries.execute(asked))


@api.get("/me/providers/{provider}")
async def connection(me: Me, provider: Provider, queries: Queries) -> Response:
    return respond(found(await queries.execute(GetConnection(user_id=me, provider=provider))))


@api.post("/me/providers/{provider}")
async def connect(me: Me, provider: Provider, code: Annotated[Code, Body(embed=True)], commands: Commands) -> Response:
    return respond(await commands.execute(ConnectProvider(user_id=me, provider=provider, code=code)), status=201)


@api.delete("/me/providers/{provider}")
async def disconnect(me: Me, provider: Provider, commands: Commands) -> Response:
    return respond(await commands.execute(DisconnectProvider(user_id=me, provider=provider)))


@api.post("/me/providers/{provider}/tokens")
async def refresh(me: Me, provider: Provider, commands: Commands) -> Response:
    return respond(await commands.execute(RefreshTokens(user_id=me, provider=provider)))


@api.get("/me/trail")
async def trail(me: Me, queries: Queries) -> Response:
    return respond(await queries.execute(ReadTrail(user_id=me)))
