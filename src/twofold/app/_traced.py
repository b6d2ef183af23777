"""A follower of the log whose batches are traced: those of projections, writers and relays, which are no messages."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import final

from twofold.app._reactor import Reactor
from twofold.dispatch import Start
from twofold.messaging import Relay
from twofold.middleware import BatchSpans, SendingSpans, Spans
from twofold.store import Batch, Fact
from twofold.subscriptions import Subscriber


def traced(subscriber: Subscriber, spans: Spans | None) -> Subscriber:
    """The same follower with a span around each batch; as it is where nobody traces, and for whose events are messages.

    Args:
        subscriber: What follows the log.
        spans: Where spans go.
    """
    if isinstance(subscriber, Relay):
        if not isinstance(spans, SendingSpans):
            return subscriber
        return TracedSubscriber(subscriber, partial(spans.sending, subscriber.publication.to))
    if isinstance(subscriber, Reactor) or not isinstance(spans, BatchSpans):
        return subscriber
    return TracedSubscriber(subscriber, partial(spans.batch, subscriber.name))


@final
class TracedSubscriber:
    """Traces what another one handles; a `Subscriber`.

    Args:
        subscriber: The other one.
        span: Gives the span of a block, from the headers of its events.
    """

    def __init__(
        self, subscriber: Subscriber, span: Callable[[Sequence[Mapping[str, str]]], AbstractContextManager[None]]
    ) -> None:
        self._subscriber = subscriber
        self._span = span
        self.name = subscriber.name
        self.selection = subscriber.selection
        self.start: Start = subscriber.start
        self.batch_size = subscriber.batch_size
        self.partitions = subscriber.partitions
        self.version = subscriber.version

    async def handle(self, facts: Sequence[Fact], settled: Batch) -> None:
        """Have them handled, in a span with a link to what has caused each of them."""
        with self._span([fact.recorded.headers for fact in facts]):
            await self._subscriber.handle(facts, settled)
