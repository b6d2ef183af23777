"""What somebody who looks at the audit trail of an application means by what they have typed."""

from twofold.app._app import App
from twofold.app._audit import Audit
from twofold.app._called import NoSuchMessage, message_called
from twofold.messages import Kind

__all__ = ["NoSuchMessage", "recorded_as"]


async def recorded_as(app: App, audit: Audit, name: str) -> str:
    """What entries of a command are called in the trail; what twofold itself writes has names of its own.

    Args:
        app: The application; its stores are open.
        audit: The trail.
        name: The wire name or the class name of a command, or a name that entries have.

    Returns:
        The wire name.

    Raises:
        NoSuchMessage: The application knows no such command, and no entry tells of one; the hint says what may have
            been meant.
    """
    if name == "*" or name.startswith("twofold."):
        return name
    try:
        return message_called(app.name, app.router.catalogue, name, Kind.COMMAND).name
    except NoSuchMessage:
        async for entry in audit.entries(message=name, limit=1):  # of a command that is gone
            return entry.message
        raise
