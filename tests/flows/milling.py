"""Several `twofold run` of the mill on one database, and events poured in from this process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

from examples._demo.database import Database
from tests.cli.served import Served
from tests.flows.mill import GrainPoured
from tests.freezing import freeze_worker
from twofold.app._database import store_of
from twofold.messages import Catalogue, Context
from twofold.store import Store, UnitOfWork

GRIND = "mill.grind:grain_poured"
_CATALOGUE = Catalogue()
_CATALOGUE.add(GrainPoured)


class Mill:
    """The database, its workers, and what they have left behind."""

    def __init__(self, database: Database, folder: Path, store: Store, stack: ExitStack) -> None:
        self._database = database
        self._folder = folder
        self._store = store
        self._stack = stack
        self._workers = 0
        self.poured = Counter[str]()
        """How many events each stream has."""

    @classmethod
    @asynccontextmanager
    async def on(cls, database: Database, folder: Path) -> AsyncIterator[Self]:
        """A mill on a database, with a folder beside it; all its workers are killed at the end."""
        store = store_of(database.address, "mill")
        await store.start()
        try:
            with ExitStack() as stack:
                yield cls(database, folder, store, stack)
        finally:
            await store.stop()

    def worker(self, *options: str) -> Served:
        """One more worker, that serves."""
        self._workers += 1
        folder = self._folder / f"worker-{self._workers}"
        folder.mkdir()
        return self._stack.enter_context(
            Served("tests.flows.mill:app", "--database", self._database.address, *options, folder=folder)
        )

    async def pour(self, *streams: str, gate: Path | None = None) -> None:
        """One more event for each of these streams, in one transaction that no worker is told of."""
        unit = UnitOfWork(self._store, _CATALOGUE, Context())
        for stream in streams:
            folder = None if gate is None else str(gate)
            unit.append(stream, GrainPoured(stream=stream, n=self.poured[stream], gate=folder))
            self.poured[stream] += 1
        await unit.commit()

    async def freeze(self, worker: Served) -> None:
        """Stop a worker so that others can write."""
        await freeze_worker(worker, self._store)

    @property
    def owner(self) -> int | None:
        """The process that owns the reaction; None for nobody."""
        found = self._rows(f"SELECT owner FROM twofold_checkpoints WHERE name = '{GRIND}'")
        return int(found[0][0].split(":")[1]) if found and found[0][0] else None

    @property
    def shares(self) -> Counter[int]:
        """How many subscriptions each process owns."""
        rows = self._rows("SELECT owner FROM twofold_checkpoints WHERE owner <> '' AND name NOT LIKE '%@heir'")
        return Counter(int(owner.split(":")[1]) for (owner,) in rows)

    @property
    def ground(self) -> Sequence[tuple[str, int, int]]:
        """What was done: stream, number and process, in the order of the commits."""
        return self._rows("SELECT stream, n, pid FROM ground ORDER BY id")

    @property
    def totals(self) -> dict[str, int]:
        """What the projection has counted."""
        return dict(self._rows("SELECT stream, grains FROM total"))

    @property
    def tries(self) -> list[tuple[str, int, int]]:
        """What was begun, whether it was committed or not: stream, number and process."""
        lines = [line.split() for line in (self._folder / "trace").read_text().splitlines()]
        return [(stream, int(n), int(pid)) for stream, n, pid in lines]

    def done(self) -> bool:
        """Whether everything that was poured is ground and counted."""
        return len(self.ground) >= self.poured.total() <= sum(self.totals.values())

    def is_exact(self) -> None:
        """Every event was dealt with once in effect, and each stream in its order."""
        for stream, count in self.poured.items():
            assert [n for name, n, _ in self.ground if name == stream] == list(range(count))
        assert self.totals == self.poured

    def _rows(self, statement: str) -> Sequence[Any]:
        with ThreadPoolExecutor(1) as aside:  # whoever waits for something asks again and again, and awaits nothing
            return aside.submit(asyncio.run, self._database.rows(statement)).result()
