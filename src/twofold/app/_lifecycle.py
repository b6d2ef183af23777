"""The events of lifecycles: known to the application though no handler names them, and proven to be fillable."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from twofold.dispatch import APPLIES_TO, Filling, Handler, Lifecycle, Module
from twofold.errors import Fault, FaultError


def lifecycle_events(modules: Iterable[Module]) -> list[type]:
    """The events that are told of commands.

    Args:
        modules: The modules of an application.
    """
    said = [registration.options.get("lifecycle") for module in modules for registration in module]
    return [event for one in said if isinstance(one, Lifecycle) for event in _known_events(one)]


def lifecycle_faults(handlers: Sequence[Handler]) -> list[Fault]:
    """Lifecycles whose events could not be made once a command runs.

    Args:
        handlers: The handlers of an application.
    """
    return [fault for handler in handlers if handler.kind in APPLIES_TO["lifecycle"] for fault in _faults(handler)]


def _known_events(lifecycle: Lifecycle) -> list[type]:
    try:
        return lifecycle.events()
    except FaultError:  # told with the others, by its handler
        return []


def _faults(handler: Handler) -> Iterator[Fault]:
    said: Any = handler.options.get("lifecycle")
    if said is None:
        return
    if not isinstance(said, Lifecycle):
        text, hint = f"says lifecycle={said!r:.40}", "use Lifecycle(attempted=..., succeeded=..., failed=...)"
        yield Fault(where=handler.id, code="wrong_lifecycle", text=text, hint=hint)
        return
    for state, telling in said:
        try:
            Filling.of(state, telling, handler)
        except FaultError as error:
            yield error.fault
