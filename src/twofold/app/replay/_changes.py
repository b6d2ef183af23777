"""Comparing the events of then with those of now: which are the same, changed, missing or extra, and in which fields.

An id that was made in the replay stands for the one that was made in its place then, wherever the two are. It tells
by itself when it was made (UUIDv7, RFC 9562), so that no other id is taken for one.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, Final, Literal, TypeAlias, cast, final

from twofold.messages import HIDDEN, is_telling
from twofold.store import Recorded

State: TypeAlias = Literal["same", "changed", "missing", "extra"]
"""What became of an event: recorded then and now, with other fields, only then, or only now."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field of an event that is not the same.

    Args:
        path: Where it is: `lines.0.quantity`; `:stream`, `:version` and `:tags` are of the event itself.
        then: What it was, ready for JSON; None when it was not there.
        now: What it is now.
    """

    path: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChange:
    """An event, then and now.

    Args:
        state: What became of it.
        type: Its wire name.
        stream: Its stream: that of then, unless it is extra.
        position: Its position in the log; 0 for one that is extra.
        data: The event as JSON has it, without its secrets: that of now, unless it is missing.
        fields: What is not the same, of one that has changed.
    """

    state: State
    type: str
    stream: str
    position: int
    data: Any
    fields: tuple[FieldChange, ...] = ()


def changes(then: Sequence[Recorded], now: Sequence[Recorded], since: datetime) -> tuple[EventChange, ...]:
    """What became of events, in their order.

    Args:
        then: The events of then.
        now: Those of now.
        since: When the replay began: ids that are made later are its own.
    """
    return tuple(_changes(then, now, _Ids(since)))


def _changes(then: Sequence[Recorded], now: Sequence[Recorded], ids: "_Ids") -> Iterator[EventChange]:
    matcher = SequenceMatcher(None, [one.type for one in then], [one.type for one in now], autojunk=False)
    for tag, first, last, other, end in matcher.get_opcodes():
        if tag == "equal":
            for one, another in zip(then[first:last], now[other:end], strict=True):
                yield _compared(one, another, ids)
            continue
        yield from (_alone("missing", one, one.position) for one in then[first:last])
        yield from (_alone("extra", one, 0) for one in now[other:end])


def _alone(state: State, one: Recorded, position: int) -> EventChange:
    return EventChange(
        state=state, type=one.type, stream=one.stream, position=position, data=_shown(json.loads(one.data))
    )


def _compared(then: Recorded, now: Recorded, ids: "_Ids") -> EventChange:
    facts: tuple[tuple[str, object, object], ...] = (
        (":stream", then.stream, now.stream),
        (":version", then.schema_version, now.schema_version),
        (":tags", list(then.tags), list(now.tags)),
    )
    data = json.loads(now.data)
    found = [change for path, one, other in facts for change in _differences(one, other, path, ids)]
    found += _differences(json.loads(then.data), data, "", ids)
    state: State = "changed" if found else "same"
    return EventChange(
        state=state,
        type=then.type,
        stream=then.stream,
        position=then.position,
        data=_shown(data),
        fields=tuple(found),
    )


def _differences(then: object, now: object, path: str, ids: "_Ids", *, secret: bool = False) -> Iterator[FieldChange]:
    olds, news = _members(then), _members(now)
    if olds is not None and news is not None and type(then) is type(now):
        for name in {**olds, **news}:
            hidden = secret or is_telling(name)
            yield from _differences(olds.get(name), news.get(name), _at(path, name), ids, secret=hidden)
    elif not (type(then) is type(now) and (then == now or ids.same(then, now))):
        yield FieldChange(path=path, then=_shown(then, secret=secret), now=_shown(now, secret=secret))


def _members(value: object) -> dict[str, object] | None:
    """What an object or an array of JSON has in it; None for all else."""
    if isinstance(value, list):
        return {str(place): one for place, one in enumerate(cast("list[object]", value))}
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object, *, secret: bool = False) -> Any:
    """A value without its secrets, as the audit trail would have it."""
    if secret:
        return None if value is None else HIDDEN
    if isinstance(value, list):
        return [_shown(one) for one in cast("list[object]", value)]
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {name: _shown(one, secret=is_telling(name)) for name, one in members.items()}
    return value


@final
class _Ids:
    """Which id of now stands for which one of then.

    Args:
        since: When the first one of now can have been made.
    """

    def __init__(self, since: datetime) -> None:
        self._since = int(since.timestamp() * 1000)
        self._then: dict[str, str] = {}
        self._now: dict[str, str] = {}

    def same(self, then: object, now: object) -> bool:
        """Whether two texts are the same but for ids that were made anew."""
        if not (isinstance(then, str) and isinstance(now, str)) or _UUID.split(then) != _UUID.split(now):
            return False
        pairs = zip(_UUID.findall(then), _UUID.findall(now), strict=True)
        return all(one == other or self._stands_for(one, other) for one, other in pairs)

    def _stands_for(self, then: str, now: str) -> bool:
        made = int(now[:8] + now[9:13], 16)
        if made < self._since:
            return False
        return self._then.setdefault(now, then) == then and self._now.setdefault(then, now) == now
