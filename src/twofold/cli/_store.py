"""An application's stores, opened for a look or a repair: no worker runs, and no message is accepted."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from twofold.app import App
from twofold.cli._load import load, mount

T = TypeVar("T")


def with_stores(target: str, databases: Mapping[str, str | None], work: Callable[[App], Awaitable[T]]) -> T:
    """Do something with an application whose stores are open; see `opened`.

    Args:
        target: Where the application is: `module:attribute`.
        databases: The addresses that were given, by the name of the option.
        work: What to do.
    """

    async def done() -> T:
        app = load(target)
        mount(app, **databases)
        async with opened(app):
            return await work(app)

    return asyncio.run(done())


@asynccontextmanager
async def opened(app: App) -> AsyncGenerator[None]:
    """The stores of an application, open for a block; another process may be running the application meanwhile.

    Args:
        app: The application; its messages are known inside the block.

    Raises:
        StartError: It is not sound; nothing was opened.
        StoreUnavailable: A store cannot be opened.
    """
    _ = app.assembly
    stores = app.stores
    await stores.start()
    try:
        yield
    finally:
        await stores.stop()
