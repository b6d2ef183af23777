"""Dispatch: what a bus adds to a bare awaited handler, and whether it adds more with 10,000 message types.

Both sides call the same handlers with the same messages, in the same loop; building the message is left out.
"""

import asyncio
import importlib.util
import logging
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

from dishka import Provider, Scope

from benchmarks import dispatch_by_hand
from benchmarks.figures import Figure, Run, Skipped
from benchmarks.renaming import Call, Ledger, Opened, Rename, ledger, ledger_awaited, rename, rename_in
from benchmarks.rounds import compare_all
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
    "The twin awaits the handler itself. Each round calls 2,000 messages, or one of each type, through twofold, the "
    "floor and the twin in turn; the figure is the median difference over the rounds, in time of the processor, since"
    " nothing here waits and others share the machine. p50 and p99 are of single calls, with a clock (about 0.05 µs) "
    "around each. A floor is what the rows before it name, by hand and without twofold: a table, a context and a "
    "context variable; then pydantic, a clock and a scope of dishka; then `asyncio.timeout` and `asyncio.Semaphore`."
)


_Row: TypeAlias = tuple[str, Call, float | None]
"""What is measured, what calls it, and the bar."""


async def rename_with_id(command: Rename, context: Context) -> Result[None]:
    _made = context.message_id
    return Success()


async def read_id(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
    """A middleware that makes the id before the handler runs."""
    _made = context.message_id
    return await call_next(message, context)


def measure(*, quick: bool) -> Iterator[Figure | Skipped]:
    """The figures (a) to (d)."""
    rounds, calls = (2, 50) if quick else (61, 2000)
    for types in (1, 100):
        yield from asyncio.run(_alone(_handlers(types), rounds * 5, calls))
    yield from asyncio.run(_alone(_handlers(300 if quick else 10_000), rounds, calls))
    metered = importlib.util.find_spec("prometheus_client") is not None
    with _logging_off():
        yield from asyncio.run(_together([*_with_id(), *(_piped() if metered else ())], rounds, calls))
    if not metered:
        yield Skipped("(c) and (d), the pipeline of an application", "prometheus-client is not installed")


@contextmanager
def _logging_off() -> Generator[None]:
    logger = logging.getLogger("twofold.message")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


async def _alone(handlers: dict[type, Call], rounds: int, calls: int) -> list[Figure]:
    """(a), going round among all message types."""
    bus, types = CommandBus(), len(handlers)
    for message_type, handler in handlers.items():
        bus.register(message_type, handler)
    twin = [(handler, message_type()) for message_type, handler in handlers.items()]
    twin = (twin * (calls // types + 1))[: max(calls, types)]
    among = f"{types:,} message type{'s' if types > 1 else ''}"
    rows: list[_Row] = [
        (f"(a) bus alone, {among}", bus.execute, 1),
        (f"the floor of (a), {among}", dispatch_by_hand.bus(handlers), None),
    ]
    return await _figures(rows, twin, rounds)


def _handlers(types: int) -> dict[type, Call]:
    return {type(f"Command{number}", (Command,), {}): _handler() for number in range(types)}


def _handler() -> Call:
    async def handle(command: Any) -> Result[None]:
        return Success()

    return handle


def _with_id() -> list[_Row]:
    return [
        ("(b) the handler asks for the context's id", _asking().execute, 2),
        ("(b) a middleware does", _reading().execute, 2),
        ("the floor of (b)", dispatch_by_hand.bus_with_id(), None),
    ]


def _piped() -> list[_Row]:
    from twofold.observability import PrometheusMeter

    rows: list[_Row] = []
    for opened, one in ((ledger, "one generator"), (ledger_awaited, "one async generator")):
        full, reliable = _pipeline(PrometheusMeter(), opened), _pipeline(PrometheusMeter(), opened, _reliability())
        rows += [
            (f"(c) metric, logging off, revalidation, scope with {one}", full.execute, 7),
            (f"the floor of (c), {one}", dispatch_by_hand.pipeline(opened), None),
            (f"(d) and timeout, breaker, retry, bulkhead, {one}", reliable.execute, 15),
            (f"the floor of (d), {one}", dispatch_by_hand.bounded_pipeline(opened), None),
        ]
    return rows


def _asking() -> CommandBus:
    bus = CommandBus()
    bus.register(Rename, rename_with_id)
    return bus


def _reading() -> CommandBus:
    bus = CommandBus()
    bus.register(Rename, rename)
    bus.use(read_id)
    return bus


def _pipeline(meter: Any, opened: Opened, around: Sequence[Stage] = ()) -> CommandBus:
    """What an application puts around a handler, without its store."""
    handler = Handler.of(rename_in, kind=Kind.COMMAND, module=Module("benchmarks").name)
    provider = Provider()
    provider.provide(opened, provides=Ledger, scope=Scope.REQUEST)
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


async def _together(rows: Sequence[_Row], rounds: int, calls: int) -> list[Figure]:
    """Rows about one small command."""
    return await _figures(rows, [(rename, Rename(name="Ada", number=1))] * calls, rounds)


async def _figures(rows: Sequence[_Row], twin: Sequence[tuple[Call, Any]], rounds: int) -> list[Figure]:
    """Each row with the same messages as the twin, all of them in the same rounds."""
    ours = [[(call, message) for _, message in twin] for _, call, _ in rows]
    done = await compare_all([partial(_round, calls) for calls in ours], partial(_round, twin), rounds=rounds)
    return [
        compared.figure(what, "µs more", "the bare awaited handler", at_most=at_most)
        for (what, _, at_most), compared in zip(rows, done, strict=True)
    ]


async def _round(calls: Sequence[tuple[Call, Any]]) -> Run:
    started = time.thread_time()
    for call, message in calls:
        await call(message)
    seconds = time.thread_time() - started
    latencies: list[float] = []
    clock = time.perf_counter
    for call, message in calls[:500]:
        before = clock()
        await call(message)
        latencies.append(clock() - before)
    return Run(len(calls), seconds, latencies)
