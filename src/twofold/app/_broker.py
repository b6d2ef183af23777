"""From a setting to a broker, and from what modules declare to relays and inboxes: what goes over what."""

import os
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from twofold.app._outside import same_name
from twofold.app._room import open_room
from twofold.dispatch import Module
from twofold.errors import Fault, FaultError, UnknownMessage, WiringError
from twofold.messages import Catalogue, Event
from twofold.messaging import (
    Broker,
    Consumption,
    MemoryBroker,
    Publication,
    ReceivingBroker,
    clashes,
    crossings,
)
from twofold.store import INBOX

D = TypeVar("D")
T = TypeVar("T")

_VARIABLE: Final = "TWOFOLD_BROKER"
_NATS: Final = ("nats", "tls")


def broker_of(said: str | Broker | None) -> Broker | None:
    """The broker that a setting means; None when nothing is said.

    Args:
        said: A broker as it is; `nats://host:4222` or `tls://host:4222`, several with commas between them; `memory:`
            for one that forgets; None for the environment variable `TWOFOLD_BROKER`.

    Raises:
        WiringError: No driver knows the address.
        MissingExtraError: The driver is not installed.
    """
    said = said or os.environ.get(_VARIABLE) or None
    if said is None or not isinstance(said, str):
        return said
    if said == "memory:":
        return MemoryBroker()
    scheme, separator, _ = said.partition("://")
    if not separator:
        raise WiringError("the address of the broker has no scheme: write nats://host:4222, or memory:")
    if scheme not in _NATS:
        raise WiringError(f"no driver knows a broker that starts with {scheme}://; use nats://host:4222 or memory:")
    broker: Broker = open_room("twofold.drivers.nats").NatsBroker(said)
    return broker


def broker_elsewhere(said: str | Broker | None) -> Broker:
    """What a test has in the place of a broker: the one that is said where that is in memory, else one that forgets."""
    return said if isinstance(said, MemoryBroker) else MemoryBroker()


def carried_events(modules: Iterable[Module]) -> list[type]:
    """The events that modules publish, and those that they receive."""
    named = [event for module in modules for declared in module.publications for event in declared.events]
    named += [event for module in modules for declared in module.consumptions for event in declared.events]
    return [event for event in named if issubclass(event, Event)]


def read_publications(
    modules: Iterable[Module], catalogue: Catalogue, taken: Iterable[str]
) -> tuple[list[Publication], list[Fault]]:
    """What modules publish, and what is wrong with it.

    Args:
        modules: The modules.
        catalogue: The events that are known.
        taken: Names under which checkpoints are kept already.
    """
    declared = (declared for module in modules for declared in module.publications)
    found, faults = _usable(declared, lambda one: Publication.of(one, catalogue))
    names = set(taken)
    for one in {one.to: one for one in found}.values():
        faults.extend(same_name(f"publication to {one.to}", one.name, names))
    return found, [*faults, *clashes(found)]


def read_consumptions(
    modules: Iterable[Module], catalogue: Catalogue, publications: Iterable[Publication], taken: Iterable[str]
) -> tuple[list[Consumption], list[Fault]]:
    """What modules receive, and what is wrong with it.

    Args:
        modules: The modules.
        catalogue: The events that are known.
        publications: What they publish.
        taken: Names under which checkpoints are kept already.
    """
    declared = (declared for module in modules for declared in module.consumptions)
    found, faults = _usable(declared, lambda one: Consumption.of(one, catalogue))
    hint = "rename it: what is parked under such a name is no event of the log"
    faults += [
        Fault(where=name, code="reserved_name", text=f"begins with {INBOX!r}", hint=hint)
        for name in taken
        if name.startswith(INBOX)
    ]
    return found, [*faults, *crossings(found, publications)]


def broker_faults(
    broker: Broker | None, publications: Iterable[Publication], consumptions: Iterable[Consumption]
) -> list[Fault]:
    """The faults of what goes over a broker, where there is none, or one that cannot do it."""
    wheres = [f"consumption from {one.place}" for one in consumptions]
    if broker is None:
        text, hint = "has no broker to go over", f"say App(broker='nats://host:4222') or set {_VARIABLE}"
        wheres = [*(f"publication to {one.to}" for one in publications), *wheres]
        return [Fault(where=where, code="no_broker", text=text, hint=hint) for where in wheres]
    if isinstance(broker, ReceivingBroker):
        return []
    text = f"has a {type(broker).__qualname__}, which only takes messages"
    hint = "use a twofold.messaging.ReceivingBroker"
    return [Fault(where=where, code="no_receiving_broker", text=text, hint=hint) for where in wheres]


def _usable(declared: Iterable[D], read: Callable[[D], T]) -> tuple[list[T], list[Fault]]:
    """What declarations say, and what is wrong with the others."""
    found: list[T] = []
    faults: list[Fault] = []
    for one in declared:
        try:
            found.append(read(one))
        except FaultError as error:
            faults += error.faults
        except (WiringError, UnknownMessage):
            pass  # told with the event
    return found, faults
