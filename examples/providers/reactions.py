"""What follows from the events, side by side.

Each reaction has its own place in the log, so one that fails holds up neither the others nor the command.
"""

import logging

from examples.providers.domain import (
    ConnectAttempted,
    ConnectFailed,
    ConnectSucceeded,
    DisconnectAttempted,
    DisconnectFailed,
    DisconnectSucceeded,
    Mail,
    ProviderEvent,
    Trail,
)
from twofold import Context, Module

reactions = Module("providers.reactions")


@reactions.on(ConnectAttempted)
@reactions.on(DisconnectAttempted)
async def log_attempt(event: ProviderEvent, logger: logging.Logger) -> None:
    logger.info("%s of %s", type(event).__name__, event.user_id)


@reactions.on(ConnectSucceeded)
@reactions.on(DisconnectSucceeded)
async def log_success(event: ProviderEvent, logger: logging.Logger) -> None:
    logger.info("%s of %s", type(event).__name__, event.user_id)


@reactions.on(ConnectFailed)
@reactions.on(DisconnectFailed)
async def log_failure(event: ConnectFailed | DisconnectFailed, logger: logging.Logger) -> None:
    logger.warning("%s of %s: %s", type(event).__name__, event.user_id, event.reason)


@reactions.on(ConnectAttempted)
@reactions.on(ConnectSucceeded)
@reactions.on(ConnectFailed)
@reactions.on(DisconnectAttempted)
@reactions.on(DisconnectSucceeded)
@reactions.on(DisconnectFailed)
async def note(event: ProviderEvent, context: Context, trail: Trail) -> None:
    await trail.note(context.message_id, event, getattr(event, "reason", None))


@reactions.on(ConnectSucceeded)
async def tell_connected(event: ConnectSucceeded, mail: Mail) -> None:
    await mail.send(event.user_id, f"{event.provider} is connected to your account")


@reactions.on(DisconnectSucceeded)
async def tell_disconnected(event: DisconnectSucceeded, mail: Mail) -> None:
    await mail.send(event.user_id, f"{event.provider} is no longer connected to your account")
