"""Which stream an event that is given to an application belongs to: that of the aggregate which it is an event of.

Nobody guesses. An event begins an aggregate when exactly one class of the application gets its id from it, and goes on
with one when it names the id of exactly one that it changes, or that takes it. Otherwise it belongs to none, and has a
stream of its own, as if published.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import count
from typing import Any, final, get_args, get_origin

from twofold.aggregates import Aggregate, Repository
from twofold.app import App
from twofold.errors import WiringError
from twofold.testing._difference import fields_of


@final
class Streams:
    """The streams of the events that one test gives.

    Args:
        app: The application.
    """

    def __init__(self, app: App) -> None:
        self._kinds = list(_aggregates(app))
        self._known: dict[str, Aggregate] = {}
        self._alone = count(1)

    def of(self, event: Any) -> str:
        """The stream of the next event.

        Raises:
            WiringError: Several aggregates may be meant.
        """
        values = list((fields_of(event) or {}).values())
        begun: dict[str, Aggregate] = {
            kind.stream_of(made.id): made for kind in self._kinds if (made := _begun(kind, event, values))
        }
        found = begun or self._going_on(event, values)
        if len(found) > 1:
            raise WiringError(f"{event!r} may be of {' or of '.join(found)}: give the command that records it instead")
        for stream, one in found.items():
            self._known.setdefault(stream, one)
            return stream
        return f"given-{next(self._alone)}"

    def _going_on(self, event: Any, values: Sequence[object]) -> dict[str, Aggregate]:
        """Those whose id an event names: what it changes, else what takes it.

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
        return changed or taken

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
