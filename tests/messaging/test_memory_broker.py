"""The broker in memory is the reference: it passes the conformance suite before any driver does."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from twofold.messaging import Broker, MemoryBroker, Outgoing
from twofold.testing import BrokerConformance, BrokerFeatures


class TestMemoryBroker(BrokerConformance):
    """The broker in memory, against the suite."""

    features = BrokerFeatures(too_large=1000)

    @pytest.fixture
    def broker(self) -> MemoryBroker:
        """A broker of its own for each test."""
        return MemoryBroker(largest=1000)

    async def kept(self, broker: Broker) -> Sequence[Outgoing]:
        """It shows what it keeps."""
        assert isinstance(broker, MemoryBroker)
        return broker.messages

    @asynccontextmanager
    async def away(self, broker: Broker) -> AsyncIterator[None]:
        """It can be told to be."""
        assert isinstance(broker, MemoryBroker)
        broker.away = True
        yield
        broker.away = False
