"""A span around every message, and its trace headers on everything that the message causes; never its payload."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from twofold.dispatch import Handler, Next, Stage
from twofold.errors import Classifier, Family, error_name
from twofold.messages import Context, Kind, enter_context, leave_context, wire_name
from twofold.middleware._outcome import outcome_of
from twofold.result import Result


class Span(Protocol):
    """What is told of the handling of one message."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The trace headers of what the message causes."""
        ...

    def end(self, outcome: str, *, error: str | None, broken: bool) -> None:
        """Say how it ended.

        Args:
            outcome: `success`, the category of its error, `crashed` or `cancelled`.
            error: The code or class of its error.
            broken: Whether that is a fault of ours, and no answer to who asked.
        """
        ...


class Spans(Protocol):
    """Where spans go."""

    def begin(self, kind: Kind, message: str, handler: str, context: Context) -> Span:
        """Begin one; it is the current one of this task until it ends.

        Args:
            kind: The kind of the message.
            message: Its wire name.
            handler: The id of its handler.
            context: Its context, with the trace headers that it came with.
        """
        ...


@runtime_checkable
class BatchSpans(Protocol):
    """Spans of what deals with several events at once, too: an ability that not all of them have."""

    def batch(self, subscription: str, causes: Sequence[Mapping[str, str]]) -> AbstractContextManager[None]:
        """A block in a span of its own, which has no parent: its events come from anywhere.

        Args:
            subscription: The name of who deals with them.
            causes: The headers of each event, with the trace headers of what has recorded it.
        """
        ...


@runtime_checkable
class SendingSpans(Protocol):
    """Spans of what leaves the service, too: an ability that not all of them have."""

    def sending(self, to: str, causes: Sequence[Mapping[str, str]]) -> AbstractContextManager[None]:
        """A block in a span of its own, in which events are given to a broker; it has no parent.

        Args:
            to: The place that they go to.
            causes: The headers of each event, with the trace headers of what has recorded it.
        """
        ...


def tracing_stage(spans: Spans, classifier: Classifier) -> Stage:
    """The stage.

    Args:
        spans: Where spans go.
        classifier: Tells what an error means.
    """

    def wrap(handler: Handler, call_next: Next) -> Next:
        kind, name = handler.kind, wire_name(handler.message_type).name

        async def traced(message: Any, context: Context) -> Result[Any, Any]:
            span = spans.begin(kind, name, handler.id, context)
            outcome, error, broken = "crashed", None, True
            inner = _inside(span, context)
            token = enter_context(inner)
            try:
                result = await call_next(message, inner)
                outcome, broken = outcome_of(result, classifier), False
                if result.is_failure:
                    error = error_name(result.error)
                    broken = classifier.of_value(result.error).family in (Family.UNAVAILABLE, Family.CORRUPT)
                return result
            except asyncio.CancelledError:
                outcome, broken = "cancelled", False
                raise
            except BaseException as raised:
                error = type(raised).__qualname__
                raise
            finally:
                leave_context(token)
                span.end(outcome, error=error, broken=broken)

        return traced

    return Stage("tracing", wrap)


def _inside(span: Span, context: Context) -> Context:
    """The context of what is done in a span. It keeps its origin, by which what is sent here is known as a part."""
    return Context(
        context.origin,
        context.parent,
        context.clock,
        context.ids,
        context.message_id,
        context.deadline,
        span.headers,
    )
