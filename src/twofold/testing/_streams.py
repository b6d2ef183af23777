"""Which stream an event that is given to an application belongs to: that of the aggregate which it is an event of.

Nobody guesses. An event begins an aggregate when exactly one class of the application gets its id from it, and goes on
with one when it names the id of exactly one that it changes, or that takes it. An event that the `evolve` of a decider
names is in the stream that its fields make, before one of an aggregate that it does not change. Otherwise it belongs to
none, and has a stream of its own, as if published.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import count
from typing import Any, final, get_args, get_origin

from twofold.aggregates import Aggregate, Repository
from twofold.app import App
from twofold.dispatch import Decider, named_classes
from twofold.errors import FaultError, WiringError
from twofold.messages import Event
from twofold.testing._difference import fields_of


@final
class Streams:
    """The streams of the events that one test gives.

    Args:
        app: The application.
    """

    def __init__(self, app: App) -> None:
        self._kinds = list(_aggregates(app))
        self._deciders = [one.decider for module in app.modules for one in module.deciders]
        self._known: dict[str, Aggregate] = {}
        self._alone = count(1)

    def of(self, event: Any) -> str:
        """The stream of the next event.

        Raises:
            WiringError: Several aggregates or deciders may be meant.
        """
        values = list((fields_of(event) or {}).values())
        begun: dict[str, Aggregate] = {
            kind.stream_of(made.id): made for kind in self._kinds if (made := _begun(kind, event, values))
        }
        taken, changed = ({}, begun) if begun else self._going_on(event, values)
        decided = dict.fromkeys(stream for one in self._deciders if (stream := _decided(one, event)))
        found: dict[str, Aggregate | None] = {**decided, **(changed if decided else changed or taken)}
        if len(found) > 1:
            raise WiringError(f"{event!r} may be of {' or of '.join(found)}: give the command that records it instead")
        for stream, one in found.items():
            if one is not None:
                self._known.setdefault(stream, one)
            return stream
        return f"given-{next(self._alone)}"

    def _going_on(self, event: Any, values: Sequence[object]) -> tuple[dict[str, Aggregate], dict[str, Aggregate]]:
        """Those whose id an event names: what takes it, and what it changes.

        An `evolve` may pass over what it does not know: an event of a loan that names its reader is taken by both.
        """
        taken, changed = dict[str, Aggregate](), dict[str, Aggregate]()
        for stream, one in self._known.items():
            if getattr(one, "id", _NOBODY) in values:
                before = _state(one)
                if _evolves(one, event):
                    taken[stream] = one
                    if _state(one) != before:
                        changed[stream] = one
        return taken, changed

    def see(self, stream: str, event: Any) -> None:
        """Know of an event that is in the log."""
        known = self._known.get(stream)
        if known is not None:
            _evolves(known, event)
            return
        values = list((fields_of(event) or {}).values())
        for made in (_begun(kind, event, values) for kind in self._kinds):
            if made is not None and made.stream_of(made.id) == stream:
                self._known[stream] = made


def reordered(events: Sequence[tuple[str, Any]], tags: Callable[[Any], Iterable[str]]) -> list[tuple[str, Any]]:
    """Events that have nothing in common the other way round.

    Those of one stream stay in order, and those that carry the same tag: no other one could have been decided.

    Args:
        events: The events, with their streams.
        tags: The tags of an event.
    """
    groups: list[tuple[set[str], list[int]]] = []
    for place, (stream, event) in enumerate(events):
        marks, places = {stream, *tags(event)}, [place]
        apart = [group for group in groups if group[0].isdisjoint(marks)]
        for other, before in (group for group in groups if not group[0].isdisjoint(marks)):
            marks |= other
            places += before
        groups = [*apart, (marks, sorted(places))]
    groups.sort(key=lambda group: group[1][0], reverse=True)
    return [events[place] for _, places in groups for place in places]


def _aggregates(app: App) -> Iterable[type[Any]]:
    reached = app.assembly.injection.reached
    hints: Iterator[Any] = (hint for handler in app.router.handlers() for hint in reached(handler))
    asked = dict.fromkeys(get_args(hint)[0] for hint in hints if get_origin(hint) is Repository)
    return [kind for kind in asked if issubclass(kind, Aggregate)]


def _decided(decider: Decider[Any, Any, Any], event: Any) -> str | None:
    """The stream of a decider that an event is in; None when its `evolve` does not name it, or nobody can tell."""
    try:
        named = named_classes(decider.evolve, 1, "")
        return decider.stream_of(event) if any(one is not Event and isinstance(event, one) for one in named) else None
    except (FaultError, AttributeError):  # it names no classes; its stream is made of what only the command has
        return None


def _begun(kind: type[Any], event: Any, values: Sequence[object]) -> Any:
    """A new aggregate that has its id from this event; None when it gets none."""
    made = kind()
    return made if _evolves(made, event) and getattr(made, "id", _NOBODY) in values else None


def _state(one: Aggregate) -> dict[str, Any] | None:
    try:
        return deepcopy(vars(one))
    except Exception:  # noqa: BLE001  # it holds what cannot be copied: nobody can tell whether it changes
        return None


def _evolves(one: Aggregate, event: Any) -> bool:
    try:
        one.evolve(event)
    except Exception:  # noqa: BLE001  # what it says to an event of somebody else is its own affair
        return False
    return True


_NOBODY = object()
