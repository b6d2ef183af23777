"""Relays that die or freeze between the broker's confirmation and their checkpoint: nothing is lost, order is kept."""

import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest

from examples._demo.database import Database
from tests.cli.served import wait_until
from tests.drivers.nats.keeping import Keeper, keeper
from tests.flows.post import Posted
from tests.flows.workers import Workers
from tools.nats_server import NatsServer
from twofold.messages import Catalogue, Context
from twofold.messaging import Outgoing
from twofold.store import UnitOfWork

pytestmark = pytest.mark.anyio

STREAMS = 25
KILLED = -signal.SIGKILL


@pytest.fixture
async def keeps(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Keeper]:
    """A place of the test's own, that the workers publish to."""
    async with keeper(nats_server.url) as keeps:
        monkeypatch.setenv("POST_BROKER", nats_server.url)
        monkeypatch.setenv("POST_PLACE", keeps.place)
        monkeypatch.setenv("POST_LEASE", "0.6")
        yield keeps


class Office(Workers):
    """The post office."""

    app = "post"

    async def record(self, each: int) -> None:
        """So many more events in each of the streams, in one transaction."""
        catalogue = Catalogue()
        catalogue.add(Posted)
        unit = UnitOfWork(self.store, catalogue, Context())
        for number in range(each):
            for stream in range(STREAMS):
                unit.append(f"post-{stream}", Posted(number=number))
        await unit.commit()

    @property
    def position(self) -> int:
        """Where the relay stands, whoever runs it."""
        found = self.rows("SELECT position FROM twofold_checkpoints WHERE name LIKE 'relay:%'")
        return int(found[0][0]) if found else 0


@pytest.fixture
async def office(each_database: Database, tmp_path: Path, keeps: Keeper) -> AsyncIterator[Office]:
    """An office without a worker."""
    async with Office.on(each_database, tmp_path) as office:
        yield office


def in_order(messages: Sequence[Outgoing], each: int) -> list[Outgoing]:
    """See that each stream is there, whole and in its order, and give what came once more, under the same id."""
    firsts: dict[str, Outgoing] = {}
    again = list[Outgoing]()
    for one in messages:
        if one.id in firsts:
            again.append(one)
            assert one == firsts[one.id]
        firsts.setdefault(one.id, one)
    for stream in range(STREAMS):
        versions = [int(one.attributes["streamversion"]) for one in firsts.values() if one.stream == f"post-{stream}"]
        assert versions == list(range(1, each + 1))
    return again


@pytest.mark.parametrize("remembers", [0.1, 120], ids=["forgetful", "remembering"])
@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.faults)])
async def test_a_relay_that_is_killed_before_its_checkpoint_loses_nothing(
    office: Office, keeps: Keeper, remembers: float, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand messages: what the next one gives again has the id that it had, so the server keeps it once."""
    await keeps.keep(duplicate_window=remembers)
    await office.record(40)
    random = Random(rounds)
    for _ in range(rounds):
        monkeypatch.setenv("POST_KILL_AFTER", str(random.randint(1, 20)))
        assert office.worker("--role", "worker").ended() == KILLED
    assert office.position == 0
    monkeypatch.delenv("POST_KILL_AFTER")
    office.worker("--role", "worker")
    wait_until(lambda: office.position == 40 * STREAMS, "everything is relayed")
    again = in_order(await keeps.messages(), 40)
    assert bool(again) == (remembers < 1)


async def test_a_relay_that_was_frozen_moves_no_checkpoint(
    office: Office, keeps: Keeper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another one has gone on behind it; what the frozen one has given, and gives, the server has already."""
    await keeps.keep()
    gate = tmp_path / "gate"
    gate.mkdir()
    monkeypatch.setenv("POST_GATE", str(gate))
    monkeypatch.setenv("POST_LEASE", "2")
    first = office.worker("--role", "worker")
    await office.record(3)
    wait_until((gate / f"given-{first.process.pid}").exists, "the first one has given something")
    second = office.worker("--role", "worker")
    await office.freeze(first)
    wait_until((gate / f"given-{second.process.pid}").exists, "the second one gives the same again")
    (gate / "open").touch()
    wait_until(lambda: office.position == 3 * STREAMS, "the second one has relayed everything")
    await office.record(2)
    wait_until(lambda: office.position == 5 * STREAMS, "and what came then")
    first.signal(signal.SIGCONT)
    wait_until(lambda: "goes on in another process" in first.errors, "the first one has found out")
    assert "Traceback" not in first.errors
    assert office.position == 5 * STREAMS
    assert in_order(await keeps.messages(), 5) == []
