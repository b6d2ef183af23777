"""What comes from other services: recorded once, in order; what cannot be is put aside with its reason."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic_core import from_json, to_json

from tests.messaging.buying import Invoiced, Paid, billing, message, recorded
from tests.messaging.buying_today import newer
from tests.messaging.posting import write
from twofold import App, Erased, Event, Module, Personal, Subject, Success
from twofold.app.catalogue import catalogue_of
from twofold.app.description import describe
from twofold.app.graph import graph_of
from twofold.cli._drawn import as_mermaid, as_svg
from twofold.cli._parked_event import as_dict, lines_of
from twofold.clock import new_id
from twofold.errors import CheckpointMoved, Invalid, StoreUnavailable, TimedOut
from twofold.messaging import Incoming, MemoryBroker, NotReceived, Outgoing, Queue, Waiting
from twofold.store import Batch, Committed, MemoryStore, Recorded, StoreFront, foundation
from twofold.subscriptions import Trouble
from twofold.testing import VirtualClock

pytestmark = pytest.mark.anyio


async def orders(app: App, name: str = "paid") -> list[tuple[str, int]]:
    """What was recorded, in short."""
    return [(one["order_id"], one["amount"]) for one in await recorded(app, name)]


async def entries(app: App) -> list[Recorded]:
    """The log."""
    return [*await app.store.log.read(0, until=await app.store.log.head(), limit=1000)]


def copy(one: Outgoing) -> Outgoing:
    """A message that the broker does not know for a copy, with the id of another one."""
    return one._replace(id=str(new_id()))


async def test_what_comes_is_an_event_like_all_others(tmp_path: Path) -> None:
    """Recorded in the order in which it came, in the stream that it has there; reactions to it do the rest."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
    sent = [message("a", 1), message("b", 2), message("a", 3)]
    async with app:
        await broker.publish(sent)
        await app.settle()
        assert await orders(app) == [("a", 1), ("b", 2), ("a", 3)]
        assert await orders(app, "invoiced") == [("a", 1), ("b", 2), ("a", 3)]
        first, *_ = await entries(app)
    assert (first.stream, first.version, str(first.id)) == ("from:orders:order-a", 1, sent[0].id)


async def test_a_copy_does_nothing(tmp_path: Path) -> None:
    """Whether it comes beside the first one or behind it, or after a restart; it is settled, and nobody is told."""
    broker, first = MemoryBroker(), message("a", 1)
    app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
    troubles: list[Trouble] = []
    app.observe(observer=troubles.append)
    for copies in ([first, copy(first), message("b", 2), copy(first)], [copy(first)], [copy(first), message("c", 3)]):
        async with app:
            await broker.publish(copies)
            await app.settle()
    async with app:
        assert await orders(app) == await orders(app, "invoiced") == [("a", 1), ("b", 2), ("c", 3)]
        assert not await app.parked.list()
    assert not troubles


async def test_an_id_is_one_of_its_source() -> None:
    """The same id from somewhere else is another message, and what is no UUID is an id too."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    async with app:
        for source in ("/shop", "/mall", "/shop"):
            await broker.publish([copy(message(source[1:], 1, id="no. 7", source=source))])
        await app.settle()
        assert await orders(app) == [("shop", 1), ("mall", 1)]
        assert len({one.id for one in await entries(app) if one.type == "paid"}) == 2


async def test_what_was_received_is_known_for_a_time() -> None:
    """Longer than the broker keeps it, it has to be: a copy that comes later is a new message."""
    broker, clock, first = MemoryBroker(), VirtualClock(), message("a", 1)
    app = App("billing", modules=[billing(remembered=60)], database="memory:", broker=broker, clock=clock)
    async with app:
        await broker.publish([first])
        await app.settle()
        clock.advance(seconds=59)
        await broker.publish([copy(first)])
        await app.settle()
        assert await orders(app) == [("a", 1)]
        clock.advance(seconds=1)
        await broker.publish([message("b", 2)])
        await app.settle()
        await broker.publish([copy(first)])
        await app.settle()
        assert await orders(app) == [("a", 1), ("b", 2), ("a", 1)]


GARBAGE = {
    "no JSON": (message(data=b"\xff\xfe"), "Undecodable: "),
    "another JSON": (message(data=b"[1]"), "Undecodable: "),
    "a field that is missing": (message(data=b'{"order_id":"o-1"}'), "Undecodable: "),
    "a number without end": (message(data=b'{"order_id":"o-1","amount":1e999}'), "Undecodable: "),
    "a bomb": (message(data=b"[" * 500_000), "Undecodable: "),
    "too large": (
        message(data=b'"' + b"x" * 2_000_000 + b'"'),
        "MessageUnreadable: a message cannot be read: it has 2",
    ),
    "no JSON by its own word": (message(datacontenttype="text/xml"), "cannot be read: its data is 'text/xml'"),
    "no CloudEvent": (message(without="specversion"), "cannot be read: it is no CloudEvent"),
    "a later CloudEvent": (message(specversion="2.0"), "cannot be read: it is no CloudEvent"),
    "no id": (message(without="id"), "cannot be read: it has no id"),
    "no source": (message(without="source"), "cannot be read: it has no source"),
    "no type": (message(without="type"), "cannot be read: it has no type"),
    "an unknown type": (message(type="order_lost"), "UnknownMessage: no message is registered as 'order_lost'"),
    "another type of this application": (message(type="invoiced"), "UnknownMessage: no message"),
    "a version that is none": (message(schemaversion="²"), "cannot be read: its schemaversion"),
    "a later version": (message(schemaversion="2"), "NewerVersion: "),
    "a long name": (message(subject="x" * 600), "cannot be read: its subject is too long"),
    "a name with an end": (message(correlationid="a\0b"), "cannot be read: its correlationid is too long, or has"),
    "much beside it": (message(tracestate="x" * 500, traceparent="y" * 500), ""),
    "nothing in structured mode": (message(datacontenttype="application/cloudevents+json", data=b"{"), "in JSON"),
    "a list in structured mode": (message(datacontenttype="application/cloudevents+json", data=b"[1]"), "in JSON"),
    "an object for an id": (
        message(datacontenttype="application/cloudevents+json", data=b'{"specversion":"1.0","id":{}}'),
        "an attribute is a text",
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_what_cannot_be_read_is_put_aside_with_its_reason(name: str, tmp_path: Path) -> None:
    """It is tried once, kept as it came within a bound, and everything else flows."""
    garbage, cause = GARBAGE[name]
    broker = MemoryBroker(largest=10_000_000)
    app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
    async with app:
        await broker.publish([message("a", 1), garbage, message("b", 2)])
        await app.settle()
        assert [one for one in await orders(app) if one[0] != "o-1"] == [("a", 1), ("b", 2)]
        parked = await app.parked.list()
        if not cause:
            assert not parked
            return
        assert [(one.subscription, one.position, one.attempts) for one in parked] == [("inbox:orders", 2, 1)]
        assert cause in parked[0].cause
        assert len(parked[0].data or b"") < 1_500_000
        shown = await app.parked.show("inbox:orders", 2)
        assert shown.recorded is None
        assert isinstance(from_json(shown.data), dict)
        (inbox,) = [one for one in await app.progress() if one.name == "inbox:orders"]
        assert (inbox.parked, inbox.lag, inbox.failures) == (1, 0, 0)


async def test_what_is_behind_it_in_its_stream_waits(tmp_path: Path) -> None:
    """Mended and tried again it goes first, and all others in their order; nothing has passed it."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
    bad = message("a", data=b'{"order_id":"a","amount":"much"}')
    async with app:
        await broker.publish([message("a", 1), bad, message("a", 3), message("b", 4)])
        await app.settle()
        await broker.publish([message("a", 5), copy(bad)])  # which does nothing once the first one is dealt with
        await app.settle()
        assert await orders(app) == [("a", 1), ("b", 4)]
        assert [bool(one.cause) for one in await app.parked.list()] == [True, False, False, True]
        first = await app.parked.show("inbox:orders", 2)
        document = from_json(first.data)
        assert document["data"] == {"order_id": "a", "amount": "much"}
        with pytest.raises(Invalid):
            await app.parked.edit("inbox:orders", 2, "[]")
        with pytest.raises(Invalid):
            await app.parked.edit("inbox:orders", 2, "{")
        await app.parked.retry("inbox:orders", first.parked.stream)
        await tried(app, 2)
        assert len(await app.parked.list()) == 4
        document["data"]["amount"] = 2
        await app.parked.edit("inbox:orders", 2, to_json(document))
        await app.parked.retry("inbox:orders", first.parked.stream)
        await none_parked(app)
        await app.settle()
        assert await orders(app) == [("a", 1), ("b", 4), ("a", 2), ("a", 3), ("a", 5)]


async def tried(app: App, times: int) -> None:
    """Return once the first parked message was tried so often."""
    async with asyncio.timeout(10):
        while (await app.parked.list())[0].attempts < times:  # noqa: ASYNC110  # a table tells nobody
            await asyncio.sleep(0)


async def none_parked(app: App) -> None:
    """Return once nothing is parked any more."""
    async with asyncio.timeout(10):
        while await app.parked.list():  # noqa: ASYNC110  # a table tells nobody that it is empty
            await asyncio.sleep(0)


async def test_what_is_dropped_keeps_nothing_waiting(tmp_path: Path) -> None:
    """The others of its stream go when somebody wants it; of what came meanwhile nothing is lost."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
    async with app:
        await broker.publish([message("a", data=b"x"), message("a", 2)])
        await app.settle()
        assert await app.parked.drop("inbox:orders", 1) == 1
        await app.parked.retry("inbox:orders", "from:orders:order-a")
        await none_parked(app)
        await broker.publish([message("a", 3)])
        await app.settle()
        assert await orders(app) == [("a", 2), ("a", 3)]


async def test_numbers_of_the_broker_that_begin_anew_take_no_place_of_what_is_parked(tmp_path: Path) -> None:
    """Its stream was made anew, say: what was put aside before stays."""
    path = tmp_path / "own.db"
    for _ in range(3):
        broker = MemoryBroker()
        app = App("billing", modules=[billing()], database=path, broker=broker)
        async with app:
            await broker.publish([message("a", data=b"x")])
            await app.settle()
    async with App("billing", modules=[billing()], database=path, broker="memory:") as app:
        assert [one.position for one in await app.parked.list()] == [1, 2, 3]


async def test_what_says_who_caused_it_is_carried_on() -> None:
    """Correlation, cause and trace are those that the message names; nothing says who has sent it, or for whom."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    facts: dict[str, Any] = {"correlationid": "c-1", "causationid": "k-1", "traceparent": "t-1", "tenant": "acme"}
    async with app:
        await broker.publish([sent := message("a", 1, **facts), message("b", 2)])
        await app.settle()
        first, second, invoiced, _ = await entries(app)
    assert first.headers == {"correlation_id": "c-1", "causation_id": "k-1", "traceparent": "t-1"}
    assert second.headers["correlation_id"] == str(second.id)
    assert invoiced.headers["correlation_id"] == "c-1"
    assert invoiced.headers["causation_id"] == sent.id


async def test_a_tenant_is_believed_where_that_is_said() -> None:
    """Then it is that of the event, and of all that comes of it."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing(tenants="trusted")], database="memory:", broker=broker, tenants="apart")
    async with app:
        await broker.publish([message("a", 1, tenant="acme"), message("b", 2, tenant="best"), message("a", 3)])
        await app.settle()
        found = [(one.type, one.headers.get("tenant")) for one in await entries(app)]
        assert sorted(found, key=str) == [("invoiced", t) for t in ("acme", "best")] + [
            ("paid", t) for t in ("acme", "best")
        ]
        (parked,) = await app.parked.list()
    assert parked.cause.startswith("ForeignTenant: ")


async def test_what_is_personal_is_encrypted_when_it_is_recorded() -> None:
    """And what another service has withheld comes as erased."""

    @dataclass(frozen=True, kw_only=True)
    class Subscribed(Event):
        who: Annotated[str, Subject("customer")]
        email: Annotated[str | Erased, Personal("customer")]

    module, broker = Module("letters"), MemoryBroker()
    module.consumes(Subscribed, from_="orders")
    app = App("letters", modules=[module], database="memory:", key_database="memory:", broker=broker)
    said = [b'{"who":"ann","email":"ann@example.org"}', b'{"who":"bob","email":{"twofold:erased":true}}']
    async with app:
        for data in said:
            one = message(data=data, type="subscribed", subject=str(new_id()))
            await broker.publish([one._replace(subject="orders.subscribed")])
        await app.settle()
        assert not await app.parked.list()
        log = foundation(app.store).log
        first, second = [one.data for one in await log.read(0, until=await log.head(), limit=10)]
    assert b"ann@example.org" not in first
    assert second == said[1]


async def test_what_is_in_structured_mode_is_read_too() -> None:
    """One text with attributes and data, as CloudEvents has it in JSON."""
    broker, id_ = MemoryBroker(), str(new_id())
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    event = {"specversion": "1.0", "id": id_, "source": "/x", "type": "paid", "data": {"order_id": "a", "amount": 1}}
    coded = event | {"id": str(new_id()), "data_base64": "eyJvcmRlcl9pZCI6ImIiLCJhbW91bnQiOjJ9"}
    del coded["data"]
    async with app:
        for one in (event, coded):
            mode = {"datacontenttype": "application/cloudevents+json; charset=utf-8"}
            await broker.publish([Outgoing("orders.paid", str(new_id()), "", mode, to_json(one))])
        await app.settle()
        assert await orders(app) == [("a", 1), ("b", 2)]
        assert (await entries(app))[0].stream == f"from:orders:{id_}"


async def test_older_versions_become_todays_and_newer_ones_wait(tmp_path: Path) -> None:
    """Whoever is replaced first: what the old process cannot read, the new one goes on with unasked, in order."""
    broker, path = MemoryBroker(), tmp_path / "own.db"
    today = message("a", data=b'{"order_id":"a","amount":2,"currency":"USD"}', schemaversion="2")
    async with App("billing", modules=[billing()], database=path, broker=broker) as app:
        await broker.publish([message("a", 1), today, message("a", 3)])
        await app.settle()
        assert await orders(app) == [("a", 1)]
        assert [one.cause[:12] for one in await app.parked.list()] == ["NewerVersion", ""]
    async with App("billing", modules=[newer()], database=path, broker=broker) as app:
        await none_parked(app)
        assert [one.schema_version for one in await entries(app) if one.type == "paid"] == [1, 2, 2]
        assert (await entries(app))[-1].data == b'{"order_id":"a","amount":3,"currency":"EUR"}'


class Breaking(StoreFront):
    """A store that is away for some commits."""

    def __init__(self, times: int) -> None:
        super().__init__(MemoryStore())
        self.left = times
        self.received: list[int] = []

    async def commit(self, batch: Batch) -> Committed:
        """Fail as long as it is to."""
        if batch.received and self.left:
            self.left -= 1
            raise StoreUnavailable("away")
        if batch.received:
            self.received.append(len(batch.received))
        return await super().commit(batch)


class Noting:
    """A broker that notes what is settled, and when, and may forget it.

    Args:
        broker: The broker.
        forgets: How many settlements get lost.
    """

    def __init__(self, broker: MemoryBroker, forgets: int = 0) -> None:
        self.behind = broker
        self.settled: list[tuple[int, int]] = []
        self.recorded: Any = lambda: 0
        self.forgets = forgets

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[Any]:
        """Publish."""
        return await self.behind.publish(messages)

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Receive."""
        return await self.behind.receive(queue, most, within)

    async def settle(self, queue: Queue, messages: Sequence[Incoming]) -> None:
        """Settle, or lose that."""
        self.settled.append((len(messages), self.recorded()))
        if self.forgets:
            self.forgets -= 1
            await self.behind.give_back(queue)
            raise NotReceived(place=queue.place, cause="lost")
        await self.behind.settle(queue, messages)

    async def give_back(self, queue: Queue) -> None:
        """Give back."""
        await self.behind.give_back(queue)

    async def waiting(self, queue: Queue) -> Waiting:
        """Tell what waits."""
        return await self.behind.waiting(queue)

    async def close(self) -> None:
        """Close."""


async def test_nothing_is_settled_before_it_is_committed() -> None:
    """While the store is away it is tried for as long as that takes, and nothing is parked."""
    store, broker = Breaking(7), Noting(MemoryBroker())
    broker.recorded = lambda: sum(store.received)
    app = App("billing", modules=[billing()], database=store, broker=broker)
    troubles: list[Trouble] = []
    app.observe(observer=troubles.append)
    async with app:
        await broker.publish([message("a", number) for number in range(5)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", number) for number in range(5)]
        assert not await app.parked.list()
    assert all(recorded >= sum(count for count, _ in broker.settled) for _, recorded in broker.settled)
    assert [one.away for one in troubles] == [True] * 7


async def test_what_comes_again_since_it_was_not_settled_is_known() -> None:
    """A process that dies between the commit and the acknowledgement leaves that."""
    broker = Noting(MemoryBroker(), forgets=2)
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    async with app:
        await broker.publish([message("a", number) for number in range(5)])
        await app.settle()
        assert await orders(app) == await orders(app, "invoiced") == [("a", number) for number in range(5)]
        assert await broker.behind.waiting(Queue("billing:orders", "orders", frozenset({"paid"}))) == Waiting()
    assert len(broker.settled) >= 3


class Losing(Noting):
    """A broker whose connection is lost with messages on their way, which it gives again after a while."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.again: float | None = None

    async def receive(self, queue: Queue, most: int, within: float) -> Sequence[Incoming]:
        """Lose the first two."""
        now = asyncio.get_running_loop().time()
        if self.again is None:
            self.again = now + 0.5
            await self.behind.receive(queue, 2, within)
            raise NotReceived(place=queue.place, cause="the connection is lost")
        if 0 < self.again <= now:
            self.again = 0
            await self.behind.give_back(queue)
        return await self.behind.receive(queue, most, within)

    async def waiting(self, queue: Queue) -> Waiting:
        """Tell when they come again."""
        return (await self.behind.waiting(queue))._replace(again=0.5)


async def test_nothing_passes_what_was_lost_on_its_way() -> None:
    """What comes again after a while is waited for, though others would be there at once."""
    broker = Losing(MemoryBroker())
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    await broker.publish([message("a", number) for number in range(10)])
    async with app:
        await app.settle(timeout=60)
        assert await orders(app) == [("a", number) for number in range(10)]


async def test_batches_share_a_transaction() -> None:
    """All that waits is one commit, within a bound."""
    store, broker = Breaking(0), MemoryBroker()
    await broker.publish([message(str(number), number) for number in range(1200)])
    async with App("billing", modules=[billing()], database=store, broker=broker) as app:
        await app.settle(timeout=60)
        assert len(await orders(app)) == 1200
    assert store.received == [500, 500, 200]


class Stubborn(StoreFront):
    """A store that never takes one event."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())

    async def commit(self, batch: Batch) -> Committed:
        """Fail for one."""
        if any(b'"amount":13' in draft.data for append in batch.appends for draft in append.events):
            raise RuntimeError("not this one")
        return await super().commit(batch)


async def test_one_that_cannot_be_recorded_is_put_aside_after_some_tries() -> None:
    """It alone, with what is behind it in its stream; those that came with it are recorded in their order."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=Stubborn(), broker=broker)
    async with app:
        await broker.publish([message("ab"[number % 2], number) for number in range(10, 18)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", 10), ("b", 11), ("a", 12), ("a", 14), ("a", 16)]
        parked = await app.parked.list()
    assert [(one.attempts, one.cause) for one in parked] == [(5, "RuntimeError: not this one"), (0, ""), (0, "")]


class Dropping(StoreFront):
    """A store in which somebody drops what keeps a stream waiting, just before more is put aside behind it."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())

    async def commit(self, batch: Batch) -> Committed:
        """Drop it first."""
        if any(not one.cause for one in batch.parks):
            await super().commit(Batch(frees=(("inbox:orders", 1),)))
        return await super().commit(batch)


async def test_what_is_put_aside_behind_nothing_goes_on_by_itself() -> None:
    """What it would have waited for was dropped in the same moment."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=Dropping(), broker=broker)
    async with app:
        await broker.publish([message("a", data=b"x")])
        await app.settle()
        await broker.publish([message("a", 2)])
        await app.settle()
        await none_parked(app)
        await app.settle()
        assert await orders(app) == [("a", 2)]


class Stealing(StoreFront):
    """A store in which somebody takes the turn just before something is recorded: its owner was frozen for so long."""

    def __init__(self) -> None:
        super().__init__(MemoryStore())
        self.stolen = False

    async def commit(self, batch: Batch) -> Committed:
        """Take it first, once."""
        if batch.received and not self.stolen:
            self.stolen = True
            await self.checkpoints.claim(await self.checkpoints.get("inbox:orders"), "thief")
        return await super().commit(batch)


async def test_who_has_lost_the_turn_records_nothing() -> None:
    """The store refuses it; whoever has the turn then is given the same."""
    store, broker, seen = Stealing(), MemoryBroker(), asyncio.Event()
    app = App("billing", modules=[billing()], database=store, broker=broker, lease=0.5)
    troubles: list[Trouble] = []

    def note(trouble: Trouble) -> None:
        troubles.append(trouble)
        seen.set()

    app.observe(observer=note)
    async with app:
        await broker.publish([message("a", 1)])
        async with asyncio.timeout(30):
            await seen.wait()
        assert isinstance(troubles[0].error, CheckpointMoved)
        assert await orders(app) == []
        await app.settle(timeout=60)  # the thief shows no sign of life
        assert await orders(app) == [("a", 1)]
        assert not await app.parked.list()


async def test_whoever_waits_is_told_what_is_away() -> None:
    """Nobody can tell whether everything has come."""
    broker, gone = MemoryBroker(), asyncio.Event()
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    app.observe(observer=lambda _: gone.set())
    async with app:
        broker.away = True
        async with asyncio.timeout(30):
            await gone.wait()
        with pytest.raises(TimedOut, match=r"inbox:orders \(0 behind, NotReceived"):
            await app.settle(timeout=0.2)


async def test_the_command_line_shows_it(tmp_path: Path) -> None:
    """As the CloudEvent that it is, and nothing of the event that has this position in the log."""
    path, broker = tmp_path / "own.db", MemoryBroker()
    async with App("billing", modules=[billing()], database=path, broker=broker) as app:
        await broker.publish([message("a", data=b"x", id="i-1"), message("b", 2)])
        await app.settle()
        event = await app.parked.show("inbox:orders", 1)
        facts = as_dict(event.parked, event)
        assert (facts["edited"], facts["log"], facts["data"]["id"]) == (False, None, "i-1")
        lines = [*lines_of(event)]
    assert any("i-1" in line for line in lines)
    assert not any("in the log" in line for line in lines)


async def test_two_processes_take_turns(tmp_path: Path) -> None:
    """One receives at a time, so that order is kept; the other one goes on when that ends."""
    broker = MemoryBroker()
    apps = [App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker) for _ in range(2)]
    first, second = apps
    await first.start()
    await second.start()
    try:
        await broker.publish([message("a", number) for number in range(100)])
        await first.settle(timeout=60)
        inboxes = [one for app in apps for one in await app.progress() if one.name == "inbox:orders"]
        assert len({one.owner for one in inboxes}) == 1
        assert sorted(one.owned for one in inboxes) == [False, True]
        await broker.publish([message("a", number) for number in range(100, 200)])
        await first.stop()
        await second.settle(timeout=60)
        assert await orders(second) == [("a", number) for number in range(200)]
    finally:
        await first.stop()
        await second.stop()


async def test_while_the_broker_is_away_it_is_told(tmp_path: Path) -> None:
    """And when it is back all goes on by itself; nobody need do anything."""
    broker, gone = MemoryBroker(), asyncio.Event()
    app = App("billing", modules=[billing()], database="memory:", broker=broker)
    app.observe(observer=lambda trouble: gone.set() if isinstance(trouble.error, NotReceived) else None)
    async with app:
        await broker.publish([message("a", 1)])
        await app.settle()
        broker.away = True
        async with asyncio.timeout(30):
            await gone.wait()
        (inbox,) = [one for one in await app.progress() if one.name == "inbox:orders"]
        assert inbox.failures > 0
        assert inbox.still > 0
        assert "it is away" in inbox.error
        broker.away = False
        await broker.publish([message("a", 2)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", 1), ("a", 2)]


async def test_a_handler_that_fails_is_none_of_the_brokers_business() -> None:
    """The message is recorded; the reaction is tried again, and parks it with its stream as all reactions do."""
    module = Module("billing")
    module.consumes(Paid, from_="orders")
    done: list[int] = []

    @module.on(Paid)
    async def write_invoice(event: Paid) -> None:
        if event.amount == 2:
            raise RuntimeError("no paper")
        done.append(event.amount)

    broker = MemoryBroker()
    async with App("billing", modules=[module], database="memory:", broker=broker) as app:
        await broker.publish([message("a", 1), message("a", 2), message("a", 3), message("b", 4)])
        await app.settle(timeout=60)
        assert await orders(app) == [("a", 1), ("a", 2), ("a", 3), ("b", 4)]
        parked = await app.parked.list()
    assert [(one.subscription, one.attempts) for one in parked] == [
        ("billing.write_invoice:paid", 5),
        ("billing.write_invoice:paid", 0),
    ]
    assert done == [1, 4]


@pytest.mark.parametrize(
    "options, code",
    [
        ({"place": "orders.>"}, "unusable_consumption"),
        ({"start": "later"}, "unusable_consumption"),
        ({"tenants": "believed"}, "unusable_consumption"),
        ({"remembered": 0}, "unusable_consumption"),
        ({"broker": None}, "no_broker"),
    ],
)
def test_what_cannot_be_done_keeps_it_from_starting(
    options: dict[str, Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the place, and what to write instead."""
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    broker = options.pop("broker", MemoryBroker())
    (fault,) = App("billing", modules=[billing(**options)], database="memory:", broker=broker).check()
    assert (fault.code, fault.where) == (code, f"consumption from {options.get('place', 'orders')}")
    assert fault.hint


def test_what_is_received_must_not_go_round() -> None:
    """An event that comes in does not leave again, a place is said once, and what is no event does not come."""
    module = billing()
    module.publishes(Paid, to="elsewhere")
    assert [one.code for one in App("billing", modules=[module], database="memory:", broker="memory:").check()] == [
        "goes_round"
    ]
    module = billing()
    module.consumes(Invoiced, from_="orders")
    assert [one.code for one in App("billing", modules=[module], database="memory:", broker="memory:").check()] == [
        "duplicate_consumption"
    ]
    empty = Module("empty")
    empty.consumes(from_="orders")
    assert [one.code for one in App("billing", modules=[empty], database="memory:", broker="memory:").check()] == [
        "unusable_consumption"
    ]


def test_a_broker_that_only_takes_messages_is_a_fault() -> None:
    """It says so before anything starts."""

    class Taking:
        async def publish(self, messages: Sequence[Outgoing]) -> Sequence[None]:
            return [None for _ in messages]

        async def close(self) -> None: ...

    (fault,) = App("billing", modules=[billing()], database="memory:", broker=Taking()).check()
    assert fault.code == "no_receiving_broker"


def test_a_name_that_inboxes_have_is_nobody_elses() -> None:
    """What is parked under it is told from events of the log by that."""
    module = Module("post")
    write(module, "inbox:orders")
    assert [one.code for one in App("shop", modules=[module], database="memory:").check()] == ["reserved_name"]


def test_what_is_received_is_shown() -> None:
    """By `twofold describe` and by the graph: from the inbox to its events, and on to their reactions."""
    app = App("billing", modules=[billing()], database="memory:", broker="memory:")
    (inbox,) = describe(app).projections
    assert (inbox.name, inbox.mode, inbox.events) == ("inbox:orders", "inbox", ("paid",))
    graph = graph_of(app)
    assert ("inbox:orders", "event:paid", "records") in [(one.start, one.end, one.verb) for one in graph.edges]
    assert any('[/"orders"/]:::inbox' in line for line in as_mermaid(graph))
    assert ">orders<" in as_svg(graph)
    caused = {one.name: one.caused_by for part in catalogue_of(app) for one in part.messages}
    assert caused["paid"] == ("inbox orders",)


async def test_who_does_not_work_needs_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only workers receive."""
    monkeypatch.delenv("TWOFOLD_BROKER", raising=False)
    path = tmp_path / "own.db"
    async with App("billing", modules=[billing()], database=path, broker="memory:"):
        pass
    app = App("billing", modules=[billing()], database=path)
    app.use_role("api-commands")
    async with app:
        assert await app.publish(Invoiced(order_id="a", amount=1)) == Success(None)
