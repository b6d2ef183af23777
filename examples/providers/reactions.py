"""What follows from the events, side by side.

Each reaction has its own place in the log, so one that fails holds up neither the others nor the command.
"""

import logging

from examples.providers.events import (
    ATTEMPTED,
    FAILED,
    SUCCEEDED,
    ConnectSucceeded,
    DisconnectSucceeded,
    Failed,
    OfUser,
    PasswordChangeSucceeded,
    RefreshSucceeded,
    RegistrationSucceeded,
)
from examples.providers.ports import Mail, Sessions, Trail
from twofold import Context, Event, Module

reactions = Module("providers.reactions")


@reactions.on(*ATTEMPTED, *SUCCEEDED)
async def log_progress(event: Event, logger: logging.Logger) -> None:
    logger.info("%s", type(event).__name__)


@reactions.on(*FAILED)
async def log_failure(event: Failed, logger: logging.Logger) -> None:
    logger.warning("%s: %s", type(event).__name__, event.reason)


@reactions.on(*ATTEMPTED, *SUCCEEDED, *FAILED)
async def note(event: Event, context: Context, trail: Trail) -> None:
    await trail.note(context.message_id, event)


@reactions.on(*SUCCEEDED)
async def tell(event: OfUser, mail: Mail) -> None:
    await mail.send(event.user_id, _news(event))


def _news(event: OfUser) -> str:
    match event:
        case RegistrationSucceeded():
            return "welcome"
        case PasswordChangeSucceeded():
            return "your password was changed, and you are logged out everywhere"
        case ConnectSucceeded():
            return f"{event.provider} is connected to your account"
        case DisconnectSucceeded():
            return f"{event.provider} is no longer connected to your account"
        case RefreshSucceeded():
            return f"{event.provider} has renewed its access to your account"
        case _:
            raise TypeError(f"{type(event).__name__} is no news")


@reactions.on(PasswordChangeSucceeded)
async def revoke_sessions(event: PasswordChangeSucceeded, sessions: Sessions) -> None:
    await sessions.revoke(event.user_id, opened_before=event.changed_at)
