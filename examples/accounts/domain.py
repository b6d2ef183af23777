"""What an account is and what it may do: entity, events, rules, and the ports it needs.

Commands and queries import from here. It must never know a database or the web.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Protocol
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from twofold import Event, Failure, NotFound, Refused, Result, Success
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


Email = Annotated[str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_normal_email)]
"""An e-mail address, trimmed and in lower case."""

Password = Annotated[SecretStr, Field(max_length=200), AfterValidator(_strong)]
"""A password that is strong enough; its text shows in no log line and no error."""


@dataclass(frozen=True)
class EmailTaken:
    """Somebody else has this address. A plain value: the module says that it means `exists`."""

    email: str

    def __str__(self) -> str:
        return f"{self.email} is taken"


class AccountIsClosed(Refused):
    """A closed account stays as it is."""


@dataclass(frozen=True, kw_only=True)
class AccountRegistered(Event):
    account_id: UUID
    email: str


@dataclass(frozen=True, kw_only=True)
class EmailChanged(Event):
    account_id: UUID
    email: str


@dataclass(frozen=True, kw_only=True)
class AccountClosed(Event):
    account_id: UUID


@dataclass(kw_only=True, eq=False)
class Account:
    """The write model."""

    id: UUID
    email: str
    password_hash: str
    closed: bool = False

    @classmethod
    def register(cls, email: str, password_hash: str) -> "Account":
        """A new account."""
        return cls(id=new_id(), email=email, password_hash=password_hash)

    def change_email(self, email: str) -> Result["Account", AccountIsClosed]:
        """Take another address."""
        if self.closed:
            return Failure(AccountIsClosed(f"account {self.id} is closed"))
        self.email = email
        return Success(self)

    def close(self) -> Result["Account", AccountIsClosed]:
        """Close for good."""
        if self.closed:
            return Failure(AccountIsClosed(f"account {self.id} is closed already"))
        self.closed = True
        return Success(self)


class Accounts(Protocol):
    """The write repository."""

    async def get(self, account_id: UUID) -> Result[Account, NotFound]:
        """An account by its id."""
        ...

    async def save(self, account: Account) -> Result[Account, EmailTaken]:
        """Keep an account, new or changed."""
        ...


class Passwords(Protocol):
    """Turns passwords into what may be stored."""

    async def hashed(self, password: SecretStr) -> str:
        """A salted hash."""
        ...
