"""Consumers that die or freeze between their commit and the acknowledgement: everything is done once, in order."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from pydantic_core import from_json

from examples._demo.database import Database
from tests.cli.served import wait_until
from tests.drivers.nats.keeping import Keeper, keeper
from tests.flows.workers import Workers
from tools.nats_server import NatsServer
from twofold.clock import new_id
from twofold.drivers.nats import NatsBroker
from twofold.messaging import Outgoing

pytestmark = pytest.mark.anyio

KILLED = -signal.SIGKILL
STREAMS = 5


@pytest.fixture
async def keeps(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keeper]:
    """A place of the test's own, that the workers receive from."""
    async with keeper(nats_server.url) as keeps:
        monkeypatch.setenv("TILL_BROKER", nats_server.url)
        monkeypatch.setenv("TILL_PLACE", keeps.place)
        monkeypatch.setenv("TILL_LEASE", "0.6")
        yield keeps


class Till(Workers):
    """The till."""

    app = "till"

    def done(self, type_: str) -> int:
        """How many events of a type there are."""
        return len(self.rows(f"SELECT position FROM twofold_events WHERE type = '{type_}'"))

    async def in_order(self) -> list[int]:
        """What was received, once it is seen that each stream is in its order."""
        entries = await self.store.log.read(0, until=await self.store.log.head(), limit=100_000)
        rung = [entry for entry in entries if entry.type == "rung"]
        numbers = [int(from_json(entry.data)["number"]) for entry in rung]
        for stream in {entry.stream for entry in rung}:
            own = [number for number, entry in zip(numbers, rung, strict=True) if entry.stream == stream]
            assert own == sorted(own)
        return numbers


@pytest.fixture
async def till(each_database: Database, tmp_path: Path, keeps: Keeper) -> AsyncIterator[Till]:
    """A till without a worker."""
    async with Till.on(each_database, tmp_path) as till:
        yield till


async def ring(url: str, place: str, numbers: range) -> None:
    """What another service sends, one after the other."""
    broker = NatsBroker(url)
    for number in numbers:
        id_, stream = str(new_id()), f"till-{number % STREAMS}"
        facts = {"specversion": "1.0", "id": id_, "source": "/shop", "type": "rung", "subject": stream}
        assert await broker.publish(
            [Outgoing(f"{place}.rung", id_, stream, facts, f'{{"number":{number}}}'.encode())]
        ) == [None]
    await broker.close()


@pytest.mark.parametrize("rounds", [2, pytest.param(8, marks=pytest.mark.faults)])
async def test_a_consumer_that_is_killed_before_it_acknowledges_does_nothing_twice(
    till: Till, keeps: Keeper, nats_server: NatsServer, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes again is known and acknowledged; the reaction has run once for each, and order is kept."""
    await keeps.keep()
    await ring(nats_server.url, keeps.place, range(300))
    random = Random(rounds)
    for _ in range(rounds):
        monkeypatch.setenv("TILL_KILL_AFTER", str(random.randint(1, 3)))
        assert till.worker("--role", "worker").ended() == KILLED
    monkeypatch.delenv("TILL_KILL_AFTER")
    till.worker("--role", "worker")
    wait_until(lambda: till.done("booked") >= 300, "everything is booked")
    assert await till.in_order() == list(range(300))
    assert till.done("booked") == 300


async def test_a_consumer_that_was_frozen_changes_nothing(
    till: Till, keeps: Keeper, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another one has recorded what it had taken, behind what JetStream waits for it; then it finds out."""
    await keeps.keep()
    gate = tmp_path / "gate"
    gate.mkdir()
    monkeypatch.setenv("TILL_GATE", str(gate))
    monkeypatch.setenv("TILL_LEASE", "2")
    await ring(nats_server.url, keeps.place, range(50))
    first = till.worker("--role", "worker")
    wait_until((gate / f"taken-{first.process.pid}").exists, "the first one has taken something")
    second = till.worker("--role", "worker")
    await till.freeze(first)
    wait_until((gate / f"taken-{second.process.pid}").exists, "the second one is given the same")
    (gate / "open").touch()
    wait_until(lambda: till.done("booked") >= 50, "the second one has booked everything")
    first.signal(signal.SIGCONT)
    await ring(nats_server.url, keeps.place, range(50, 60))
    wait_until(lambda: till.done("booked") >= 60, "and what came then")
    assert await till.in_order() == list(range(60))
    assert till.done("booked") == 60
    assert "Traceback" not in first.errors
