"""The decisions in sight of an application's handlers: which events they need, and what is wrong with them."""

import difflib
import sys
from collections.abc import Iterator, Sequence

from twofold.aggregates import Decision, events_of
from twofold.app._scan import python_modules
from twofold.app._shared_defaults import default_faults
from twofold.dispatch import Module
from twofold.errors import Fault, FaultError, WiringError
from twofold.messages import tag_fields


def read_decisions(modules: Sequence[Module], faults: list[Fault]) -> list[type]:
    """The events that decisions are made of.

    Args:
        modules: The modules.
        faults: Where the faults of decisions are put.
    """
    found: list[type] = []
    for kind in dict.fromkeys(_decisions(modules)):
        faults += default_faults(kind)
        try:
            events = events_of(kind)
            found += events
            faults += _tag_faults(kind, events)
        except FaultError as error:
            faults += error.faults
        except WiringError as error:
            where = f"{kind.__module__}.{kind.__qualname__}"
            faults.append(Fault(where=where, code=error.code, text=error.detail.removeprefix(f"{kind.__qualname__} ")))
    return found


def _tag_faults(kind: type[Decision], events: Sequence[type]) -> Iterator[Fault]:
    """A decision that would be told nothing: no event of its types carries all its tags.

    Raises:
        WiringError: An annotation of the decision or of an event cannot be resolved.
    """
    wanted = _tags(kind)
    carried = {event: _tags(event) for event in events}
    if any(wanted <= tags for tags in carried.values()):
        return
    there = sorted(set[str]().union(*carried.values()))
    missing = sorted(wanted.difference(there))
    told = "; ".join(f"{event.__qualname__} {', '.join(sorted(tags)) or 'none'}" for event, tags in carried.items())
    near = [near for tag in missing for near in difflib.get_close_matches(tag, there, n=1)]
    which = f"the tag {', '.join(missing)}" if missing else f"all of its tags, {', '.join(sorted(wanted))}"
    yield Fault(
        where=f"{kind.__module__}.{kind.__qualname__}",
        code="no_such_tag",
        text=f"would be told nothing: none of its events carries {which} (they carry: {told})",
        hint=f"did you mean {', '.join(near)}?" if near else "mark a field of its events with the same Tag",
    )


def _tags(cls: type) -> set[str]:
    return {name for names in tag_fields(cls).values() for name in names}


def _decisions(modules: Sequence[Module]) -> Iterator[type[Decision]]:
    """Classes without `evolve` that others derive from are none yet."""
    for name in dict.fromkeys(python_modules(modules)):
        for value in list(vars(sys.modules[name]).values()):
            if not isinstance(value, type) or not issubclass(value, Decision) or value is Decision:
                continue
            if _evolves(value) or not value.__subclasses__():
                yield value


def _evolves(kind: type[Decision]) -> bool:
    return hasattr(kind, "evolve")
