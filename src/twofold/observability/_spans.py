"""Spans of OpenTelemetry, with the headers of W3C Trace Context; needs its API alone.

A command or query belongs to the span that is current where it was sent, else to the headers that it came with; what
happens behind the log belongs to the headers of its event, and a batch of events has a link to each of theirs.
Attributes are names, ids and outcomes.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Token
from typing import Final, final

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context as Surroundings
from opentelemetry.trace import Link, ProxyTracerProvider, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from twofold.messages import Context, Kind

_W3C: Final = TraceContextTextMapPropagator()
_NOWHERE: Final = Surroundings()


@final
class OpenTelemetrySpans:
    """Gives spans to OpenTelemetry; see `Spans`.

    Args:
        provider: Where they go; the provider of the process unless given.

    Example:
        >>> app.observe(spans=OpenTelemetrySpans(provider))
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("twofold", tracer_provider=provider)

    def begin(self, kind: Kind, message: str, handler: str, context: Context) -> "OpenTelemetrySpan":
        """Begin one; see `Spans`."""
        around = contexts.get_current()
        if kind is Kind.EVENT or not trace.get_current_span(around).get_span_context().is_valid:
            around = _W3C.extract(context.trace, context=_NOWHERE)
        span = self._tracer.start_span(
            f"{kind} {message}",
            context=around,
            kind=_role(kind, around),
            attributes={
                "twofold.kind": kind.value,
                "twofold.message": message,
                "twofold.handler": handler,
                "twofold.message_id": context.id_text,
                "twofold.correlation_id": context.correlation_id,
            },
        )
        return OpenTelemetrySpan(span, trace.set_span_in_context(span, around))

    @contextmanager
    def batch(self, subscription: str, causes: Sequence[Mapping[str, str]]) -> Generator[None]:
        """A block in a span of its own; see `BatchSpans`."""
        attributes: dict[str, str | int] = {"twofold.subscription": subscription, "twofold.events": len(causes)}
        with self._apart(f"batch {subscription}", SpanKind.CONSUMER, causes, attributes):
            yield

    @contextmanager
    def sending(self, to: str, causes: Sequence[Mapping[str, str]]) -> Generator[None]:
        """A block in a span of its own; see `SendingSpans`."""
        attributes: dict[str, str | int] = {
            "messaging.operation.type": "send",
            "messaging.destination.name": to,
            "messaging.batch.message_count": len(causes),
        }
        with self._apart(f"send {to}", SpanKind.PRODUCER, causes, attributes):
            yield

    @contextmanager
    def _apart(
        self, name: str, kind: SpanKind, causes: Sequence[Mapping[str, str]], attributes: Mapping[str, str | int]
    ) -> Generator[None]:
        """A block in a span without a parent, with a link to each cause."""
        told = (
            trace.get_current_span(_W3C.extract(headers, context=_NOWHERE)).get_span_context() for headers in causes
        )
        links = {(one.trace_id, one.span_id): Link(one) for one in told if one.is_valid}
        span = self._tracer.start_span(
            name, context=_NOWHERE, kind=kind, links=list(links.values()), attributes=attributes
        )
        token = contexts.attach(trace.set_span_in_context(span, _NOWHERE))
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            contexts.detach(token)
            span.end()


@final
class OpenTelemetrySpan:
    """One span, current until it ends."""

    def __init__(self, span: trace.Span, around: Surroundings) -> None:
        headers: dict[str, str] = {}
        _W3C.inject(headers, context=around)
        self.headers: Mapping[str, str] = headers
        """The trace headers of what the message causes."""
        self._span = span
        self._token: Token[Surroundings] = contexts.attach(around)

    def end(self, outcome: str, *, error: str | None, broken: bool) -> None:
        """Say how it ended; see `Span`."""
        self._span.set_attribute("twofold.outcome", outcome)
        if error is not None:
            self._span.set_attribute("error.type", error)
        if broken:
            self._span.set_status(Status(StatusCode.ERROR))
        contexts.detach(self._token)
        self._span.end()


def installed_spans() -> OpenTelemetrySpans | None:
    """Spans for the provider of this process; None when nobody has set one."""
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, ProxyTracerProvider) else OpenTelemetrySpans(provider)


def _role(kind: Kind, around: Surroundings) -> SpanKind:
    if kind is Kind.EVENT:
        return SpanKind.CONSUMER
    return SpanKind.SERVER if trace.get_current_span(around).get_span_context().is_remote else SpanKind.INTERNAL
