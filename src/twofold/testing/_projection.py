"""Projections without a store: the rows that a class makes of events."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, final

from twofold.clock import Clock, new_id
from twofold.dispatch import ProjectionDeclaration
from twofold.errors import open_module
from twofold.messages import Event, wire_name
from twofold.projections import Projection, Rows
from twofold.store import Fact, Recorded
from twofold.testing._clock import VirtualClock
from twofold.testing._difference import field_lines, mismatch, told
from twofold.testing._unjudged import begin, judge

_ANY_TABLE: Final = ("any",)


@final
class GivenRows:
    """The rows that a projection has made of some events.

    Args:
        cls: The class of the projection.
        events: The events.
        clock: Tells when they happened.
    """

    __slots__ = ("_clock", "_cls", "_events")

    def __init__(self, cls: type, events: Sequence[Event], clock: Clock | None) -> None:
        self._cls = cls
        self._events = events
        self._clock = clock or VirtualClock()
        begin(self, told(cls.__qualname__))

    def then(self, *expected: object) -> None:
        """See that these are all rows of their tables.

        Args:
            expected: Instances of mapped classes. Columns that are not set are not compared, and neither are tables
                that no row is expected in.

        Raises:
            AssertionError: It is not so; the text says what differs, row by row and column by column.
            FaultError: The class is no projection, or one that needs a session: test its module.
        """
        __tracebackhide__ = True
        judge(self)
        declaration = ProjectionDeclaration(name=self._cls.__qualname__, mode="async", cls=self._cls, tables=_ANY_TABLE)
        changes = Projection.of(declaration).rows(self._facts(), Rows())
        tables = open_module("twofold.sql", extra="sql").live_tables()()
        tables.change(changes)
        got = {table: list(tables.rows(table)) for table in {type(row) for row in expected}}
        touched = {change.table for change in changes} if not expected else set[Any]()
        got |= {table: list(tables.rows(table)) for table in touched}
        differences = list(row_differences(expected, got))
        if differences:
            raise mismatch(self._events, told(f"{self._cls.__qualname__} has seen them"), differences)

    def _facts(self) -> Iterator[Fact]:
        now = self._clock.now()
        for number, event in enumerate(self._events, start=1):
            wire = wire_name(type(event))
            recorded = Recorded(number, "given", number, new_id(), wire.name, wire.version, b"{}", {}, now)
            yield Fact(event, recorded)


def row_differences(expected: Iterable[object], got: Mapping[type, Sequence[object]]) -> Iterator[str]:
    """What differs between rows, line by line; nothing when they are as expected, in whatever order.

    Args:
        expected: Instances of mapped classes.
        got: All rows of their tables, and of others that are to be empty.
    """
    wanted = defaultdict[type, list[dict[str, Any]]](list)
    for row in expected:
        wanted[type(row)].append(_columns(row))
    for table, rows in got.items():
        left = [_columns(row) for row in rows]
        for columns in wanted[table]:
            found = _nearest(columns, left, table)
            if found is None:
                yield f"{table.__qualname__}: there is no row {columns}"
                continue
            left.remove(found)
            lines = list(field_lines(columns, {name: found.get(name) for name in columns}))
            yield from [f"{table.__qualname__} {_key(found, table)} differs", *lines] if lines else ()
        yield from (f"{table.__qualname__}: was not expected: {columns}" for columns in left)


def is_row(one: object) -> bool:
    """Whether something is an instance of a mapped class."""
    return hasattr(type(one), "__mapper__")


def shown(one: object) -> object:
    """An object, which is shown with its columns where it is a row."""
    return told(f"{type(one).__qualname__} {_columns(one)}") if is_row(one) else one


def _nearest(columns: dict[str, Any], rows: Sequence[dict[str, Any]], table: type) -> dict[str, Any] | None:
    """The row with the same key, as far as that is said."""
    key = {name: value for name, value in columns.items() if name in _key_names(table)}
    same = [row for row in rows if all(value == row.get(name) for name, value in key.items())]
    alike = [row for row in same if all(value == row.get(name) for name, value in columns.items())]
    return next(iter(alike or same), None)


def _key(columns: dict[str, Any], table: type) -> dict[str, Any]:
    return {name: columns.get(name) for name in _key_names(table)}


def _key_names(table: Any) -> list[str]:
    mapper = table.__mapper__
    return [mapper.get_property_by_column(column).key for column in mapper.primary_key]


def _columns(row: object) -> dict[str, Any]:
    """The columns of a row that are set."""
    mapped: Any = type(row)
    names = [attribute.key for attribute in mapped.__mapper__.column_attrs]
    return {name: vars(row)[name] for name in names if name in vars(row)}
