"""Applications whose events go to a real server: what is never kept, what is too large, and traces that go on."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from tests.drivers.nats.keeping import attributes_of, keeper
from tests.drivers.nats.proxy import through
from tests.drivers.nats.selling import Sold, selling
from tests.until import none_parked
from tests.web.shop import client_of
from tools.nats_server import NatsServer, running
from twofold import App
from twofold.clock import new_id
from twofold.drivers.nats import NatsBroker
from twofold.messages import Context
from twofold.messaging import NotConfirmed
from twofold.observability import OpenTelemetrySpans
from twofold.store import Append, Batch, Draft, MemoryStore
from twofold.subscriptions import Trouble

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Observed:
    """Notes the troubles of an application, and tells when enough have come."""

    def __init__(self, app: App, enough: Callable[[list[Trouble]], bool]) -> None:
        self.seen = list[Trouble]()
        self.enough = asyncio.Event()
        self._is_enough = enough
        app.observe(observer=self._note)

    def _note(self, trouble: Trouble) -> None:
        self.seen.append(trouble)
        if self._is_enough(self.seen):
            self.enough.set()


async def sell(app: App, *streams: str, note: str = "") -> None:
    """One sale for each stream, in one transaction."""
    unit = app.new_unit(Context())
    for stream in streams:
        unit.append(stream, Sold(item="tea", note=note))
    await unit.commit()


async def test_a_place_that_nothing_keeps_is_no_place_to_lose_events(nats_server: NatsServer) -> None:
    """The relay waits, tells why, and gives everything once somebody keeps it."""
    async with keeper(nats_server.url) as keeps:
        app = App("shop", modules=[selling(keeps.place)], database="memory:", broker=nats_server.url)
        observed = Observed(app, lambda seen: len(seen) == 3)
        async with app:
            await sell(app, "a", "b", "a")
            async with asyncio.timeout(60):
                await observed.enough.wait()
            assert {type(one.error) for one in observed.seen} == {NotConfirmed}
            assert "no stream keeps this subject" in str(observed.seen[-1].error)
            assert all(one.away for one in observed.seen)
            (progress,) = await app.progress()
            assert (progress.position, progress.lag, progress.parked) == (0, 3, 0)
            assert "no stream keeps this subject" in progress.error
            assert (await app.store.checkpoints.get(f"relay:{keeps.place}")).position == 0
            await keeps.keep()
            await app.settle(timeout=60)
        found = await keeps.messages()
        assert [one.attributes["streamversion"] for one in found if one.stream == "a"] == ["1", "2"]
        assert len(found) == 3


@pytest.mark.parametrize("where", ["server", "stream"])
async def test_a_poisoned_message_is_parked_and_the_others_flow(where: str, tmp_path: Path) -> None:
    """Whoever it is too large for; what is behind it in its stream waits behind it, and goes when it is dropped."""
    with running(tmp_path, *(["max_payload: 4096"] if where == "server" else [])) as server:
        async with keeper(server.url) as keeps:
            await keeps.keep(**({"max_msg_size": 4096} if where == "stream" else {}))
            app = App("shop", modules=[selling(keeps.place)], database="memory:", broker=server.url)
            async with app:
                for number in range(10):
                    await sell(app, *[f"till-{stream}" for stream in range(100)])
                    if number == 4:
                        await sell(app, "till-7", note="x" * 5000)
                await app.settle(timeout=60)
                parked = await app.parked.list()
                assert {one.stream for one in parked} == {"till-7"}
                assert len(parked) == 6
                assert parked[0].cause.startswith("MessageRefused: the broker refuses a message to ")
                assert not any(one.cause for one in parked[1:])
                found = await keeps.messages()
                assert len(found) == 1000 - 5
                for stream in range(100):
                    versions = [int(one.attributes["streamversion"]) for one in found if one.stream == f"till-{stream}"]
                    assert versions == list(range(1, 6 if stream == 7 else 11))
                await app.parked.drop(parked[0].subscription, parked[0].position)
                await app.parked.retry(parked[0].subscription, "till-7")
                await none_parked(app, within=60)
            kept = [one.attributes["streamversion"] for one in await keeps.messages() if one.stream == "till-7"]
            assert kept == ["1", "2", "3", "4", "5", "7", "8", "9", "10", "11"]


async def test_a_server_that_never_confirms_gets_everything_again(nats_server: NatsServer) -> None:
    """Under the same ids, and each is kept once; the checkpoint has not moved meanwhile."""
    async with through(nats_server.url) as proxy, keeper(nats_server.url) as keeps:
        await keeps.keep()
        broker = NatsBroker(proxy.url, within=0.2)
        app = App("shop", modules=[selling(keeps.place)], database="memory:", broker=broker)
        observed = Observed(app, lambda seen: len(seen) == 2)
        async with app:
            await sell(app, "a")
            await app.settle(timeout=60)
            proxy.swallows = True
            await sell(app, "a", "b", "c", "a")
            async with asyncio.timeout(60):
                await observed.enough.wait()
            assert (await app.store.checkpoints.get(f"relay:{keeps.place}")).position == 1
            proxy.swallows = False
            await app.settle(timeout=60)
        found = await keeps.messages()
        assert [one.attributes["streamversion"] for one in found if one.stream == "a"] == ["1", "2", "3"]
        assert len({one.id for one in found}) == len(found) == 5


async def test_a_long_absence_is_followed_by_everything_in_order(tmp_path: Path) -> None:
    """Longer than the server remembers ids: what was confirmed before does not come again, nothing is parked."""
    with running(tmp_path) as server:
        async with keeper(server.url) as keeps:
            await keeps.keep(duplicate_window=0.1)
            place = keeps.place
        app = App("shop", modules=[selling(place)], database=MemoryStore(), broker=server.url)
        observed = Observed(app, lambda seen: len(seen) == 3)
        async with app:
            for _ in range(3):
                await sell(app, "a", "b")
            await app.settle(timeout=60)
            server.kill()
            for number in range(300):
                await sell(app, f"till-{number % 7}", f"till-{number % 5}")
            async with asyncio.timeout(60):
                await observed.enough.wait()
            assert all(one.away and one.parked is None for one in observed.seen)
            server.start()
            await app.settle(timeout=60)
        async with keeper(server.url, place) as keeps:
            found = await keeps.messages()
    assert len({one.id for one in found}) == len(found) == 606
    for stream in {one.stream for one in found}:
        versions = [int(one.attributes["streamversion"]) for one in found if one.stream == stream]
        assert versions == list(range(1, len(versions) + 1))


class Traces:
    """An application with spans that are kept in memory."""

    def __init__(self, app: App) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        app.observe(spans=OpenTelemetrySpans(provider))

    def named(self, name: str) -> list[ReadableSpan]:
        """The spans of a name."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


def parent_of(span: ReadableSpan) -> str:
    """The header of what belongs to a span."""
    context: Any = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


async def test_a_trace_goes_on_behind_the_broker(nats_server: NatsServer) -> None:
    """From a request over command and event to the headers of the message, as CloudEvents and as others have them."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        app = App("shop", modules=[selling(keeps.place)], database="memory:", broker=nats_server.url)
        traces = Traces(app)
        async with client_of(app, app.http()) as client:
            headers = {"traceparent": PARENT, "tracestate": "vendor=1"}
            answer = await client.post("/commands/sell", json={"item": "tea"}, headers=headers)
            assert answer.status_code == 204
            await app.settle(timeout=60)
        (command,) = traces.named("command sell")
        (message,) = await keeps.raw()
        carried = message.headers or {}
        expected = parent_of(command)
        assert expected.startswith(f"00-{TRACE}-")
        assert (carried["traceparent"], carried["tracestate"]) == (expected, "vendor=1")
        attributes = attributes_of(carried)
        assert (attributes["traceparent"], attributes["tracestate"]) == (expected, "vendor=1")
        (sending,) = traces.named(f"send {keeps.place}")
        assert sending.kind is SpanKind.PRODUCER
        assert sending.parent is None
        context: Any = command.get_span_context()
        assert [(one.context.trace_id, one.context.span_id) for one in sending.links] == [
            (context.trace_id, context.span_id)
        ]
        assert dict(sending.attributes or {}) == {
            "messaging.operation.type": "send",
            "messaging.destination.name": keeps.place,
            "messaging.batch.message_count": 1,
        }


async def test_a_batch_is_one_span_with_a_link_to_each_cause(nats_server: NatsServer) -> None:
    """And each message has the trace of its own cause; one that failed says so."""
    async with keeper(nats_server.url) as keeps:
        app = App("shop", modules=[selling(keeps.place)], database=MemoryStore(), broker=nats_server.url)
        traces, observed = Traces(app), Observed(app, lambda seen: True)
        parents = [f"00-{number:032x}-{number:016x}-01" for number in (1, 2, 3)]
        async with app:
            drafts = [
                Append(f"till-{number}", (draft_of(app, {"traceparent": parent}),))
                for number, parent in enumerate(parents)
            ]
            await app.store.commit(Batch(tuple(drafts)))
            async with asyncio.timeout(60):
                await observed.enough.wait()
            await keeps.keep()
            await app.settle(timeout=60)
        assert [(one.headers or {})["traceparent"] for one in await keeps.raw()] == parents
        spans = traces.named(f"send {keeps.place}")
        assert all([f"{one.context.span_id:x}" for one in span.links] == ["1", "2", "3"] for span in spans)
        assert (spans[0].attributes or {})["error.type"] == "NotConfirmed"
        assert "error.type" not in (spans[-1].attributes or {})


async def test_without_a_provider_there_is_no_trace(nats_server: NatsServer) -> None:
    """Nor a header of one."""
    async with keeper(nats_server.url) as keeps:
        await keeps.keep()
        app = App("shop", modules=[selling(keeps.place)], database="memory:", broker=nats_server.url)
        async with app:
            await sell(app, "a")
            await app.settle(timeout=60)
        (message,) = await keeps.raw()
        assert not [name for name in message.headers or {} if "trace" in name]


def draft_of(app: App, headers: dict[str, str]) -> Draft:
    """A sale, as it is recorded by whoever has these headers."""
    kind = app.router.catalogue.of(Sold)
    return Draft(new_id(), kind.name, 1, kind.encode(Sold(item="tea")), headers, app.clock.now())
