"""What entries of the audit trail say, as the texts that are sealed: written by SQLite, many in one step.

Each step of a statement lets go of the interpreter's lock and waits for it again: with one for each entry, sealing
stands in the way of whoever handles commands. SQLite writes what is sealed, but for what is not ASCII, which is escaped
here, and but for a NUL, where its JSON ends a text.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import cache
from sqlite3 import Connection
from typing import Any, Final

from twofold.clock import text_of
from twofold.store import canonical, sealed_text


def texts(connection: Connection, after: int, until: int, limit: int) -> Sequence[tuple[int, str]]:
    """The texts of entries, each behind its number.

    Args:
        connection: Reads.
        after: Only those behind this number.
        until: Only those up to this number.
        limit: How many at most.
    """
    which = after, until, limit
    found = _at_once(connection, which) if _writes_what_is_sealed() else None
    return [_text(*row) for row in connection.execute(_EACH, which)] if found is None else found


def _at_once(connection: Connection, which: tuple[int, int, int]) -> Sequence[tuple[int, str]] | None:
    """The texts in one step; None where they cannot be had so."""
    try:
        lines, has_nul = connection.execute(_AT_ONCE, which).fetchone()
    except sqlite3.DataError:  # they are longer than what SQLite takes for one value
        return None
    if has_nul:
        return None
    if lines is None:
        return ()
    found: list[str] = lines.split("\n")
    if not _is_plain(lines):
        found = [line if _is_plain(line) else canonical(json.loads(line)) for line in found]
    return sorted([(int(text[1 : text.index(",")]), text) for text in found])


def _text(number: int, message: str, version: int, message_id: bytes, *others: Any) -> tuple[int, str]:
    *facts, count, source = others
    return number, sealed_text(number, message, version, text_of(message_id), *facts, count=count, source=source)


def _is_plain(text: str) -> bool:
    """Whether SQLite has escaped all of it that is escaped in what is sealed."""
    return text.isascii() and "\x7f" not in text


@cache
def _writes_what_is_sealed() -> bool:
    """Whether this SQLite escapes as what is sealed: that has the same bytes for ever."""
    with closing(sqlite3.connect(":memory:")) as connection:
        (written,) = connection.execute("SELECT json_array(?, ?, ?, ?)", _PROBE).fetchone()
    return bool(written == canonical(_PROBE))


_PROBE: Final = "".join(map(chr, range(1, 0x7F))), 2**63 - 1, -1, None

_SAID: Final = "correlation_id, causation_id, user_id, tenant, payload, time, duration, outcome, code, position"
_FROM: Final = "FROM twofold_audit WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
_EACH: Final = f"SELECT number, message, version, message_id, {_SAID}, count, source {_FROM}"  # names of ours

_HEX: Final = [f"hex(substr(message_id, {begin}, {size}))" for begin, size in ((1, 4), (5, 2), (7, 2), (9, 2), (11, 6))]
_UUID: Final = f"""lower({" || '-' || ".join(_HEX)})"""
_FACTS: Final = f"number, message, version, {_UUID}, {_SAID}"
_TEXTS: Final = "message", "correlation_id", "causation_id", "user_id", "tenant", "payload", "outcome", "code", "source"
_HAS_NUL: Final = " OR ".join(f"instr({name}, char(0))" for name in _TEXTS)
_AT_ONCE: Final = (
    "SELECT group_concat(line, char(10)), max(has_nul) FROM (SELECT CASE"  # noqa: S608  # names of ours
    f" WHEN source IS NOT NULL THEN json_array({_FACTS}, count, source)"
    f" WHEN count <> 1 THEN json_array({_FACTS}, count)"
    f" ELSE json_array({_FACTS}) END AS line, {_HAS_NUL} AS has_nul {_FROM})"
)
