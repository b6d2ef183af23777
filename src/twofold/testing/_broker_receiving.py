"""Conformance of brokers that give messages too: in order, until they are settled."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from twofold.messaging import Broker, Incoming, NotReceived, Queue, ReceivingBroker, Waiting
from twofold.testing._broker_case import BrokerCase

_LONG = 30.0


class Receiving(BrokerCase):
    """What holds for receiving; skipped where a broker only takes messages."""

    @pytest.fixture
    def giving(self, broker: Broker) -> ReceivingBroker:
        """The broker, if it gives messages."""
        self.require_receiving()
        assert isinstance(broker, ReceivingBroker)
        return broker

    async def test_what_is_given_is_what_was_published(self, giving: ReceivingBroker) -> None:
        """Subject, data and attributes, to the last character, in the order in which it was kept; numbers grow."""
        odd = self.message(b'{"name":"Zo\xc3\xab"}', subject='Zoë %41 "quoted" 🙂', tenant="a b")
        messages = [odd, *(self.message(str(number).encode()) for number in range(20))]
        for one in messages:
            assert await giving.publish([one]) == [None]
        found = await self.all_of(giving, self.queue(), len(messages))
        assert [_facts(one) for one in found] == [(one.subject, one.attributes, one.data) for one in messages]
        assert [one.number for one in found] == sorted({one.number for one in found})
        assert found[-1].behind == 0

    async def test_only_what_a_queue_is_for_is_given(self, giving: ReceivingBroker) -> None:
        """Nothing of another name, though it is in the same place."""
        other, wanted = self.message(), self.message()
        other = other._replace(subject=f"{self.to}.other")
        await giving.publish([other, wanted])
        assert await giving.waiting(self.queue()) == Waiting(1, 0, (await giving.waiting(self.queue())).again)
        assert [one.attributes["id"] for one in await giving.receive(self.queue(), 10, _LONG)] == [wanted.id]

    async def test_queues_have_nothing_to_do_with_each_other(self, giving: ReceivingBroker) -> None:
        """Each is given everything."""
        one = self.message()
        await giving.publish([one])
        for name in ("first:orders", "second:orders"):
            queue = self.queue(name)
            (found,) = await giving.receive(queue, 10, _LONG)
            await giving.settle(queue, [found])
            assert await self.left(giving, queue) == (0, 0)

    async def test_what_is_settled_is_never_given_again(self, giving: ReceivingBroker) -> None:
        """What is not settled is, once it was given back: in its order, and in front of what nobody was given yet."""
        messages = [self.message() for _ in range(6)]
        for one in messages:
            await giving.publish([one])
        queue = self.queue()
        found = await self.all_of(giving, queue, 4, most=4)
        await giving.settle(queue, [found[1]])
        assert await self.left(giving, queue) == (2, 3)
        await giving.give_back(queue)
        again = await self.all_of(giving, queue, 5)
        ids = [one.id for one in messages]
        assert [one.attributes["id"] for one in again] == [ids[0], *ids[2:]]
        await giving.settle(queue, again)
        await giving.settle(queue, again)
        await giving.give_back(queue)
        assert await self.left(giving, queue) == (0, 0)
        assert not await giving.receive(queue, 10, 0.05)

    async def test_a_new_queue_may_start_now(self, giving: ReceivingBroker) -> None:
        """Then it is given what comes from its first call on."""
        before, behind = self.message(), self.message()
        await giving.publish([before])
        queue = self.queue()._replace(start="now")
        assert await self.left(giving, queue) == (0, 0)
        await giving.publish([behind])
        (found,) = await giving.receive(queue, 10, _LONG)
        assert found.attributes["id"] == behind.id

    async def test_whoever_waits_is_given_what_comes(self, giving: ReceivingBroker) -> None:
        """At once, and nothing when nothing has come in time."""
        queue = self.queue()
        assert not await giving.receive(queue, 10, 0.05)
        waiting = asyncio.ensure_future(giving.receive(queue, 10, _LONG))
        await self.left(giving, queue)  # by now it waits
        one = self.message()
        await giving.publish([one])
        (found,) = await waiting
        assert found.attributes["id"] == one.id

    async def test_what_is_cancelled_loses_nothing(self, giving: ReceivingBroker) -> None:
        """What came meanwhile is given to the next call."""
        queue = self.queue()
        for _ in range(3):
            waiting = asyncio.ensure_future(giving.receive(queue, 10, _LONG))
            await self.left(giving, queue)  # by now it waits
            one = self.message()
            await giving.publish([one])
            waiting.cancel()
            done = await asyncio.gather(waiting, return_exceptions=True)
            found = done[0] if isinstance(done[0], Sequence) else await giving.receive(queue, 10, _LONG)
            assert [given.attributes["id"] for given in found] == [one.id]
            await giving.settle(queue, found)

    async def test_many_are_given_in_batches(self, giving: ReceivingBroker) -> None:
        """None larger than asked for."""
        messages = [self.message() for _ in range(700)]
        await giving.publish(messages)
        queue, seen = self.queue(), set[str]()
        while len(seen) < len(messages):
            found = await giving.receive(queue, 300, _LONG)
            assert 0 < len(found) <= 300
            seen |= {one.attributes["id"] for one in found}
            await giving.settle(queue, found)
        assert seen == {one.id for one in messages}

    async def test_while_it_is_away_nothing_is_given(self, giving: ReceivingBroker) -> None:
        """Each call ends, and tells so; afterwards all that was not settled is given, and can be settled.

        A broker that was killed may have forgotten what was settled last, and what it has given.
        """
        queue, messages = self.queue(), [self.message() for _ in range(3)]
        for one in messages:
            await giving.publish([one])
        (first,) = await giving.receive(queue, 1, _LONG)
        await giving.settle(queue, [first])
        (second,) = await giving.receive(queue, 1, _LONG)
        async with self.away(giving):
            for _ in range(2):
                with pytest.raises(NotReceived):
                    await giving.receive(queue, 10, 0.05)
                with pytest.raises(NotReceived):
                    await giving.waiting(queue)
            await giving.give_back(queue)
        with suppress(NotReceived):  # it may have forgotten that it has given it
            await giving.settle(queue, [second])
        seen = set[str]()
        async with asyncio.timeout(_LONG):
            while await self.left(giving, queue) != (0, 0):
                found = await giving.receive(queue, 10, 0.05)
                await giving.settle(queue, found)
                seen |= {one.attributes["id"] for one in found}
        assert {messages[2].id} <= seen <= {one.id for one in messages}

    def queue(self, name: str = "billing:orders") -> Queue:
        """What an application receives."""
        return Queue(name, self.to, frozenset({"happened"}))

    async def left(self, giving: ReceivingBroker, queue: Queue) -> tuple[int, int]:
        """How many nobody was given yet, and how many somebody has not settled."""
        waiting = await giving.waiting(queue)
        return waiting.pending, waiting.taken

    async def all_of(self, giving: ReceivingBroker, queue: Queue, count: int, *, most: int = 100) -> list[Incoming]:
        """So many messages, however many calls that takes."""
        found: list[Incoming] = []
        async with asyncio.timeout(_LONG):
            while len(found) < count:
                found += await giving.receive(queue, most - len(found), _LONG)
        return found


def _facts(one: Incoming) -> tuple[str, dict[str, str], bytes]:
    return one.subject, dict(one.attributes), one.data
