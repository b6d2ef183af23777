"""Decision models: the part of the past that one decision depends on, whatever streams it is in."""

import inspect
from collections.abc import Collection, Sequence
from contextlib import aclosing
from itertools import takewhile
from typing import Any, Final, NamedTuple, Protocol, cast

from twofold.aggregates._as_of import AsOf
from twofold.dispatch import named_classes, refuse_impure
from twofold.errors import FaultError, WiringError
from twofold.messages import Catalogue, Event, tag_fields, tags_of
from twofold.store import Log, Selection, decode, everything


class _Evolving(Protocol):
    def evolve(self, event: Any) -> None: ...


class Decision:
    """Derive from it, mark fields with `Tag`, and write `evolve` for the events that the decision depends on.

    It is made of all events of those types that carry all its tags; a `Boundary` tells them to it, in order. The
    annotation of `evolve` says which types these are: one event, or a union of some. A new one has seen nothing.

    Example:
        >>> @dataclass
        ... class Course(Decision):
        ...     course_id: Annotated[str, Tag("course")]
        ...     capacity: int = 0
        ...     taken: int = 0
        ...     def evolve(self, event: CourseDefined | StudentSubscribed) -> None:
        ...         match event:
        ...             case CourseDefined():
        ...                 self.capacity = event.capacity
        ...             case StudentSubscribed():
        ...                 self.taken += 1
    """


def tell(decision: Decision, event: object) -> None:
    """Have a decision see an event that it depends on."""
    cast("_Evolving", decision).evolve(event)


class Own(NamedTuple):
    """A decision, and what it is made of.

    Args:
        decision: The decision.
        selection: The entries of the log that it is made of.
        events: The classes of what these are read as.
    """

    decision: Decision
    selection: Selection
    events: tuple[type, ...]


def all_own(decisions: Sequence[Decision], catalogue: Catalogue) -> list[Own]:
    """What decisions are made of; see `selection_of`.

    Raises:
        WiringError: One is there twice: it would count what happened twice.
    """
    if len(set(map(id, decisions))) < len(decisions):
        raise WiringError("a decision is read once, and one is given twice")
    return [Own(one, selection_of(one, catalogue), events_of(type(one))) for one in decisions]


async def tell_all(
    own: Sequence[Own], log: Log, catalogue: Catalogue, *, head: int, as_of: AsOf | None = None
) -> Collection[int]:
    """Have decisions see what they are made of, in the order of the log.

    Args:
        own: The decisions.
        log: The log.
        catalogue: What decodes it.
        head: The head of the log, from before.
        as_of: The moment up to which they see it; all of it unless given.

    Returns:
        The positions behind the head of what they have seen.
    """
    where = tuple(dict.fromkeys(one.selection for one in own))
    seen: set[int] = set()
    async with aclosing(everything(log, where, head=head)) as pages:
        async for page in pages:
            told = page if as_of is None else list(takewhile(as_of.covers, page))
            for fact in decode(catalogue, told):
                for one in own:
                    if fact.recorded in one.selection and isinstance(fact.event, one.events):
                        tell(one.decision, fact.event)
            seen.update(entry.position for entry in told if entry.position > head)
            if len(told) < len(page):
                break
    return seen


def selection_of(decision: Decision, catalogue: Catalogue) -> Selection:
    """The events that a decision is made of.

    Args:
        decision: The decision; the values of its tags count.
        catalogue: The events of the application.

    Raises:
        WiringError: Its class does not say which events, an event is unknown, or a field that is a tag has no value.
    """
    name = type(decision).__qualname__
    marked = tag_fields(type(decision))
    missing = ", ".join(field for field in marked if not tags_of(decision, {field: marked[field]}))
    if missing:
        raise WiringError(f"{name} has no {missing}, so it would be made of the events of all")
    events = events_of(type(decision))
    unknown = ", ".join(event.__qualname__ for event in events if event not in catalogue)
    if unknown:
        hint = "name it where its handlers are, or in module.events()"
        raise WiringError(f"{name} depends on {unknown}, and this application does not know it: {hint}")
    return Selection(types=catalogue.stored_as(events), tags=frozenset(tags_of(decision, marked)))


def events_of(kind: type[Decision]) -> tuple[type, ...]:
    """The events that the decisions of a class are told, by the annotation of its `evolve`.

    Raises:
        FaultError: There is no such method, or it does not say which events.
    """
    where = f"{kind.__module__}.{kind.__qualname__}"
    evolve = getattr(kind, "evolve", None)
    if not inspect.isfunction(evolve):
        raise FaultError(where=where, code="no_evolve", text="is a decision without evolve", hint=_HINT)
    refuse_impure(evolve, where)
    events = named_classes(evolve, 1, where)
    if Event in events:
        text = "has an evolve of any event, so every event of the log would be its own"
        raise FaultError(where=where, code="no_evolve", text=text, hint=_HINT)
    return events


_HINT: Final = "def evolve(self, event: CourseDefined | StudentSubscribed) -> None"
