"""The handlers of an application, read into its table; and the faults of those that are none, missing or doubled."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from twofold.app._mistake import faults_of
from twofold.app._scan import messages_of
from twofold.dispatch import Handler, Module, Registration, Router
from twofold.errors import Fault, UnknownMessage, WiringError
from twofold.messages import Catalogue, Event, Kind


def read_handlers(
    modules: Sequence[Module], deciding: Iterable[tuple[Module, Registration]], router: Router, faults: list[Fault]
) -> tuple[list[Handler], list[Registration]]:
    """All handlers, and the registrations that are none because of a fault.

    Args:
        modules: The modules.
        deciding: The registrations of deciders, each with its module.
        router: The table that the handlers are put into.
        faults: Where the faults are put of what is no handler, and of what could not be called.
    """
    unread: list[Registration] = []
    own = [(module, registration) for module in modules for registration in module]
    for module, registration in [*own, *deciding]:
        handler: Handler | None = None
        try:
            handler = _read(registration, module, router, faults)
            router.add(handler)
        except (WiringError, UnknownMessage) as error:
            unread.append(registration)
            faults += faults_of(registration.name, error)
        if handler is None:
            add_messages(router.catalogue, messages_of(registration), faults)
    return router.handlers(), unread


def add_messages(catalogue: Catalogue, messages: Iterable[type], faults: list[Fault], kind: Kind | None = None) -> None:
    """Have an application know messages, so that what is wrong with them is told, whoever handles them.

    Args:
        catalogue: The messages that it knows.
        messages: More of them.
        faults: Where the faults are put of what is none.
        kind: What they are; what they derive from unless given.
    """
    for message in dict.fromkeys(messages):
        try:
            catalogue.add(message, kind)
        except WiringError as error:
            faults += faults_of(message.__qualname__, error)


def _read(registration: Registration, module: Module, router: Router, untyped: list[Fault]) -> Handler:
    if registration.event_name is None:
        return registration.read(module.name, untyped)
    event = router.catalogue.named(registration.event_name).cls
    return registration.reacting_to(event).read(module.name, untyped)


def unhandled(near: Iterable[type], handlers: Sequence[Handler], unread: Iterable[type]) -> list[type]:
    """Commands and queries in sight of the handlers that nobody handles; the base class of a handled one may be.

    Args:
        near: The messages in sight.
        handlers: The handlers.
        unread: The messages of registrations that have a fault of their own.
    """
    handled = {handler.message_type for handler in handlers}.union(unread)
    return [cls for cls in near if not (issubclass(cls, Event) or any(issubclass(one, cls) for one in handled))]


def missing_handler_faults(messages: Iterable[type]) -> Iterator[Fault]:
    """The faults of messages that nobody handles."""
    for cls in messages:
        hint = "write one, or mount the module that has it"
        yield Fault(where=cls.__qualname__, code="handler_not_found", text="has no handler", hint=hint)


def same_reaction_faults(handlers: Sequence[Handler]) -> Iterator[Fault]:
    """Reactions that would share a checkpoint: of one name, in one module, to one event."""
    reactions = Counter((one.module, one.name, one.message_type) for one in handlers if one.kind is Kind.EVENT)
    for (module, name, event), count in reactions.items():
        if count > 1:
            text, hint = (
                f"reacts to {event.__qualname__} twice",
                "rename one of them: a checkpoint is kept under the name",
            )
            yield Fault(where=f"{module}.{name}", code="duplicate_reaction", text=text, hint=hint)
