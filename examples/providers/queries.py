"""The read side: what users see of their own sessions and connections, and what the door asks."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from examples.providers.domain import Provider, UserId, digest_of
from examples.providers.dtos import ConnectionDTO, ConnectionViews, SessionDTO, SessionViews, TrailEntryDTO, TrailViews
from examples.providers.events import ConnectSucceeded, DisconnectSucceeded, RefreshSucceeded
from twofold import Module, Page, Query, public, signed_in
from twofold.cache import Cache

queries = Module("providers.queries", authorize=signed_in)


@dataclass(frozen=True, kw_only=True)
class GetConnection(Query[ConnectionDTO | None]):
    """The active connection to a provider; 404 when there is none."""

    user_id: UserId
    provider: Provider


@queries.handler(path="/me/providers/{provider}")
async def get_connection(query: GetConnection, connections: ConnectionViews) -> ConnectionDTO | None:
    return await connections.active(query.user_id, query.provider)


@dataclass(frozen=True, kw_only=True)
class OwnList:
    """What lists of one's own may be asked for."""

    user_id: UserId
    active_only: bool = True
    page: int = 1
    page_size: int = 20


class ListConnections(OwnList, Query[Page[ConnectionDTO]]):
    """Connections by provider, and how many there are. Kept for a minute, or until one changes."""


@queries.handler(
    path="/me/providers", cache=Cache("1m", invalidated_by=(ConnectSucceeded, DisconnectSucceeded, RefreshSucceeded))
)
async def list_connections(query: ListConnections, connections: ConnectionViews) -> Page[ConnectionDTO]:
    return await connections.page(
        query.user_id, active_only=query.active_only, page=query.page, page_size=query.page_size
    )


@dataclass(frozen=True, kw_only=True)
class GetSession(Query[SessionDTO | None]):
    """A session of one's own; 404 when there is none."""

    user_id: UserId
    session_id: UUID


@queries.handler(path="/me/sessions/{session_id}")
async def get_session(query: GetSession, sessions: SessionViews) -> SessionDTO | None:
    return await sessions.get(query.user_id, query.session_id)


class ListSessions(OwnList, Query[Page[SessionDTO]]):
    """Sessions, newest first, and how many there are."""


@queries.handler(path="/me/sessions")
async def list_sessions(query: ListSessions, sessions: SessionViews) -> Page[SessionDTO]:
    return await sessions.page(query.user_id, active_only=query.active_only, page=query.page, page_size=query.page_size)


@dataclass(frozen=True, kw_only=True)
class FindOwner(Query[UUID | None]):
    """Whose session a token belongs to: what the door asks, and nobody else."""

    token: SecretStr


@queries.handler(hidden=True, authorize=public)
async def find_owner(query: FindOwner, sessions: SessionViews) -> UUID | None:
    return await sessions.owner(digest_of(query.token))


@dataclass(frozen=True, kw_only=True)
class ReadTrail(Query[list[TrailEntryDTO]]):
    """What happened to who is logged in."""

    user_id: UserId


@queries.handler(path="/me/trail")
async def read_trail(query: ReadTrail, trail: TrailViews) -> list[TrailEntryDTO]:
    return await trail.of(query.user_id)
