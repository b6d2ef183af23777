"""The conformance suite of the broker port: whoever writes a broker derives a test class from it, and runs it.

The broker in memory passes it first, and every driver after it. It asks for nothing but the port, and for a way to look
at what is kept.
"""

import asyncio

import pytest

from twofold.messaging import Broker, MessageRefused, NotConfirmed
from twofold.testing._broker_case import BrokerFeatures
from twofold.testing._broker_receiving import Receiving

__all__ = ["BrokerConformance", "BrokerFeatures"]


class BrokerConformance(Receiving):
    """Every promise of the broker port, as tests.

    Derive from it, replace the fixture `broker` and the methods `kept` and `away`, and say what the broker can do in
    `features`.

    Example:
        >>> class TestMemoryBroker(BrokerConformance):
        ...     features = BrokerFeatures(too_large=2_000_000)
        ...
        ...     @pytest.fixture
        ...     def broker(self) -> MemoryBroker:
        ...         return MemoryBroker()
        ...
        ...     async def kept(self, broker: Broker) -> Sequence[Outgoing]:
        ...         return broker.messages
    """

    async def test_what_is_confirmed_is_kept_as_it_was_given(self, broker: Broker) -> None:
        """Data, id and attributes, to the last character."""
        odd = self.message(b'{"name":"Zo\xc3\xab"}', subject='Zoë %41 "quoted" 🙂', tenant="a b")
        plain = self.message()
        assert await broker.publish([odd, plain]) == [None, None]
        kept = {one.id: one._replace(stream="") for one in await self.kept(broker)}
        assert kept == {one.id: one._replace(stream="") for one in (odd, plain)}

    async def test_calls_are_kept_in_their_order(self, broker: Broker) -> None:
        """Whoever has been told that the first one is kept finds it in front of the second one."""
        messages = [self.message(str(number).encode()) for number in range(20)]
        for one in messages:
            assert await broker.publish([one]) == [None]
        assert [one.id for one in await self.kept(broker)] == [one.id for one in messages]

    async def test_nothing_is_given(self, broker: Broker) -> None:
        """And nothing is answered."""
        assert list(await broker.publish([])) == []

    async def test_many_at_once(self, broker: Broker) -> None:
        """In one call, and in several calls at a time: each is answered for its own messages."""
        calls = [[self.message() for _ in range(300)] for _ in range(3)]
        answers = await asyncio.gather(*map(broker.publish, calls))
        assert [list(one) for one in answers] == [[None] * 300] * 3
        assert {one.id for one in await self.kept(broker)} == {one.id for call in calls for one in call}

    async def test_a_second_copy_is_none(self, broker: Broker) -> None:
        """It is confirmed, and kept once."""
        if not self.features.once:
            pytest.skip("this broker keeps copies")
        one = self.message()
        assert await broker.publish([one]) == [None]
        assert await broker.publish([one, other := self.message()]) == [None, None]
        assert [found.id for found in await self.kept(broker)] == [one.id, other.id]

    async def test_what_is_too_large_is_refused(self, broker: Broker) -> None:
        """It alone: the connection lives, and what is given beside it and behind it is kept."""
        large = self.message(b'"' + b"x" * self.features.too_large + b'"')
        first, last, later = self.message(), self.message(), self.message()
        outcomes = await broker.publish([first, large, last])
        assert [type(one) for one in outcomes] == [type(None), MessageRefused, type(None)]
        assert await broker.publish([later]) == [None]
        assert {one.id for one in await self.kept(broker)} == {first.id, last.id, later.id}

    async def test_what_nobody_keeps_is_not_confirmed(self, broker: Broker) -> None:
        """It is no success that a message has left; those that are kept are confirmed beside it."""
        if not self.features.nowhere:
            pytest.skip("this broker keeps everything")
        first, lost, last = self.message(), self.message(to=self.features.nowhere), self.message()
        outcomes = await broker.publish([first, lost, last])
        assert [type(one) for one in outcomes] == [type(None), NotConfirmed, type(None)]
        assert {one.id for one in await self.kept(broker)} == {first.id, last.id}

    async def test_while_it_is_away_nothing_is_confirmed(self, broker: Broker) -> None:
        """Each call ends, and tells so; afterwards the same messages are kept."""
        before, during = self.message(), [self.message() for _ in range(3)]
        assert await broker.publish([before]) == [None]
        async with self.away(broker):
            for _ in range(2):
                assert [type(one) for one in await broker.publish(during)] == [NotConfirmed] * 3
        assert list(await broker.publish(during)) == [None] * 3
        first, *others = [one.id for one in await self.kept(broker)]
        assert first == before.id
        assert sorted(others) == sorted(one.id for one in during)

    async def test_it_connects_again_after_it_was_closed(self, broker: Broker) -> None:
        """Closing twice is harmless, and so is closing what was never open."""
        await broker.close()
        for _ in range(2):
            assert await broker.publish([self.message()]) == [None]
            await broker.close()
            await broker.close()
        assert len(await self.kept(broker)) == 2
