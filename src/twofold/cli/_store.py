"""An application's stores, opened for a look or a repair: no worker runs, and no message is accepted."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from twofold.app import App
from twofold.errors import StartError


@asynccontextmanager
async def opened(app: App) -> AsyncGenerator[None]:
    """The stores of an application, open for a block; another process may be running the application meanwhile.

    Args:
        app: The application; its messages are known inside the block.

    Raises:
        StartError: It is not sound; nothing was opened.
        StoreUnavailable: A store cannot be opened.
    """
    faults = app.check()
    if faults:
        raise StartError(app=app.name, faults=faults)
    stores = app.stores
    await stores.start()
    try:
        yield
    finally:
        await stores.stop()
