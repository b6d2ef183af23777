"""An application on a database of its own, which is gone afterwards; and waiting until it has nothing left to do."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twofold.app import App
from twofold.clock import Clock
from twofold.drivers.sqlite import SqliteStore


@asynccontextmanager
async def fresh(
    app: App, *, clock: Clock | None = None, instead: Mapping[Any, object] | None = None
) -> AsyncGenerator[App]:
    """Run an application on an empty database for a block; afterwards the application is as it was, and stopped.

    The database is a SQLite file in a temporary folder, so SQL is real SQL. Not the application's own settings say
    which, so an application that a test imports never touches its own database.

    Args:
        app: The application; not running.
        clock: Where it gets the time; where it always does unless given.
        instead: Objects in the places of dependencies, by type.

    Raises:
        StartError: The application is not sound.
        WiringError: It is running.

    Example:
        >>> async with fresh(app, instead={Mail: Outbox()}) as orders:
        ...     placed = await orders.execute(PlaceOrder(customer_id=ada, lines=lines))
        ...     await settle(orders)
    """
    with TemporaryDirectory(prefix="twofold-") as folder:
        with app.elsewhere(store_in(folder), clock=clock, instead=instead):
            async with app:
                yield app


def store_in(folder: str) -> SqliteStore:
    """A store in a folder, which need not outlive the power."""
    return SqliteStore(Path(folder) / "twofold.db", durability="normal")


async def settle(app: App, *, timeout: float = 10.0) -> None:
    """Wait until an application has nothing left to do, and see that it could do all of it.

    Args:
        app: The application; running.
        timeout: How long to wait, in seconds.

    Raises:
        AssertionError: A projection or reaction could not handle an event and has put it aside; with the cause.
        TimedOut: It has more to do.
        WiringError: It is not running.
    """
    __tracebackhide__ = True
    await app.settle(timeout=timeout)
    failed = [one for one in await app.parked.list() if one.cause]
    if failed:
        lines = [f"  {one.subscription} could not handle {one.type} of {one.stream}: {one.cause}" for one in failed]
        raise AssertionError("\n".join(["not everything could be handled", *lines]))
