"""What happened to users: the events that the log keeps. They tell nothing of passwords."""

from dataclasses import dataclass
from uuid import UUID

from twofold import Event


@dataclass(frozen=True, kw_only=True)
class UserRegistered(Event):
    user_id: UUID
    email: str
    name: str


@dataclass(frozen=True, kw_only=True)
class UserUpdated(Event):
    user_id: UUID
    name: str


@dataclass(frozen=True, kw_only=True)
class EmailChanged(Event):
    user_id: UUID
    email: str


@dataclass(frozen=True, kw_only=True)
class UserDeactivated(Event):
    user_id: UUID


@dataclass(frozen=True, kw_only=True)
class UserSignedIn(Event):
    user_id: UUID
