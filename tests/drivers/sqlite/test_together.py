"""Units that only append, written by statements that they share: what one by one would have written."""

import runpy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from traceback import walk_tb
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.drivers.sqlite.conftest import Together
from twofold.drivers.sqlite import SqliteStore, _joint
from twofold.drivers.sqlite._append import Appending, append, encode
from twofold.drivers.sqlite._closings import close
from twofold.drivers.sqlite._entries import add_entries, audit_row
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._insertion import portions
from twofold.drivers.sqlite._joint import Joint, prepare_joint
from twofold.drivers.sqlite._schema import upgrade
from twofold.drivers.sqlite._write import Plan
from twofold.errors import StreamClosed, VersionConflict
from twofold.store import ANY_VERSION, SUCCESS, Append, AuditEntry, Batch, Closing, Committed, Draft
from twofold.testing._store_case import append as stored
from twofold.testing._store_case import whole_log

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=7)


def draft(*tags: str) -> Draft:
    return Draft(ID, "done", 1, b"{}", {"user_id": "ada"}, NOW, tags)


def entry(message: str) -> AuditEntry:
    return AuditEntry(message, 1, ID, "c", None, "ada", None, "{}", NOW, timedelta(), SUCCESS)


drafts = st.lists(st.sampled_from([draft(), draft("a:1"), draft("a:1", "b:2", "a:1")]), max_size=3)
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
    prepare_joint(connection)
    connection.execute("BEGIN")
    append(connection, encode(Batch((Append("closed", (draft(),)),)))[0])
    closed = Closing(stream="closed", version=1, how="archived", time=NOW)
    close(connection, closed, audit_row(entry("close")))
    return connection


def alone(connection: GuardedConnection, unit: Appending) -> Committed | Exception:
    connection.execute("SAVEPOINT one")
    try:
        streams, entries = unit
        committed = append(connection, streams)
        add_entries(connection, entries, committed.position)
    except (VersionConflict, StreamClosed) as error:
        connection.execute("ROLLBACK TO one")
        return error
    return committed


def told(outcome: Committed | Exception) -> Any:
    return outcome if isinstance(outcome, Committed) else (type(outcome), str(outcome))


def contents(connection: sqlite3.Connection) -> Iterator[Any]:
    for table in ("events", "tags", "audit"):
        yield table, connection.execute(f"SELECT * FROM twofold_{table} ORDER BY 1, 2").fetchall()


several = st.lists(units, min_size=1, max_size=8).map(lambda batches: [encode(one) for one in batches])


@given(several)
def test_they_come_to_what_they_would_have_come_to_one_by_one(encodings: list[Appending]) -> None:
    """The same answers, refusals and positions, and the same rows: none of a unit that is refused."""
    with closing(opened()) as one_by_one, closing(opened()) as together:
        outcomes = [told(alone(one_by_one, unit)) for unit in encodings]
        joint = Joint(together, encodings, assumed=False)
        joint.write(together)
        assert list(map(told, joint.outcomes())) == outcomes
        assert list(contents(together)) == list(contents(one_by_one))


@given(several)
def test_what_is_assumed_comes_to_the_same_or_to_nothing(encodings: list[Appending]) -> None:
    """Where one stream is not where it was taken to be nothing is written, and only there."""
    with closing(opened()) as one_by_one, closing(opened()) as together:
        before = list(contents(together))
        outcomes = [told(alone(one_by_one, unit)) for unit in encodings]
        joint = Joint(together, encodings, assumed=True)
        try:
            written = joint.is_one_statement
            if written:
                joint.write(together)
        except sqlite3.IntegrityError:
            written = False
        assert written == all(isinstance(outcome, Committed) for outcome in outcomes)
        if written:
            assert list(map(told, joint.outcomes())) == outcomes
        assert list(contents(together)) == (list(contents(one_by_one)) if written else before)


@pytest.mark.parametrize("count", [1, 2, 5, 64, 65, 100, 200])
def test_many_share_few_statements(count: int) -> None:
    """Units with an event and an entry each: none has a statement of its own, and 64 are one."""
    many = [encode(Batch((Append(f"s{number}", (draft(),), 0),), audit=(entry("open"),))) for number in range(count)]
    with closing(opened()) as connection:
        joint = Joint(connection, many, assumed=True)
        assert joint.is_one_statement == (count <= 64)
        ran = trace(connection)
        joint.write(connection)
        assert len(set(ran)) == -(-count // 64)
        assert connection.execute("SELECT count(*) FROM twofold_audit").fetchone() == (count + 1,)
        outcomes = joint.outcomes()
        assert [outcome.position for outcome in outcomes if isinstance(outcome, Committed)] == [*range(2, count + 2)]


def test_an_older_sqlite_takes_smaller_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 3.32 it binds no more than 999 values to one."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    older = runpy.run_path(_joint.__file__)
    many = [encode(Batch((Append(f"s{number}", (draft("a:1"),), 0),))) for number in range(100)]
    with closing(opened()) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
        joint = older["Joint"](connection, many, assumed=False)
        joint.write(connection)
        assert [outcome.position for outcome in joint.outcomes()] == [*range(2, 102)]
        with pytest.raises(sqlite3.OperationalError, match="too many SQL variables"):
            Joint(connection, many, assumed=True).write(connection)


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 200])
def test_portions_have_each_row_once(count: int) -> None:
    """In their order, none larger than the largest."""
    rows = list(range(count))
    found = [list(portion) for portion in portions(rows)]
    assert [row for portion in found for row in portion] == rows
    assert all(len(portion) in (1, 2, 4, 8, 16, 32, 64) for portion in found)


@pytest.mark.parametrize("field", sorted({*Batch._fields} - {"appends", "audit"}))
def test_what_does_more_than_to_append_shares_nothing(field: str) -> None:
    """Whatever else a batch may hold, also what it may hold one day."""
    more: dict[str, Any] = {field: (object(),)}
    assert Plan(Batch((Append("a", (draft(),)),), audit=(entry("open"),))).appending
    assert Plan(Batch((Append("a", (draft(),)),), **more)).appending is None


@pytest.mark.anyio
class TestInAStore:
    """The same through a store, whose writer finds several units waiting."""

    async def test_units_that_wait_are_one_statement(self, store: SqliteStore, together: Together) -> None:
        """It is a transaction by itself, and tells where they are."""
        ran = await watched(store)
        outcomes = await together(store, [stored(name, expected=0) for name in "abc"])
        assert [outcome.position for outcome in outcomes if isinstance(outcome, Committed)] == [1, 2, 3]
        assert [words.split()[0] for words in dict.fromkeys(ran)] == ["BEGIN", "ROLLBACK", "INSERT"]

    async def test_a_unit_that_sqlite_cannot_take_fails_alone(self, store: SqliteStore, together: Together) -> None:
        """The others still share the commit."""
        nobody = Batch(audit=(entry("open")._replace(user_id="\ud800"),))
        ran = await watched(store)
        outcomes = await together(store, [stored("a"), nobody, stored("b")])
        assert [type(outcome) for outcome in outcomes] == [Committed, UnicodeEncodeError, Committed]
        assert [event.stream for event in await whole_log(store)] == ["a", "b"]
        assert sum(statement.startswith("COMMIT") for statement in ran) == 1

    async def test_a_refusal_holds_nothing_of_the_others(self, store: SqliteStore, together: Together) -> None:
        """Its traceback leads to no frame that has what they append: it may be sent to whoever looks at errors."""
        refused, taken = await together(store, [stored("a", 1, 5), stored("b")])
        assert isinstance(taken, Committed)
        assert isinstance(refused, VersionConflict)
        values = [value for frame, _ in walk_tb(refused.__traceback__) for value in frame.f_locals.values()]
        assert not any("'b'" in repr(value) for value in values)


def trace(connection: sqlite3.Connection) -> list[str]:
    """The statements that it runs from now on, each once more for every row that a trigger takes."""
    ran: list[str] = []
    connection.set_trace_callback(lambda words: None if words.startswith("--") else ran.append(words))
    return ran


async def watched(store: SqliteStore) -> list[str]:
    """The statements that its writer runs from now on."""
    transaction = store.begin()
    ran = await transaction.run(trace)
    await transaction.rollback()
    ran.clear()
    return ran
