"""One machine for each message type, or one for all types whose settings share a name."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, final

from twofold.errors import WiringError


class Named(Protocol):
    """Settings of a machine that several message types may share."""

    @property
    def name(self) -> str | None:
        """What the shared machine is called; None for one of its own."""
        ...


S = TypeVar("S", bound=Named)
M = TypeVar("M")


@final
class PerType(Generic[S, M]):
    """Makes machines when they are first asked for, and keeps them.

    Args:
        part: What it makes, for the mistakes.
        settings: The settings of a message type; a dict's `get` will do.
        make: Makes one, of a name and settings.
    """

    __slots__ = ("_by_name", "_by_type", "_make", "_part", "_settings")

    def __init__(self, part: str, settings: Callable[[type], S | None], make: Callable[[str, S], M]) -> None:
        self._part = part
        self._settings = settings
        self._make = make
        self._by_type: dict[type, M] = {}
        self._by_name: dict[str, tuple[S, M]] = {}

    def all(self) -> list[M]:
        """Those that were made."""
        return list(dict.fromkeys(self._by_type.values()))

    def of(self, message_type: type) -> M:
        """The one of a message type.

        Raises:
            WiringError: Nothing is set for it, or a shared name is set in two ways.
        """
        made = self._by_type.get(message_type)
        if made is None:
            made = self._by_type[message_type] = self._made(message_type)
        return made

    def _made(self, message_type: type) -> M:
        settings = self._settings(message_type)
        if settings is None:
            raise WiringError(f"no {self._part} is set for {message_type.__qualname__}")
        if settings.name is None:
            return self._make(f"{message_type.__module__}.{message_type.__qualname__}", settings)
        if settings.name not in self._by_name:
            self._by_name[settings.name] = (settings, self._make(settings.name, settings))
        known, made = self._by_name[settings.name]
        if known != settings:
            where = f"the {self._part} {settings.name!r}, shared by {message_type.__qualname__},"
            raise WiringError(f"{where} is set in two ways: {known!r} and {settings!r}")
        return made
