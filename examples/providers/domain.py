"""Connections of users to identity providers: entity, events, refusals, and the ports that the handlers ask for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Protocol, TypeAlias
from uuid import UUID

from pydantic import Field, SecretStr

from twofold import Event, Exists, NotFound, Refused, Result, Unavailable

Code: TypeAlias = Annotated[SecretStr, Field(min_length=1, max_length=500)]
"""What a provider hands to a user who logs in there; good for one exchange, and never shown."""


class Provider(StrEnum):
    GITHUB = "github"
    GOOGLE = "google"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A user's account at a provider."""

    id: UUID
    user_id: UUID
    provider: Provider
    account: str


class AlreadyConnected(Exists):
    """One connection per user and provider."""


class NotConnected(NotFound):
    """There is nothing to disconnect."""


class CodeRefused(Refused):
    """The provider does not accept the code."""


@dataclass(frozen=True, kw_only=True)
class ProviderEvent(Event):
    """What all events here tell: whose connection, to whom."""

    user_id: UUID
    provider: Provider


class ConnectAttempted(ProviderEvent):
    pass


class ConnectSucceeded(ProviderEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class ConnectFailed(ProviderEvent):
    reason: str


class DisconnectAttempted(ProviderEvent):
    pass


class DisconnectSucceeded(ProviderEvent):
    pass


@dataclass(frozen=True, kw_only=True)
class DisconnectFailed(ProviderEvent):
    reason: str


class Connections(Protocol):
    """The write repository."""

    async def find(self, user_id: UUID, provider: Provider) -> Connection | None:
        """A user's connection to a provider."""
        ...

    async def add(self, connection: Connection) -> None:
        """Keep a new connection."""
        ...

    async def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        ...


class Identities(Protocol):
    """The providers themselves."""

    async def account_of(self, provider: Provider, code: SecretStr) -> Result[str, CodeRefused | Unavailable]:
        """Exchange a code for the name of the account that it belongs to."""
        ...


class Trail(Protocol):
    """Keeps what happened, for those who must answer for it."""

    async def note(self, event_id: UUID, event: ProviderEvent, reason: str | None) -> None:
        """Keep one event; ids grow with time."""
        ...


class Mail(Protocol):
    """Tells users."""

    async def send(self, user_id: UUID, text: str) -> None:
        """Send a text to a user."""
        ...
