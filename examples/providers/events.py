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


class RegistrationAttempted(OfAddress): ...


@dataclass(frozen=True, kw_only=True)
class RegistrationSucceeded(OfUser, OfAddress): ...


@dataclass(frozen=True, kw_only=True)
class RegistrationFailed(OfAddress, Failed): ...


class PasswordChangeAttempted(OfUser): ...


@dataclass(frozen=True, kw_only=True)
class PasswordChangeSucceeded(OfUser):
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class PasswordChangeFailed(OfUser, Failed): ...


class ConnectAttempted(OfConnection): ...


class ConnectSucceeded(OfConnection): ...


@dataclass(frozen=True, kw_only=True)
class ConnectFailed(OfConnection, Failed): ...


class DisconnectAttempted(OfConnection): ...


class DisconnectSucceeded(OfConnection): ...


@dataclass(frozen=True, kw_only=True)
class DisconnectFailed(OfConnection, Failed): ...


class RefreshAttempted(OfConnection): ...


class RefreshSucceeded(OfConnection): ...


@dataclass(frozen=True, kw_only=True)
class RefreshFailed(OfConnection, Failed): ...


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
