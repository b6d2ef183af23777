"""What the handlers ask for, by protocol: whoever keeps, hashes, exchanges, notes and tells."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from pydantic import SecretStr

from examples.providers.domain import (
    AlreadyConnected,
    Connection,
    EmailTaken,
    Provider,
    ProviderRefused,
    Session,
    Tokens,
    User,
)
from twofold import Event, Result, Unavailable

NotGranted: TypeAlias = ProviderRefused | Unavailable


class Users(Protocol):
    """Finds users before the transaction begins; a write says what it expects to find."""

    async def find(self, email: str) -> User | None: ...

    async def get(self, user_id: UUID) -> User | None: ...

    async def add(self, user: User) -> Result[None, EmailTaken]: ...

    async def change_password(self, user: User, password_hash: str) -> bool:
        """Keep another hash; False when the user's has become another one meanwhile."""
        ...


class Sessions(Protocol):
    """Keeps who is logged in where."""

    async def add(self, session: Session) -> None: ...

    async def revoke(self, user_id: UUID, *, opened_before: datetime) -> None:
        """End a user's sessions that are older than a moment."""
        ...


class Connections(Protocol):
    """Finds active connections before the transaction begins; a write says what it expects to find."""

    async def find(self, user_id: UUID, provider: Provider) -> Connection | None: ...

    async def add(self, connection: Connection) -> Result[None, AlreadyConnected]: ...

    async def renew(self, connection: Connection, tokens: Tokens) -> bool:
        """Keep other tokens; False when the connection has ended, or has other ones, meanwhile."""
        ...

    async def end(self, user_id: UUID, provider: Provider) -> bool:
        """End a connection and forget its tokens; False when there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a provider gives for a code."""

    account: str
    tokens: Tokens


class Identities(Protocol):
    """The providers themselves."""

    async def exchange(self, provider: Provider, code: SecretStr) -> Result[Grant, NotGranted]: ...

    async def refresh(self, provider: Provider, tokens: Tokens) -> Result[Tokens, NotGranted]: ...


class Passwords(Protocol):
    """Turns passwords into what may be kept."""

    async def hashed(self, password: SecretStr) -> str: ...

    async def match(self, password: SecretStr, password_hash: str | None) -> bool:
        """Whether a hash is of a password. Without a hash it is not, which takes as long to say."""
        ...


class Trail(Protocol):
    """Keeps what happened, for those who must answer for it."""

    async def note(self, event_id: UUID, event: Event) -> None:
        """Keep one event; ids grow with time."""
        ...


class Mail(Protocol):
    """Tells users."""

    async def send(self, user_id: UUID, text: str) -> None: ...
