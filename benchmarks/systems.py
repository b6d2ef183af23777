"""The five systems over HTTP, as `twofold run` serves them: what one process answers of a typical command and query."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from benchmarks.client import Client
from benchmarks.figures import Figure, Run, Spread
from benchmarks.servers import loop_factory
from benchmarks.systems_cases import CASES, Case
from examples._demo.database import SqliteFile
from examples._demo.server import Server, caught_up

TITLE = "The five systems"
ABOUT = (
    "Each example as `twofold run` serves it: one process with its workers, audit trail, metrics and policies, a fresh "
    "file of SQLite with `synchronous = FULL`, asked by 16 clients at once on the same machine. The figure is the "
    "middle of the rounds; p99 is over all of them. There is no twin: the bars are those of an instance."
)

_CLIENTS: Final = 16
_Rounds: TypeAlias = list[Run]


def measure(*, quick: bool) -> Iterator[Figure]:
    """A command and a query of each example: how many in a second, and how long the slowest of a hundred takes."""
    rounds, count = (2, 16) if quick else (8, 160)
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop_factory()) as runner:
            commands, queries = runner.run(_measured(name, case, Path(folder), rounds, count))
        yield from _figures(f"{name}: {case.command}", commands, at_least=100, at_most=500, writes=case.writes)
        yield from _figures(f"{name}: {case.query}", queries, at_least=1000, at_most=100)


async def _measured(name: str, case: Case, folder: Path, rounds: int, count: int) -> tuple[_Rounds, _Rounds]:
    database = SqliteFile(folder / f"{name}.db")
    async with Server(f"examples.{name}:app", database=database, log=folder / "log") as server:
        async with server.client() as setting_up:
            prepared = await case.prepare(setting_up)
            await caught_up(setting_up)
            client = Client(int(server.url.rpartition(":")[2]))
            try:
                commands = [
                    await client.send([prepared.command(turn * count + one) for one in range(count)], clients=_CLIENTS)
                    for turn in range(rounds + 1)
                ]
                await caught_up(setting_up)
                queries = [
                    await client.send([prepared.query(one) for one in range(2 * count)], clients=_CLIENTS)
                    for _ in range(rounds + 1)
                ]
            finally:
                await client.close()
    return commands[1:], queries[1:]  # the first round of each does not count


def _figures(what: str, runs: _Rounds, *, at_least: float, at_most: float, writes: str = "nothing") -> Iterator[Figure]:
    spread = Spread.of(runs)
    durability = "none" if writes == "nothing" else "FULL"
    facts: dict[str, Any] = {"ours": spread, "writes": writes, "clients": _CLIENTS, "durability": durability}
    rate = median(run.rate for run in runs)
    yield Figure(what=f"{what}, in a second", value=rate, unit="/s", at_least=at_least, against="", **facts)
    yield Figure(what=f"{what}, p99", value=spread.p99 * 1e3, unit="ms", at_most=at_most, against="", **facts)
