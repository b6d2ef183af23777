"""Replayed commands as the command line shows them: as lines, safe for a terminal, and as data for machines."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from twofold.app.replay import EventChange, Replay
from twofold.errors import TwofoldError
from twofold.middleware import printable
from twofold.store import AuditEntry

Done: TypeAlias = tuple[AuditEntry, Replay | TwofoldError]
"""An entry with its replay, or with the reason why there is none."""


def dict_of(done: Done) -> dict[str, Any]:
    """Everything that is known, ready for JSON."""
    entry, one = done
    if isinstance(one, Replay):
        return one.as_dict()
    known = {"number": entry.number, "message": entry.message, "message_id": str(entry.message_id)}
    return {**known, "refused": {"code": one.code, "detail": one.detail, "hint": one.hint}}


def lines_of(done: Done) -> Iterator[str]:
    """The command, what differs, and what came of its events."""
    entry, one = done
    who = "" if entry.user_id is None else f" by {entry.user_id}"
    tenant = "" if entry.tenant is None else f" for {entry.tenant}"
    yield printable(f"{entry.message} {entry.message_id}{who}{tenant}, sent {entry.time:%Y-%m-%d %H:%M:%S} UTC")
    if isinstance(one, TwofoldError):
        yield printable(f"  not replayed: {one}")
        return
    yield f"  on a copy of the log up to position {one.position}"
    for note in one.notes:
        yield f"  {printable(note)}"
    yield f"  {printable(_outcome(one))}"
    for change in one.events:
        yield from _event(change)
    yield f"  {'the same as then' if one.same else 'not the same as then'}"


def _outcome(one: Replay) -> str:
    then = f"{one.entry.outcome} {one.entry.code}".rstrip()
    now = f"{one.outcome} {one.code}".rstrip()
    text = f": {one.error}" if one.error else ""
    return f"{now}, as then{text}" if one.same_outcome else f"{then} then, {now} now{text}"


def _event(change: EventChange) -> Iterator[str]:
    position = f" at {change.position}" if change.position else ""
    yield f"  {change.state:8} {printable(f'{change.type} in {change.stream}{position}')}"
    for field in change.fields:
        yield f"             {printable(f'{field.path}: {_json(field.then)} then, {_json(field.now)} now')}"
    if change.state in ("missing", "extra"):
        yield f"             {printable(_json(change.data))}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
