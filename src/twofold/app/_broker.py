"""From a setting to a broker, and from what modules publish to relays: what leaves the service, and over what."""

import os
from collections.abc import Iterable
from typing import Final

from twofold.app._outside import same_name
from twofold.app._room import open_room
from twofold.dispatch import Module
from twofold.errors import Fault, FaultError, UnknownMessage, WiringError
from twofold.messages import Catalogue, Event
from twofold.messaging import Broker, MemoryBroker, Publication, clashes

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


def published_events(modules: Iterable[Module]) -> list[type]:
    """The events that modules publish."""
    named = [event for module in modules for declared in module.publications for event in declared.events]
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
    found, faults, names = list[Publication](), list[Fault](), set(taken)
    for declared in (declared for module in modules for declared in module.publications):
        try:
            found.append(Publication.of(declared, catalogue))
        except FaultError as error:
            faults.append(error.fault)
        except (WiringError, UnknownMessage):
            pass  # told with the event
    for one in {one.to: one for one in found}.values():
        faults.extend(same_name(f"publication to {one.to}", one.name, names))
    return found, [*faults, *clashes(found)]


def without_broker(publications: Iterable[Publication]) -> list[Fault]:
    """The faults of what is published where there is no broker."""
    text, hint = "has no broker to go to", f"say App(broker='nats://host:4222') or set {_VARIABLE}"
    return [Fault(where=f"publication to {one.to}", code="no_broker", text=text, hint=hint) for one in publications]
