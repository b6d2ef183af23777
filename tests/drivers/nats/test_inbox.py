"""Applications that receive from a real server: one that comes and goes, strangers that write to it, and its rights."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from tests.drivers.nats.keeping import Keeper, keeper
from tests.freezing import freeze
from tests.messaging.buying import billing, message, orders, recorded
from tools.nats_server import NatsServer, running
from twofold import App, Module
from twofold.drivers.nats import NatsBroker
from twofold.drivers.nats._connection import _Client
from twofold.messaging import NotReceived, Outgoing, Queue, Waiting
from twofold.subscriptions import Trouble

pytestmark = pytest.mark.anyio


class Observed:
    """Notes the troubles of an application, and tells when one has come that is looked for."""

    def __init__(self, app: App, wanted: Callable[[Trouble], bool] = lambda trouble: True) -> None:
        self.seen: list[Trouble] = []
        self._come = asyncio.Event()
        self._wanted = wanted
        app.observe(observer=self._note)

    def _note(self, trouble: Trouble) -> None:
        self.seen.append(trouble)
        if self._wanted(trouble):
            self._come.set()

    async def come(self) -> None:
        """Return once it has."""
        async with asyncio.timeout(60):
            await self._come.wait()


async def give(url: str, *messages: Outgoing) -> None:
    """What another service sends, one after the other."""
    broker = NatsBroker(url, within=30)
    for one in messages:
        assert await broker.publish([one]) == [None]
    await broker.close()


async def test_what_nobody_keeps_is_waited_for(nats_server: NatsServer) -> None:
    """No stream is made; it is told which one is missing, and once it is there all goes on."""
    async with keeper(nats_server.url) as keeps:
        app = App("billing", modules=[billing(keeps.place)], database="memory:", broker=nats_server.url)
        observed = Observed(app)
        async with app:
            await observed.come()
            (inbox, *_) = [one for one in await app.progress() if one.name.startswith("inbox:")]
            assert f"one stream has to keep {keeps.place}.paid, and no stream keeps them" in inbox.error
            assert all(one.away for one in observed.seen)
            await keeps.keep()
            await give(nats_server.url, message("a", 1, place=keeps.place))
            await app.settle(timeout=60)
            assert await orders(app) == [("a", 1)]


async def test_a_server_that_is_killed_and_comes_again_loses_nothing(tmp_path: Path) -> None:
    """The application connects again by itself; what it has had already it knows."""
    with running(tmp_path) as server:
        async with keeper(server.url, "orders") as keeps:
            await keeps.keep()
        app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=server.url)
        observed = Observed(app, lambda trouble: isinstance(trouble.error, NotReceived))
        async with app:
            await give(server.url, *[message("a", number) for number in range(20)])
            await app.settle(timeout=60)
            server.kill()
            await observed.come()
            server.start()
            await give(server.url, *[message("a", number) for number in range(20, 40)])
            await app.settle(timeout=60)
            assert await orders(app) == await orders(app, "invoiced") == [("a", number) for number in range(40)]
            assert not await app.parked.list()
            (inbox,) = [one for one in await app.progress() if one.name == "inbox:orders"]
            assert (inbox.lag, inbox.failures, inbox.error) == (0, 0, "")


async def test_a_server_that_is_frozen_is_told_of(tmp_path: Path) -> None:
    """Nothing waits for it for ever; when it goes on, so does the application."""
    with running(tmp_path) as server:
        async with keeper(server.url, "orders") as keeps:
            await keeps.keep()
        broker = NatsBroker(server.url, within=0.3)
        app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
        observed = Observed(app, lambda trouble: isinstance(trouble.error, NotReceived))
        async with app:
            await give(server.url, message("a", 1))
            await app.settle(timeout=60)
            freeze(server.pid)
            await observed.come()
            os.kill(server.pid, signal.SIGCONT)
            await give(server.url, message("a", 2))
            await app.settle(timeout=60)
            assert await orders(app) == [("a", 1), ("a", 2)]


async def test_what_strangers_write_ends_nothing(tmp_path: Path) -> None:
    """Headers that are none, many, and a body of 30 MB, as large as JetStream keeps: put aside, and others flow."""
    with running(tmp_path, "max_payload: 64MB", "max_pending: 256MB") as server:
        async with keeper(server.url, "orders") as keeps:
            await keeps.keep()
        large = b'"' + b"x" * 30_000_000 + b'"'
        await give(server.url, message("a", 1), message("b", data=large), message("c", 3))
        await raw(server, b"NATS/1.0 \xff\xfe\xfd\r\n\r\n", b"{}")
        await raw(server, b"NATS/1.0\r\nce-id: \xff\xfe\r\nnothing\r\n: \r\n\r\n", b"{}")
        await raw(server, b"NATS/1.0 404 No Messages\r\n\r\n", b"")
        await raw(server, b"NATS/1.0\r\n" + b"".join(b"ce-x%d: y\r\n" % nth for nth in range(4_000)) + b"\r\n", b"")
        await give(server.url, message("d", 4))
        app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=server.url)
        async with app:
            await app.settle(timeout=60)
            assert await orders(app) == [("a", 1), ("c", 3), ("d", 4)]
            parked = await app.parked.list()
            assert [one.position for one in parked] == [2, 4, 5, 6, 7]
            assert all(one.cause.startswith("MessageUnreadable: ") for one in parked)
            assert "30000002 bytes of data" in parked[0].cause
            assert len(parked[0].data or b"") < 1000


async def raw(server: NatsServer, headers: bytes, data: bytes) -> None:
    """Publish what no client would, and see that it is kept."""
    parts = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b'CONNECT {"headers":true,"verbose":false}\r\nSUB told 1\r\n')
    writer.write(
        b"HPUB orders.paid told %d %d\r\n" % (len(headers), len(headers) + len(data)) + headers + data + b"\r\n"
    )
    await writer.drain()
    async with asyncio.timeout(60):
        while b'"seq"' not in (line := await reader.readline()):
            assert line
    writer.close()
    await writer.wait_closed()


async def consumer(keeps: Keeper, name: str) -> ConsumerConfig:
    """A consumer as the server has it."""
    found: ConsumerConfig = (await keeps.client.jetstream().consumer_info(keeps.place, name)).config
    return found


async def test_a_consumer_is_made_once_and_widened_only(nats_server: NatsServer) -> None:
    """Each message is acknowledged by itself, without a limit of tries; an event more is added to those that come."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        broker = NatsBroker(nats_server.url)
        queue = Queue("bill ing.x:a.b", keeps.place, frozenset({"paid"}))
        assert await broker.waiting(queue) == Waiting(0, 0, 5.0)
        made = await consumer(keeps, "bill=20ing=2Ex:a=2Eb")
        assert (made.ack_policy, made.max_deliver, made.ack_wait) == (AckPolicy.EXPLICIT, -1, 5.0)
        await broker.close()
        await broker.waiting(queue._replace(types=frozenset({"placed"})))
        await broker.close()
        await broker.waiting(queue)
        config = await consumer(keeps, "bill=20ing=2Ex:a=2Eb")
        assert set(config.filter_subjects or ()) == {f"{keeps.place}.paid", f"{keeps.place}.placed"}
        await broker.close()


async def test_a_consumer_of_somebody_else_is_used_as_it_is(nats_server: NatsServer) -> None:
    """If it can be; one that would lose messages, or acknowledges otherwise, is told of."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        streams = keeps.client.jetstream()
        own = ConsumerConfig(durable_name="billing:orders", ack_policy=AckPolicy.EXPLICIT, ack_wait=7)
        await streams.add_consumer(keeps.place, own)
        broker, queue = NatsBroker(nats_server.url), Queue("billing:orders", keeps.place, frozenset({"paid"}))
        assert await broker.waiting(queue) == Waiting(0, 0, 7.0)
        for number, config in enumerate([ConsumerConfig(ack_policy=AckPolicy.NONE), ConsumerConfig(max_deliver=3)]):
            config.durable_name = f"wrong-{number}"
            await streams.add_consumer(keeps.place, config)
            with pytest.raises(NotReceived, match="has to be pulled, acknowledge explicitly, and give without a limit"):
                await broker.waiting(queue._replace(name=config.durable_name))
        await broker.close()


async def test_a_consumer_may_give_few_at_a_time(nats_server: NatsServer) -> None:
    """What is there comes at once, also when no more may be out; and nothing more comes until that is settled."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        own = ConsumerConfig(durable_name="billing:orders", ack_policy=AckPolicy.EXPLICIT, max_ack_pending=2)
        await keeps.client.jetstream().add_consumer(keeps.place, own)
        broker, queue = (
            NatsBroker(nats_server.url, within=30),
            Queue("billing:orders", keeps.place, frozenset({"paid"})),
        )
        await give(nats_server.url, *[message("a", number, place=keeps.place) for number in range(5)])
        numbers: list[int] = []
        async with asyncio.timeout(20):  # less than the broker waits for a server that says nothing
            while len(numbers) < 5:
                found = await broker.receive(queue, 100, 10)
                assert len(found) <= 2
                if len(found) == 2:
                    assert not await broker.receive(queue, 100, 0.05)
                await broker.settle(queue, found)
                numbers += [one.number for one in found]
        assert numbers == [1, 2, 3, 4, 5]
        await broker.close()


async def test_a_consumer_that_is_deleted_is_made_again(nats_server: NatsServer) -> None:
    """Everything that the stream keeps comes again, and is known."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        app = App("billing", modules=[billing(keeps.place)], database="memory:", broker=nats_server.url)
        observed = Observed(app)
        async with app:
            await give(nats_server.url, *[message("a", number, place=keeps.place) for number in range(10)])
            await app.settle(timeout=60)
            await keeps.client.jetstream().delete_consumer(keeps.place, f"billing:{keeps.place}")
            await observed.come()
            await give(nats_server.url, message("a", 10, place=keeps.place))
            await app.settle(timeout=60)
            assert await orders(app) == [("a", number) for number in range(11)]


RIGHTS = """
authorization {
  users = [
    { user: admin, password: admin }
    { user: billing, password: secret, permissions: {
        publish: [
          "$JS.API.STREAM.NAMES"
          "$JS.API.CONSUMER.INFO.orders.billing:orders"
          "$JS.API.CONSUMER.CREATE.orders.billing:orders"
          "$JS.API.CONSUMER.MSG.NEXT.orders.billing:orders"
          "$JS.ACK.orders.billing:orders.>"
        ]
        subscribe: [ "_INBOX.>" ] } }
  ]
}
"""


@pytest.mark.parametrize("made", [False, True])
async def test_few_rights_are_enough(made: bool, tmp_path: Path) -> None:
    """To find, make, pull and acknowledge its own consumer; who is given one need not be able to make it."""
    rights = RIGHTS.replace('"$JS.API.CONSUMER.CREATE.orders.billing:orders"', "") if made else RIGHTS
    with running(tmp_path, rights) as server:
        admin, own = (server.url.replace("//", f"//{who}@") for who in ("admin:admin", "billing:secret"))
        async with keeper(admin, "orders") as keeps:
            await keeps.keep()
            if made:
                config = ConsumerConfig(durable_name="billing:orders", ack_policy=AckPolicy.EXPLICIT)
                await keeps.client.jetstream().add_consumer("orders", config)
        await give(admin, message("a", 1))
        async with App("billing", modules=[billing()], database="memory:", broker=own) as app:
            await app.settle(timeout=60)
            assert await orders(app) == [("a", 1)]


async def test_who_may_not_make_it_is_told(tmp_path: Path) -> None:
    """Within the bound that every call has, and without the password."""
    rights = RIGHTS.replace('"$JS.API.CONSUMER.CREATE.orders.billing:orders"', "")
    with running(tmp_path, rights) as server:
        async with keeper(server.url.replace("//", "//admin:admin@"), "orders") as keeps:
            await keeps.keep()
        broker = NatsBroker(server.url.replace("//", "//billing:secret@"), within=0.5)
        with pytest.raises(NotReceived) as found:
            await broker.waiting(Queue("billing:orders", "orders", frozenset({"paid"})))
        assert "secret" not in str(found.value)
        await broker.close()


async def test_what_a_dead_process_has_taken_comes_first(nats_server: NatsServer) -> None:
    """Whoever goes on waits until the server gives it again, so that nothing passes it."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        place = keeps.place
        dead, queue = NatsBroker(nats_server.url), Queue(f"billing:{place}", place, frozenset({"paid"}))
        await give(nats_server.url, *[message("a", number, place=place) for number in range(10)])
        assert len(await dead.receive(queue, 4, 30)) == 4
        async with App("billing", modules=[billing(place)], database="memory:", broker=nats_server.url) as app:
            await app.settle(timeout=60)
            assert await orders(app) == [("a", number) for number in range(10)]
        await dead.close()


@pytest.mark.parametrize("headers", [b"NATS/1.0 \xff\xfe\xfd\r\n\r\n", b"NATS/1.0 404 \xff\r\n\r\n", b"NATS/1.0"])
async def test_headers_that_are_none_do_not_end_the_reading(headers: bytes) -> None:
    """The client's own would raise, and nothing would be read any more."""
    client: Any = _Client()
    assert await client._process_headers(headers) is None
    assert await client._process_headers(b"NATS/1.0\r\nce-id: a\r\n\r\n") == {"ce-id": "a"}


async def test_what_was_taken_is_given_back_at_the_end(nats_server: NatsServer) -> None:
    """At once, for whoever goes on: nothing is taken by a process that has ended."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        broker, queue = NatsBroker(nats_server.url), Queue("billing:orders", keeps.place, frozenset({"paid"}))
        await give(nats_server.url, *[message("a", number, place=keeps.place) for number in range(10)])
        first = await broker.receive(queue, 4, 30)
        await broker.settle(queue, first[:1])
        await broker.give_back(queue)
        await broker.close()
        other = NatsBroker(nats_server.url)
        again = await other.receive(queue, 100, 30)
        assert [one.number for one in again] == list(range(2, 11))
        await other.close()


async def test_names_of_place_and_application_may_have_dots(nats_server: NatsServer) -> None:
    """They are one consumer each."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        module = Module("outer")
        place = f"{keeps.place}.returns"
        app = App("bill.ing", modules=[module, billing(place)], database="memory:", broker=nats_server.url)
        async with app:
            await give(nats_server.url, message("a", 1, place=place))
            await app.settle(timeout=60)
            assert [one["order_id"] for one in await recorded(app)] == ["a"]
        client = await nats.connect(nats_server.url)
        found = await client.jetstream().consumers_info(keeps.place)
        assert [one.name for one in found] == [f"bill=2Eing:{keeps.place}=2Ereturns"]
        await client.close()
