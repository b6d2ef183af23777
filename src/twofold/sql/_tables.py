"""From what users write, a `Table` or a mapped class, to the table behind it, its key, and the SQL that creates it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, DefaultClause, Dialect, Table, UniqueConstraint, inspect
from sqlalchemy.orm import Mapper
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.ddl import sort_tables
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from twofold.errors import WiringError
from twofold.sql._beside import copies_beside, table_beside
from twofold.sql._view import View, view_statements
from twofold.store import Aside


def table_of(entity: Any) -> Table[Any]:
    """The table behind a `Table` or a mapped class, or the one that stands beside it.

    Raises:
        WiringError: It is neither.
    """
    if isinstance(entity, Aside):
        return table_beside(table_of(entity.table), tuple(map(table_of, entity.siblings)), entity.place)
    found: Any = entity if _is(Table, entity) else _mapper_of(entity).local_table
    if not _is(Table, found):
        raise WiringError(f"{entity!r} is mapped to {found!r}, which is not a table")
    table: Table[Any] = found
    return table


def create_statements(entities: Iterable[Any], dialect: Dialect) -> list[str]:
    """The SQL that creates tables and their indexes where they are missing; referenced tables come first, views last.

    Args:
        entities: Tables, mapped classes and views.
        dialect: The dialect to write it in.
    """
    statements, views, tables = list[str](), list[View](), list[Any]()
    for entity in entities:
        (views if _is(View, entity) else tables).append(entity)
    for table in sort_tables(dict.fromkeys(_to_create(tables))):
        statements.append(str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            statements.append(str(CreateIndex(index, if_not_exists=True).compile(dialect=dialect)))
    return [*statements, *(statement for view in views for statement in view_statements(view, dialect))]


def _to_create(entities: Iterable[Any]) -> Iterator[Table[Any]]:
    """The tables; those that stand beside others as new copies, whose indexes have names that nobody had before."""
    copies: dict[tuple[Any, ...], Mapping[Table[Any], Table[Any]]] = {}
    for entity in entities:
        if isinstance(entity, Aside):
            group = *entity.siblings, entity.place
            if group not in copies:
                copies[group] = copies_beside(map(table_of, entity.siblings), entity.place)
            yield copies[group][table_of(entity.table)]
        else:
            yield table_of(entity)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What folding needs to know of a table.

    Args:
        table: The table.
        key: The names of its primary key; for a mapped class, its attributes.
        columns: The other columns, by the name that users write.
        renamed: Whether any of these names differ.
        free: Whether changes to different rows may change places: nothing but the primary key ties rows together.
    """

    table: Table[Any]
    key: tuple[str, ...]
    columns: Mapping[str, str]
    renamed: bool
    free: bool

    def named(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values of columns outside the key, by column.

        Raises:
            WiringError: The table has no such column, or it belongs to the key.
        """
        if not self.columns.keys() >= values.keys():
            wrong = ", ".join(name for name in values if name not in self.columns)
            raise WiringError(f"table {self.table.name!r} has no column {wrong} outside its key")
        if self.renamed:
            return {self.columns[name]: value for name, value in values.items()}
        return values

    def key_of(self, key: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of a key, in the order of the primary key.

        Raises:
            WiringError: These are not the columns of the primary key.
        """
        if (*key,) == self.key:
            return (*key.values(),)
        if set(key) == set(self.key):
            return tuple([key[name] for name in self.key])
        raise WiringError(f"the key of table {self.table.name!r} is ({', '.join(self.key)}), not ({', '.join(key)})")


@lru_cache(maxsize=1024)
def layout_of(entity: Any) -> Layout:
    """The layout of a `Table` or a mapped class.

    Raises:
        WiringError: It is neither, or it has no primary key.
    """
    if isinstance(entity, Aside):
        return replace(layout_of(entity.table), table=table_of(entity))
    table = table_of(entity)
    if not table.primary_key.columns:
        raise WiringError(f"table {table.name!r} has no primary key, so its rows cannot be told apart")
    names = {column: column.key for column in table.columns}
    if entity is not table:
        for attribute in _mapper_of(entity).column_attrs:
            names |= {column: attribute.key for column in table.columns if column in attribute.columns}
    key = tuple(names.pop(column) for column in table.primary_key.columns)
    columns = {name: column.key for column, name in names.items()}
    renamed = any(name != column for name, column in columns.items())
    return Layout(table, key, columns, renamed, _rows_are_free(table))


def _rows_are_free(table: Table[Any]) -> bool:
    return (
        not table.foreign_keys
        and not any(isinstance(constraint, UniqueConstraint) for constraint in table.constraints)
        and not any(index.unique for index in table.indexes)
        and not any(_counts_from_elsewhere(column) for column in table.columns)
    )


def _counts_from_elsewhere(column: Column[Any]) -> bool:
    # A row that is inserted and then added to counts from its default; one statement for both counts from 0.
    if column.primary_key:
        return False
    scalar = column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else column.default
    if column.default is not None and scalar != 0:
        return _is_number(column)
    default = column.server_default
    text = default.arg if isinstance(default, DefaultClause) else default
    return default is not None and str(text).strip("'() ") not in ("0", "0.0") and _is_number(column)


def _is_number(column: Column[Any]) -> bool:
    try:
        return issubclass(column.type.python_type, (int, float, Decimal))
    except NotImplementedError:
        return False


def is_mapped(cls: type) -> bool:
    """Whether a class is mapped to a table, in whatever way that was said."""
    return _is(Mapper, inspect(cls, raiseerr=False))


def _mapper_of(entity: Any) -> Mapper[Any]:
    found: Any = inspect(entity, raiseerr=False)
    if not _is(Mapper, found):
        raise WiringError(f"{entity!r} is neither a Table nor a mapped class")
    mapper: Mapper[Any] = found
    return mapper


def _is(kind: type, thing: object) -> bool:
    return isinstance(thing, kind)
