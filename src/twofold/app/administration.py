"""Looking after the projections of an application that does not run here: its stores are opened, and no worker started.

The command line does it, while the application may run elsewhere.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from twofold.app._administration import Administration, Tell
from twofold.app._app import App
from twofold.app._standing import MOST_PARKED, ProjectionStatus, Version
from twofold.projections import NEXT, PREVIOUS, Pace, Place

__all__ = [
    "MOST_PARKED",
    "NEXT",
    "PREVIOUS",
    "Administration",
    "Pace",
    "Place",
    "ProjectionStatus",
    "Tell",
    "Version",
    "administering",
]


@asynccontextmanager
async def administering(app: App) -> AsyncGenerator[Administration]:
    """Open the stores of an application that is not running here.

    Args:
        app: The application.

    Raises:
        StartError: It is not sound.
        StoreUnavailable: A store cannot be opened.
    """
    administration = app.projections
    stores = app.stores
    await stores.start()
    try:
        yield administration
    finally:
        await stores.stop()
