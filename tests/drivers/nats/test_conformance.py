"""NATS JetStream against the conformance suite of brokers, on a server of its own that is killed and comes again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.drivers.nats.keeping import keeper
from tools.nats_server import NatsServer, running
from twofold.drivers.nats import NatsBroker
from twofold.messaging import Broker, Outgoing
from twofold.testing import BrokerConformance, BrokerFeatures


class TestNatsBroker(BrokerConformance):
    """The broker over JetStream, against the suite."""

    features = BrokerFeatures(too_large=4096, nowhere="nowhere")
    server: NatsServer

    @pytest.fixture
    async def broker(self, tmp_path: Path) -> AsyncIterator[Broker]:
        """A broker on a server with one stream."""
        with running(tmp_path, "max_payload: 4096") as self.server:
            async with keeper(self.server.url, self.to) as keeps:
                await keeps.keep()
            broker = NatsBroker(self.server.url)
            yield broker
            await broker.close()

    async def kept(self, broker: Broker) -> Sequence[Outgoing]:
        """Asked by another client."""
        async with keeper(self.server.url, self.to) as keeps:
            return await keeps.messages()

    @asynccontextmanager
    async def away(self, broker: Broker) -> AsyncIterator[None]:
        """Killed, and started again on the same port with what it has kept."""
        self.server.kill()
        yield
        self.server.start()
