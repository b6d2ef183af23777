"""Whose a stream is: the aggregate or decider of an application that keeps its state in streams of such a name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from string import Formatter
from typing import Any, ClassVar

from twofold.aggregates import Aggregate, Entity
from twofold.dispatch import Decider
from twofold.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Who keeps state in streams.

    Args:
        name: What it is called: the class, or the function that decides.
        pattern: What the names of its streams match; None where only it knows them, by a function of a command.
        what: The class of aggregates, or the decider.
    """

    name: str
    pattern: str | None
    what: "type[Aggregate] | Decider[Any, Any, Any]"


class NobodysStream(NotFound):
    """No aggregate or decider of an application is known to keep its state in a stream.

    Args:
        stream: The stream.
        keepers: Who keeps state in others.
        entity: The entity whose stream it is, or is said to be.
    """

    code: ClassVar[str] = "nobodys_stream"

    def __init__(self, stream: str, keepers: Iterable[Keeper], entity: str | None = None) -> None:
        if entity is None:
            super().__init__(f"nobody is known to keep state in stream {stream!r}")
        else:
            super().__init__(f"{entity} is an entity: its state is in its table, and no stream's")
        self.stream, self.names, self.entity = stream, tuple(sorted({one.name for one in keepers})), entity

    @property
    def hint(self) -> str:
        """How to say it."""
        if self.entity is not None:
            return "ask a query for it; `twofold stream show` shows what it has recorded"
        known = ", ".join(self.names) or "no aggregate and no decider is there"
        return f"name who does with --of: {known}; `twofold stream show` shows its events"


def keepers_of(aggregates: Iterable[type[Aggregate]], deciders: Iterable[Decider[Any, Any, Any]]) -> list[Keeper]:
    """Those who keep state in streams."""
    found = [Keeper(name=kind.__name__, pattern=re.escape(kind.stream_of("")) + ".+", what=kind) for kind in aggregates]
    for one in deciders:
        pattern = _pattern(one.stream) if isinstance(one.stream, str) else None
        name = getattr(one.decide, "__qualname__", repr(one.decide))
        found.append(Keeper(name=name, pattern=pattern, what=one))
    return found


def keeper_of(
    stream: str, keepers: Iterable[Keeper], name: str | None = None, entities: Iterable[type[Entity]] = ()
) -> Keeper:
    """Who keeps state in a stream: of several, the one whose names say more.

    Args:
        stream: The stream.
        keepers: Those who may.
        name: What it is called, where somebody knows better.
        entities: Those who keep their state elsewhere.

    Raises:
        NobodysStream: There is nobody, or only an entity, or it cannot be told who of several.
    """
    known = list(keepers)
    if name is not None:
        found = [one for one in known if one.name == name]
    else:
        found = [one for one in known if one.pattern is not None and re.fullmatch(one.pattern, stream, re.DOTALL)]
        longest = max((len(one.pattern or "") for one in found), default=0)
        found = [one for one in found if len(one.pattern or "") == longest]
    if len(found) == 1:
        return found[0]
    meant = (
        one.__name__
        for one in entities
        if not found and (stream.startswith(one.stream_of("")) if name is None else one.__name__ == name)
    )
    raise NobodysStream(stream, found or known, next(meant, None))


def _pattern(stream: str) -> str:
    parts = [re.escape(text) + ("" if field is None else ".+") for text, field, _, _ in Formatter().parse(stream)]
    return "".join(parts)
