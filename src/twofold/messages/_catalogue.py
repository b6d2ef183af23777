"""The closed registry of an application: only what is in here is ever decoded."""

import difflib
from collections.abc import Iterator
from typing import Any

from twofold.errors import UnknownMessage, WiringError
from twofold.messages._kind import Kind
from twofold.messages._type import MessageType


class Catalogue:
    """The message types that one application knows, by class and by wire name.

    It belongs to one application or bus; nothing is registered for the whole process.
    """

    def __init__(self) -> None:
        self._by_class: dict[type, MessageType[Any]] = {}
        self._by_name: dict[str, MessageType[Any]] = {}

    def add(self, cls: type, kind: Kind | None = None) -> MessageType[Any]:
        """Register a class; a second time changes nothing.

        Args:
            cls: The message class.
            kind: Its kind, for a class that does not inherit one.

        Raises:
            WiringError: Another class has its wire name, or its kind is unknown or another one.
        """
        known = self._by_class.get(cls)
        if known is not None:
            if kind is not None and known.kind is not kind:
                raise WiringError(f"{cls.__qualname__} is registered as a {known.kind} and as a {kind}")
            return known
        entry: MessageType[Any] = MessageType(cls, kind)
        taken = self._by_name.setdefault(entry.name, entry)
        if taken is not entry:
            raise WiringError(
                f"{cls.__module__}.{cls.__qualname__} and {taken.cls.__module__}.{taken.cls.__qualname__} "
                f"have the same wire name {entry.name!r}; give one of them another"
            )
        self._by_class[cls] = entry
        return entry

    def of(self, cls: type) -> MessageType[Any]:
        """The type of a class.

        Raises:
            UnknownMessage: It is not registered.
        """
        try:
            return self._by_class[cls]
        except KeyError:
            raise UnknownMessage(name=cls.__qualname__, near=self._near(cls.__qualname__)) from None

    def named(self, name: str) -> MessageType[Any]:
        """The type with a wire name.

        Raises:
            UnknownMessage: No registered message is called so.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownMessage(name=name, near=self._near(name)) from None

    def __contains__(self, cls: type) -> bool:
        return cls in self._by_class

    def __iter__(self) -> Iterator[MessageType[Any]]:
        return iter(sorted(self._by_class.values(), key=lambda entry: (entry.kind, entry.name)))

    def _near(self, name: str) -> tuple[str, ...]:
        return tuple(difflib.get_close_matches(name, self._by_name, n=3))
