"""Spans of OpenTelemetry: what belongs to what, from a request to a reaction, what they tell and what not."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.web.shop import client_of
from twofold import App, Command, CommandBus, Event, EventBus, Module, NotFound, Query, Success
from twofold.app.explanation import explain
from twofold.errors import StoreUnavailable
from twofold.messages import Context
from twofold.observability import OpenTelemetrySpans
from twofold.store import Fact

pytestmark = pytest.mark.anyio

SECRET = "hunter2"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@dataclass(frozen=True, kw_only=True)
class Pay(Command[None]):
    """Sends another command."""

    card: str = SECRET


@dataclass(frozen=True, kw_only=True)
class Book(Command[None]):
    """Records an event."""

    card: str = SECRET


@dataclass(frozen=True, kw_only=True)
class Booked(Event):
    """Something happened."""

    card: str = SECRET


@dataclass(frozen=True, kw_only=True)
class Look(Query[int]):
    """Ends as it is told."""

    end: str = ""


class Traced:
    """An application, and its spans."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.headers = list[dict[str, str]]()
        self.app = App("traced", modules=[self._module()], database="memory:")
        self.app.observe(spans=OpenTelemetrySpans(self.provider))

    def _module(self) -> Module:
        module = Module("traced")

        @module.handler
        async def pay(command: Pay, bus: CommandBus) -> None:
            (await bus.execute(Book(card=command.card))).unwrap()

        @module.handler
        async def book(command: Book, bus: EventBus) -> None:
            await bus.publish(Booked(card=command.card))

        @module.on(Booked)
        async def post(event: Booked, context: Context) -> None:
            self.headers.append(dict(context.trace))

        @module.handler
        async def look(query: Look) -> int:
            match query.end:
                case "refused":
                    raise NotFound(SECRET)
                case "unavailable":
                    raise StoreUnavailable(SECRET)
                case "crashed":
                    raise KeyError(SECRET)
                case "cancelled":
                    raise asyncio.CancelledError
                case _:
                    return 7

        return module

    def spans(self) -> dict[str, ReadableSpan]:
        """What was told, by name."""
        return {span.name: span for span in self.exporter.get_finished_spans()}


def parent(span: ReadableSpan) -> str | None:
    """The id of the span that it belongs to."""
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def own(span: ReadableSpan) -> str:
    """Its id."""
    context = span.get_span_context()
    assert context is not None
    return f"{context.span_id:016x}"


async def test_one_trace_runs_from_a_request_to_the_reaction() -> None:
    """Through headers, commands inside commands and the log, each span belonging to the one that caused it."""
    traced = Traced()
    async with client_of(traced.app, traced.app.http()) as client:
        headers = {"traceparent": PARENT, "tracestate": "vendor=1", "x-correlation-id": "order-1"}
        answer = await client.post("/commands/pay", json={}, headers=headers)
        assert answer.status_code == 204
        await traced.app.settle()
    spans = traced.spans()
    pay, book, booked = spans["command pay"], spans["command book"], spans["event booked"]
    contexts = [span.get_span_context() for span in spans.values()]
    assert {one and f"{one.trace_id:032x}" for one in contexts} == {TRACE}
    assert (parent(pay), parent(book), parent(booked)) == ("b7ad6b7169203331", own(pay), own(book))
    assert [span.kind.name for span in (pay, book, booked)] == ["SERVER", "INTERNAL", "CONSUMER"]
    assert traced.headers == [{"traceparent": f"00-{TRACE}-{own(booked)}-01", "tracestate": "vendor=1"}]
    assert {(span.attributes or {})["twofold.correlation_id"] for span in spans.values()} == {"order-1"}


@pytest.mark.parametrize(
    "end, outcome, error, status",
    [
        ("", "success", None, "UNSET"),
        ("refused", "not_found", "not_found", "UNSET"),
        ("unavailable", "unavailable", "store_unavailable", "ERROR"),
        ("crashed", "crashed", "KeyError", "ERROR"),
        ("cancelled", "cancelled", None, "UNSET"),
    ],
)
async def test_a_span_tells_how_its_message_ended(end: str, outcome: str, error: str | None, status: str) -> None:
    """A refusal is an answer, and no error of the service."""
    traced = Traced()
    async with traced.app as app:
        with suppress(KeyError, asyncio.CancelledError):
            await app.execute(Look(end=end))
    span = traced.spans()["query look"]
    assert span.attributes is not None
    assert (span.attributes["twofold.outcome"], span.attributes.get("error.type")) == (outcome, error)
    assert span.status.status_code.name == status
    assert not trace.get_current_span().get_span_context().is_valid


async def test_nothing_of_a_payload_is_in_a_span() -> None:
    """Neither fields, nor the texts of errors."""
    traced = Traced()
    async with traced.app as app:
        await app.execute(Pay())
        await app.settle()
        for end in ("refused", "unavailable"):
            await app.execute(Look(end=end))
        with pytest.raises(KeyError):
            await app.execute(Look(end="crashed"))
    told = [span.to_json() for span in traced.exporter.get_finished_spans()]
    assert len(told) == 6
    assert not [one for one in told if SECRET in one]


async def test_a_message_belongs_to_the_span_it_is_sent_in() -> None:
    """A span of the caller's own; and what it does itself belongs to the message."""
    traced = Traced()
    tracer = traced.provider.get_tracer("test")
    async with traced.app as app:
        with tracer.start_as_current_span("around"):
            await app.execute(Book())
        await app.settle()
    spans = traced.spans()
    assert parent(spans["command book"]) == own(spans["around"])
    assert parent(spans["event booked"]) == own(spans["command book"])


async def test_what_starts_an_application_is_not_what_its_reactions_belong_to() -> None:
    """A reaction belongs to its event, whatever was current when the workers began."""
    traced = Traced()
    with traced.provider.get_tracer("test").start_as_current_span("start"):
        await traced.app.start()
    await traced.app.execute(Book())
    await traced.app.settle()
    await traced.app.stop()
    spans = traced.spans()
    assert parent(spans["command book"]) is None
    assert parent(spans["event booked"]) == own(spans["command book"])


class Counted:
    """Follows `Booked`, as a projection and as a writer of batches, which fails as often as it is told."""

    def __init__(self) -> None:
        self.traced = Traced()
        self.failures = 0
        self.told = list[str]()
        (module,) = self.traced.app.modules

        @module.projection("counts", mode="async")
        class Counts:
            def booked(self, event: Booked) -> None: ...

        @module.writer("elsewhere", events=[Booked])
        class Elsewhere:
            async def write(elsewhere, facts: Sequence[Fact]) -> None:  # noqa: N805  # self is around it
                if self.failures:
                    self.failures -= 1
                    raise OSError(SECRET)
                self.told += [fact.recorded.headers["traceparent"] for fact in facts]


async def test_a_batch_has_a_link_to_what_has_caused_each_of_its_events() -> None:
    """It belongs to none of them; what caused several is linked once, and what fails tells its class alone."""
    counted = Counted()
    traced = counted.traced
    counted.failures = 1
    async with traced.app as app:
        for _ in range(2):
            await app.execute(Book())
        await app.settle()
    spans = traced.exporter.get_finished_spans()
    causes = {own(span) for span in spans if span.name == "command book"}
    for name in ("batch counts", "batch elsewhere"):
        batches = [span for span in spans if span.name == name]
        assert {f"{link.context.span_id:016x}" for span in batches for link in span.links} == causes
        assert {(parent(span), span.kind.name) for span in batches} == {(None, "CONSUMER")}
        assert all(len(span.links) == (span.attributes or {})["twofold.events"] for span in batches)
    (failed, *_) = (span for span in spans if span.name == "batch elsewhere")
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "OSError"
    assert not [span for span in spans if SECRET in span.to_json()]


async def test_a_writer_is_told_the_trace_headers_of_each_event() -> None:
    """What it sends to a broker with them belongs to the trace of the command that has recorded the event."""
    counted = Counted()
    async with counted.traced.app as app:
        await app.execute(Book())
        await app.settle()
    book = counted.traced.spans()["command book"].get_span_context()
    assert book is not None
    assert counted.told == [f"00-{book.trace_id:032x}-{book.span_id:016x}-{int(book.trace_flags):02x}"]


async def test_what_is_not_sampled_stays_unsampled() -> None:
    """The decision travels with the headers."""
    traced = Traced(sampler=ALWAYS_OFF)
    async with traced.app as app:
        await app.execute(Book())
        await app.settle()
    assert traced.spans() == {}
    assert [int(one["traceparent"][-2:], 16) & 1 for one in traced.headers] == [0]


async def test_a_provider_that_was_set_is_found_when_the_application_is_put_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without one there is no stage, and so nothing to pay."""
    traced = Traced()
    plain = App("plain", modules=traced.app.modules, database="memory:")
    assert "tracing" not in explain(plain, "look").handlers[0].stages
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", traced.provider)
    found = App("found", modules=traced.app.modules, database="memory:")
    assert explain(found, "look").handlers[0].stages[0] == "tracing"
    async with found:
        assert await found.execute(Look()) == Success(7)
    assert list(traced.spans()) == ["query look"]


def test_where_nobody_traces_nothing_of_it_is_loaded() -> None:
    """An application that has started, in a fresh interpreter."""
    code = """
import asyncio, sys
from twofold import App
async def main():
    async with App("plain", database="memory:"):
        print([name for name in sys.modules if name.startswith(("opentelemetry", "twofold.cache"))])
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
