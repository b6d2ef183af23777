"""Tables that stand beside those of a read model: copies under another name, which refer to each other."""

import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.sql import quoted_name

from twofold.store import beside

_LONGEST = 53
"""PostgreSQL keeps 63 bytes of a name; ten of them are for the mark."""


@lru_cache(maxsize=256)
def table_beside(table: Table[Any], siblings: tuple[Table[Any], ...], place: str) -> Table[Any]:
    """The table beside one, to read and write."""
    return copies_beside(siblings, place)[table]


def copies_beside(siblings: Iterable[Table[Any]], place: str) -> dict[Table[Any], Table[Any]]:
    """New copies of the tables of a read model, under their names beside them.

    Names of indexes and keys, which a database has once for all tables, get a mark that is new each time: they keep it
    when the tables change their names.
    """
    mark = secrets.token_hex(4)
    into: dict[MetaData, MetaData] = {}
    copies: dict[Table[Any], Table[Any]] = {}
    for table in siblings:
        metadata = into.get(table.metadata)
        if metadata is None:
            metadata = into[table.metadata] = MetaData(naming_convention=table.metadata.naming_convention)
        copies[table] = _copied(table, metadata)
    for copy in copies.values():
        for constraint in copy.constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                _ = constraint.referred_table  # found by name, so before the names change
    for copy in copies.values():
        _mark(copy, mark)
        copy.name, copy.fullname = beside(copy.name, place), beside(copy.fullname, place)
    return copies


def _copied(table: Table[Any], metadata: MetaData) -> Table[Any]:
    """A copy, with copies of the tables that it refers to: foreign keys are found by name."""
    if table.fullname in metadata.tables:
        return metadata.tables[table.fullname]
    copy = table.to_metadata(metadata)
    for key in table.foreign_keys:
        _copied(key.column.table, metadata)
    return copy


def _mark(table: Table[Any], mark: str) -> None:
    for thing in (*table.indexes, *table.constraints):
        if isinstance(thing, Index | UniqueConstraint | PrimaryKeyConstraint) and thing.name is not None:
            thing.name = quoted_name(f"{str(thing.name)[:_LONGEST]}__{mark}", None)
