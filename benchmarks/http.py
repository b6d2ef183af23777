"""Commands and queries over HTTP, against the same endpoints by hand with FastAPI and sqlite3 in the event loop.

Both are served by uvicorn in a process of their own, with the same settings, and asked by the same client in turn.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.client import Client, get, post
from benchmarks.figures import Figure, Run, Unit
from benchmarks.rounds import Comparison, compare
from benchmarks.servers import loop_factory, served
from benchmarks.twins import made
from twofold.clock import new_id

TITLE = "HTTP"
ABOUT = (
    "One process each, uvicorn with uvloop and httptools, one worker, no access log, what was imported frozen for the "
    "garbage collector as `twofold run` does, SQLite in WAL mode with "
    "`synchronous = FULL`. *Place* has a typed body, appends an event to a new stream with its version checked, and "
    "writes a row of a read model in the same transaction. *Pay* loads an order and appends with its version checked. "
    "Both leave an entry in the audit trail with what they write. "
    "The twin writes the same rows by the same statements in an `async def` endpoint. It has no correlation id in its "
    "answers, no problem details, no validation beyond its pydantic body. At 1 client the figure is of the middle "
    "latencies of the rounds, which a disk with a long tail disturbs less; at 16 it is of their throughput. A floor is "
    "the twin with its sqlite3 in threads, one that writes and one that reads, so that its event loop never waits for "
    "a file, as twofold's never does. That of what is promised is by hand, too, with a bus, a context, a check, a "
    "scope of dishka, an entry in the audit trail without secrets, and twofold's store."
)

Requests: TypeAlias = Callable[[Client], Sequence[bytes]]

_LINES = [{"sku": f"SKU-{number}", "quantity": number, "unit_price": 250} for number in (1, 2, 3)]
_TOTAL = 1500
_FLOOR = "the floor of what is promised"


def measure(*, quick: bool) -> Iterator[Figure]:
    """What the client costs, then place, pay and get at 1 and 16 clients."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served("nothing") as nothing,
        served("shop", Path(folder) / "ours.db") as ours,
        served("shop_by_hand", made(Path(folder) / "twin.db")) as twin,
        served("shop_by_threads", made(Path(folder) / "floor.db")) as floor,
        served("shop_promised", Path(folder) / "promised.db") as promising,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        idle, *others = asked = [Client(port) for port in (nothing, ours, twin, floor, promising)]
        try:
            for clients in (1, 16):
                rounds, count = (2, 16) if quick else (61, 40) if clients == 1 else (25, 480)
                yield runner.run(_client_alone(idle, count, clients))
                yield from _at(runner, others, clients=clients, rounds=rounds, count=count)
        finally:
            for client in asked:
                runner.run(client.close())


def _at(runner: asyncio.Runner, asked: Sequence[Client], *, clients: int, rounds: int, count: int) -> Iterator[Figure]:
    ours, twin, floor, promising = asked
    unit: Unit = "%"
    command = 70 if clients == 1 else 100
    orders: dict[Client, list[str]] = {client: [] for client in asked}
    compared: dict[str, Comparison] = {}

    def measured(
        what: str,
        writes: str,
        bar: float | None,
        requests: Requests,
        *,
        against: str = "sqlite3",
        by: Client = ours,
    ) -> Figure:
        async def run(client: Client) -> Run:
            done = await client.send(requests(client), clients=clients)
            orders[client] += [json.loads(answer) for answer in client.answers if answer.startswith(b'"')]
            return done

        async def both() -> Comparison:
            return await compare(lambda: run(by), lambda: run(twin), rounds=rounds)

        done = compared[what] = runner.run(both())
        return Figure(
            what=what,
            value=done.middle_ratio * 100 if clients == 1 else done.value(unit),
            unit=unit,
            at_least=bar,
            ours=done.spread,
            twin=done.twin_spread,
            against=f"FastAPI + {against} by hand",
            writes=writes,
            clients=clients,
            durability="FULL" if writes != "nothing" else "none",
        )

    def pay(client: Client) -> list[bytes]:
        placed = orders[client]
        body = json.dumps({"amount": _TOTAL}).encode()
        mine, placed[:] = placed[:count], placed[count:] + placed[:count]
        return [post(f"/orders/{order}/pay", body) for order in mine]

    def ask(view: str, other: str = "") -> Requests:
        return lambda client: [
            get(f"/orders/{order}/{other if other and client is twin else view}")
            for order in islice(cycle(orders[client]), count)
        ]

    def place(_: Client) -> list[bytes]:
        return [_place() for _ in range(count)]

    hand = "by hand, through the store"
    yield measured("place an order", "1 event, 1 row", command, place)
    yield measured("the floor: place an order by hand, through a thread", "1 event, 1 row", None, place, by=floor)
    yield measured(f"{_FLOOR}: place an order {hand}", "1 event, 1 row", None, place, by=promising)
    yield measured("pay an order", "1 event", command, pay)
    yield measured("the floor: pay an order by hand, through two threads", "1 event", None, pay, by=floor)
    yield measured(f"{_FLOOR}: pay an order {hand}", "1 event", None, pay, by=promising)
    yield measured("get an order, SQL through the store", "nothing", 80, ask("plain"))
    yield measured("the floor: get an order by hand, through a thread", "nothing", None, ask("plain"), by=floor)
    yield measured(f"{_FLOOR}: get an order {hand}", "nothing", None, ask("plain"), by=promising)
    yield measured("get an order, columns of a ReadSession", "nothing", 80, ask("columns", "plain"))
    by_hand = "SQLAlchemy's Session in the loop"
    yield measured("get an order, an object of a ReadSession", "nothing", 80, ask("mapped"), against=by_hand)
    yield measured("get an order, an object of a ReadSession", "nothing", 80, ask("mapped", "plain"))
    if clients > 1:
        yield from _of_one_process("commands", compared["place an order"], clients, at_least=100, at_most=500)
        for how in ("SQL through the store", "columns of a ReadSession", "an object of a ReadSession"):
            queried = compared[f"get an order, {how}"]
            yield from _of_one_process(f"queries by {how}", queried, clients, at_least=1000, at_most=100)


def _of_one_process(what: str, done: Comparison, clients: int, *, at_least: float, at_most: float) -> Iterator[Figure]:
    """How many messages one process answers in a second, and how long the slowest of a hundred takes."""
    facts: dict[str, Any] = {"ours": done.spread, "against": "", "clients": clients}
    yield Figure(what=f"{what} in a second", value=done.rate, unit="/s", at_least=at_least, **facts)
    yield Figure(what=f"{what}, p99", value=done.spread.p99 * 1e3, unit="ms", at_most=at_most, **facts)


def _place() -> bytes:
    return post("/orders", json.dumps({"customer_id": str(new_id()), "lines": _LINES}).encode())


async def _client_alone(client: Client, count: int, clients: int) -> Figure:
    """The client against a server that does nothing: what it can do, and so what it adds."""
    runs = [await client.send([_place() for _ in range(count)], clients=clients) for _ in range(5)]
    done = Comparison(runs[1:], runs[1:])
    return Figure(
        what="the client itself, requests in a second",
        value=done.rate,
        unit="/s",
        ours=done.spread,
        against="a server that answers without reading",
        clients=clients,
    )
