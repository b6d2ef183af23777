"""The commands of users. The critical ones declare which events tell that they were attempted and what they came to."""

from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from uuid import UUID

from pydantic import SecretStr

from examples.providers.domain import (
    Email,
    EmailTaken,
    Password,
    Phrase,
    Session,
    User,
    UserId,
    WrongPassword,
    digest_of,
)
from examples.providers.events import (
    PasswordChangeAttempted,
    PasswordChangeFailed,
    PasswordChangeSucceeded,
    RegistrationAttempted,
    RegistrationFailed,
    RegistrationSucceeded,
)
from examples.providers.ports import Passwords, Sessions, Users
from twofold import Command, Failure, Lifecycle, Module, Result, Success, Unauthenticated, public, signed_in
from twofold.clock import Clock, new_id

user_commands = Module("providers.user_commands", authorize=signed_in)


@dataclass(frozen=True, kw_only=True)
class RegisterUser(Command[UUID, EmailTaken]):
    """Become a user; answers the user's id."""

    email: Email
    password: Password


def registered(command: RegisterUser, result: UUID) -> RegistrationSucceeded:
    return RegistrationSucceeded(user_id=result, email=command.email)


@user_commands.handler(
    path="/users",
    status=201,
    authorize=public,
    lifecycle=Lifecycle(attempted=RegistrationAttempted, succeeded=registered, failed=RegistrationFailed),
)
@dataclass(frozen=True)
class RegisterUserHandler:
    users: Users
    passwords: Passwords

    async def handle(self, command: RegisterUser) -> Result[UUID, EmailTaken]:
        password_hash = await self.passwords.hashed(command.password)
        user = User(id=new_id(), email=command.email, password_hash=password_hash)
        return (await self.users.add(user)).map(lambda _: user.id)


@dataclass(frozen=True, kw_only=True)
class LogIn(Command[str, Unauthenticated]):
    """Open a session; answers the token that requests carry from then on."""

    email: Email
    password: Phrase


@user_commands.handler(path="/sessions", status=201, authorize=public, idempotency=None)  # its answer is kept nowhere
@dataclass(frozen=True)
class LogInHandler:
    users: Users
    sessions: Sessions
    passwords: Passwords
    clock: Clock

    async def handle(self, command: LogIn) -> Result[str, Unauthenticated]:
        user = await self.users.find(command.email)
        known = await self.passwords.match(command.password, None if user is None else user.password_hash)
        if user is None or not known:
            return Failure(Unauthenticated("nobody has this address and this password"))
        token = token_urlsafe(32)
        digest = digest_of(SecretStr(token))
        session = Session(id=new_id(), user_id=user.id, token_digest=digest, opened_at=self.clock.now())
        await self.sessions.add(session)
        return Success(token)


@dataclass(frozen=True, kw_only=True)
class ChangePassword(Command[datetime, WrongPassword]):
    """Choose another password; answers when. Sessions that were opened before then end."""

    user_id: UserId
    current: Phrase
    new: Password


def password_changed(command: ChangePassword, result: datetime) -> PasswordChangeSucceeded:
    return PasswordChangeSucceeded(user_id=command.user_id, changed_at=result)


@user_commands.handler(
    path="/me/password",
    method="PUT",
    lifecycle=Lifecycle(attempted=PasswordChangeAttempted, succeeded=password_changed, failed=PasswordChangeFailed),
)
@dataclass(frozen=True)
class ChangePasswordHandler:
    users: Users
    passwords: Passwords
    clock: Clock

    async def handle(self, command: ChangePassword) -> Result[datetime, WrongPassword]:
        user = await self.users.get(command.user_id)
        if user is None or not await self.passwords.match(command.current, user.password_hash):
            return Failure(WrongPassword("the current password is another one"))
        password_hash = await self.passwords.hashed(command.new)
        if not await self.users.change_password(user, password_hash):
            return Failure(WrongPassword("the password was changed meanwhile"))
        return Success(self.clock.now())
