"""Comparing the live rows of a projection with those that stand beside them: in one snapshot, and by the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    JSON,
    ColumnClause,
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import TableClause

from twofold.errors import Refused
from twofold.projections import Place, Projection
from twofold.sql import Sessions, table_of
from twofold.store import Aside, Store

_Found: TypeAlias = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that is not the same on both sides; values as they are stored.

    Args:
        key: Its primary key.
        live: Its other columns on the live side; None when it is not there.
        aside: The same on the other side.
    """

    key: dict[str, Any]
    live: dict[str, Any] | None
    aside: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A live table and the one that stands beside it.

    Args:
        table: The name of the live one.
        live: How many rows it has.
        aside: How many rows the other one has.
        different: How many rows are not the same.
        columns: Columns that only one side has; they are not compared.
        differences: Some of these rows: changed ones first, then those that only one side has.
    """

    table: str
    live: int
    aside: int
    different: int
    columns: tuple[str, ...]
    differences: tuple[Difference, ...]


async def compare(
    projection: Projection, store: Store, sessions: Sessions, place: Place, limit: int
) -> list[Comparison]:
    """Compare every table of a projection with the one beside it.

    Args:
        projection: The projection.
        store: Where its rows are.
        sessions: Makes the sessions that read.
        place: Which side to compare the live one with.
        limit: How many rows that differ are given, of each table.

    Raises:
        Refused: The two sides have different primary keys.
    """

    def work(connection: Any) -> list[Comparison]:
        with sessions.bound(connection), sessions.read_blocking() as session:
            return [
                _compare(session, table_of(one), table_of(Aside(one, place, projection.tables)), limit)
                for one in projection.tables
            ]

    return await store.read(work)


def _compare(session: Session, live: Table[Any], aside: Table[Any], limit: int) -> Comparison:
    ours, theirs = _as_it_is(session, live), _as_it_is(session, aside)
    names, others = _names(ours), _names(theirs)
    keys = [key.name for key in live.primary_key.columns]
    if not {*keys} <= {*names} & {*others}:
        raise Refused(f"the rows of {live.name!r} have other keys on the two sides, so they cannot be compared")
    values = [name for name in names if name in others and name not in keys]
    texts = {one.name for one in live.columns if isinstance(one.type, JSON)}
    parts = [
        (_changed(ours, theirs, keys, values, texts), True, True),
        (_only(ours, theirs, keys, values), True, False),
        (_only(theirs, ours, keys, values), False, True),
    ]
    differences: list[Difference] = []
    for found, on_live, on_aside in parts:
        rows = session.execute(found.order_by(*found.selected_columns[: len(keys)]).limit(limit - len(differences)))
        for row in rows:
            cells = iter(row)
            key = dict(zip(keys, cells, strict=False))
            one = dict(zip(values, cells, strict=False)) if on_live else None
            other = dict(zip(values, cells, strict=False)) if on_aside else None
            differences.append(Difference(key=key, live=one, aside=other))
    return Comparison(
        table=live.fullname,
        live=_count(session, select(ours)),
        aside=_count(session, select(theirs)),
        different=sum(_count(session, found) for found, _, _ in parts),
        columns=tuple(sorted({*names} ^ {*others})),
        differences=tuple(differences),
    )


def _as_it_is(session: Session, declared: Table[Any]) -> TableClause[Any]:
    """A table with the columns that the database has, which another version may have declared."""
    bare = table(declared.name, schema=declared.schema)
    everything: ColumnElement[Any] = literal_column("*")
    names = session.execute(select(everything).select_from(bare).limit(0)).keys()
    columns: list[ColumnClause[Any]] = [column(name) for name in names]
    return table(declared.name, *columns, schema=declared.schema)


def _changed(
    ours: TableClause[Any], theirs: TableClause[Any], keys: Sequence[str], values: Sequence[str], texts: set[str]
) -> _Found:
    """Rows that both sides have, with other values."""

    def value(side: TableClause[Any], name: str) -> ColumnElement[Any]:
        return cast(side.c[name], String) if name in texts else side.c[name]  # PostgreSQL compares no JSON

    distinct = [value(ours, name).is_distinct_from(value(theirs, name)) for name in values]
    shown = [side.c[name] for side in (ours, theirs) for name in values]
    joined = ours.join(theirs, _same(ours, theirs, keys))
    columns: Any = [*(ours.c[key] for key in keys), *shown]
    return select(*columns).select_from(joined).where(or_(False, *distinct))


def _only(side: TableClause[Any], other: TableClause[Any], keys: Sequence[str], values: Sequence[str]) -> _Found:
    """Rows that only one side has."""
    joined = side.outerjoin(other, _same(side, other, keys))
    columns: Any = [side.c[name] for name in (*keys, *values)]
    return select(*columns).select_from(joined).where(other.c[keys[0]].is_(None))


def _same(ours: TableClause[Any], theirs: TableClause[Any], keys: Sequence[str]) -> ColumnElement[bool]:
    return and_(*(ours.c[key] == theirs.c[key] for key in keys))


def _count(session: Session, rows: _Found) -> int:
    return session.scalar(rows.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def _names(side: TableClause[Any]) -> list[str]:
    return [one.name for one in side.columns]
