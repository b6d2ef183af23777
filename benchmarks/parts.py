"""An application's pipeline: what it adds to a bare awaited handler, with each part and with all of them.

The handlers use no store. The twin awaits the handler itself, in the same loop with the same messages.
"""

import asyncio
import importlib
import itertools
import logging
import os
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.figures import Figure, Run, Spread
from benchmarks.renaming import Call, Ledger, Rename, ledger, rename, rename_in
from benchmarks.rounds import compare
from twofold import App, CommandHandler, Event, Lifecycle, Module, Query, Result, Success
from twofold.cache import Cache
from twofold.observability import PrometheusMeter, configure_logging

TITLE = "The parts of the pipeline"
ABOUT = (
    "Messages of an application whose handlers use no store, one at a time, with what the row names and nothing else. "
    "A unit of work is made and committed for each command; what it then holds is in the column of what is written, "
    "to a store in memory. The twin awaits the handler itself. Each round sends 2,000; the figure is the median "
    "difference over pairs of rounds, 41 of them, or 5 where something is written, since the store grows. p50 and p99 "
    "are of single calls, with a clock (about 0.05 µs) around each. Log lines are rendered as JSON, and thrown away. "
    "The last three rows are of handlers with `validate` and `handle`: executed by themselves, and sent through rate "
    "limit, breaker, timeout and retry."
)


_RELIABLE: dict[str, Any] = {"timeout": 5.0, "circuit_breaker": 5, "retry": 3}
_NEVER = "1000000000/second"
_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class RenameAttempted(Event):
    """Somebody tries."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Renamed(Event):
    """It was done."""

    number: int


@dataclass(frozen=True, kw_only=True)
class FindName(Query[str]):
    """A small query."""

    number: int = 1


async def find_name(query: FindName) -> str:
    return "Ada"


async def anybody() -> bool:
    return True


class RenameHandler(CommandHandler[Rename, None]):
    """A handler with both halves."""

    def validate(self, message: Rename) -> bool:
        return message.number > 0

    async def handle(self, message: Rename) -> Result[None]:
        return Success()


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is switched on for the command.

    Args:
        what: What it is called.
        options: What is said of the handler.
        metric: Whether Prometheus counts.
        audited: Whether there is an audit trail.
        logged: Whether each message is told in the log.
        handler: What handles it.
        twin: What is awaited by itself.
        again: Whether it is the same message each time.
        writes: What is committed for each.
    """

    what: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    metric: bool = False
    audited: bool = False
    logged: bool = False
    handler: Any = rename
    twin: Call = rename
    again: bool = False
    writes: str = "nothing"

    def messages(self, count: int) -> list[Any]:
        """So many messages."""
        if self.twin is find_name:
            return [FindName()] * count
        return [Rename(name="Ada", number=1 if self.again else next(_numbers)) for _ in range(count)]


_ALL: dict[str, Any] = {**_RELIABLE, "bulkhead": 20, "rate_limit": _NEVER, "authorize": anybody}
_TOLD = Lifecycle(attempted=RenameAttempted, succeeded=Renamed)
_KEPT = Cache("1h", invalidated_by=(Renamed,))
PARTS = (
    Part(what="nothing: revalidation and what every command has"),
    Part(what="a metric", metric=True),
    Part(what="a scope with one generator", handler=rename_in),
    Part(what="a policy", options={"authorize": anybody}),
    Part(what="rate limit", options={"rate_limit": _NEVER}),
    Part(what="bulkhead", options={"bulkhead": 20}),
    Part(what="breaker", options={"circuit_breaker": 5}),
    Part(what="timeout", options={"timeout": 5.0}),
    Part(what="retry", options={"retry": 3}),
    Part(
        what="metric, scope with one generator, timeout, breaker, retry, bulkhead",
        options={**_RELIABLE, "bulkhead": 20},
        metric=True,
        handler=rename_in,
    ),
    Part(what="logging on", logged=True),
    Part(what="tracing, with OpenTelemetry loaded and no provider set"),
    Part(what="an audit trail", audited=True, writes="an entry"),
    Part(what="a key, a new one each time", options={"idempotency": ("number",)}, writes="a reply"),
    Part(what="a key that was answered before", options={"idempotency": ("number",)}, again=True),
    Part(what="a lifecycle", options={"lifecycle": _TOLD}, writes="two events, in two commits"),
    Part(what="a kept answer, of a query", options={"cache": _KEPT}, handler=find_name, twin=find_name),
    Part(
        what="all of them, of a command",
        options={**_ALL, "idempotency": ("number",), "lifecycle": _TOLD},
        metric=True,
        audited=True,
        logged=True,
        handler=rename_in,
        writes="an entry, a reply and two events, in two commits",
    ),
    Part(
        what="all of them, of a query whose answer is kept",
        options={**_ALL, "cache": _KEPT, "fallback": str},
        metric=True,
        audited=True,
        logged=True,
        handler=find_name,
        twin=find_name,
    ),
)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Each part, all of them, and the figures of a handler and of a dispatch by themselves."""
    importlib.import_module("opentelemetry.trace")  # so that an application looks for a provider
    rounds, calls = (2, 50) if quick else (41, 2000)
    for part in PARTS:
        yield asyncio.run(_part(part, rounds if part.writes == "nothing" else min(rounds, 5), calls))
    handler = RenameHandler()
    yield asyncio.run(_rate(handler.execute, rounds, calls))
    yield from asyncio.run(_whole(rounds, calls))


async def _part(part: Part, rounds: int, calls: int) -> Figure:
    with _lines(written=part.logged):
        async with _app(part) as app:
            done = await compare(
                lambda: _round(app.execute, part, calls), lambda: _round(part.twin, part, calls), rounds=rounds
            )
    return Figure(
        what=part.what,
        value=done.value("µs more"),
        unit="µs more",
        ours=done.spread,
        twin=done.twin_spread,
        against="the bare awaited handler",
        writes=part.writes,
    )


async def _rate(call: Call, rounds: int, calls: int) -> Figure:
    part = Part(what="")
    done = await compare(lambda: _round(call, part, calls), lambda: _round(rename, part, calls), rounds=rounds)
    return Figure(
        what="execute of a handler",
        value=done.rate,
        unit="/s",
        at_least=50_000,
        ours=done.spread,
        twin=done.twin_spread,
        against="the bare awaited function",
    )


async def _whole(rounds: int, calls: int) -> Sequence[Figure]:
    part = Part(what="", options={**_RELIABLE, "rate_limit": _NEVER}, metric=True, handler=RenameHandler)
    async with _app(part) as app:
        runs = [await _round(app.execute, part, calls) for _ in range(rounds)]
    spread = Spread.of(runs)

    def figure(what: str, seconds: float, bar: float) -> Figure:
        return Figure(what=what, value=seconds * 1e3, unit="ms", at_most=bar, ours=spread, against="")

    what = "dispatch with rate limit, breaker, timeout and retry"
    return figure(f"{what}, mean", mean(run.cost for run in runs), 1), figure(f"{what}, p99", spread.p99, 5)


def _app(part: Part) -> App:
    module = Module("parts")
    module.provide(Ledger, ledger)
    module.events(RenameAttempted, Renamed)
    of_query = part.twin is find_name
    module.register(FindName if of_query else Rename, part.handler, **part.options)
    module.register(Rename if of_query else FindName, rename if of_query else find_name)
    app = App("parts", modules=[module], database="memory:", audit=part.audited)
    if part.metric:
        app.observe(meter=PrometheusMeter())
    return app


@contextmanager
def _lines(*, written: bool) -> Generator[None]:
    """Log lines, rendered and written to nowhere."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    with Path(os.devnull).open("w") as nowhere:
        if written:
            configure_logging(format="json", stream=nowhere)
        try:
            yield
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers


async def _round(call: Call, part: Part, calls: int) -> Run:
    messages = part.messages(calls)
    started = time.perf_counter()
    for message in messages:
        await call(message)
    seconds = time.perf_counter() - started
    latencies: list[float] = []
    clock = time.perf_counter
    for message in part.messages(calls // 4):
        before = clock()
        await call(message)
        latencies.append(clock() - before)
    return Run(calls, seconds, latencies)
