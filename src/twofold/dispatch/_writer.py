"""A writer as declared beside the handlers of a module: a class that brings events to some other technology."""

from typing import Any, NamedTuple


class WriterDeclaration(NamedTuple):
    """A writer as declared; the projections room knows what to make of it.

    Args:
        name: Its identity.
        cls: The class.
        events: The events that it is given in batches; empty for one with a method for each event.
    """

    name: str
    cls: type
    events: tuple[type[Any], ...] = ()
