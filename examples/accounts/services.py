"""Domain services: what takes more than one entity, answered as Results; and the ports that they need.

A failure of one step is the answer of the whole. Like the domain, this must never know a database or the web.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from pydantic import SecretStr

from examples.accounts.domain import EmailTaken, PasswordLeaked, User, WrongCredentials
from twofold import Failure, Forbidden, NotFound, Principal, Result, Unavailable


class Users(Protocol):
    """The write repository."""

    async def get(self, user_id: UUID) -> Result[User, NotFound]:
        """A user by id."""
        ...

    async def save(self, user: User) -> Result[User, EmailTaken]:
        """Keep a user, new or changed."""
        ...


class Credentials(Protocol):
    """Finds who wants to sign in, past the unit of work: nobody's write waits while a password is hashed."""

    async def find(self, email: str) -> User | None:
        """A user by address; None when there is none."""
        ...


class Passwords(Protocol):
    """Turns passwords into what may be stored."""

    async def hashed(self, password: SecretStr) -> str:
        """A salted hash."""
        ...

    async def match(self, password: SecretStr, password_hash: str | None) -> bool:
        """Whether a hash is that of the password. None, for nobody, takes as long."""
        ...


class LeakedPasswords(Protocol):
    """Another service, which knows passwords that are known to others, and may be away."""

    async def check(self, password: SecretStr) -> Result[None, PasswordLeaked | Unavailable]:
        """Refuse a password that has leaked."""
        ...


class Tokens(Protocol):
    """What somebody who has signed in shows from then on."""

    def issue(self, user_id: UUID) -> str:
        """A token for a user."""
        ...

    def read(self, token: str) -> Principal | None:
        """Who has a token; None for one that is forged or too old."""
        ...


@dataclass(frozen=True)
class Registration:
    """Takes users in."""

    users: Users
    passwords: Passwords
    leaked: LeakedPasswords

    async def register(
        self, email: str, name: str, password: SecretStr
    ) -> Result[User, PasswordLeaked | Unavailable | EmailTaken]:
        """A new user, kept."""
        checked = await self.leaked.check(password)
        if isinstance(checked, Failure):
            return checked
        return await self.users.save(User.register(email, name, await self.passwords.hashed(password)))


@dataclass(frozen=True)
class SignIns:
    """Lets users in."""

    credentials: Credentials
    passwords: Passwords

    async def check(self, email: str, password: SecretStr) -> Result[User, WrongCredentials | Forbidden]:
        """Who has this address and this password, unless deactivated."""
        user = await self.credentials.find(email)
        right = await self.passwords.match(password, None if user is None else user.password_hash)
        if user is None or not right:
            return Failure(WrongCredentials("no user has this address and this password"))
        return user.active().map_error(lambda deactivated: Forbidden(deactivated.detail))
