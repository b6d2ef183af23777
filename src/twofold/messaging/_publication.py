"""A publication: events that leave the service to one place, read off their declaration at the start."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final, get_args

from twofold.dispatch import PublicationDeclaration, Start
from twofold.errors import Fault, refuse_all
from twofold.messages import Catalogue, Event, MessageType

_PLACE: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


@final
@dataclass(frozen=True, slots=True)
class Publication:
    """Events that go to one place.

    Args:
        to: The place: their subjects begin with it.
        kinds: The events, by class.
        start: Where the relay starts when it is new.
        partitions: Into how many equal shares of the streams it is cut.
    """

    to: str
    kinds: Mapping[type, MessageType[Any]]
    start: Start
    partitions: int

    @property
    def name(self) -> str:
        """What its relay is called; the checkpoint is kept under it."""
        return f"relay:{self.to}"

    @classmethod
    def of(cls, declared: PublicationDeclaration, catalogue: Catalogue) -> "Publication":
        """Read one off its declaration.

        Args:
            declared: The declaration.
            catalogue: The events that are known.

        Raises:
            FaultError: It cannot be done as declared.
        """
        where = _where(declared)
        refuse_all(
            Fault(where=where, code="unusable_publication", text=text, hint=hint) for text, hint in _wrongs(declared)
        )
        kinds = {event: catalogue.of(event) for event in declared.events}
        if declared.personal != "withheld":
            refuse_all(_published(where, kinds))
        return cls(declared.to, kinds, declared.start, declared.partitions)


def clashes(publications: list[Publication]) -> Iterator[Fault]:
    """The faults of publications beside each other: one place that is said twice, or one event that leaves twice."""
    places, events = set[str](), dict[type, str]()
    for one in publications:
        where = f"publication to {one.to}"
        if one.to in places:
            hint = "name all its events in one place, or give each its own: `to='orders.returns'`"
            yield Fault(where=where, code="duplicate_publication", text="is declared twice", hint=hint)
        places.add(one.to)
        for event in one.kinds:
            if event in events:
                text = f"publishes {event.__qualname__}, which goes to {events[event]} already"
                hint = "a broker may take the second one for the first, which has the same id: publish it once"
                yield Fault(where=where, code="duplicate_publication", text=text, hint=hint)
            events.setdefault(event, one.to)


def wrongs_of(place: str, events: Collection[type], verb: str, keyword: str) -> Iterator[tuple[str, str]]:
    """What keeps events from going to a place, or from coming from it, and what to do.

    Args:
        place: The place.
        events: The events.
        verb: What is done with them.
        keyword: What the place is said with.
    """
    if _PLACE.fullmatch(place) is None:
        yield "is no place", f"words of letters, digits, _ and -, joined by dots: {keyword}='orders'"
    if not events:
        yield f"{verb} nothing", "name its events"
    for event in events:
        if not issubclass(event, Event):
            yield f"{verb} {event.__qualname__}, which is no event", "name classes of events"


def _where(declared: PublicationDeclaration) -> str:
    return f"publication to {declared.to}"


def _published(where: str, kinds: Mapping[type, MessageType[Any]]) -> Iterator[Fault]:
    """The faults of events that would leave with personal data."""
    for event, kind in kinds.items():
        if names := ", ".join(field.name for field in kind.personal_fields):
            text = f"publishes {event.__qualname__}, which has personal data: {names}"
            hint = 'say personal="withheld", and it leaves as erased; or publish an event without it'
            yield Fault(where=where, code="personal_published", text=text, hint=hint)


def _wrongs(declared: PublicationDeclaration) -> Iterator[tuple[str, str]]:
    yield from wrongs_of(declared.to, declared.events, "publishes", "to")
    if declared.partitions < 1:
        yield f"cannot be cut into {declared.partitions} partitions", "give it 1 or more"
    if not (declared.start in get_args(get_args(Start)[0]) if isinstance(declared.start, str) else declared.start >= 0):
        yield f"cannot start at {declared.start!r}", "say 'beginning', 'now' or a position"
    if declared.personal not in (None, "withheld"):
        yield f"knows no personal={declared.personal!r}", 'say "withheld", or leave it out'
