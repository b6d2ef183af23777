"""Units that only append, written by statements that they share: what one by one would have written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.drivers.sqlite._append import Appending, append, append_together, encoded
from twofold.drivers.sqlite._closings import close
from twofold.drivers.sqlite._entries import add_entries, audit_row
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._insertion import portions
from twofold.drivers.sqlite._schema import upgrade
from twofold.errors import StreamClosed, VersionConflict
from twofold.store import ANY_VERSION, SUCCESS, Append, AuditEntry, Batch, Closing, Committed, Draft

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=7)


def draft(*tags: str) -> Draft:
    return Draft(ID, "done", 1, b"{}", {"user_id": "ada"}, NOW, tags)


def entry(message: str) -> AuditEntry:
    return AuditEntry(message, 1, ID, "c", None, "ada", None, "{}", NOW, timedelta(), SUCCESS)


drafts = st.lists(st.sampled_from([draft(), draft("a:1"), draft("a:1", "b:2", "a:1")]), min_size=1, max_size=3)
appends = st.builds(
    Append,
    st.sampled_from(["a", "b", "a\0b", "closed"]),
    drafts.map(tuple),
    st.sampled_from([ANY_VERSION, 0, 1, 2, 3]),
)
units = st.builds(
    lambda appends, messages: Batch(tuple(appends), audit=tuple(map(entry, messages))),
    st.lists(appends, max_size=3),
    st.lists(st.sampled_from(["open", "pay"]), max_size=2),
)


def opened() -> GuardedConnection:
    """A file in memory, in a transaction, with a stream that is closed."""
    connection = sqlite3.connect(":memory:", factory=GuardedConnection, isolation_level=None, timeout=1)
    upgrade(connection)
    connection.execute("BEGIN")
    append(connection, encoded(Batch((Append("closed", (draft(),)),))).appends)
    closed = Closing(stream="closed", version=1, how="archived", time=NOW)
    close(connection, closed, audit_row(entry("close")))
    return connection


def alone(connection: GuardedConnection, unit: Appending) -> Committed | Exception:
    connection.execute("SAVEPOINT one")
    try:
        committed = append(connection, unit.appends)
        add_entries(connection, unit.entries, committed.position)
    except (VersionConflict, StreamClosed) as error:
        connection.execute("ROLLBACK TO one")
        return error
    return committed


def told(outcome: Committed | Exception) -> Any:
    return outcome if isinstance(outcome, Committed) else (type(outcome), str(outcome))


def contents(connection: sqlite3.Connection) -> Iterator[Any]:
    for table in ("events", "tags", "audit"):
        yield table, connection.execute(f"SELECT * FROM twofold_{table} ORDER BY 1, 2").fetchall()


@given(st.lists(units, min_size=1, max_size=8))
def test_they_come_to_what_they_would_have_come_to_one_by_one(batches: list[Batch]) -> None:
    """The same answers, refusals and positions, and the same rows: none of a unit that is refused."""
    encodings = [encoded(one) for one in batches]
    with closing(opened()) as one_by_one, closing(opened()) as together:
        outcomes = [told(alone(one_by_one, unit)) for unit in encodings]
        assert list(map(told, append_together(together, encodings))) == outcomes
        assert list(contents(together)) == list(contents(one_by_one))


def test_many_share_few_statements() -> None:
    """Of a hundred units, none has a statement of its own."""
    ran: list[str] = []
    many = [encoded(Batch((Append(f"s{number}", (draft(),), 0),), audit=(entry("open"),))) for number in range(100)]
    with closing(opened()) as connection:
        connection.set_trace_callback(ran.append)
        outcomes = append_together(connection, many)
        connection.set_trace_callback(None)
        assert [outcome.position for outcome in outcomes if isinstance(outcome, Committed)] == [*range(2, 102)]
    assert len(set(ran)) == 9  # 64, 32 and 4 of each; a trigger tells of its statement once more for every row


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 200])
def test_portions_have_each_row_once(count: int) -> None:
    """In their order, none larger than the largest."""
    rows = list(range(count))
    found = [list(portion) for portion in portions(rows)]
    assert [row for portion in found for row in portion] == rows
    assert all(len(portion) in (1, 2, 4, 8, 16, 32, 64) for portion in found)
