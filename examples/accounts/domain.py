"""What a user is and may do: values, refusals, and the entity with its rules.

Everything else in this example imports from here. It must never know a database or the web.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from twofold import Failure, Invalid, Refused, Result, Success, Unauthenticated
from twofold.clock import new_id

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _normal_email(text: str) -> str:
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise ValueError("not an e-mail address")
    return email


def _strong(password: SecretStr) -> SecretStr:
    text = password.get_secret_value()
    if len(text) < 10:
        raise ValueError("at least 10 characters")
    if text.isalpha() or text.isdigit():
        raise ValueError("letters and something else")
    return password


Name: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Field(examples=["Ada Lovelace"])
]

Email: TypeAlias = Annotated[
    str,
    Field(max_length=254, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(_normal_email),
]
"""An e-mail address, trimmed and in lower case."""

AnyPassword: TypeAlias = Annotated[SecretStr, Field(max_length=200)]
"""A password, whatever it is worth; its text shows in no log line, no error and no audit entry."""

Password: TypeAlias = Annotated[AnyPassword, AfterValidator(_strong)]
"""A password that is strong enough to be taken."""


class Status(StrEnum):
    ACTIVE = "active"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True)
class EmailTaken:
    """Somebody else has this address. A plain value: the module says that it means `exists`."""

    email: str

    def __str__(self) -> str:
        return f"{self.email} is taken"


class Deactivated(Refused):
    """A deactivated user stays as it is."""


class PasswordLeaked(Invalid):
    """The password is known to those who guess."""


class WrongCredentials(Unauthenticated):
    """There is no such user, or not with this password; nobody is told which."""


@dataclass(kw_only=True, eq=False)
class User:
    """The write model. Only commands see it; queries answer with DTOs."""

    id: UUID
    email: str
    name: str
    password_hash: str
    deactivated: bool = False

    @classmethod
    def register(cls, email: str, name: str, password_hash: str) -> "User":
        """A new user."""
        return cls(id=new_id(), email=email, name=name, password_hash=password_hash)

    def active(self) -> Result["User", Deactivated]:
        """Itself, as long as it is active."""
        return Failure(Deactivated(f"user {self.id} is deactivated")) if self.deactivated else Success(self)

    def rename(self, name: str) -> Result["User", Deactivated]:
        """Take another name."""
        active = self.active()
        if active.is_success:
            self.name = name
        return active

    def change_email(self, email: str) -> Result["User", Deactivated]:
        """Take another address."""
        active = self.active()
        if active.is_success:
            self.email = email
        return active

    def deactivate(self) -> Result["User", Deactivated]:
        """Deactivate, for good."""
        active = self.active()
        if active.is_success:
            self.deactivated = True
        return active
