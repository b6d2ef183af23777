"""The relay: what is declared leaves in the order of its stream, and nothing counts before it is confirmed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from pydantic import BaseModel, ConfigDict, Field

from tests.messaging.posting import (
    Kept,
    Paid,
    Posted,
    ScriptedBroker,
    place_of,
    posting,
    record,
    refused,
    unconfirmed,
)
from twofold import App, Erased, Event, Module, Personal, Subject, event
from twofold.clock import new_id
from twofold.errors import CheckpointMoved, Undecodable, WiringError
from twofold.messages import Catalogue, Context, Encoded, Kind, MessageType
from twofold.messaging import MemoryBroker, NotConfirmed, Outgoing, Publication, Relay
from twofold.messaging._relay import _turns, _withheld
from twofold.middleware import Span
from twofold.store import Append, Batch, Draft, Fact, MemoryStore, Move, Recorded, Store
from twofold.subscriptions import Trouble

pytestmark = pytest.mark.anyio


async def checkpoint(app: App) -> int:
    """Where the relay stands."""
    return (await app.store.checkpoints.get("relay:post")).position


async def test_what_is_declared_leaves_and_nothing_else() -> None:
    """As a CloudEvent under the id of its event, and the checkpoint moves with it."""
    broker = MemoryBroker()
    async with App("my shop", modules=[posting()], database="memory:", broker=broker) as app:
        caller = app.caller(
            correlation_id="request-1", user_id="ann", tenant="acme", trace={"traceparent": "00-a-b-01"}
        )
        for one in (Posted(number=7), Kept(), Paid()):
            assert (await caller.publish(one)).is_success
        await app.settle()
        recorded = await app.store.log.read(0, until=3, limit=3)
        assert await checkpoint(app) == 3
    posted, paid = broker.messages
    assert (posted.subject, paid.subject) == ("post.posted", "post.paid")
    assert (posted.id, posted.stream, posted.data) == (str(recorded[0].id), recorded[0].stream, b'{"number":7}')
    assert posted.attributes == {
        "specversion": "1.0",
        "id": str(recorded[0].id),
        "source": "/my%20shop",
        "type": "posted",
        "time": recorded[0].time.isoformat(),
        "datacontenttype": "application/json",
        "subject": recorded[0].stream,
        "schemaversion": "1",
        "streamversion": "1",
        "position": "1",
        "correlationid": "request-1",
        "causationid": recorded[0].headers["causation_id"],
        "tenant": "acme",
        "traceparent": "00-a-b-01",
    }


async def test_the_sdk_of_cloudevents_takes_it() -> None:
    """Everything that the specification asks of an event is there, and is of its type."""
    broker = MemoryBroker()
    async with App("shop", modules=[posting()], database="memory:", broker=broker) as app:
        await record(app, "a")
        await app.settle()
    (one,) = broker.messages
    headers = {f"ce-{name}": value for name, value in one.attributes.items()}
    read = from_http_event(HTTPMessage(headers=headers, body=one.data))
    assert (read.get_id(), read.get_type(), read.get_source()) == (one.id, "posted", "/shop")
    assert read.get_data() == {"number": 1}
    time = read.get_time()
    assert time is not None
    assert time.isoformat() == one.attributes["time"]


async def test_a_stream_waits_for_its_first_message_and_others_do_not() -> None:
    """What goes at once has no stream twice."""
    broker = ScriptedBroker()
    async with App("shop", modules=[posting()], database="memory:", broker=broker) as app:
        await record(app, "a", "a", "b", "a", "c", "b")
        await app.settle()
    assert [[place_of(one) for one in call] for call in broker.calls] == [
        [("a", 1), ("b", 1), ("c", 1)],
        [("a", 2), ("b", 2)],
        [("a", 3)],
    ]


async def test_nothing_counts_before_it_is_confirmed() -> None:
    """The checkpoint stays while one message is not, and what is confirmed is not given again."""
    lost, told, troubles = ("b", 2), asyncio.Event(), list[Trouble]()

    def observe(trouble: Trouble) -> None:
        troubles.append(trouble)
        if len(troubles) == 3:
            told.set()

    broker = ScriptedBroker(lambda one: unconfirmed(one) if place_of(one) == lost else None)
    app = App("shop", modules=[posting()], database="memory:", broker=broker)
    app.observe(observer=observe)
    async with app:
        await record(app, "a", "b", "b", "b", "a")
        async with asyncio.timeout(30):
            await told.wait()
        assert await checkpoint(app) == 0
        assert {(type(one.error), one.away, one.parked) for one in troubles} == {(NotConfirmed, True, None)}
        assert ("b", 3) not in broker.given
        broker.outcome = lambda _: None
        await app.settle(timeout=30)
        assert await checkpoint(app) == 5
    once = [place for place in broker.given if place != lost]
    assert sorted(once) == [("a", 1), ("a", 2), ("b", 1), ("b", 3)]
    assert broker.given.index(("b", 3)) > max(at for at, place in enumerate(broker.given) if place == lost)


async def test_what_is_refused_is_parked_with_its_stream() -> None:
    """With the cause; all others are published, each once, and in their order."""
    broker = ScriptedBroker(lambda one: refused(one) if place_of(one) == ("b", 2) else None)
    async with App("shop", modules=[posting()], database="memory:", broker=broker) as app:
        await record(app, "a", "b", "b", "b", "a", "c", "a")
        await app.settle(timeout=30)
        await record(app, "b", "a")
        await app.settle(timeout=30)
        parked = await app.parked.list("relay:post")
        assert [(one.stream, one.position) for one in parked] == [("b", 3), ("b", 4), ("b", 8)]
        assert parked[0].cause.startswith("MessageRefused: the broker refuses a message to post.posted: too large (")
        once = [place for place in broker.given if place != ("b", 2)]
        assert [place for place in once if place[0] == "a"] == [("a", version) for version in (1, 2, 3, 4)]
        assert [place for place in once if place[0] != "a"] == [("b", 1), ("c", 1)]
        before, done = len(broker.given), asyncio.Event()
        broker.outcome = lambda one: done.set() if place_of(one) == ("b", 4) else None
        await app.parked.edit("relay:post", 3, '{"number":8}')
        await app.parked.retry("relay:post", "b")
        async with asyncio.timeout(30):
            await done.wait()
    assert broker.given[before:] == [("b", 2), ("b", 3), ("b", 4)]
    assert broker.calls[-3][0].data == b'{"number":8}'


async def test_what_is_refused_waits_for_a_broker_that_is_away() -> None:
    """One that confirms nothing now has not had a look at everything: nothing is parked because of it."""
    away = {("a", 1)}
    broker = ScriptedBroker(
        lambda one: unconfirmed(one) if place_of(one) in away else refused(one) if one.stream == "b" else None
    )
    failed = asyncio.Event()
    app = App("shop", modules=[posting()], database="memory:", broker=broker)
    app.observe(observer=lambda trouble: failed.set())
    async with app:
        await record(app, "b", "a")
        async with asyncio.timeout(30):
            await failed.wait()
        assert await app.parked.list() == []
        away.clear()
        await app.settle(timeout=30)
        assert [one.stream for one in await app.parked.list()] == ["b"]
    assert [place for place in broker.given if place[0] == "a"][-1:] == [("a", 1)]


async def test_a_stop_leaves_the_rest_for_the_next_start() -> None:
    """And the broker is closed, behind everybody who gives it something."""
    store, broker = MemoryStore(), ScriptedBroker(unconfirmed)
    app = App("shop", modules=[posting()], database=store, broker=broker)
    failed = asyncio.Event()
    app.observe(observer=lambda trouble: failed.set())
    async with app:
        await record(app, "a")
        async with asyncio.timeout(30):
            await failed.wait()
    assert broker.closed == 1
    broker.outcome = lambda _: None
    async with app:
        await app.settle()
    assert {one.id for call in broker.calls for one in call} == {broker.calls[-1][0].id}
    assert broker.closed == 2


@pytest.mark.parametrize("start, leaves", [("beginning", [1, 2, 1]), ("now", [1]), (1, [2, 1])])
async def test_a_relay_that_is_new_starts_where_it_says(start: Any, leaves: list[int]) -> None:
    """At the beginning of the log, unless something else is said."""
    store, broker = MemoryStore(), MemoryBroker()
    async with App("shop", modules=[posting()], database=store, broker="memory:") as app:
        await record(app, "a", "a")
        await app.settle()
    module = Module("post")
    module.publishes(Posted, to="elsewhere", start=start)
    async with App("shop", modules=[module], database=store, broker=broker) as app:
        await app.settle()
        await record(app, "b")
        await app.settle()
    assert [int(one.attributes["streamversion"]) for one in broker.messages] == leaves


async def test_parts_are_relayed_by_themselves() -> None:
    """Each with a checkpoint, each stream in its order."""
    broker = MemoryBroker()
    async with App("shop", modules=[posting(partitions=3)], database="memory:", broker=broker) as app:
        for _ in range(5):
            await record(app, *"abcdefgh")
        await app.settle()
        names = {one.name for one in await app.progress()}
    assert names == {f"relay:post[{part}/3]" for part in range(3)}
    for stream in "abcdefgh":
        assert [place_of(one)[1] for one in broker.messages if one.stream == stream] == [1, 2, 3, 4, 5]


async def test_only_workers_relay(tmp_path: Path) -> None:
    """Who takes commands needs no broker; who works gives what they have recorded."""
    broker = MemoryBroker()
    first = App("shop", modules=[posting()], database=tmp_path / "shop.db", broker=broker)
    first.use_role("worker")
    second = App("shop", modules=[posting()], database=tmp_path / "shop.db")
    second.use_role("api-commands")
    async with first:
        pass
    async with second:
        await record(second, "a")
        assert [one.name for one in await second.progress()] == ["relay:post"]
    assert broker.messages == []
    async with first:
        await first.settle()
    assert [place_of(one) for one in broker.messages] == [("a", 1)]


@event(name="moved", version=2)
@dataclass(frozen=True, kw_only=True)
class Moved(Event):
    """An event of today."""

    room: str


@dataclass(frozen=True, kw_only=True)
class Cleaned(Event):
    """Another one, that an old one has become too."""


def moving() -> Module:
    """Old moves were two moves, and a cleaning in between."""
    module = Module("rooms")
    module.events(Cleaned)
    module.publishes(Moved, to="rooms")

    @module.upcast("moved", 1, into=["moved", "cleaned"])
    def split(data: dict[str, Any]) -> list[Encoded]:
        first, last = (Encoded("moved", {"room": room}, 2) for room in (data["from"], data["to"]))
        return [first, Encoded("cleaned", {}), last]

    return module


async def test_an_event_leaves_as_it_is_today() -> None:
    """An old one as what it has become: the first under its id, and those behind it under ids of their own."""
    broker = MemoryBroker()
    async with App("hotel", modules=[moving()], database="memory:", broker=broker) as app:
        old = Draft(new_id(), "moved", 1, b'{"from":"a","to":"b"}', {}, app.clock.now())
        await app.store.commit(Batch((Append("room", (old,)),)))
        unit = app.new_unit(Context())
        unit.append("room", Moved(room="c"))
        await unit.commit()
        await app.settle()
        new = (await app.store.log.read(0, until=2, limit=2))[1]
    found = [(one.id, one.attributes["schemaversion"], one.data) for one in broker.messages]
    assert found == [
        (str(old.id), "2", b'{"room":"a"}'),
        (f"{old.id}.3", "2", b'{"room":"b"}'),
        (str(new.id), "2", b'{"room":"c"}'),
    ]


async def test_what_cannot_be_read_is_parked() -> None:
    """As with whoever else follows the log."""
    broker = MemoryBroker()
    async with App("shop", modules=[posting()], database="memory:", broker=broker) as app:
        draft = Draft(new_id(), "posted", 1, b'{"number":"x"}', {}, app.clock.now())
        await app.store.commit(Batch((Append("a", (draft,)),)))
        await record(app, "b")
        await app.settle(timeout=30)
        (parked,) = await app.parked.list()
    assert parked.cause.startswith(f"{Undecodable.__name__}:")
    assert [one.stream for one in broker.messages] == ["b"]


@dataclass(frozen=True, kw_only=True)
class Registered(Event):
    """An event with personal data."""

    customer: Annotated[str, Subject("customer")]
    email: Annotated[str | Erased, Personal("customer")]
    plan: str


async def test_personal_data_never_leaves() -> None:
    """What is withheld leaves as erased, before its subject is erased as well as afterwards."""
    broker, module = MemoryBroker(), Module("customers")
    module.publishes(Registered, to="customers", personal="withheld")
    async with App("shop", modules=[module], database="memory:", key_database="memory:", broker=broker) as app:
        broker.away = True
        for customer in ("7f3", "8a1"):
            assert (await app.publish(Registered(customer=customer, email=f"{customer}@x.org", plan="b"))).is_success
        await app.erase("customer:7f3")
        broker.away = False
        await app.settle(timeout=30)
    erased = b'{"twofold:erased":true}'
    assert [one.data for one in broker.messages] == [
        b'{"customer":"%s","email":%s,"plan":"b"}' % (customer, erased) for customer in (b"7f3", b"8a1")
    ]
    assert not any("x.org" in repr(one) for one in broker.messages)


class Renamed(BaseModel, Event):
    """An event whose personal field is written under another name."""

    model_config = ConfigDict(serialize_by_alias=True)
    customer: Annotated[str, Subject("customer")]
    email: Annotated[str | Erased, Personal("customer")] = Field(serialization_alias="mail")


def test_a_personal_field_that_is_written_under_another_name_does_not_leave_by_it() -> None:
    """Whoever withholds it does not find it, and says so."""
    event = Renamed(customer="7f3", email="ada@x.org")
    kind = MessageType(Renamed)
    with pytest.raises(WiringError, match="Renamed is written without 'email', which is personal"):
        _withheld(kind, kind.encode(event))


async def test_what_was_confirmed_and_never_settled_is_forgotten() -> None:
    """When another process has owned the checkpoint since: what is remembered is never more than a batch."""

    class Moved:
        async def commit(self, batch: Batch) -> None:
            raise CheckpointMoved(name="relay:post", text="is another's")

    broker, catalogue, store = ScriptedBroker(), Catalogue(), cast("Store", Moved())
    catalogue.add(Posted)
    (declared,) = posting().publications
    catalogue.add(Paid)
    relay = Relay(Publication.of(declared, catalogue), broker, store, frozenset({"posted"}), "shop")
    for token, first in ((1, 1), (2, 301), (3, 601)):
        page = [fact(position) for position in range(first, first + 300)]
        for _ in range(2):
            with pytest.raises(CheckpointMoved):
                await relay.handle(page, Batch(moves=(Move("relay:post", first, 0, token=token),)))
    assert [len(call) for call in broker.calls] == [300, 300, 300]
    ((_, confirmed),) = relay._confirmed.values()
    assert len(confirmed) == 300


def fact(position: int) -> Fact:
    """An event in a stream of its own."""
    recorded = Recorded(position, f"post-{position}", 1, new_id(), "posted", 1, b"{}", {}, datetime.now(UTC))
    return Fact(Posted(number=position), recorded)


async def test_who_traces_messages_alone_has_no_span_of_what_is_given() -> None:
    """It is an ability that spans may lack."""

    class Plain:
        def begin(self, kind: Kind, message: str, handler: str, context: Context) -> Span:
            raise NotImplementedError

    broker = MemoryBroker()
    app = App("shop", modules=[posting()], database="memory:", broker=broker)
    app.observe(spans=Plain())
    async with app:
        await record(app, "a")
        await app.settle()
    assert len(broker.messages) == 1


@pytest.mark.parametrize(
    "shown, expected",
    [
        (unconfirmed, "the broker has not confirmed a message to post.posted: away"),
        (refused, "the broker refuses a message to post.posted: too large"),
    ],
)
def test_what_is_wrong_says_what_to_do(shown: Callable[[Outgoing], Exception], expected: str) -> None:
    """In one line."""
    error: Any = shown(Outgoing("post.posted", "1", "a", {}, b""))
    assert (error.detail, bool(error.hint)) == (expected, True)


def test_turns_have_each_message_once() -> None:
    """However streams are mixed, and a stream is in as many turns as it has messages."""
    messages = [Outgoing("to", str(number), stream, {}, b"") for number, stream in enumerate("abacabadabacaba")]
    turns = _turns(messages)
    assert sorted(one for turn in turns for one in turn) == sorted(messages)
    assert all(len({one.stream for one in turn}) == len(turn) for turn in turns)
    assert all({one.stream for one in after} <= {one.stream for one in before} for before, after in pairwise(turns))
