"""All upcasters of one application, and the way from what the log has to the events of today."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, final

from twofold.errors import NewerVersion, Undecodable, UnknownMessage
from twofold.messages._type import MessageType
from twofold.messages._upcast import Upcaster


@final
class Upcasters:
    """What older forms of events become.

    Args:
        named: Gives the event that is called so today, or None.
    """

    def __init__(self, named: Callable[[str], MessageType[Any] | None]) -> None:
        self._named = named
        self._steps: dict[tuple[str, int], Upcaster] = {}
        self._newest: dict[str, int] = {}
        self._skipped: set[str] = set()

    def add(self, upcaster: Upcaster) -> Upcaster:
        """Add one; the one that is there already, when another one has the same name and version."""
        there = self._steps.setdefault((upcaster.name, upcaster.version), upcaster)
        self._newest[upcaster.name] = max(self._newest.get(upcaster.name, 0), upcaster.version)
        return there

    def skip(self, name: str) -> None:
        """Pass over whatever the log has under a name."""
        self._skipped.add(name)

    @property
    def skipped(self) -> frozenset[str]:
        """The names that are passed over."""
        return frozenset(self._skipped)

    def __iter__(self) -> Iterator[Upcaster]:
        return iter(self._steps.values())

    def knows(self, name: str) -> bool:
        """Whether what is stored under a name becomes something, or nothing on purpose."""
        return name in self._newest or name in self._skipped or self._named(name) is not None

    def step(self, name: str, version: int) -> Upcaster | None:
        """The upcaster that comes first for what is stored with a name and version; None when there is none."""
        last = self._newest.get(name, 0)
        while (found := self._steps.get((name, version))) is None and version < last:
            version += 1
        return found

    def sources(self, names: Iterable[str]) -> frozenset[str]:
        """The names under which the log may have what becomes events of these names; these themselves among them."""
        found, added = set(names), True
        while added:
            more = {one.name for one in self._steps.values() if not one.into.isdisjoint(found)} - found
            found |= more
            added = bool(more)
        return frozenset(found)

    def read(self, name: str, version: int, body: bytes | str) -> list[Any]:
        """The events that a stored one has become.

        A version without an upcaster is read as the next one.

        Raises:
            UnknownMessage: Nothing is registered for it.
            NewerVersion: It is of a version that this application does not know yet.
            Undecodable: An upcaster fails, or what comes of it fits no class.
        """
        return list(self._read(name, version, body, len(self._steps)))

    def _read(self, name: str, version: int, body: bytes | str, left: int) -> Iterator[Any]:
        if name in self._skipped:
            return
        kind, step = self._named(name), self.step(name, version)
        if step is not None:
            if left == 0:
                raise Undecodable(name=name, version=version, cause="its upcasters go round in a circle")
            for part in step.run(body):
                yield from self._read(*part, left - 1)
        elif kind is None:
            raise UnknownMessage(name=name, version=version)
        elif version > kind.wire.version:
            raise NewerVersion(name=name, version=version, known=kind.wire.version)
        else:
            yield kind.decode(body)
