"""The events of lifecycles: known to the application though no handler names them, and proven to be fillable."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from twofold.dispatch import APPLIES_TO, Filling, Handler, Lifecycle, Module, filling
from twofold.errors import Fault, FaultError
from twofold.messages import Catalogue

_MARGIN: Final = 60.0
"""For what comes behind a deadline: waiting for the answer to a commit, 10 s unless the store is told otherwise."""


_SEVERAL: Final = "*", 0
"""The command of an event that several commands begin with: nobody can tell which of them it was."""


class Attempts(NamedTuple):
    """The attempts whose end is recorded when nobody comes to it.

    Args:
        begin: The wire names of the events that they begin with, each with the name and version of its command.
        end: Those of the events that they end with.
        patience: The longest time that one may take, in seconds.
    """

    begin: Mapping[str, tuple[str, int]]
    end: frozenset[str]
    patience: float


def attempts_of(
    handlers: Iterable[Handler], catalogue: Catalogue, timeout: Callable[[Handler], float | None], endless: float
) -> Attempts | None:
    """The attempts of an application that have an end for sure; None when there are none.

    Those of a handler that tells of all three states: where a success leaves nothing, nobody can see that it was one.

    Args:
        handlers: Its handlers.
        catalogue: Its messages.
        timeout: How long a handler's command may take, in seconds; None for any time.
        endless: How long one may take that may take any time, in seconds.
    """
    begin, end, patience = dict[str, tuple[str, int]](), set[str](), 0.0
    for handler in handlers:
        told = [filling(handler, state) for state in ("attempted", "succeeded", "failed")]
        events = [one.event for one in told if one is not None]
        if len(events) < len(told):
            continue
        command = catalogue.of(handler.message_type)
        for name in catalogue.stored_as(events[:1]):
            begin[name] = _SEVERAL if name in begin else (command.name, command.wire.version)
        end |= catalogue.stored_as(events[1:])
        limit = timeout(handler)
        patience = max(patience, endless if limit is None else limit + _MARGIN)
    return Attempts(begin=begin, end=frozenset(end), patience=patience) if begin else None


def lifecycle_events(modules: Iterable[Module]) -> list[type]:
    """The events that are told of commands.

    Args:
        modules: The modules of an application.
    """
    declared = [one for module in modules for one in (*module, *module.deciders)]
    said = [one.options.get("lifecycle") for one in declared]
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
            yield from error.faults
