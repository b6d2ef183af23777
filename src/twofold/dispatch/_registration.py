"""A handler as a module was told of it; the application reads it at its start, so that every fault is told at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twofold.dispatch._following import FROM_THE_BEGINNING, Following
from twofold.dispatch._handler import NO_DOOR, Door, Handler, Target
from twofold.dispatch._signature import name_of
from twofold.errors import Fault
from twofold.messages import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A handler as declared, not yet looked at."""

    target: Target
    message_type: type | None = None
    event_name: str | None = None
    kind: Kind | None = None
    method: str = "handle"
    blocking: bool = False
    door: Door = NO_DOOR
    following: Following = FROM_THE_BEGINNING
    reads: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """Where it is found in Python."""
        return name_of(self.target, self.method)

    def reacting_to(self, event: type) -> "Registration":
        """The same, once the event with its name is known."""
        return replace(self, message_type=event, event_name=None)

    def read(self, module: str, untyped: list[Fault] | None = None) -> Handler:
        """Look at it.

        Args:
            module: The name of the module it belongs to.
            untyped: Where the faults are put of parameters without annotation; raised unless given.

        Raises:
            WiringError: It cannot be understood.
        """
        handler = Handler.of(
            self.target,
            message_type=self.message_type,
            kind=self.kind,
            method=self.method,
            blocking=self.blocking,
            door=self.door,
            module=module,
            reads=self.reads,
            options=self.options,
            untyped=untyped,
        )
        return handler if self.following is FROM_THE_BEGINNING else replace(handler, following=self.following)
