"""The SQL that row changes come to, for drivers: built once for each table and set of columns, in any dialect.

Values pass through the types of their columns, so a session reads back what a change has written.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, cast

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Dialect,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.schema import (
    CallableColumnDefault,
    ColumnElementColumnDefault,
    DefaultGenerator,
    ScalarElementColumnDefault,
)

from twofold.errors import WiringError

Values: TypeAlias = tuple[Any, ...]

_PREFIX = "twofold_"


@dataclass(frozen=True, slots=True)
class RowStatement:
    """SQL for one row, and how the values of a row become its parameters.

    Args:
        sql: The text.
        supplies: Values that no change brings: defaults of columns.
        picks: For each parameter, the index of its value; None when they are all in order already.
        converts: What to do to which parameter.
    """

    sql: str
    supplies: tuple[Callable[[], Any], ...]
    picks: tuple[int, ...] | None
    converts: tuple[tuple[int, Callable[[Any], Any]], ...]

    def parameters(self, rows: Sequence[Values]) -> Sequence[Sequence[Any]]:
        """The parameters of each row."""
        rows = supplied(rows, self.supplies)
        if self.picks is not None:
            rows = [tuple([row[pick] for pick in self.picks]) for row in rows]
        if not self.converts:
            return rows
        parameters = [list(row) for row in rows]
        for index, convert in self.converts:
            for row in parameters:
                row[index] = convert(row[index])
        return parameters


class Change:
    """The columns of a row that a change brings or a default supplies, and the statements that write them.

    Args:
        table: The table.
        sets: The columns that are set.
        adds: The columns that are added to.
        defaults: Whether defaults of columns belong to it; they do not to a deletion.
        value: What stands for the value of a column, by its index: the key first, then `sets`, then `adds`.
        total: What a sum for a column becomes, where it has to be more than the sum.
    """

    def __init__(
        self,
        table: Table[Any],
        sets: Iterable[str] = (),
        adds: Iterable[str] = (),
        *,
        defaults: bool = True,
        value: Callable[[int, Column[Any]], ColumnElement[Any]] | None = None,
        total: Callable[[Column[Any], ColumnElement[Any]], ColumnElement[Any]] | None = None,
    ) -> None:
        self.table = table
        self.with_defaults = defaults
        self._value = value or value_of
        self._total = total or _sum_alone
        self.key: list[Column[Any]] = list(table.primary_key.columns)
        self.set: list[Column[Any]] = [table.c[name] for name in sets]
        self.added: list[Column[Any]] = [table.c[name] for name in adds]
        self.columns: list[Column[Any]] = [*self.key, *self.set, *self.added]
        self.given = {column: self._value(i, column) for i, column in enumerate(self.columns)}
        self.supplies: list[Callable[[], Any]] = []
        others = [column for column in table.columns if defaults and column not in self.given]
        self.defaults = {c: self._supplied(c, c.default) for c in others if c.default is not None}
        self.refreshed = {c: self._supplied(c, c.onupdate) for c in others if c.onupdate is not None}
        self.is_whole = all(c in self.defaults or c.nullable or c.server_default is not None for c in others)
        """Whether the row can be inserted: it brings every column that must not be NULL."""
        self.changes_nothing = not (self.set or self.added)

    def deletion(self) -> ClauseElement:
        """Deletes the row."""
        return delete(self.table).where(*self._is_this)

    def writes(self, upsert: Callable[["Change"], ClauseElement]) -> tuple[ClauseElement, ...]:
        """The statements to try one after the other, until one has changed every row.

        A row that brings every column which must not be NULL is inserted, or updated where it exists. One that does
        not would be refused as an insertion even where it exists: it is updated first, and inserted where it was
        missing.

        Args:
            upsert: Makes the statement that inserts or updates, which each dialect writes in its own way.
        """
        if self.is_whole:
            return (upsert(self),)
        if self.changes_nothing:
            return (self._insertion_of_missing(),)
        return self._update(), self._insertion_of_missing()

    @property
    def inserted(self) -> dict[Column[Any], Any]:
        """The values of a new row."""
        return self.given | self.defaults

    def upsert(self, insertion: Any) -> ClauseElement:
        """Completes an insertion of a dialect that knows ON CONFLICT."""
        if self.changes_nothing:
            return cast("ClauseElement", insertion.on_conflict_do_nothing(index_elements=self.key))
        changed = self._changed(lambda column: insertion.excluded[column.key])
        return cast("ClauseElement", insertion.on_conflict_do_update(index_elements=self.key, set_=changed))

    def for_each_row(self, statement: ClauseElement, dialect: Dialect) -> RowStatement:
        """The statement to execute for each row, with the way from the values of a row to its parameters."""
        compiled = cast("SQLCompiler", statement.compile(dialect=dialect))
        names = compiled.positiontup or []
        supplies, places = [*self.supplies], dict[str, int]()
        for name in names:
            place = place_of(name)
            if place is None:  # a constant of some expression
                supplies.append(partial(_same, compiled.binds[name].effective_value))
                place = len(self.given) + len(supplies) - 1
            places[name] = place
        picks = tuple(places[name] for name in names)
        processors = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        return RowStatement(
            str(compiled),
            tuple(supplies) if max(picks, default=0) >= len(self.given) else (),
            None if picks == tuple(range(len(self.given))) else picks,
            tuple((index, processor) for index, processor in enumerate(processors) if processor is not None),
        )

    @property
    def _is_this(self) -> list[ColumnElement[bool]]:
        return [column == self.given[column] for column in self.key]

    def _changed(self, source: Callable[[Column[Any]], Any]) -> dict[Column[Any], Any]:
        sums = {c: self._total(c, func.coalesce(c, literal_column("0")) + source(c)) for c in self.added}
        return self.refreshed | {c: source(c) for c in self.set} | sums

    def _update(self) -> ClauseElement:
        return update(self.table).where(*self._is_this).values(self._changed(self.given.__getitem__))

    def _insertion_of_missing(self) -> ClauseElement:
        values = self.inserted
        missing = select(*values.values()).where(~exists(literal_column("1")).where(*self._is_this))
        return insert(self.table).from_select(list(values), missing, include_defaults=False)

    def _supplied(self, column: Column[Any], default: DefaultGenerator) -> Any:
        if isinstance(default, ColumnElementColumnDefault):
            return default.arg
        if isinstance(default, CallableColumnDefault):
            self.supplies.append(partial(cast("Callable[[None], Any]", default.arg), None))
        elif isinstance(default, ScalarElementColumnDefault):
            self.supplies.append(partial(_same, default.arg))
        else:
            raise WiringError(f"column {column} has a default that a row change cannot make: give it a value")
        self.columns.append(column)
        return self._value(len(self.columns) - 1, column)


def value_of(index: int, column: Column[Any]) -> BindParameter[Any]:
    """A parameter for the value of a column; `place_of` finds it again in what was compiled."""
    return bindparam(f"{_PREFIX}{index}", type_=column.type)


def place_of(name: str) -> int | None:
    """Which value a parameter is for; None for a constant of some expression."""
    return int(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None


def supplied(rows: Sequence[Values], supplies: Sequence[Callable[[], Any]]) -> Sequence[Values]:
    """The rows, with what defaults of columns supply to each."""
    if not supplies:
        return rows
    return [(*row, *[supply() for supply in supplies]) for row in rows]


def _sum_alone(_: Column[Any], total: ColumnElement[Any]) -> ColumnElement[Any]:
    return total


def _same(value: Any) -> Any:
    return value
