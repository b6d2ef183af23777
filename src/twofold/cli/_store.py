"""An application's store, opened for a look or a repair: no worker runs, and no message is accepted."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from twofold.app import App
from twofold.errors import StartError
from twofold.store import Store


@asynccontextmanager
async def opened(app: App) -> AsyncGenerator[Store]:
    """The store of an application, open for a block; another process may be running the application meanwhile.

    Args:
        app: The application; its messages are known inside the block.

    Raises:
        StartError: It is not sound; nothing was opened.
        StoreUnavailable: The store cannot be opened.
    """
    faults = app.check()
    if faults:
        raise StartError(app=app.name, faults=faults)
    await app.store.start()
    try:
        yield app.store
    finally:
        await app.store.stop()
