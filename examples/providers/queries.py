"""The read side: what a user sees of their own connections."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from examples.providers.commands import UserId
from examples.providers.domain import Provider
from twofold import Module, Query

queries = Module("providers.queries")


@dataclass(frozen=True, kw_only=True)
class ConnectionDTO:
    """A connection as its owner sees it."""

    id: UUID
    provider: Provider
    account: str


@dataclass(frozen=True, kw_only=True)
class TrailEntryDTO:
    """One thing that happened to a user's connections."""

    event: str
    provider: Provider
    reason: str | None


class ConnectionViews(Protocol):
    """The read repository."""

    async def connections(self, user_id: UUID) -> list[ConnectionDTO]:
        """A user's connections, by provider."""
        ...

    async def trail(self, user_id: UUID) -> list[TrailEntryDTO]:
        """What happened to them, oldest first."""
        ...


@dataclass(frozen=True, kw_only=True)
class ListConnections(Query[list[ConnectionDTO]]):
    """The connections of who is logged in."""

    user_id: UserId


@queries.handler(path="/me/providers")
async def list_connections(query: ListConnections, views: ConnectionViews) -> list[ConnectionDTO]:
    return await views.connections(query.user_id)


@dataclass(frozen=True, kw_only=True)
class ReadTrail(Query[list[TrailEntryDTO]]):
    """What happened to the connections of who is logged in."""

    user_id: UserId


@queries.handler(path="/me/trail")
async def read_trail(query: ReadTrail, views: ConnectionViews) -> list[TrailEntryDTO]:
    return await views.trail(query.user_id)
