"""A command of the past, made again of what the audit trail has kept of it; what it has not kept has to be said."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeAlias, cast

from twofold.app._form import read_at
from twofold.errors import Refused, UnknownMessage
from twofold.messages import HIDDEN, Catalogue, Kind, MessageType
from twofold.store import AuditEntry

_Place: TypeAlias = tuple[str, Any, Any]
"""A path, and the container and key that it ends at."""

_LEFT_OUT: Final = (HIDDEN, "*" * 10)
"""What stands in the place of a secret: twofold's own mark, and that of pydantic's `SecretStr`."""


_OWN: Final = "twofold."
"""What entries begin with that are of something else than commands: what people have done, and cuts of the trail."""


class NothingKept(Refused):
    """The trail has kept no command: its type says otherwise, a limit refused it, or the entry is none of a command.

    Args:
        entry: What it has of it.
    """

    code: ClassVar[str] = "nothing_kept"

    def __init__(self, entry: AuditEntry) -> None:
        why = "its type says otherwise, or a limit refused it" if entry.payload == "null" else "it is none"
        super().__init__(f"no command was kept for {entry.message} {entry.message_id}: {why}")
        self.entry = entry


class RedactedFields(Refused):
    """Fields of a command are missing, since they are secret.

    Args:
        entry: What the trail has of it.
        fields: Their paths.
    """

    code: ClassVar[str] = "redacted_fields"

    def __init__(self, entry: AuditEntry, fields: Sequence[str]) -> None:
        super().__init__(f"{entry.message} {entry.message_id} had secrets, which are missing: {', '.join(fields)}")
        self.entry, self.fields = entry, tuple(fields)

    @property
    def hint(self) -> str:
        """How to give them."""
        return f"give them with {' '.join(f'--set {field}=…' for field in self.fields)}"


class NotRedacted(Refused):
    """A field was given, and is none of those that are missing.

    Args:
        entry: What the trail has of the command.
        fields: What was given.
        missing: What is missing.
    """

    code: ClassVar[str] = "not_redacted"

    def __init__(self, entry: AuditEntry, fields: Sequence[str], missing: Sequence[str]) -> None:
        super().__init__(f"{entry.message} {entry.message_id} is not missing {', '.join(fields)}")
        self.entry, self.fields, self.missing = entry, tuple(fields), tuple(missing)

    @property
    def hint(self) -> str:
        """What is missing."""
        return f"missing are {', '.join(self.missing)}" if self.missing else "nothing of it is missing"


def rebuilt(entry: AuditEntry, catalogue: Catalogue, given: Mapping[str, Any], typed: Mapping[str, str]) -> Any:
    """The command.

    Args:
        entry: What the trail has of it.
        catalogue: The messages of the application.
        given: What was secret in it, by path: `password`, `cards.0.number`.
        typed: More of that as somebody has typed it.

    Raises:
        UnknownMessage: No command is called that any more.
        NothingKept: Nothing was kept of it, or it is no command.
        RedactedFields: It had secrets that are not given.
        NotRedacted: Something else is given.
        Undecodable: It does not fit its class any more.
    """
    payload = json.loads(entry.payload)
    if payload is None or entry.message.startswith(_OWN):
        raise NothingKept(entry)
    kind = catalogue.named(entry.message)
    if kind.kind is not Kind.COMMAND:
        raise UnknownMessage(name=entry.message, version=entry.version)
    places = {path: (holder, key) for path, holder, key in _left_out(payload)}
    given = {**given, **dict(_read(kind, typed))}
    missing = [path for path in places if path not in given]
    if missing:
        raise RedactedFields(entry, missing)
    others = [path for path in given if path not in places]
    if others:
        raise NotRedacted(entry, others, tuple(places))
    for path, (holder, key) in places.items():
        holder[key] = given[path]
    return kind.decode(json.dumps(payload))


def _read(kind: MessageType[Any], typed: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """What was typed, by path, as each place takes it."""
    for path, text in typed.items():
        yield path, read_at(kind, path.split("."), text)


def _left_out(value: object, path: str = "") -> Iterator[_Place]:
    """Where something was left out, however deep."""
    if isinstance(value, dict):
        members: Sequence[tuple[Any, object]] = [*cast("dict[str, object]", value).items()]
    elif isinstance(value, list):
        members = [*enumerate(cast("list[object]", value))]
    else:
        return
    for key, one in members:
        where = f"{path}.{key}" if path else str(key)
        if one in _LEFT_OUT:
            yield where, value, key
        else:
            yield from _left_out(one, where)
