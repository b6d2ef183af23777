"""A consumption: events of other services, received from one place, read off its declaration at the start."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from twofold.dispatch import ConsumptionDeclaration
from twofold.errors import Fault, refuse_all
from twofold.messages import Catalogue, MessageType
from twofold.messaging._publication import Publication, wrongs_of
from twofold.messaging._receiving import Queue
from twofold.store import INBOX

_STARTS: Final = ("beginning", "now")


@final
@dataclass(frozen=True, slots=True)
class Consumption:
    """Events that come from one place.

    Args:
        place: The place.
        kinds: The events, by class.
        types: The wire names under which they may come, those of older versions among them.
        start: Where the broker starts to give when it is asked for the first time.
        tenants: Whether the tenant that a message names is that of its event.
        remembered: For how many seconds it is known which messages were received.
    """

    place: str
    kinds: Mapping[type, MessageType[Any]]
    types: frozenset[str]
    start: Literal["beginning", "now"]
    tenants: bool
    remembered: float

    @property
    def name(self) -> str:
        """What its inbox is called; the checkpoint that says whose turn it is, and what is parked, are under it."""
        return f"{INBOX}{self.place}"

    def queue(self, app: str) -> Queue:
        """What an application asks the broker for.

        Args:
            app: Its name.
        """
        return Queue(f"{app}:{self.place}", self.place, self.types, self.start)

    @classmethod
    def of(cls, declared: ConsumptionDeclaration, catalogue: Catalogue) -> "Consumption":
        """Read one off its declaration.

        Args:
            declared: The declaration.
            catalogue: The events that are known.

        Raises:
            FaultError: It cannot be done as declared.
        """
        where = _where(declared.place)
        refuse_all(
            Fault(where=where, code="unusable_consumption", text=text, hint=hint) for text, hint in _wrongs(declared)
        )
        kinds = {event: catalogue.of(event) for event in declared.events}
        start: Any = declared.start
        types = catalogue.stored_as(kinds)
        return cls(declared.place, kinds, types, start, declared.tenants == "trusted", declared.remembered)


def crossings(consumptions: Iterable[Consumption], publications: Iterable[Publication]) -> Iterator[Fault]:
    """The faults of what is received beside what is published: a place said twice, or an event that goes round."""
    places, leaving = set[str](), {event for one in publications for event in one.kinds}
    for one in consumptions:
        if one.place in places:
            text, hint = "is declared twice", "name all its events in one place"
            yield Fault(where=_where(one.place), code="duplicate_consumption", text=text, hint=hint)
        places.add(one.place)
        for event in one.kinds:
            if event in leaving:
                text = f"receives {event.__qualname__}, which this application publishes"
                hint = "what comes in would leave again: record and publish an event of your own"
                yield Fault(where=_where(one.place), code="goes_round", text=text, hint=hint)


def _where(place: str) -> str:
    return f"consumption from {place}"


def _wrongs(declared: ConsumptionDeclaration) -> Iterator[tuple[str, str]]:
    yield from wrongs_of(declared.place, declared.events, "receives", "from_")
    if declared.start not in _STARTS:
        yield f"cannot start at {declared.start!r}", "say 'beginning' or 'now'"
    if declared.tenants not in (None, "trusted"):
        yield f"knows no tenants={declared.tenants!r}", 'say "trusted", or leave it out'
    if not declared.remembered > 0:
        yield f"cannot remember for {declared.remembered!r} seconds", "give it more than 0"
