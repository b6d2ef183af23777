"""The five systems over HTTP, as `twofold run` serves them: what one process answers of a typical command and query."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

from benchmarks.client import Client
from benchmarks.figures import Figure, Run, Spread
from benchmarks.servers import loop_factory
from benchmarks.systems_cases import CASES, Case
from examples._demo.database import SqliteFile
from examples._demo.server import Server, caught_up

TITLE = "The five systems"
ABOUT = (
    "Each example as `twofold run` serves it: one process with its workers, audit trail, metrics and policies, and the "
    "two lines of each message in its log, a file; the database a new file of SQLite with `synchronous = FULL`; "
    "asked by 16 clients at once on the same machine. The figure is the middle of the rounds; p99 is over all of them. "
    "There is no twin: the bars are those of an instance."
)

_Rounds: TypeAlias = list[Run]


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much is asked.

    Args:
        rounds: How many rounds count; one more goes before them.
        count: How many requests a round has.
        clients: How many ask at once.
    """

    rounds: int
    count: int
    clients: int

    async def rounds_of(self, port: int, request: Callable[[int], bytes]) -> _Rounds:
        """Send requests, numbered through all rounds."""
        client = Client(port)
        try:
            runs = [
                await client.send([request(turn * self.count + one) for one in range(self.count)], clients=self.clients)
                for turn in range(self.rounds + 1)
            ]
        finally:
            await client.close()
        return runs[1:]

    def figures(
        self, what: str, runs: _Rounds, *, at_least: float, at_most: float, writes: str = "nothing"
    ) -> Iterator[Figure]:
        """How many in a second, and how long the slowest of a hundred takes."""
        facts: dict[str, Any] = {
            "ours": Spread.of(runs),
            "against": "",
            "writes": writes,
            "clients": self.clients,
            "durability": "none" if writes == "nothing" else "FULL",
        }
        rate, slow = median(run.rate for run in runs), Spread.of(runs).p99 * 1e3
        yield Figure(what=f"{what}, in a second", value=rate, unit="/s", at_least=at_least, **facts)
        yield Figure(what=f"{what}, p99", value=slow, unit="ms", at_most=at_most, **facts)


def measure(*, quick: bool) -> Iterator[Figure]:
    """A command and a query of each example: how many in a second, and how long the slowest of a hundred takes."""
    load = Load(rounds=2, count=16, clients=1) if quick else Load(rounds=5, count=160, clients=16)
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop_factory()) as runner:
            commands, queries = runner.run(_measured(name, case, Path(folder), load))
        yield from load.figures(f"{name}: {case.command}", commands, at_least=100, at_most=500, writes=case.writes)
        yield from load.figures(f"{name}: {case.query}", queries, at_least=1000, at_most=100)


async def _measured(name: str, case: Case, folder: Path, load: Load) -> tuple[_Rounds, _Rounds]:
    database = SqliteFile(folder / f"{name}.db")
    async with Server(f"examples.{name}:app", database=database, log=folder / "log", level="info") as server:
        async with server.client() as setting_up:
            # More than there are clients, so that hardly any two change the same.
            prepared = await case.prepare(setting_up, load.clients + 4)
            await caught_up(setting_up)
            port = int(server.url.rpartition(":")[2])
            commands = await load.rounds_of(port, prepared.command)
            await caught_up(setting_up)
            queries = await load.rounds_of(port, prepared.query)
    return commands, queries
