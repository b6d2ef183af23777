"""Several `twofold run` of the mill on one database, and events poured in from this process."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from examples._demo.database import Database
from tests.flows.mill import GrainPoured
from tests.flows.workers import Workers
from twofold.messages import Catalogue, Context
from twofold.store import Store, UnitOfWork

GRIND = "mill.grind:grain_poured"
_CATALOGUE = Catalogue()
_CATALOGUE.add(GrainPoured)


class Mill(Workers):
    """The mill, and what its workers have left behind."""

    app = "mill"

    def __init__(self, database: Database, folder: Path, store: Store, stack: ExitStack) -> None:
        super().__init__(database, folder, store, stack)
        self.poured: Counter[str] = Counter()
        """How many events each stream has."""

    async def pour(self, *streams: str, gate: Path | None = None) -> None:
        """One more event for each of these streams, in one transaction that no worker is told of."""
        unit = UnitOfWork(self.store, _CATALOGUE, Context())
        for stream in streams:
            folder = None if gate is None else str(gate)
            unit.append(stream, GrainPoured(stream=stream, n=self.poured[stream], gate=folder))
            self.poured[stream] += 1
        await unit.commit()

    @property
    def owner(self) -> int | None:
        """The process that owns the reaction; None for nobody."""
        found = self.rows(f"SELECT owner FROM twofold_checkpoints WHERE name = '{GRIND}'")
        return int(found[0][0].split(":")[1]) if found and found[0][0] else None

    @property
    def shares(self) -> Counter[int]:
        """How many subscriptions each process owns."""
        rows = self.rows("SELECT owner FROM twofold_checkpoints WHERE owner <> '' AND name NOT LIKE '%@heir'")
        return Counter(int(owner.split(":")[1]) for (owner,) in rows)

    @property
    def ground(self) -> Sequence[tuple[str, int, int]]:
        """What was done: stream, number and process, in the order of the commits."""
        return self.rows("SELECT stream, n, pid FROM ground ORDER BY id")

    @property
    def totals(self) -> dict[str, int]:
        """What the projection has counted."""
        return dict(self.rows("SELECT stream, grains FROM total"))

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
