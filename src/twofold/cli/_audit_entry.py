"""Entries of the audit trail as the command line shows them: as a row, as lines, and as data for machines."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from twofold.app import Branch
from twofold.middleware import printable
from twofold.store import AuditEntry

TIME: Final = "%Y-%m-%d %H:%M:%S UTC"
"""How a moment is shown."""


def row_of(entry: AuditEntry) -> tuple[str, ...]:
    """Number, when, message, user, outcome, code, duration, id."""
    message = entry.message if entry.count == 1 else f"{entry.message} x{entry.count}"
    words = str(entry.number), _time(entry), message, entry.user_id or "", entry.outcome, entry.code, _took(entry)
    return tuple(map(printable, (*words, str(entry.message_id))))


def as_dict(entry: AuditEntry) -> dict[str, Any]:
    """Everything that is known, ready for JSON."""
    return {
        "number": entry.number,
        "time": entry.time.isoformat(),
        "message": entry.message,
        "version": entry.version,
        "message_id": str(entry.message_id),
        "correlation_id": entry.correlation_id,
        "causation_id": entry.causation_id,
        "user_id": entry.user_id,
        "tenant": entry.tenant,
        "source": entry.source,
        "payload": json.loads(entry.payload),
        "duration": entry.duration.total_seconds(),
        "outcome": entry.outcome,
        "code": entry.code,
        "position": entry.position,
        "count": entry.count,
    }


def lines_of(entry: AuditEntry, tree: Sequence[Branch]) -> Iterator[str]:
    """The entry, and what its request has caused; safe for a terminal."""
    facts = as_dict(entry) | {"duration": _took(entry)}
    payload = facts.pop("payload")
    width = max(map(len, facts))
    for name, fact in facts.items():
        if fact not in (None, ""):
            yield f"{name.replace('_', ' '):{width}}  {printable(str(fact))}"
    yield ""
    yield "payload"
    for line in json.dumps(payload, indent=2, ensure_ascii=False).splitlines():
        yield f"  {printable(line)}"
    yield ""
    yield from request_lines(tree, entry)


def request_lines(tree: Sequence[Branch], shown: AuditEntry | None = None) -> Iterator[str]:
    """What a request has caused, with a mark at the entry that is shown; safe for a terminal."""
    yield "request"
    for depth, entry, _ in _walked(tree):
        mark = "  <-" if shown is not None and entry.number == shown.number else ""
        words = f"{entry.message} {entry.outcome} {entry.code}".rstrip()
        yield f"{'  ' * depth}{printable(words)}  {entry.message_id}{mark}"


def request_as_dict(correlation_id: str, tree: Sequence[Branch]) -> dict[str, Any]:
    """What a request has caused, ready for JSON: each entry with the message that it is below."""
    entries = [
        as_dict(entry) | {"below": None if above is None else str(above.message_id)}
        for _, entry, above in _walked(tree)
    ]
    return {"correlation_id": correlation_id, "entries": entries}


def _walked(tree: Sequence[Branch]) -> Iterator[tuple[int, AuditEntry, AuditEntry | None]]:
    """Each entry, how deep it is, and the one that it is below; a chain may be of any length."""
    waiting: list[tuple[int, Branch, AuditEntry | None]] = [(1, branch, None) for branch in reversed(tree)]
    while waiting:
        depth, branch, above = waiting.pop()
        yield depth, branch.entry, above
        waiting.extend((depth + 1, one, branch.entry) for one in reversed(branch.caused))


def _time(entry: AuditEntry) -> str:
    return f"{entry.time:{TIME}}"


def _took(entry: AuditEntry) -> str:
    return f"{entry.duration.total_seconds() * 1000:.1f} ms"
