"""Turns the events that a unit of work is given into what the log takes, at once and as of the message served."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, final

from twofold.errors import TooLarge, UnknownMessage, WiringError
from twofold.messages import Catalogue, Context, Event, Kind
from twofold.store._added import Added
from twofold.store._attempt import attempt_stream
from twofold.store._batch import ANY_VERSION, Draft
from twofold.store._bounds import Bounds

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_EVENT: Final = Kind.EVENT
"""The member itself: Python 3.11 runs Python to find one in its class."""


@final
class Recorder:
    """What events of a unit of work become.

    Args:
        catalogue: The events that may be recorded.
        context: The message that is served.
        bounds: How large they may be.
    """

    __slots__ = ("_bounds", "_headers", "attempt_streams", "catalogue", "context", "open")

    def __init__(self, catalogue: Catalogue, context: Context, bounds: Bounds) -> None:
        self._bounds = bounds
        self.catalogue = catalogue
        self.context = context
        self.open = True
        """Whether anything may still be recorded."""
        self.attempt_streams: set[str] = set()
        """The streams of attempts that something was told of."""
        self._headers: Mapping[str, str] | None = None

    def serve(self, context: Context) -> None:
        """What comes from now on is of this message."""
        if context is not self.context:
            self.context, self._headers = context, None

    def in_stream(self, stream: str, events: Sequence[object], expected: int, of: Context) -> list[Added]:
        """Events at the end of a stream.

        Args:
            stream: The stream's name.
            events: The events, in order.
            expected: The version that the stream must be at before the first.
            of: The message whose events they are.

        Raises:
            WiringError: One is not registered or no event, or the unit has ended.
            TooLarge: The name is, or an event.
            Invalid: The name is no text that every database takes.
        """
        self._bounds.prove_name(stream)
        other = None if of is self.context else of
        added: list[Added] = []
        for event in events:
            added.append((stream, expected, event, self.draft(event, other)))
            if expected != ANY_VERSION:
                expected += 1
        return added

    def own(self, event: object) -> Added:
        """An event in the stream of a message of its own."""
        return f"message-{self.context.id_text}", ANY_VERSION, event, self.draft(event)

    def received(self, stream: str, event: object, of: Context) -> Added:
        """An event that another service has recorded, with its id and with what has caused it there."""
        cause = of.origin.causation_id
        draft = self.draft(event, of, _NO_HEADERS if cause is None else {"causation_id": cause})
        return stream, ANY_VERSION, event, draft._replace(id=of.message_id)

    def told(
        self, event: object, expected: int, of: Context | None = None, beside: Mapping[str, str] = _NO_HEADERS
    ) -> Added:
        """An event in the stream of an attempt.

        Args:
            event: The event.
            expected: The version that the stream must be at.
            of: The message whose attempt it is; the one that is served unless given.
            beside: Headers beside those of the message.
        """
        stream = attempt_stream((of or self.context).message_id)
        self.attempt_streams.add(stream)
        return stream, expected, event, self.draft(event, of, beside)

    def draft(self, event: object, of: Context | None = None, beside: Mapping[str, str] = _NO_HEADERS) -> Draft:
        """An event as it is written.

        Raises:
            WiringError: It is not registered or no event, it could not be read again, or the unit has ended.
            TooLarge: It, its metadata or one of its tags is out of bounds.
            Invalid: A tag is no text that every database takes.
        """
        kind = type(event)
        if not self.open:
            raise WiringError(f"{kind.__qualname__} came after the unit of work had ended, so nothing records it")
        try:
            entry, context = self.catalogue.of(kind), of or self.context
        except UnknownMessage:
            text = f"{kind.__qualname__} is recorded, and "
            if issubclass(kind, Event):
                text += "this application does not know it: name it where its handlers are, or in module.events()"
            else:
                text += "is no event: derive it from Event"
            raise WiringError(text) from None
        if entry.kind is not _EVENT:
            raise WiringError(f"{kind.__qualname__} is recorded, and it is a {entry.kind}: only events are; execute it")
        if self._headers is None:
            self._headers = self._bounds.prove_metadata(self.context.headers())
        headers = self._headers if of is None else self._bounds.prove_metadata(of.headers())
        if beside:
            headers = {**headers, **beside}
        now, data = context.clock.now(), entry.record(event)
        if len(data) > self._bounds.event:
            raise TooLarge(f"an event {entry.name} is", limit=self._bounds.event)
        tags = entry.tags(event)
        for tag in tags:
            self._bounds.prove_name(tag)
        wire = entry.wire
        return Draft(context.ids(), wire.name, wire.version, data, headers, now, tags)
