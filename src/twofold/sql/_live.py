"""The rows of a live projection: row changes applied in memory, to what a database would have made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, final

from sqlalchemy import Column, Dialect, Table, inspect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.schema import CallableColumnDefault, DefaultGenerator, ScalarElementColumnDefault

from twofold.errors import WiringError
from twofold.messages import sees_every_tenant
from twofold.sql._rounding import plus, rounded, rounds_of
from twofold.sql._sessions import Sessions
from twofold.sql._tables import Layout, layout_of, table_of
from twofold.sql._tenant_id import own_tenant, tenant_column_of
from twofold.store import Add, Delete, RowChange, Upsert

Values: TypeAlias = tuple[Any, ...]
_Row: TypeAlias = dict[str, Any]
_Make: TypeAlias = Callable[[], Any]
_Keep: TypeAlias = Callable[[Any], Any]


class _Plain(DefaultDialect):
    """A database that keeps what the types of SQLAlchemy give it."""

    supports_native_decimal = True


@final
class LiveTables:
    """Rows by table and primary key, with the defaults, the sums and the types of their columns.

    Args:
        dialect: What the database makes of values.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._tables: dict[Table[Any], dict[Values, _Row]] = {}

    def change(self, changes: Sequence[RowChange], /) -> None:
        """Apply changes in order.

        Raises:
            WiringError: One names a key or a column that its table does not have, or leaves a column empty that must
                not be.
        """
        for change in changes:
            layout = layout_of(change.table)
            columns = _columns(layout.table, self._dialect)
            key = columns.key(layout.key_of(change.key))
            rows = self._tables.setdefault(layout.table, {})
            if isinstance(change, Delete):
                rows.pop(key, None)
                continue
            row = rows.get(key)
            given = layout.named(change.values if isinstance(change, Upsert) else change.amounts)
            rounds = rounds_of(layout.table, self._dialect)
            values = rounded(given, rounds)
            if isinstance(change, Add) and row is not None:
                values = _sums(rounded({name: row[name] for name in values}, rounds), values)
            before = dict.fromkeys(columns.keeps) | columns.named(key) if row is None else row
            rows[key] = columns.changed(before, values, new=row is None)

    def row(self, entity: Any, /, **key: Any) -> Any:
        """The row with this primary key, or None: an instance of a mapped class, or a mapping."""
        layout = layout_of(entity)
        values = _columns(layout.table, self._dialect).key(layout.key_of(key))
        row = self._tables.get(layout.table, {}).get(values)
        return None if row is None or not _is_seen(layout.table)(row) else _shown(entity, layout, row)

    def rows(self, entity: Any, /) -> Iterator[Any]:
        """All rows of a table, in the order they came."""
        layout = layout_of(entity)
        rows = self._tables.get(layout.table, {}).values()
        return (_shown(entity, layout, row) for row in filter(_is_seen(layout.table), rows))


def live_tables(sessions: Sessions | None = None) -> Callable[[], LiveTables]:
    """What makes tables in memory whose rows look as if a session had read them.

    SQLite has few types, and what it keeps may come back changed, a time without its zone; others keep what they get.

    Args:
        sessions: Makes the sessions of the store that the rows could be in; one that keeps what it gets unless given.
    """
    dialect = sessions.dialect if sessions is not None and sessions.dialect.name == "sqlite" else _PLAIN
    return lambda: LiveTables(dialect)


def unmade_columns(entity: Any) -> Iterator[str]:
    """The columns of a table whose values only a database can make, when nobody gives them."""
    for column in table_of(entity).columns:
        by_python = (column.default, column.onupdate)
        by_server = (column.server_default, column.computed, column.identity)
        made = [default is not None and _made_by(default) is None for default in by_python]
        if any(made) or any(default is not None for default in by_server):
            yield str(column)


class _Columns:
    """How the columns of a table come to their values."""

    def __init__(self, table: Table[Any], dialect: Dialect) -> None:
        self.keeps: dict[str, _Keep] = {column.key: _kept(column, dialect) for column in table.columns}
        others = [column for column in table.columns if not column.primary_key]
        self._table = table
        self._key = [column.key for column in table.primary_key.columns]
        self._needed = [column.key for column in others if not column.nullable]
        self._defaults = _made((column, column.default) for column in others)
        self._updates = _made((column, column.onupdate) for column in others)

    def key(self, values: Values) -> Values:
        """A primary key, as it is kept."""
        return tuple(self.keeps[name](value) for name, value in zip(self._key, values, strict=True))

    def named(self, key: Values) -> _Row:
        """A primary key, by column."""
        return dict(zip(self._key, key, strict=True))

    def changed(self, row: _Row, values: Mapping[str, Any], *, new: bool) -> _Row:
        """A row with other values in it, and those that its columns make by themselves."""
        makes = self._defaults if new else self._updates if values else {}
        made = {name: make() for name, make in makes.items() if name not in values}
        after = row | {name: self.keeps[name](value) for name, value in {**made, **values}.items()}
        for name in self._needed:
            if after[name] is None:
                raise WiringError(f"a row of {self._table.name!r} has no {name}, which must not be NULL")
        return after


@lru_cache(maxsize=1024)
def _columns(table: Table[Any], dialect: Dialect) -> _Columns:
    return _Columns(table, dialect)


def _made(columns: Iterator[tuple[Column[Any], DefaultGenerator | None]]) -> dict[str, _Make]:
    makers = ((column, None if default is None else _made_by(default)) for column, default in columns)
    return {column.key: make for column, make in makers if make is not None}


def _made_by(default: DefaultGenerator) -> _Make | None:
    if isinstance(default, ScalarElementColumnDefault):
        return lambda: default.arg
    if isinstance(default, CallableColumnDefault):
        make: Any = default.arg
        return lambda: make(None)
    return None


def _kept(column: Column[Any], dialect: Dialect) -> _Keep:
    """What comes back of a value that is written: both ways through the type of its column."""
    kind = column.type.dialect_impl(dialect)
    there, back = kind.bind_processor(dialect), kind.result_processor(dialect, None)

    def keep(value: Any) -> Any:
        written = value if there is None else there(value)
        return written if back is None else back(written)

    return keep


def _sums(before: Mapping[str, Any], amounts: Mapping[str, Any]) -> _Row:
    return {name: more if before[name] is None else plus(before[name], more) for name, more in amounts.items()}


def _is_seen(table: Table[Any]) -> Callable[[_Row], bool]:
    """What tells the rows that a message sees: those of its tenant, where they belong to tenants."""
    column = tenant_column_of(table)
    if column is None or sees_every_tenant():
        return lambda _: True
    own = own_tenant()
    return lambda row: row[column.key] == own


def _shown(entity: Any, layout: Layout, row: _Row) -> Any:
    if entity is layout.table:
        return dict(row)
    mapper: Mapper[Any] = inspect(entity)
    instance = mapper.class_manager.new_instance()
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if column.table is layout.table:
            set_committed_value(instance, attribute.key, row[column.key])
    return instance


_PLAIN = _Plain()
