"""Upcasters: how an event that was stored in an older form becomes one, several or none of today's.

A module declares them, and the catalogue of its application has them; nothing is registered for the whole process. They
work on JSON alone, so an upcaster goes on working when the classes of today become those of yesterday.
"""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast, final

from pydantic_core import from_json, to_json

from twofold.errors import Undecodable, WiringError
from twofold.messages._withheld import as_erased, withheld


@final
@dataclass(frozen=True, slots=True)
class Encoded:
    """An event in a form that the log may have: what an upcaster answers that makes another event, or several.

    Args:
        name: Its wire name.
        data: Its fields, as JSON has them.
        version: The version of its schema; an older one than today's is upcast in turn.
    """

    name: str
    data: Mapping[str, Any]
    version: int = 1


Upcast: TypeAlias = Callable[[Any], Mapping[str, Any] | Encoded | Iterable[Encoded] | None]
"""Makes of an event's fields, as JSON has them: the fields of the next version, other events, or None for no event."""


@final
class Upcaster:
    """What one version of an event becomes.

    Args:
        name: The wire name that the log has.
        version: The version of the schema that the log has.
        change: Makes the newer form of it.
        into: The wire names of the events that it becomes; its own unless given.

    Raises:
        WiringError: The version is below 1, or `change` is no plain function.
    """

    __slots__ = ("change", "into", "name", "version")

    def __init__(self, name: str, version: int, change: Upcast, into: Collection[str] = ()) -> None:
        given: object = change
        if version < 1:
            raise WiringError(f"{name!r} has no version {version}: versions count from 1")
        if not callable(given) or inspect.iscoroutinefunction(given):
            raise WiringError(
                f"the upcaster of {name!r} version {version} is no plain function: whoever reads calls it"
            )
        self.name, self.version, self.change = name, version, change
        self.into = frozenset(into or {name})

    def run(self, body: bytes | str) -> list[tuple[str, int, bytes]]:
        """What an event becomes: for each event its wire name, version and body.

        What is erased in it is given to the upcaster as something that is an `Erased`, and whatever is made of that is
        erased too.

        Raises:
            Undecodable: It fails, or answers what is no newer form of its event.
        """
        data = from_json(body)
        erased = withheld(data)
        try:
            parts = _parts(self.change(data), self.name, self.version + 1)
            made = [(one.name, one.version, _written(as_erased(one.data) if erased else one.data)) for one in parts]
        except Exception as error:
            told = f"; it was given {', '.join(map(repr, erased))} erased: add a case Erased()" if erased else ""
            raise self._refused(f"{type(error).__name__}: {error}{told}") from error
        for name, version, _ in made:
            if name not in self.into:
                raise self._refused(f"it answers {name!r}, which is not among what it says it becomes")
            if name == self.name and version <= self.version:
                raise self._refused(f"it answers version {version}, which is no newer one")
        return made

    def _refused(self, why: str) -> Undecodable:
        own = getattr(self.change, "__qualname__", repr(self.change))
        return Undecodable(name=self.name, version=self.version, cause=f"its upcaster {own} does not fit: {why}")


def _parts(answer: Any, name: str, version: int) -> list[Encoded]:
    kind = type(answer).__name__
    if answer is None:
        return []
    if isinstance(answer, Encoded):
        return [answer]
    if isinstance(answer, Mapping):
        return [Encoded(name, cast("Mapping[str, Any]", answer), version)]
    if isinstance(answer, Iterable) and not isinstance(answer, str | bytes):
        parts: list[Any] = [*answer]
        if all(isinstance(one, Encoded) for one in parts):
            return parts
    raise TypeError(f"it answers a {kind}, and neither fields, nor Encoded events, nor None")


def _written(data: Mapping[str, Any]) -> bytes:
    return to_json(data, bytes_mode="base64")
