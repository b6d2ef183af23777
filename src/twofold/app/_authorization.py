"""Who may send which message, as handlers and modules declare it; the handler's word counts before its module's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast, final

from twofold.dispatch import APPLIES_TO, Always, Guard, Handler, Module, public
from twofold.errors import Fault, FaultError
from twofold.messages import wire_name


class Guarded(NamedTuple):
    """What guards a message.

    Args:
        guards: Its policies, in the order in which they are asked; none for everybody.
        source: Where that is declared.
    """

    guards: tuple[Guard, ...]
    source: str


@final
@dataclass(frozen=True, slots=True)
class Authorization:
    """The policies of an application.

    Args:
        declared: What guards the messages of handlers; a handler whose message nobody declares anything of is missing.
    """

    declared: Mapping[Handler, Guarded] = field(default_factory=dict[Handler, Guarded])

    def guards(self, handler: Handler) -> Sequence[Guard]:
        """The policies of a handler's message."""
        guarded = self.declared.get(handler)
        return () if guarded is None else guarded.guards

    def policies(self) -> list[Handler]:
        """Every policy, as what is to be filled with dependencies."""
        return [guard.policy for guarded in self.declared.values() for guard in guarded.guards]

    def unguarded(self, handlers: Iterable[Handler], why: str) -> list[Fault]:
        """Commands and queries that nobody says anything of, as faults.

        Args:
            handlers: The handlers.
            why: What says that they have to have a policy.
        """
        return [
            Fault(
                where=wire_name(handler.message_type).name,
                code="unguarded",
                text=f"has no policy, and {why}",
                hint=f"say authorize= at {handler.id} or at module {handler.module}; twofold.public is for everybody",
            )
            for handler in handlers
            if handler.kind in APPLIES_TO["authorize"] and handler not in self.declared
        ]


def authorization_of(modules: Sequence[Module], handlers: Sequence[Handler]) -> tuple[Authorization, list[Fault]]:
    """What guards each message, and what is wrong with that.

    Args:
        modules: The modules of an application.
        handlers: Their handlers.
    """
    by_module = {module.name: module.authorize for module in modules if module.authorize is not None}
    declared: dict[Handler, Guarded] = {}
    faults: list[Fault] = []
    for handler in handlers:
        if handler.kind not in APPLIES_TO["authorize"]:
            continue
        if "authorize" in handler.options:
            said, source = handler.options["authorize"], handler.id
        elif handler.module in by_module:
            said, source = by_module[handler.module], f"module {handler.module}"
        else:
            continue
        declared[handler] = Guarded(_guards(said, handler, source, faults), source)
    return Authorization(declared), list(dict.fromkeys(faults))


def _guards(said: Any, handler: Handler, source: str, faults: list[Fault]) -> tuple[Guard, ...]:
    policies = cast("Sequence[Any]", said) if isinstance(said, list | tuple) else [said]
    if not policies:
        text, hint = "says authorize=[], which is no policy", "twofold.public is for everybody"
        faults.append(Fault(where=source, code="wrong_policy", text=text, hint=hint))
    guards: list[Guard] = []
    for policy in policies:
        if policy is public or (isinstance(policy, Always) and policy.policy is public):
            continue
        try:
            guards.append(Guard.of(policy, handler))
        except FaultError as error:
            faults += error.faults
    return tuple(guards)
