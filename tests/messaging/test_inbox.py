"""What comes from other services: recorded once, in order; what cannot be is put aside with its reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic_core import from_json, to_json

from tests.messaging.buying import billing, copy, entries, message, orders, tried
from tests.messaging.buying_today import newer
from tests.until import none_parked
from twofold import App, Erased, Event, Module, Personal, Subject
from twofold.app import Bounds
from twofold.cli._parked_event import as_dict, lines_of
from twofold.clock import new_id
from twofold.errors import Invalid
from twofold.messaging import MemoryBroker, Outgoing
from twofold.store import foundation
from twofold.subscriptions import Trouble
from twofold.testing import VirtualClock

pytestmark = pytest.mark.anyio


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


async def test_what_may_come_is_recorded_however_many_bytes_its_name_has() -> None:
    """A name is as long as the inbox lets it be, which every database takes, whatever an application's own may be."""
    broker = MemoryBroker()
    async with App("billing", modules=[billing()], database="memory:", broker=broker, bounds=Bounds(name=100)) as app:
        await broker.publish([message(subject="帳" * 512)])
        await app.settle()
        first, *_ = await entries(app)
    assert first.stream == f"from:orders:{'帳' * 512}"


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


@pytest.mark.parametrize(
    "mended, why",
    [
        ({"specversion": None}, "it has no such specversion"),
        ({"source": ""}, "it has no source"),
        ({"type": "unheard_of"}, "unheard_of"),
        ({"schemaversion": "x"}, "its schemaversion is no number"),
        ({"schemaversion": "9"}, "version 9"),
        ({"data": {"order_id": "a", "amount": "more"}}, "amount"),
        ({"time": [2026]}, "an attribute is a text or a number"),
    ],
)
@pytest.mark.parametrize("role", ["all", "api-commands"])
async def test_what_could_not_be_read_is_no_mended_message(
    tmp_path: Path, mended: dict[str, Any], why: str, role: str
) -> None:
    """Whichever process is told to edit it; what was there stays."""
    broker = MemoryBroker()
    app = App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker)
    async with app:
        await broker.publish([message("a", data=b'{"order_id":"a","amount":"much"}')])
        await app.settle()
    app.use_role(role)
    async with app:
        before = (await app.parked.show("inbox:orders", 1)).data
        with pytest.raises(Invalid, match=why):
            await app.parked.edit("inbox:orders", 1, to_json({**from_json(before), **mended}))
        assert (await app.parked.show("inbox:orders", 1)).data == before


async def test_what_is_received_no_longer_is_edited_as_it_is_said(tmp_path: Path) -> None:
    """Nobody is left who could read it."""
    broker = MemoryBroker()
    async with App("billing", modules=[billing()], database=tmp_path / "own.db", broker=broker) as app:
        await broker.publish([message("a", data=b"x")])
        await app.settle()
    async with App("billing", modules=[Module("billing")], database=tmp_path / "own.db") as app:
        await app.parked.edit("inbox:orders", 1, '{"a":1}')
        assert (await app.parked.show("inbox:orders", 1)).data == b'{"a":1}'


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
    """Its stream was made anew, say: what was put aside before stays, and of what comes at once each has its own."""
    path = tmp_path / "own.db"
    for number in range(3):
        broker = MemoryBroker()
        app = App("billing", modules=[billing()], database=path, broker=broker)
        async with app:
            await broker.publish([message(f"{number}{letter}", data=b"x") for letter in "ab"])
            await app.settle()
    async with App("billing", modules=[billing()], database=path, broker="memory:") as app:
        parked = await app.parked.list()
    names = ["0a", "0b", "1a", "1b", "2a", "2b"]
    assert [(one.position, one.stream) for one in parked] == [
        (place, f"from:orders:order-{name}") for place, name in enumerate(names, 1)
    ]
    assert [name.encode() in (one.data or b"") for name, one in zip(names, parked, strict=True)] == [True] * 6


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
        await broker.publish([message("a", 1), today, message("a", 3), message("b", type="refunded")])
        await app.settle()
        assert await orders(app) == [("a", 1)]
        assert [one.cause.partition(":")[0] for one in await app.parked.list()] == [
            "NewerVersion",
            "",
            "UnknownMessage",
        ]
    async with App("billing", modules=[newer()], database=path, broker=broker) as app:
        await none_parked(app)
        paid = [one for one in await entries(app) if one.type == "paid"]
        assert [one.schema_version for one in paid] == [1, 2, 2]
        assert paid[-1].data == b'{"order_id":"a","amount":3,"currency":"EUR"}'
        assert [one.stream for one in await entries(app) if one.type == "refunded"] == ["from:orders:order-b"]


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
