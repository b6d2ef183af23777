"""The closed registry of an application: only what is in here is ever decoded."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from twofold.errors import UnknownMessage, WiringError
from twofold.messages._kind import Kind
from twofold.messages._type import MessageType
from twofold.messages._upcasters import Upcasters


class Catalogue:
    """The message types that one application knows, by class and by wire name.

    It belongs to one application or bus; nothing is registered for the whole process.
    """

    def __init__(self) -> None:
        self._by_class: dict[type, MessageType[Any]] = {}
        self._by_name: dict[str, MessageType[Any]] = {}
        self._current: dict[tuple[str, int], MessageType[Any]] = {}
        self.upcasters = Upcasters(self._by_name.get)

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
        self._current[entry.name, entry.wire.version] = entry
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

    def known(self, cls: type) -> MessageType[Any] | None:
        """The type of a class; None when it is not registered."""
        return self._by_class.get(cls)

    def named(self, name: str) -> MessageType[Any]:
        """The type with a wire name.

        Raises:
            UnknownMessage: No registered message is called so.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownMessage(name=name, near=self._near(name)) from None

    def version_of(self, name: str) -> int | None:
        """The version that a wire name has today; None when no registered message is called so."""
        kind = self._by_name.get(name)
        return None if kind is None else kind.wire.version

    def current(self, name: str, version: int) -> MessageType[Any] | None:
        """The type that has a wire name and version today; None for what is older, unknown or passed over."""
        return self._current.get((name, version))

    def read(self, name: str, version: int, body: bytes | str) -> list[Any]:
        """The events of today that a stored one is, or has become: any number.

        Raises:
            UnknownMessage: Nothing is registered for it.
            NewerVersion: It is of a version that this application does not know yet.
            Undecodable: An upcaster fails, or what comes of it fits no class.
        """
        kind = self.current(name, version)
        if kind is not None:
            return [kind.decode(body)]
        try:
            return self.upcasters.read(name, version, body)
        except UnknownMessage as error:
            raise UnknownMessage(name=error.name, version=error.version, near=self._near(error.name)) from None

    def stored_as(self, events: Iterable[type]) -> frozenset[str]:
        """The wire names under which the log may have events of some classes: today's, and those that become them.

        Raises:
            UnknownMessage: A class is not registered.
        """
        return self.upcasters.sources(self.of(event).name for event in events)

    def __contains__(self, cls: type) -> bool:
        return cls in self._by_class

    def __iter__(self) -> Iterator[MessageType[Any]]:
        return iter(sorted(self._by_class.values(), key=lambda entry: (entry.kind, entry.name)))

    def _near(self, name: str) -> tuple[str, ...]:
        return tuple(difflib.get_close_matches(name, self._by_name, n=3))
