"""Wire names: what a message is called in the log, over HTTP and on a broker, whatever its class is renamed to."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from twofold.errors import FaultError, Hinted, WiringError, snake_case

M = TypeVar("M")

_ATTRIBUTE = "__twofold_name__"
_ALLOWED = re.compile(r"[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*")
_FORM: Final = (
    "lower-case words and digits, joined by '_', '-' or '.', at most 100 characters, with a version of 1 or more: "
    '@event(name="order-placed", version=2), and so @command and @query'
)


class NoWireName(Hinted, WiringError):
    """A message would be called what no address can hold."""


@dataclass(frozen=True, slots=True)
class WireName:
    """The name and schema version of a message outside this process."""

    name: str
    version: int = 1

    def __post_init__(self) -> None:
        if not _ALLOWED.fullmatch(self.name) or len(self.name) > 100 or self.version < 1:
            raise NoWireName(f"{self.name!r} version {self.version} is no wire name", hint=_FORM)


def event(*, name: str | None = None, version: int = 1) -> Callable[[type[M]], type[M]]:
    """Give an event a stable wire name and schema version.

    Args:
        name: The name in the log; the class name in snake case unless given.
        version: The schema version, from 1.

    Raises:
        WiringError: The name is not made of lower-case words.

    Example:
        >>> @event(name="order-placed", version=2)
        ... class OrderPlaced(Event): ...
    """

    return _naming(name, version)


def command(*, name: str | None = None, version: int = 1) -> Callable[[type[M]], type[M]]:
    """Give a command a stable wire name and version, as `event` does.

    Raises:
        WiringError: The name is not made of lower-case words.
    """
    return _naming(name, version)


def query(*, name: str | None = None, version: int = 1) -> Callable[[type[M]], type[M]]:
    """Give a query a stable wire name and version, as `event` does.

    Raises:
        WiringError: The name is not made of lower-case words.
    """
    return _naming(name, version)


def wire_name(cls: type) -> WireName:
    """The wire name of a message class: as declared on that very class, else its name in snake case.

    Raises:
        WiringError: It is none of its own, but a generic model of pydantic's with its types.
    """
    declared = cls.__dict__.get(_ATTRIBUTE)
    if isinstance(declared, WireName):
        return declared
    if "[" in cls.__name__:
        text = "is made of a generic model, and has no wire name"
        hint = f"derive a class from it: class ...({cls.__name__})"
        raise FaultError(where=cls.__qualname__, code="no_wire_name", text=text, hint=hint)
    return WireName(snake_case(cls.__name__))


def _naming(name: str | None, version: int) -> Callable[[type[M]], type[M]]:
    def name_it(cls: type[M]) -> type[M]:
        setattr(cls, _ATTRIBUTE, WireName(name or snake_case(cls.__name__), version))
        return cls

    return name_it
