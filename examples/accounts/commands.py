"""The write side: the commands of users and their handlers, one transaction each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from examples.accounts.domain import Deactivated, Email, EmailTaken, Name, Password, PasswordLeaked, User
from examples.accounts.events import EmailChanged, UserDeactivated, UserRegistered, UserUpdated
from examples.accounts.services import Registration, Users
from twofold import (
    Command,
    CommandHandler,
    Event,
    EventBus,
    Failure,
    HandlerConfig,
    Invalid,
    Module,
    NotFound,
    Principal,
    Result,
    Success,
    Unavailable,
    public,
)
from twofold.errors import exists
from twofold.messages import Kind
from twofold.reliability import CircuitBreaker, Retry

NotRegistered: TypeAlias = PasswordLeaked | Unavailable | EmailTaken
NotChanged: TypeAlias = NotFound | Deactivated | EmailTaken


@dataclass(frozen=True, kw_only=True)
class OfUser:
    """What every command about one user carries."""

    user_id: UUID


def own_account(message: OfUser, who: Principal) -> bool:
    """Everybody changes themselves, and nobody else."""
    return str(message.user_id) == who.user_id


commands = Module(
    "accounts.commands",
    authorize=own_account,
    errors={EmailTaken: exists},
    timeout=5.0,
    retry=Retry(attempts=3, first=0.05),
)


@dataclass(frozen=True, kw_only=True)
class RegisterUser(Command[UUID, NotRegistered]):
    """Take a user in; answers the id. Sent again under the same `Idempotency-Key`, it answers the same id."""

    email: Email
    name: Name
    password: Password


@commands.handler(
    path="/users",
    status=201,
    authorize=public,
    circuit_breaker=CircuitBreaker(failures=3, open_for=10.0),
)
class RegisterUserHandler(CommandHandler[RegisterUser, UUID]):
    config = HandlerConfig(id="accounts.register_user", name="register_user", kind=Kind.COMMAND)

    def __init__(self, registration: Registration, events: EventBus) -> None:
        self.registration = registration
        self.events = events

    def validate(self, message: RegisterUser) -> Result[None, Invalid]:
        """Look at two fields together, which no type of a field can."""
        name = message.email.partition("@")[0]
        if name in message.password.get_secret_value().lower():
            return Failure(Invalid("must not contain the e-mail address", field="password"))
        return Success()

    async def handle(self, message: RegisterUser) -> Result[UUID, NotRegistered]:
        with self.track("registration"):
            registered = await self.registration.register(message.email, message.name, message.password)
        if isinstance(registered, Failure):
            self.metrics.record("refused")
            return registered
        user = registered.value
        self.context.push({"registered": str(user.id)})  # the log lines from here on carry it
        await self.events.publish(UserRegistered(user_id=user.id, email=user.email, name=user.name))
        self.logger.info("registered a user")
        return Success(user.id)


@dataclass(frozen=True, kw_only=True)
class UpdateUser(OfUser, Command[None, NotChanged]):
    """Give a user another name."""

    name: Name


@commands.handler(path="/users/{user_id}", method="PUT")
async def update_user(command: UpdateUser, users: Users, events: EventBus) -> Result[None, NotChanged]:
    told = UserUpdated(user_id=command.user_id, name=command.name)
    return await _change(command, lambda user: user.rename(command.name), told, users, events)


@dataclass(frozen=True, kw_only=True)
class ChangeEmail(OfUser, Command[None, NotChanged]):
    """Give a user another address."""

    email: Email


@commands.handler(path="/users/{user_id}/email", method="PUT")
async def change_email(command: ChangeEmail, users: Users, events: EventBus) -> Result[None, NotChanged]:
    told = EmailChanged(user_id=command.user_id, email=command.email)
    return await _change(command, lambda user: user.change_email(command.email), told, users, events)


@dataclass(frozen=True, kw_only=True)
class DeactivateUser(OfUser, Command[None, NotChanged]):
    """Deactivate a user, for good."""


@commands.handler(path="/users/{user_id}/deactivate")
async def deactivate_user(command: DeactivateUser, users: Users, events: EventBus) -> Result[None, NotChanged]:
    return await _change(command, User.deactivate, UserDeactivated(user_id=command.user_id), users, events)


async def _change(
    command: OfUser, change: Callable[[User], Result[User, Deactivated]], told: Event, users: Users, events: EventBus
) -> Result[None, NotChanged]:
    """Load a user, let it decide, keep it, and tell; the first failure is the answer."""
    found = await users.get(command.user_id)
    changed = found.and_then(change)
    if isinstance(changed, Failure):
        return changed
    saved = await users.save(changed.value)
    if isinstance(saved, Failure):
        return saved
    await events.publish(told)
    return Success()
