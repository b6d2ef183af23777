"""A server is killed under load and started again on the same file: what it has acknowledged is there, and whole."""

import asyncio
import json
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest

from examples._demo.database import Database
from examples._demo.ledger import KnownOrder, Ledger
from examples._demo.orders import shop
from examples._demo.scenario import Checks
from examples._demo.server import caught_up, client_of
from examples._demo.tally import Tally
from examples._demo.verify import Verification
from tests.cli.served import Served

pytestmark = pytest.mark.anyio

STATUS = {"order_placed": "placed", "order_paid": "paid", "order_shipped": "shipped", "order_cancelled": "cancelled"}


@pytest.mark.parametrize("rounds", [2, pytest.param(6, marks=pytest.mark.faults)])
async def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    each_database: Database, tmp_path: Path, rounds: int
) -> None:
    """After SIGKILL at any moment, log and read models hold every accepted command, and every other whole or not."""
    random = Random(11)
    ledger = Ledger()
    accepted = 0
    for number in range(rounds + 1):
        quiet = ("--database", each_database.address, "--log-level", "warning")
        with Served("examples.orders:app", *quiet, folder=tmp_path) as server:
            async with client_of(server.address) as client:
                await caught_up(client)
                resolve_doubts(ledger, await read_log(each_database))
                checks = Checks()
                await Verification(client, ledger, checks).run(orders_before=0, customers_before=0)
                assert [check for check in checks.seen if not check.passed] == [], server.errors
                assert await each_database.rows("SELECT count(*) FROM order_detail") == [(len(ledger.orders),)]
                if number < rounds:
                    tally = Tally()
                    kill = KillAfter(server, tally, commands=random.randint(40, 200), delay=random.uniform(0, 0.02))
                    tally.on_command = kill
                    await shop(client, ledger, tally, commands=100_000, seed=number)
                    accepted += tally.accepted
                    assert kill.done, server.errors
                    assert tally.unanswered
                    assert tally.surprises == []
    assert accepted > 40


class KillAfter:
    """Kills a server a moment after so many commands were answered."""

    def __init__(self, server: Served, tally: Tally, *, commands: int, delay: float) -> None:
        self._server = server
        self._tally = tally
        self._commands = commands
        self._delay = delay
        self.done = False

    def __call__(self) -> None:
        if self._tally.sent >= self._commands and not self.done:
            self.done = True
            asyncio.get_running_loop().call_later(self._delay, self._server.process.kill)


async def read_log(database: Database) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The events of each order: type and data, in order; their versions have no holes."""
    rows = await database.rows("SELECT stream, version, type, data FROM twofold_events ORDER BY stream, version")
    streams: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for stream, group in groupby(rows, key=lambda row: str(row[0])):
        events = list(group)
        assert [version for _, version, _, _ in events] == list(range(1, len(events) + 1))
        streams[stream.removeprefix("order-")] = [(kind, json.loads(data)) for _, _, kind, data in events]
    return streams


def resolve_doubts(ledger: Ledger, streams: dict[str, list[tuple[str, dict[str, Any]]]]) -> None:
    """Hold the ledger against the log, and let the log say what became of the commands without an answer."""
    for order_id in streams.keys() - ledger.orders.keys():
        _, placed = streams[order_id][0]
        same = [order for order in ledger.doubtful if is_placed_by(order, placed)]
        assert same, f"nobody has placed order {order_id}"
        ledger.doubtful.remove(same[0])
        ledger.orders[order_id] = same[0]
    ledger.doubtful.clear()
    for order_id, order in ledger.orders.items():
        events = streams[order_id]
        kinds = [kind for kind, _ in events]
        assert kinds[0] == "order_placed"
        assert is_placed_by(order, events[0][1])
        assert order.settle(STATUS[kinds[-1]]), f"{order} is not what its events say: {kinds}"
        assert len(events) == order.events


def is_placed_by(order: KnownOrder, placed: dict[str, Any]) -> bool:
    return (
        order.customer_id == placed["customer_id"]
        and order.total == Decimal(placed["total"])
        and order.articles == sum(line["quantity"] for line in placed["lines"])
    )
