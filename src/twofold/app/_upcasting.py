"""Upcasters of all modules, in the catalogue of one application: what cannot be meant is found at the start."""

from collections.abc import Iterable, Sequence

from twofold.dispatch import Module
from twofold.errors import Fault
from twofold.messages import Catalogue, Upcaster


def upcaster_faults(modules: Sequence[Module], catalogue: Catalogue) -> list[Fault]:
    """Add what modules say of older events to a catalogue that has the classes of today; what is wrong with it.

    Args:
        modules: The modules of an application.
        catalogue: Its messages.
    """
    faults: list[Fault] = []
    upcasters = catalogue.upcasters
    for module in modules:
        for name in module.skipped:
            upcasters.skip(name)
        for one in module.upcasters:
            there = upcasters.add(one)
            if there is not one:
                where = _where(one)
                text, hint = "is upcast twice", "the log has one of it: let one upcaster decide by its fields"
                faults.append(Fault(where=where, code="duplicate_upcaster", text=text, hint=hint))
    faults += (fault for one in upcasters for fault in _faults(one, catalogue))
    return faults + _skipped(catalogue)


def _faults(one: Upcaster, catalogue: Catalogue) -> Iterable[Fault]:
    today = catalogue.version_of(one.name)
    if today is not None and one.version >= today:
        text = f"is upcast, and version {today} is today's"
        hint = f"raise the version of the class: @event(name={one.name!r}, version={one.version + 1})"
        yield Fault(where=_where(one), code="upcast_of_today", text=text, hint=hint)
    for name in sorted(one.into):
        if name == one.name and today is None and not _goes_on(one, catalogue):
            text = "becomes a version that nothing reads"
            hint = f"add into=[...], or a class that is called {name!r}; skip({name!r}) passes over all of them"
            yield Fault(where=_where(one), code="unknown_event", text=text, hint=hint)
        elif name != one.name and not catalogue.upcasters.knows(name):
            text, hint = f"becomes {name!r}, and no event is called that", "import the module that defines it"
            yield Fault(where=_where(one), code="unknown_event", text=text, hint=hint)


def _goes_on(one: Upcaster, catalogue: Catalogue) -> bool:
    return any(other.name == one.name and other.version > one.version for other in catalogue.upcasters)


def _skipped(catalogue: Catalogue) -> list[Fault]:
    text, hint = "is passed over, and has a class or an upcaster too", "take one of the two away"
    upcast = {one.name for one in catalogue.upcasters}
    return [
        Fault(where=f"event {name}", code="skipped_event", text=text, hint=hint)
        for name in sorted(catalogue.upcasters.skipped)
        if name in upcast or catalogue.version_of(name) is not None
    ]


def _where(one: Upcaster) -> str:
    return f"event {one.name} version {one.version}"
