"""What becomes of the commands that matter, told by three events each. None of them has a password or a token."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from examples.providers.domain import Provider
from twofold import Event


@dataclass(frozen=True, kw_only=True)
class OfAddress(Event):
    """An event about somebody who is no user yet."""

    email: str


@dataclass(frozen=True, kw_only=True)
class OfUser(Event):
    """An event about a user."""

    user_id: UUID


@dataclass(frozen=True, kw_only=True)
class OfConnection(OfUser):
    """An event about a user's account at a provider."""

    provider: Provider


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """An event that tells why."""

    reason: str


class RegistrationAttempted(OfAddress):
    """Somebody wants to become a user."""


@dataclass(frozen=True, kw_only=True)
class RegistrationSucceeded(OfUser, OfAddress):
    """Somebody has become a user."""


@dataclass(frozen=True, kw_only=True)
class RegistrationFailed(OfAddress, Failed):
    """Somebody has not become a user."""


class PasswordChangeAttempted(OfUser):
    """A user wants another password."""


@dataclass(frozen=True, kw_only=True)
class PasswordChangeSucceeded(OfUser):
    """A user has another password."""

    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class PasswordChangeFailed(OfUser, Failed):
    """A user has the password of before."""


class ConnectAttempted(OfConnection):
    """A user wants to connect an account at a provider."""


class ConnectSucceeded(OfConnection):
    """An account at a provider is connected."""


@dataclass(frozen=True, kw_only=True)
class ConnectFailed(OfConnection, Failed):
    """An account at a provider was not connected."""


class DisconnectAttempted(OfConnection):
    """A user wants an account at a provider to be disconnected."""


class DisconnectSucceeded(OfConnection):
    """An account at a provider is disconnected."""


@dataclass(frozen=True, kw_only=True)
class DisconnectFailed(OfConnection, Failed):
    """An account at a provider was not disconnected."""


class RefreshAttempted(OfConnection):
    """A connected account is to get new tokens."""


class RefreshSucceeded(OfConnection):
    """A connected account has new tokens."""


@dataclass(frozen=True, kw_only=True)
class RefreshFailed(OfConnection, Failed):
    """A connected account has got no new tokens."""


ATTEMPTED: Final = (
    RegistrationAttempted,
    PasswordChangeAttempted,
    ConnectAttempted,
    DisconnectAttempted,
    RefreshAttempted,
)
SUCCEEDED: Final = (
    RegistrationSucceeded,
    PasswordChangeSucceeded,
    ConnectSucceeded,
    DisconnectSucceeded,
    RefreshSucceeded,
)
FAILED: Final = (RegistrationFailed, PasswordChangeFailed, ConnectFailed, DisconnectFailed, RefreshFailed)
