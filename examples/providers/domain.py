"""Users, their sessions, and their connections to identity providers: values, entities, and what may be refused.

Everything else imports from here. It must never know a database, the web or a provider.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from twofold import Exists, FromContext, NotFound, Refused


def _strong(password: SecretStr) -> SecretStr:
    text = password.get_secret_value()
    if len(text) < 12 or len(set(text)) < 6:
        raise ValueError("at least 12 characters, and 6 different ones")
    return password


Email: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    Field(examples=["ada@example.com"]),
]
"""An e-mail address, trimmed and in lower case."""

Phrase: TypeAlias = Annotated[SecretStr, Field(max_length=200)]
"""What somebody says is their password. As a `SecretStr` it shows in no log line, audit entry or error."""

Password: TypeAlias = Annotated[Phrase, AfterValidator(_strong)]
"""A password that is strong enough to be chosen."""

Code: TypeAlias = Annotated[SecretStr, Field(min_length=1, max_length=500)]
"""What a provider hands to a user who logs in there: good for one exchange."""

UserId: TypeAlias = Annotated[UUID, FromContext("user_id")]
"""Who is logged in: filled by the door, so that nobody acts for somebody else."""


class Provider(StrEnum):
    GITHUB = "github"
    GOOGLE = "google"


@dataclass(frozen=True, kw_only=True)
class User:
    """Somebody who can log in."""

    id: UUID
    email: str
    password_hash: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Session:
    """A device that somebody is logged in on. The token itself is kept by nobody but its owner."""

    id: UUID
    user_id: UUID
    token_digest: str = field(repr=False)
    opened_at: datetime


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What a provider lets us in with, until when, and what it gives new ones for."""

    access: SecretStr
    refresh: SecretStr
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Connection:
    """A user's account at a provider."""

    id: UUID
    user_id: UUID
    provider: Provider
    account: str
    tokens: Tokens


class EmailTaken(Exists):
    """Somebody else has this address."""


class WrongPassword(Refused):
    """That is not the password."""


class AlreadyConnected(Exists):
    """One connection per user and provider."""


class NotConnected(NotFound):
    """There is no connection to this provider."""


class ProviderRefused(Refused):
    """The provider does not accept a code or token."""


def digest_of(token: SecretStr) -> str:
    """What a token of a session is found by; nobody gets from there to the token, which is as random as a key."""
    return sha256(token.get_secret_value().encode()).hexdigest()
