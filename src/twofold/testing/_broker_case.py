"""What the conformance suites of brokers have in common: what a broker can do, and the messages that it is given."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import ClassVar

import pytest

from twofold.clock import new_id
from twofold.messaging import Broker, Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFeatures:
    """What a broker can do, and where it ends; tests of what it cannot do are skipped.

    Args:
        too_large: How many bytes of data it never takes in one message.
        once: A message that comes again under its id is kept once.
        nowhere: A place that nothing keeps the messages of; empty where everything is kept.
        receives: It gives messages too.
    """

    too_large: int
    once: bool = True
    nowhere: str = ""
    receives: bool = True


class BrokerCase:
    """A part of the suite."""

    pytestmark: ClassVar = pytest.mark.anyio
    features: ClassVar[BrokerFeatures]
    to: ClassVar[str] = "orders"
    """A place whose messages the `broker` fixture has kept."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Brokers are written for asyncio."""
        return "asyncio"

    @pytest.fixture
    def broker(self) -> Broker:
        """A broker that keeps nothing yet; to be replaced by an adapter's own."""
        raise NotImplementedError

    async def kept(self, broker: Broker) -> Sequence[Outgoing]:
        """What is kept of the place, in order; to be replaced by an adapter's own."""
        raise NotImplementedError

    def away(self, broker: Broker) -> AbstractAsyncContextManager[None]:
        """A block in which it cannot be reached; to be replaced by an adapter's own."""
        raise NotImplementedError

    def require_receiving(self) -> None:
        """Skip the test where messages are only taken."""
        if not self.features.receives:
            pytest.skip("this broker only takes messages")

    def message(self, data: bytes = b"{}", *, to: str = "", **attributes: str) -> Outgoing:
        """A message with an id of its own, in a stream of its own."""
        identity = str(new_id())
        facts = {"specversion": "1.0", "id": identity, "source": "/test", "type": "happened", "subject": identity}
        return Outgoing(f"{to or self.to}.happened", identity, identity, {**facts, **attributes}, data)
