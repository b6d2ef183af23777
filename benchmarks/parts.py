"""An application's pipeline: what it adds to a bare awaited handler, with each part and with all of them.

The messages are commands that use no store. The twin awaits the handler itself, in the same loop with the same message.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from benchmarks.figures import Figure, Run, Spread
from benchmarks.renaming import Call, Ledger, Rename, ledger, rename, rename_in
from benchmarks.rounds import compare
from twofold import App, CommandHandler, Module, Result, Success
from twofold.observability import PrometheusMeter

TITLE = "The parts of the pipeline"
ABOUT = (
    "Commands of an application that use no store, without an audit trail, one at a time; logging is off. A unit of "
    "work is made and committed for each, though nothing is in it. The twin "
    "awaits the handler itself. Each round sends 2,000; the figure is the median difference over pairs of rounds. p50 "
    "and p99 are of single calls, with a clock (about 0.05 µs) around each. The last two rows are of handlers with "
    "`validate` and `handle`: executed by themselves, and sent through rate limit, breaker, timeout and retry."
)


_RELIABLE: dict[str, Any] = {"timeout": 5.0, "circuit_breaker": 5, "retry": 3}
_NEVER = "1000000000/second"


async def anybody(command: Rename) -> bool:
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
        handler: What handles it.
    """

    what: str
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    metric: bool = False
    handler: Any = rename


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
    Part(
        what="all of them",
        options={**_RELIABLE, "bulkhead": 20, "rate_limit": _NEVER, "authorize": anybody},
        metric=True,
        handler=rename_in,
    ),
)


def measure(*, quick: bool) -> Iterator[Figure]:
    """Each part, all of them, and the figures of a handler and of a dispatch by themselves."""
    rounds, calls = (2, 50) if quick else (41, 2000)
    for part in PARTS:
        yield asyncio.run(_part(part, rounds, calls))
    handler = RenameHandler()
    yield asyncio.run(_rate(handler.execute, rounds, calls))
    yield from asyncio.run(_whole(rounds, calls))


async def _part(part: Part, rounds: int, calls: int) -> Figure:
    async with _app(part) as app:
        done = await compare(lambda: _round(app.execute, calls), lambda: _round(rename, calls), rounds=rounds)
    return Figure(
        what=part.what,
        value=done.value("µs more"),
        unit="µs more",
        ours=done.spread,
        twin=done.twin_spread,
        against="the bare awaited handler",
    )


async def _rate(call: Call, rounds: int, calls: int) -> Figure:
    done = await compare(lambda: _round(call, calls), lambda: _round(rename, calls), rounds=rounds)
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
        runs = [await _round(app.execute, calls) for _ in range(rounds)]
    spread = Spread.of(runs)

    def figure(what: str, seconds: float, bar: float) -> Figure:
        return Figure(what=what, value=seconds * 1e3, unit="ms", at_most=bar, ours=spread, against="")

    what = "dispatch with rate limit, breaker, timeout and retry"
    return figure(f"{what}, mean", mean(run.cost for run in runs), 1), figure(f"{what}, p99", spread.p99, 5)


def _app(part: Part) -> App:
    module = Module("parts")
    module.provide(Ledger, ledger)
    module.register(Rename, part.handler, **part.options)
    app = App("parts", modules=[module], database="memory:", audit=False)
    if part.metric:
        app.observe(meter=PrometheusMeter())
    return app


async def _round(call: Call, calls: int) -> Run:
    message = Rename(name="Ada", number=1)
    started = time.perf_counter()
    for _ in range(calls):
        await call(message)
    seconds = time.perf_counter() - started
    latencies: list[float] = []
    clock = time.perf_counter
    for _ in range(calls // 4):
        before = clock()
        await call(message)
        latencies.append(clock() - before)
    return Run(calls, seconds, latencies)
