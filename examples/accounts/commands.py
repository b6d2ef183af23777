"""The write side: the commands of accounts and their handlers, one transaction each."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from examples.accounts.domain import (
    Account,
    AccountClosed,
    AccountIsClosed,
    AccountRegistered,
    Accounts,
    Email,
    EmailChanged,
    EmailTaken,
    Password,
    Passwords,
)
from twofold import Command, CommandHandler, EventBus, Failure, Invalid, Module, NotFound, Result, Success, UnitOfWork
from twofold.errors import exists

commands = Module("accounts.commands", errors={EmailTaken: exists})


@dataclass(frozen=True, kw_only=True)
class RegisterAccount(Command[UUID, EmailTaken]):
    """Open an account; answers its id."""

    email: Email
    password: Password


@commands.handler(path="/accounts", status=201)
class RegisterAccountHandler(CommandHandler[RegisterAccount, UUID]):
    def __init__(self, accounts: Accounts, passwords: Passwords, events: EventBus) -> None:
        self.accounts = accounts
        self.passwords = passwords
        self.events = events

    def validate(self, message: RegisterAccount) -> Result[None, Invalid]:
        """Look at both fields together, which no type of a field can."""
        name = message.email.partition("@")[0]
        if name in message.password.get_secret_value().lower():
            return Failure(Invalid("must not contain the e-mail address", field="password"))
        return Success()

    async def handle(self, message: RegisterAccount) -> Result[UUID, EmailTaken]:
        with self.track("hash_password"):
            password_hash = await self.passwords.hashed(message.password)
        account = Account.register(message.email, password_hash)
        saved = await self.accounts.save(account)
        if isinstance(saved, Failure):
            self.metrics.record("emails_taken")
            return saved
        await self.events.publish(AccountRegistered(account_id=account.id, email=account.email))
        self.logger.info("registered account %s", account.id)
        return Success(account.id)


@dataclass(frozen=True, kw_only=True)
class ChangeEmail(Command[None, EmailTaken]):
    """Give an account another address."""

    account_id: UUID
    email: Email


@commands.handler(path="/accounts/{account_id}/email", method="PUT")
class ChangeEmailHandler(CommandHandler[ChangeEmail, None]):
    def __init__(self, accounts: Accounts, events: EventBus) -> None:
        self.accounts = accounts
        self.events = events

    async def handle(self, message: ChangeEmail) -> Result[None, NotFound | AccountIsClosed | EmailTaken]:
        found = await self.accounts.get(message.account_id)
        changed = found.and_then(lambda account: account.change_email(message.email))
        if isinstance(changed, Failure):
            return changed
        saved = await self.accounts.save(changed.value)
        if isinstance(saved, Failure):
            return saved
        await self.events.publish(EmailChanged(account_id=message.account_id, email=message.email))
        return Success()


@dataclass(frozen=True, kw_only=True)
class CloseAccount(Command[None]):
    """Close an account for good."""

    account_id: UUID


@commands.handler(path="/accounts/{account_id}/close")
def close_account(
    command: CloseAccount, session: Session, unit: UnitOfWork
) -> Result[None, NotFound | AccountIsClosed]:
    """A plain `def` runs whole where the database is: the shortest way when there is nothing to await."""
    account = session.get(Account, command.account_id)
    if account is None:
        return Failure(NotFound(f"there is no account {command.account_id}"))
    return account.close().map(lambda closed: unit.record(AccountClosed(account_id=closed.id)))
