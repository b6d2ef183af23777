"""A projection as declared beside the handlers of a module: a class that makes rows of events."""

from typing import Any, Literal, NamedTuple, TypeAlias

Mode: TypeAlias = Literal["inline", "async", "live"]
"""When a projection sees an event: in the transaction that records it, soon after, or whenever it is read."""

Switch: TypeAlias = Literal["auto", "manual"]
"""When a new version of a projection takes the place of the live one: once it has caught up, or by command."""


class ProjectionDeclaration(NamedTuple):
    """A projection as declared; the projections room knows what to make of it."""

    name: str
    mode: Mode
    cls: type
    tables: tuple[Any, ...] = ()
    version: int = 1
    switch: Switch = "auto"
