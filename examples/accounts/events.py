"""What happened to users: the events that the log keeps. They tell nothing of passwords."""

from dataclasses import dataclass
from uuid import UUID

from twofold import Event


@dataclass(frozen=True, kw_only=True)
class UserRegistered(Event):
    """Somebody has an account now."""

    user_id: UUID
    email: str
    name: str


@dataclass(frozen=True, kw_only=True)
class UserUpdated(Event):
    """A user has another name."""

    user_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class EmailChanged(Event):
    """A user has another address."""

    user_id: UUID
    email: str


@dataclass(frozen=True, kw_only=True)
class UserDeactivated(Event):
    """An account was closed: nobody signs in with it any more."""

    user_id: UUID


@dataclass(frozen=True, kw_only=True)
class UserSignedIn(Event):
    """A user has come with the right password."""

    user_id: UUID
