"""Signing in: the one command that strangers may guess at, so it is limited, and says as little as it can."""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from examples.accounts.domain import AnyPassword, Email, WrongCredentials
from examples.accounts.events import UserSignedIn
from examples.accounts.services import SignIns, Tokens
from twofold import Command, CommandHandler, EventBus, Failure, Forbidden, Module, Result, Success, public
from twofold.reliability import RateLimit, Sender

sign_in = Module("accounts.sign_in", timeout=5.0)

NotSignedIn: TypeAlias = WrongCredentials | Forbidden


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What somebody who has signed in needs from then on."""

    user_id: UUID
    token: str


@dataclass(frozen=True, kw_only=True)
class SignIn(Command[Ticket, NotSignedIn]):
    """Let a user in; other requests have the token in `Authorization: Bearer …`."""

    email: Email
    password: AnyPassword


def address(message: SignIn, sender: Sender) -> str:
    """Who is guessed at; nobody knows yet who guesses."""
    return message.email.strip().lower()


@sign_in.handler(
    path="/sign-in",
    authorize=public,
    rate_limit=RateLimit("5/minute", per=address, absent="refuse"),
    idempotency=None,  # its answer is a secret, and is kept nowhere
)
class SignInHandler(CommandHandler[SignIn, Ticket]):
    def __init__(self, sign_ins: SignIns, tokens: Tokens, events: EventBus) -> None:
        self.sign_ins = sign_ins
        self.tokens = tokens
        self.events = events

    async def handle(self, message: SignIn) -> Result[Ticket, NotSignedIn]:
        checked = await self.sign_ins.check(message.email, message.password)
        if isinstance(checked, Failure):
            self.metrics.record("refused")
            return checked
        user_id = checked.value.id
        await self.events.publish(UserSignedIn(user_id=user_id))
        return Success(Ticket(user_id=user_id, token=self.tokens.issue(user_id)))
