"""Events and states of streams as the command line shows them: as rows, as lines, and as data for machines."""

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic_core import to_jsonable_python

from twofold.app.streams import StreamState
from twofold.messages import ERASED, Catalogue, Erased, without_secrets
from twofold.middleware import printable
from twofold.store import Recorded, decode

COLUMNS: Final = ("position", "version", "type", "recorded", "tags", "data")
"""What a row of an event has."""


def as_of_today(entry: Recorded, catalogue: Catalogue) -> Iterator[Recorded]:
    """What handlers are given of an entry: an event of today's form, several, or none."""
    for fact in decode(catalogue, [entry]):
        event: object = fact.event
        kind = catalogue.of(type(event))
        yield entry._replace(type=kind.name, schema_version=kind.wire.version, data=kind.encode(event))


def row_of(entry: Recorded) -> tuple[str, ...]:
    """Position, version, type, when it was recorded, tags, data without what says that it is secret."""
    kind = entry.type if entry.schema_version == 1 else f"{entry.type} v{entry.schema_version}"
    time = f"{entry.time:%Y-%m-%d %H:%M:%S} UTC"
    data = _compact(_shown(entry.data))
    return tuple(map(printable, (str(entry.position), str(entry.version), kind, time, ", ".join(entry.tags), data)))


def as_dict(entry: Recorded) -> dict[str, Any]:
    """Everything that is known of an event, ready for JSON, without what says that it is secret."""
    return {
        "position": entry.position,
        "stream": entry.stream,
        "version": entry.version,
        "id": str(entry.id),
        "type": entry.type,
        "schema_version": entry.schema_version,
        "time": entry.time.isoformat(),
        "tags": entry.tags,
        "headers": dict(entry.headers),
        "data": _shown(entry.data),
    }


def state_as_dict(stream: str, found: StreamState) -> dict[str, Any]:
    """What a stream has come to, ready for JSON, without what says that it is secret."""
    state: Any = to_jsonable_python(found.state, fallback=_attributes, serialize_unknown=True)
    kept = found.snapshot
    return {
        "stream": stream,
        "of": found.keeper,
        "version": found.version,
        "state": without_secrets(state),
        "snapshot": None if kept is None else {"version": kept.version, "state": _shown(kept.state)},
    }


def state_lines(stream: str, found: StreamState) -> Iterator[str]:
    """The same for people; safe for a terminal."""
    shown = state_as_dict(stream, found)
    yield f"{printable(stream)} of {printable(found.keeper)}, at version {found.version}"
    yield from map(printable, json.dumps(shown["state"], indent=2, ensure_ascii=False).splitlines())
    if found.snapshot is not None:
        yield f"snapshot: {'erased' if found.snapshot.is_erased else f'of version {found.snapshot.version}'}"


def _attributes(value: object) -> Any:
    """What an object of no known kind is made of, without what is its own business."""
    if isinstance(value, Erased):
        return {ERASED: True}
    if not hasattr(value, "__dict__"):
        return repr(value)
    return {name: one for name, one in vars(value).items() if not name.startswith("_")}


def _shown(data: bytes) -> Any:
    try:
        return without_secrets(json.loads(data))
    except ValueError:
        return data.decode(errors="backslashreplace")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
