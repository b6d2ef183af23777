"""From entries of the log to events of today: the one place where they are decoded, and upcast when they are older."""

from collections.abc import Iterable
from typing import Any

from twofold.errors import Undecodable
from twofold.messages import Catalogue
from twofold.store._fact import Fact
from twofold.store._recorded import Recorded
from twofold.store._stored import Stored


def decode(catalogue: Catalogue, entries: Iterable[Recorded]) -> list[Fact]:
    """Events with their entries in the log.

    An entry of an older version may have become several events, each with that entry, or none.

    Raises:
        UnknownMessage: One is not registered.
        NewerVersion: One is of a version that this application does not know yet.
        Undecodable: The data of one does not fit its class, or its upcaster fails; with its version and position.
    """
    facts: list[Fact] = []
    for entry in entries:
        kind = catalogue.current(entry.type, entry.schema_version)
        try:
            if kind is not None:
                facts.append(Fact(kind.decode(entry.data), entry))
            else:
                events = catalogue.read(entry.type, entry.schema_version, entry.data)
                facts += [Fact(event, entry) for event in events]
        except Undecodable as error:
            raise _placed(error, entry) from error
    return facts


def decode_events(catalogue: Catalogue, stored: Iterable[Stored]) -> list[Any]:
    """The same events alone, for whoever folds them.

    Raises:
        UnknownMessage: One is not registered.
        NewerVersion: One is of a version that this application does not know yet.
        Undecodable: The data of one does not fit its class, or its upcaster fails; with its version and position.
    """
    events: list[Any] = []
    for entry in stored:
        kind = catalogue.current(entry.type, entry.schema_version)
        try:
            if kind is not None:
                events.append(kind.decode(entry.data))
            else:
                events += catalogue.read(entry.type, entry.schema_version, entry.data)
        except Undecodable as error:
            raise _placed(error, entry) from error
    return events


def _placed(error: Undecodable, entry: Stored) -> Undecodable:
    """The same, of an entry; what went wrong may be that an upcaster fails, or an event that it has become."""
    became = "" if error.name == entry.type else f"it becomes {error.name!r}, and "
    return Undecodable(
        name=entry.type, version=entry.schema_version, position=entry.position, cause=f"{became}{error.cause}"
    )
