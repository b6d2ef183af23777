"""What clients see, and the read repositories that make it. Never a token, never an entity."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from examples.providers.domain import Provider
from twofold import Page


@dataclass(frozen=True, kw_only=True)
class ConnectionDTO:
    """A connection as its owner sees it."""

    id: UUID
    provider: Provider
    account: str
    active: bool
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class SessionDTO:
    """A session as its owner sees it."""

    id: UUID
    opened_at: datetime
    active: bool


@dataclass(frozen=True, kw_only=True)
class TrailEntryDTO:
    """One thing that happened to a user."""

    event: str
    provider: Provider | None
    reason: str | None


class ConnectionViews(Protocol):
    """Reads connections."""

    async def active(self, user_id: UUID, provider: Provider) -> ConnectionDTO | None: ...

    async def page(self, user_id: UUID, *, active_only: bool, page: int, page_size: int) -> Page[ConnectionDTO]: ...


class SessionViews(Protocol):
    """Reads sessions."""

    async def owner(self, token_digest: str) -> UUID | None:
        """Whose active session a token belongs to."""
        ...

    async def get(self, user_id: UUID, session_id: UUID) -> SessionDTO | None: ...

    async def page(self, user_id: UUID, *, active_only: bool, page: int, page_size: int) -> Page[SessionDTO]: ...


class TrailViews(Protocol):
    """Reads what was noted."""

    async def of(self, user_id: UUID) -> list[TrailEntryDTO]:
        """What happened to a user, oldest first."""
        ...
