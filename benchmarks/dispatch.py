"""Dispatch: what a bus adds to a bare awaited handler, and whether it adds more with 10,000 message types.

Both sides call the same handlers with the same messages, in the same loop; building the message is left out.
"""

import asyncio
import importlib.util
import time
from collections.abc import Iterator, Sequence
from typing import Any

from dishka import Provider, Scope

from benchmarks import dispatch_by_hand
from benchmarks.figures import Figure, Run, Skipped
from benchmarks.renaming import Call, Ledger, Rename, ledger, rename, rename_in
from benchmarks.rounds import compare
from twofold import Command, CommandBus, Context, Module, Result, Success
from twofold.clock import SystemClock
from twofold.dispatch import Handler, Next, Router, Settings, Stage, inject
from twofold.errors import Classifier
from twofold.messages import Kind
from twofold.middleware import (
    Lines,
    breaker_stage,
    bulkhead_stage,
    deadline_stage,
    logging_stage,
    metrics_stage,
    retry_stage,
    tally_of,
    timeout_stage,
    validation_stage,
)
from twofold.reliability import (
    BackoffRetries,
    Breakers,
    Bulkhead,
    Bulkheads,
    CircuitBreaker,
    Deadlines,
    LocalBreakers,
    LocalBulkheads,
    Retries,
    Retry,
    Timeout,
)

TITLE = "Dispatch"
ABOUT = (
    "The twin awaits the handler itself. Each round calls 2,000 messages, or one of each type; the figure is the "
    "median difference over pairs of rounds. p50 and p99 are of single calls, with a clock (about 0.05 µs) around "
    "each. A floor is what the rows before it name, by hand and without twofold: a table, a context and a context "
    "variable; then pydantic, a clock and a scope of dishka; then `asyncio.timeout` and `asyncio.Semaphore`."
)


async def rename_with_id(command: Rename, context: Context) -> Result[None]:
    _made = context.message_id
    return Success()


async def read_id(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
    """A middleware that makes the id before the handler runs."""
    _made = context.message_id
    return await call_next(message, context)


def measure(*, quick: bool) -> Iterator[Figure | Skipped]:
    """The figures (a) to (d)."""
    rounds, calls = (2, 50) if quick else (41, 2000)
    for types in (1, 100, 300 if quick else 10_000):
        yield asyncio.run(_alone(types, rounds, calls))
    messages = [Rename(name="Ada", number=1)] * calls
    yield asyncio.run(_one("the floor of (a)", dispatch_by_hand.bus(), messages, rounds))
    for what, bus in (("(b) the handler asks for the context's id", _asking()), ("(b) a middleware does", _reading())):
        yield asyncio.run(_one(what, bus.execute, messages, rounds, at_most=2))
    yield asyncio.run(_one("the floor of (b)", dispatch_by_hand.bus_with_id(), messages, rounds))
    if importlib.util.find_spec("prometheus_client") is None:
        yield Skipped("(c) the pipeline of an application", "prometheus-client is not installed")
        return
    from twofold.observability import PrometheusMeter

    full, reliable = _pipeline(PrometheusMeter()), _pipeline(PrometheusMeter(), _reliability())
    what = "(c) metric, logging off, revalidation, scope with one generator"
    yield asyncio.run(_one(what, full.execute, messages, rounds, at_most=7))
    yield asyncio.run(_one("the floor of (c)", dispatch_by_hand.pipeline(), messages, rounds))
    what = "(d) and timeout, breaker, retry, bulkhead"
    yield asyncio.run(_one(what, reliable.execute, messages, rounds, at_most=15))
    yield asyncio.run(_one("the floor of (d)", dispatch_by_hand.bounded_pipeline(), messages, rounds))


async def _alone(types: int, rounds: int, calls: int) -> Figure:
    """(a), going round among all message types."""
    bus = CommandBus()
    pairs: list[tuple[Call, Any]] = []
    for number in range(types):
        message_type = type(f"Command{number}", (Command,), {})
        handler = _handler()
        bus.register(message_type, handler)
        pairs.append((handler, message_type()))
    pairs = (pairs * (calls // types + 1))[: max(calls, types)]
    through = [(bus.execute, message) for _, message in pairs]
    return await _figure(
        f"(a) bus alone, {types:,} message type{'s' if types > 1 else ''}", through, pairs, rounds, at_most=1
    )


def _handler() -> Call:
    async def handle(command: Any) -> Result[None]:
        return Success()

    return handle


def _asking() -> CommandBus:
    bus = CommandBus()
    bus.register(Rename, rename_with_id)
    return bus


def _reading() -> CommandBus:
    bus = CommandBus()
    bus.register(Rename, rename)
    bus.use(read_id)
    return bus


def _pipeline(meter: Any, around: Sequence[Stage] = ()) -> CommandBus:
    """What an application puts around a handler, without its store."""
    handler = Handler.of(rename_in, kind=Kind.COMMAND, module=Module("benchmarks").name)
    provider = Provider()
    provider.provide(ledger, provides=Ledger, scope=Scope.REQUEST)
    injection, faults = inject([provider], [handler])
    assert not faults
    classifier = Classifier({})
    router = Router()
    router.add(handler)
    router.settings = Settings(
        before=[logging_stage(classifier), metrics_stage(meter, classifier)],
        between=[validation_stage(router.catalogue), *around, injection.scope_stage()],
        injection=injection,
        classifier=classifier,
    )
    return CommandBus(router=router)


def _reliability() -> list[Stage]:
    """The stages in their order, each with the built-in part."""
    clock, classifier = SystemClock(), Classifier({})

    async def bulkheads() -> Bulkheads:
        return LocalBulkheads(lambda _: Bulkhead(concurrent=20))

    async def breakers() -> Breakers:
        return LocalBreakers(lambda _: CircuitBreaker())

    async def retries() -> Retries:
        return BackoffRetries(lambda _: Retry(), clock=clock, classifier=classifier)

    return [
        deadline_stage(lambda _: Timeout(seconds=5), clock),
        bulkhead_stage(lambda _: Bulkhead(concurrent=20), bulkheads),
        breaker_stage(lambda _: CircuitBreaker(), breakers, classifier),
        timeout_stage(lambda _: Timeout(seconds=5), Deadlines(clock).within),
        retry_stage(lambda _: Retry(), retries, lambda: False, tally_of(None), Lines()),
    ]


async def _one(what: str, call: Call, messages: Sequence[Any], rounds: int, *, at_most: float | None = None) -> Figure:
    ours, twin = ([(called, message) for message in messages] for called in (call, rename))
    return await _figure(what, ours, twin, rounds, at_most=at_most)


async def _figure(
    what: str,
    ours: Sequence[tuple[Call, Any]],
    twin: Sequence[tuple[Call, Any]],
    rounds: int,
    *,
    at_most: float | None,
) -> Figure:
    done = await compare(lambda: _round(ours), lambda: _round(twin), rounds=rounds)
    return Figure(
        what=what,
        value=done.value("µs more"),
        unit="µs more",
        at_most=at_most,
        ours=done.spread,
        twin=done.twin_spread,
        against="the bare awaited handler",
    )


async def _round(calls: Sequence[tuple[Call, Any]]) -> Run:
    started = time.perf_counter()
    for call, message in calls:
        await call(message)
    seconds = time.perf_counter() - started
    latencies: list[float] = []
    clock = time.perf_counter
    for call, message in calls[:500]:
        before = clock()
        await call(message)
        latencies.append(clock() - before)
    return Run(len(calls), seconds, latencies)
