"""What is kept of a subject in plain text: it was recorded before its field was personal, and no key encrypts it."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic_core import from_json, to_json

from twofold.errors import TwofoldError
from twofold.messages import Catalogue, MessageType, is_erased, sealed_text, without_personal


class PlainText:
    """Finds it.

    Args:
        catalogue: Says which fields are personal today.
        subject: The subject, `customer:7f3`.
    """

    def __init__(self, catalogue: Catalogue, subject: str) -> None:
        self._catalogue = catalogue
        self._kind, _, self._id = subject.partition(":")
        self._defaults: dict[str, Mapping[str, Any]] = {}

    def in_event(self, name: str, version: int, data: bytes) -> bool:
        """Whether an event, as it is kept, has some: in what it has become by today.

        One that cannot be read has some when it names the subject and nothing in it is encrypted.
        """
        body = from_json(data)
        kind = self._catalogue.current(name, version)
        if kind is not None:
            return self._in_fields(kind, body)
        try:
            events: list[object] = self._catalogue.read(name, version, to_json(without_personal(body)))
        except TwofoldError:
            values = [*cast("Mapping[str, Any]", body).values()] if isinstance(body, Mapping) else []
            return self._id in map(str, values) and not any(map(sealed_text, values))
        kinds = [self._catalogue.of(type(event)) for event in events]
        return any(
            self._in_fields(kind, from_json(kind.encode(event))) for kind, event in zip(kinds, events, strict=True)
        )

    def in_command(self, name: str, payload: str) -> bool:
        """Whether a command, as the audit trail has it, has some."""
        return self._in_fields(self._catalogue.named(name), from_json(payload))

    def _in_fields(self, kind: MessageType[Any], body: Any) -> bool:
        if not isinstance(body, Mapping):  # nothing was kept of it
            return False
        members = cast("Mapping[str, Any]", body)
        return any(
            field.kind == self._kind
            and str(members.get(field.subject or "")) == self._id
            and self._tells(kind, field.name, members.get(field.name))
            for field in kind.personal_fields
        )

    def _tells(self, kind: MessageType[Any], field: str, value: Any) -> bool:
        """Whether a value is of somebody: no empty one, and not what everybody has who says nothing."""
        if value in (None, "") or is_erased(value) or sealed_text(value) is not None:
            return False
        if kind.name not in self._defaults:
            properties = kind.schema().get("properties", {})
            self._defaults[kind.name] = {name: one["default"] for name, one in properties.items() if "default" in one}
        defaults = self._defaults[kind.name]
        return field not in defaults or defaults[field] != value
