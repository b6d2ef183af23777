"""The decisions in sight of an application's handlers: which events they need, and what is wrong with them."""

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
            found += events_of(kind)
            tag_fields(kind)
        except FaultError as error:
            faults.append(error.fault)
        except WiringError as error:
            where = f"{kind.__module__}.{kind.__qualname__}"
            faults.append(Fault(where=where, code=error.code, text=error.detail.removeprefix(f"{kind.__qualname__} ")))
    return found


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
