"""The texts that are sealed, as SQLite writes them: to the letter what each entry says."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofold.drivers.sqlite import _texts
from twofold.drivers.sqlite._entries import add_entries, audit_row
from twofold.drivers.sqlite._guard import GuardedConnection
from twofold.drivers.sqlite._schema import upgrade
from twofold.drivers.sqlite._texts import texts
from twofold.store import SUCCESS, AuditEntry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERY = 0, 1_000, 1_000

said = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"', "\\", "\\n", '\\"', "\n", "/"]
)
plain = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8)
entries = st.builds(
    AuditEntry,
    said,
    st.integers(1, 9),
    st.uuids(),
    said,
    st.none() | said,
    st.none() | plain,
    st.none() | said,
    said | plain,
    st.datetimes(timezones=st.just(UTC)),
    st.timedeltas(timedelta(), timedelta(days=1)),
    plain,
    said,
    st.integers(0, 2**62),
    st.integers(1, 3),
    st.none() | plain,
)


@pytest.fixture
def connection() -> Iterator[GuardedConnection]:
    with closing(opened()) as connection:
        yield connection


def opened() -> GuardedConnection:
    connection = sqlite3.connect(":memory:", factory=GuardedConnection, isolation_level=None, timeout=1)
    upgrade(connection)
    return connection


def entry(payload: str) -> AuditEntry:
    return AuditEntry("open", 1, UUID(int=7), "c", None, "ada", None, payload, NOW, timedelta(), SUCCESS)


def written(connection: GuardedConnection, given: Sequence[AuditEntry]) -> list[tuple[int, str]]:
    """Write entries, and give what they say."""
    for one in given:
        add_entries(connection, [audit_row(one)], one.position)
    return [(number, one._replace(number=number).canonical) for number, one in enumerate(given, 1)]


def run_by(connection: GuardedConnection) -> list[str]:
    """How each statement begins that is run from now on."""
    ran: list[str] = []
    connection.set_trace_callback(lambda statement: ran.append(statement.partition("(")[0].split(",")[0]))
    return ran


@given(st.lists(entries, max_size=5))
def test_they_are_what_entries_say(given: list[AuditEntry]) -> None:
    """Whatever that is: quotes, control characters, a NUL, what is not ASCII."""
    with closing(opened()) as connection:
        expected = written(connection, given)
        assert [*texts(connection, *EVERY)] == expected


@pytest.mark.parametrize("payload", ['{"a":"\\"\\\\"}', '"\\n"', '"\u00e9"', '"\x7f"', '"\x1b"'])
def test_many_are_one_step(connection: GuardedConnection, payload: str) -> None:
    """One statement gives one row, also where some of the texts are told in another way."""
    expected = written(connection, [entry("null"), entry(payload), entry("null")])
    ran = run_by(connection)
    assert [*texts(connection, *EVERY)] == expected
    assert ran == ["SELECT group_concat"]


def test_a_nul_has_each_read_alone(connection: GuardedConnection) -> None:
    """SQLite's JSON would end the text there."""
    expected = written(connection, [entry("null"), entry("a\0b")])
    ran = run_by(connection)
    assert [*texts(connection, *EVERY)] == expected
    assert ran == ["SELECT group_concat", "SELECT number"]


def test_what_is_too_long_for_one_value_is_read_alone(connection: GuardedConnection) -> None:
    """However long a thousand commands are, they are sealed."""
    expected = written(connection, [entry("x" * 600), entry("y" * 600)])
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000)
    assert [*texts(connection, *EVERY)] == expected


def test_another_sqlite_cannot_change_what_is_sealed(
    connection: GuardedConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that writes something otherwise writes none of it."""
    monkeypatch.setattr(_texts, "_PROBE", ("\u00e9", 1, 2, 3))
    _texts._writes_what_is_sealed.cache_clear()
    try:
        expected = written(connection, [entry("null")])
        ran = run_by(connection)
        assert [*texts(connection, *EVERY)] == expected
        assert ran == ["SELECT number"]
    finally:
        _texts._writes_what_is_sealed.cache_clear()
