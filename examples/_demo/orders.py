"""Drives the orders example with many clients at once, waits for its read models, and has them verified."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from time import perf_counter
from typing import Final

import httpx

from examples._demo.ledger import Ledger
from examples._demo.scenario import Checks
from examples._demo.server import WRONG_ANSWER, NotCaughtUp, Server, caught_up, subscriptions
from examples._demo.shopper import MISTAKES, Shopper
from examples._demo.tally import Tally
from examples._demo.verify import Verification
from twofold.clock import new_id

CLIENTS: Final = 16
_CUSTOMERS: Final = 40
_LOOK: Final = 0.1


@dataclass(slots=True)
class OrdersRun:
    """What one drive came to."""

    tally: Tally
    ledger: Ledger = field(default_factory=Ledger)
    checks: Checks = field(default_factory=Checks)
    orders_before: int = 0
    seconds: float = 0.0
    """How long the clients took."""
    catch_up_seconds: float = 0.0
    """How long the read models took after the last command."""
    max_lag: int = 0
    """How many events the read models were behind at most, when somebody looked."""
    query_seconds: list[float] = field(default_factory=list[float])


async def drive_orders(server: Server, *, commands: int, seed: int, on_command: Callable[[], None]) -> OrdersRun:
    """Drive a running server.

    Args:
        server: The server.
        commands: How many commands to send, at least.
        seed: What the clients' choices come from.
        on_command: Called after each command.

    Raises:
        ServerDied: It ended in the middle.
    """
    run = OrdersRun(Tally(on_command=on_command))
    async with server.client(connections=CLIENTS + 1) as client:
        verification = Verification(client, run.ledger, run.checks)
        await caught_up(client)
        run.orders_before = await verification.count("/orders")
        customers_before = await verification.count("/customers")
        events_before = await server.events()
        async with watching(client, run):
            started = perf_counter()
            await shop(client, run.ledger, run.tally, commands=commands, seed=seed)
            run.seconds = perf_counter() - started
        server.check()
        started = perf_counter()
        try:
            await caught_up(client)
        except NotCaughtUp as error:
            run.checks.that("S5", "the read models catch up", False, error)
        run.catch_up_seconds = perf_counter() - started
        try:
            await verification.run(orders_before=run.orders_before, customers_before=customers_before)
        except WRONG_ANSWER as error:
            run.checks.that("S5", "the read models can be read", False, repr(error))
        server.check()
    run.query_seconds = verification.seconds
    events = await server.events() - events_before
    run.checks.equal("S5", "the log holds what was accepted and no more", events, run.ledger.events)
    surprises = run.tally.surprises
    run.checks.equal("S5", "every command is answered", run.tally.unanswered, 0)
    run.checks.that(
        "S5", "every answer is the right one", not surprises, f"{len(surprises)}: {'; '.join(surprises[:3])}"
    )
    return run


async def shop(client: httpx.AsyncClient, ledger: Ledger, tally: Tally, *, commands: int, seed: int) -> None:
    """Let many clients send commands until there are enough, or until the server is gone.

    Args:
        client: Speaks to the server.
        ledger: Where they note what was accepted.
        tally: Where they count.
        commands: How many commands, at least.
        seed: What their choices come from.
    """
    customers = [str(new_id()) for _ in range(_CUSTOMERS)]
    mistakes = cycle(MISTAKES)

    async def one(number: int) -> None:
        random = Random(f"{seed}-{number}")  # noqa: S311  # repeatable, and nothing secret
        shopper = Shopper(client, customers=customers, ledger=ledger, tally=tally, mistakes=mistakes, random=random)
        await shopper.make_a_mistake()  # so every kind is seen, however few commands are asked for
        while tally.sent < commands and not tally.unanswered:
            await shopper.visit()

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(one(number))


@asynccontextmanager
async def watching(client: httpx.AsyncClient, run: OrdersRun) -> AsyncGenerator[None]:
    """Look again and again at how far the read models are behind, until the block ends."""

    async def watch() -> None:
        # A server that dies is reported by those who need its answers.
        with suppress(httpx.TransportError):
            while True:
                lags = [each["lag"] for each in await subscriptions(client)]
                run.max_lag = max(run.max_lag, *lags)
                await asyncio.sleep(_LOOK)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
