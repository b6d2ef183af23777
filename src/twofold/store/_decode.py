"""From entries of the log to events of today: the one place where they are decoded, and upcast when they are older."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from twofold.errors import Undecodable
from twofold.messages import Catalogue
from twofold.store._fact import Fact
from twofold.store._recorded import Recorded
from twofold.store._stored import Stored

S = TypeVar("S", bound=Stored)


def decode(catalogue: Catalogue, entries: Iterable[Recorded]) -> list[Fact]:
    """Events with their entries in the log.

    An entry of an older version may have become several events, each with that entry, or none.

    Raises:
        UnknownMessage: One is not registered.
        NewerVersion: One is of a version that this application does not know yet.
        Undecodable: The data of one does not fit its class, or its upcaster fails; with its version and position.
    """
    return [Fact(event, entry) for event, entry in _decoded(catalogue, entries)]


def decode_events(catalogue: Catalogue, stored: Iterable[Stored]) -> list[Any]:
    """The same events alone, for whoever folds them.

    Raises:
        UnknownMessage: One is not registered.
        NewerVersion: One is of a version that this application does not know yet.
        Undecodable: The data of one does not fit its class, or its upcaster fails; with its version and position.
    """
    return [event for event, _ in _decoded(catalogue, stored)]


def _decoded(catalogue: Catalogue, stored: Iterable[S]) -> Iterator[tuple[Any, S]]:
    for entry in stored:
        kind = catalogue.current(entry.type, entry.schema_version)
        try:
            if kind is not None:
                yield kind.decode(entry.data), entry
            else:
                for event in catalogue.read(entry.type, entry.schema_version, entry.data):
                    yield event, entry
        except Undecodable as error:
            raise _placed(error, entry) from error


def _placed(error: Undecodable, entry: Stored) -> Undecodable:
    """The same, of an entry; what went wrong may be that an upcaster fails, or an event that it has become."""
    became = "" if error.name == entry.type else f"it becomes {error.name!r}, and "
    return Undecodable(
        name=entry.type, version=entry.schema_version, position=entry.position, cause=f"{became}{error.cause}"
    )
