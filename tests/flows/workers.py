"""Several `twofold run` of one application on one database, looked at from the process of the test."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from examples._demo.database import Database
from tests.cli.served import Served
from tests.freezing import freeze_worker
from twofold.app._database import store_of
from twofold.store import Store


class Workers:
    """The database, and its workers; made by `on`.

    Args:
        database: The database.
        folder: Where the workers have a folder each.
        store: The store of this process.
        stack: Ends the workers.
    """

    app: str
    """What they run: the name of a module of this folder, whose `app` has that name too."""

    def __init__(self, database: Database, folder: Path, store: Store, stack: ExitStack) -> None:
        self.store = store
        self._database = database
        self._folder = folder
        self._stack = stack
        self._count = 0

    @classmethod
    @asynccontextmanager
    async def on(cls, database: Database, folder: Path) -> AsyncGenerator[Self]:
        """None yet, on a database; all of them are killed at the end."""
        store = store_of(database.address, cls.app)
        await store.start()
        try:
            with ExitStack() as stack:
                yield cls(database, folder, store, stack)
        finally:
            await store.stop()

    def worker(self, *options: str) -> Served:
        """One more."""
        self._count += 1
        folder = self._folder / f"worker-{self._count}"
        folder.mkdir()
        arguments = (f"tests.flows.{self.app}:app", "--database", self._database.address, *options)
        return self._stack.enter_context(Served(*arguments, folder=folder))

    async def freeze(self, worker: Served) -> None:
        """Stop a worker so that others can write."""
        await freeze_worker(worker, self.store)

    def rows(self, statement: str) -> Sequence[Any]:
        """What a query finds."""
        with ThreadPoolExecutor(1) as aside:  # whoever waits for something asks again and again, and awaits nothing
            return aside.submit(asyncio.run, self._database.rows(statement)).result()
