"""Following a log that may be long: a projection that fills a table from its beginning, a page at a time, an append.

The stores differ in how such a log is made and what the twin by hand is; both are a `LongLog`.
"""

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast
from uuid import UUID

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.figures import Figure, Run, Spread
from benchmarks.rounds import compare
from benchmarks.work import batch, by_clients, new_streams
from twofold import App, Event, Module, Rows
from twofold.store import Batch, Committed, Store

PAGE = 500
PER_STREAM = 4
_WRITES = "1 row for each event"
_ITSELF = "itself with the shorter log"


class Tables(DeclarativeBase):
    """The table of the projection."""


class Summary(Tables):
    """An order."""

    __tablename__ = "summary"

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    status: Mapped[str]
    quantity: Mapped[int]


@dataclass(frozen=True, kw_only=True)
class Counted(Event):
    """Something about an order."""

    order_id: UUID
    status: str
    quantity: int


reading = Module("reading")


@reading.projection("summary", mode="async", tables=[Summary])
class Summaries:
    """One row for each order."""

    def counted(self, event: Counted, rows: Rows) -> None:
        rows.upsert(Summary, {"order_id": event.order_id}, status=event.status, quantity=event.quantity)


class LongLog(Protocol):
    """A log of `Counted` events, four for each order, and its twin by hand.

    Args:
        durability: What a commit waits for.
        twin: What the twin is.
    """

    @property
    def durability(self) -> str: ...

    @property
    def twin(self) -> str: ...

    @property
    def address(self) -> str:
        """What a fresh process finds it by, which is started as the module of the log's class."""
        ...

    def store(self) -> Store:
        """A store over it, not started."""
        ...

    async def fill(self, size: int) -> None:
        """Write so many events."""
        ...

    async def forget(self) -> None:
        """Make the projection start again."""
        ...

    async def by_hand(self) -> list[float]:
        """Fill the table by hand; gives when each page was committed."""
        ...


class Watched:
    """A store that tells of every batch it has committed."""

    def __init__(self, store: Store, note: Callable[[Batch], None]) -> None:
        self._store = store
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> Committed:
        done = await self._store.commit(batch)
        self._note(batch)
        return done


def measure(new_log: Callable[[int], LongLog], *, quick: bool) -> Iterator[Figure]:
    """Events in a second, whether the cost of one, of a page and of an append is flat, and how memory grows.

    Args:
        new_log: Makes a log of its own for each size.
        quick: Whether to see only that all of it runs.
    """
    rounds_of = {1_000: 2, 2_000: 2} if quick else {10_000: 5, 100_000: 3, 1_000_000: 1}
    logs = {size: new_log(size) for size in rounds_of}
    costs: dict[int, dict[str, Spread | float]] = {}
    for size, log in logs.items():
        asyncio.run(log.fill(size))
        costs[size] = asyncio.run(_reads_and_appends(log, size, 20 if quick else 400))
        figure, costs[size]["one event of a catch-up"] = asyncio.run(_catch_up(log, size, rounds_of[size]))
        yield figure
    first, *longer = rounds_of
    for size in longer:
        for what, cost in costs[size].items():
            told = f"{what}, {size:,} against {first:,}"
            yield _against_shorter(told, cost, costs[first][what], logs[size].durability)
    log = logs[longer[0]]
    fresh = [sys.executable, "-m", type(log).__module__, log.address]
    grown = subprocess.run(fresh, cwd=Path(__file__).parent.parent, check=True, capture_output=True, text=True)
    yield Figure(
        what=f"resident memory, from the first fifth of a log of {longer[0]:,} to its end",
        value=float(grown.stdout),
        unit="MB",
        against="itself, in a fresh process",
        writes=_WRITES,
        durability=log.durability,
    )


async def growth(log: LongLog) -> float:
    """How much resident memory grows while the projection catches up, in MB, from the first fifth to the end."""
    await log.forget()
    resident: list[tuple[int, float]] = []
    store = _watched(log, lambda batch: resident.extend((move.position, _resident()) for move in batch.moves))
    async with App("reading", modules=[reading], database=store) as app:
        await app.settle(timeout=600)
    last, grown = resident[-1]
    return grown - next(megabytes for position, megabytes in resident if position >= last / 5)


async def _catch_up(log: LongLog, size: int, rounds: int) -> tuple[Figure, float]:
    async def ours() -> Run:
        await log.forget()
        commits: list[float] = []
        app = App("reading", modules=[reading], database=_watched(log, lambda _: commits.append(time.perf_counter())))
        started = time.perf_counter()
        await app.start()
        await app.settle(timeout=600)
        seconds = time.perf_counter() - started
        await app.stop()
        return Run(size, seconds, _pages(started, commits))

    async def twin() -> Run:
        await log.forget()
        started = time.perf_counter()
        commits = await log.by_hand()
        return Run(size, time.perf_counter() - started, _pages(started, commits))

    done = await compare(ours, twin, rounds=rounds)
    figure = done.figure(
        f"events in a second, a log of {size:,}",
        "/s",
        f"{log.twin}; twofold has {done.value('%'):.0f} % of it",
        "1 row for each event, 1 checkpoint for 500",
        durability=log.durability,
        at_least=25_000,
    )
    return figure, 1 / done.rate


async def _reads_and_appends(log: LongLog, size: int, count: int) -> dict[str, Spread | float]:
    """Pages and streams from everywhere in the log, and appends at its end."""
    store, streams, places = log.store(), new_streams(), itertools.count()
    await store.start()

    async def read(_: int) -> None:
        after = next(places) * 7919 % (size - PAGE)
        assert len(await store.log.read(after, until=size, limit=PAGE)) == PAGE

    async def append(_: int) -> None:
        await store.commit(batch(next(streams)))

    spreads = dict[str, Spread | float]()
    for what, operation in {"a page of 500": read, "an append": append}.items():
        round_of = by_clients(operation, count, 1)
        await round_of()
        spreads[what] = Spread.of([await round_of()])
    await store.stop()
    return spreads


def _against_shorter(what: str, cost: Spread | float, first: Spread | float, durability: str) -> Figure:
    middle, twin = (one.p50 if isinstance(one, Spread) else one for one in (cost, first))
    return Figure(
        what=f"cost of {what}",
        value=middle / twin,
        unit="x",
        ours=cost if isinstance(cost, Spread) else None,
        twin=first if isinstance(first, Spread) else None,
        against=_ITSELF,
        writes="1 event" if "append" in what else "nothing" if "page" in what else _WRITES,
        durability=durability,
    )


def _watched(log: LongLog, note: Callable[[Batch], None]) -> Store:
    store: Any = Watched(log.store(), note)
    return cast("Store", store)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def _pages(started: float, commits: list[float]) -> list[float]:
    return [after - before for before, after in itertools.pairwise([started, *commits])]
