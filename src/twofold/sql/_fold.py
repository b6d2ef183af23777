"""Folds the row changes of a unit of work or a batch of events into as few statements as possible.

Drivers call it before they write. The outcome is exactly that of the changes one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Dialect, Table

from twofold.errors import Invalid
from twofold.sql._rounding import Rounds, plus, rounded, rounds_of
from twofold.sql._tables import layout_of
from twofold.store import Add, Delete, RowChange, Upsert

Values: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DeleteRows:
    """Delete rows, where they exist.

    Args:
        table: Their table.
        rows: The values of their keys, each key once.
    """

    table: Table[Any]
    rows: list[Values]


@dataclass(frozen=True, slots=True, eq=False)
class WriteRows:
    """Set some columns of rows and add to others, inserting the rows that are missing.

    Args:
        table: Their table.
        sets: The columns that are set.
        adds: The columns that are added to; NULL and a missing row count as 0.
        rows: The values of the key, of `sets` and of `adds`, in that order; each key once.
    """

    table: Table[Any]
    sets: tuple[str, ...]
    adds: tuple[str, ...]
    rows: list[Values]


def fold(rows: Sequence[RowChange], dialect: Dialect) -> list[DeleteRows | WriteRows]:
    """Fold row changes into one step for each table, kind and set of columns.

    Changes to one row become one. The caller's order is kept, and nothing is merged, as soon as one of the tables
    has a foreign key, a unique constraint, or a number that starts from something else than 0: there, order matters.
    Decimal numbers are rounded to the places of their columns before anything is added up.

    Args:
        rows: The changes, in order.
        dialect: That of the database which they are for.

    Raises:
        WiringError: A table has no primary key, or a change names columns that it does not have.
        ValueError: An `ExactDecimal` does not hold a number.
        TypeError: It is given a float, or no number; or numbers that cannot be added.
    """
    if len(rows) > 1 and all(layout_of(row.table).free for row in rows):
        return list(_merged(rows, dialect))
    return _in_order(rows, dialect)


def name_rows(error: Exception, step: DeleteRows | WriteRows) -> None:
    """Note in an error which table and columns it is about, since a database tells that of some mistakes alone.

    Args:
        error: What the database has made of a step.
        step: The step.
    """
    columns = [column.key for column in step.table.primary_key.columns]
    if isinstance(step, WriteRows):
        columns += [*step.sets, *step.adds]
    # What whoever sent a command is told stays as it is; behind it stands what the database has said.
    told = error.__cause__ if isinstance(error, Invalid) and error.__cause__ is not None else error
    told.add_note(f"while rows of the table {step.table.fullname!r} were written: {', '.join(columns)}")


class _Net:
    """What all changes to one row come to."""

    __slots__ = ("adds", "deleted", "sets", "written")

    def __init__(self) -> None:
        self.deleted = self.written = False
        self.sets: dict[str, Any] = {}
        self.adds: dict[str, Any] = {}

    def add(self, amounts: Mapping[str, Any]) -> None:
        for name, amount in amounts.items():
            if name in self.sets:
                before = self.sets[name]
                self.sets[name] = amount if before is None else plus(before, amount)
            elif name in self.adds:
                self.adds[name] = plus(self.adds[name], amount)
            else:
                self.adds[name] = amount

    def set(self, values: Mapping[str, Any]) -> None:
        self.sets.update(values)
        if self.adds:
            for name in values:
                self.adds.pop(name, None)

    def delete(self) -> None:
        self.deleted, self.written = True, False
        self.sets.clear()
        self.adds.clear()


def _merged(rows: Sequence[RowChange], dialect: Dialect) -> Iterator[DeleteRows | WriteRows]:
    tables: dict[Table[Any], tuple[dict[Values, _Net], Rounds]] = {}
    for row in rows:
        layout = layout_of(row.table)
        key = layout.key_of(row.key)
        here = tables.get(layout.table)
        if here is None:
            here = tables[layout.table] = {}, rounds_of(layout.table, dialect)
        nets, rounds = here
        net = nets.get(key)
        if net is None:
            net = nets[key] = _Net()
        if isinstance(row, Delete):
            net.delete()
            continue
        net.written = True
        if isinstance(row, Upsert):
            values = layout.named(row.values)
            net.set(rounded(values, rounds) if rounds else values)
        else:
            values = layout.named(row.amounts)
            net.add(rounded(values, rounds) if rounds else values)
    for table, (nets, _) in tables.items():
        yield from _steps(table, nets)


def _steps(table: Table[Any], nets: dict[Values, _Net]) -> Iterator[DeleteRows | WriteRows]:
    deleted = [key for key, net in nets.items() if net.deleted]
    if deleted:
        yield DeleteRows(table, deleted)
    shapes: dict[tuple[Values, Values], list[Values]] = {}
    for key, net in nets.items():
        if net.written:
            shape = (*net.sets,), (*net.adds,)
            shapes.setdefault(shape, []).append((*key, *net.sets.values(), *net.adds.values()))
    for (sets, adds), values in shapes.items():
        yield WriteRows(table, sets, adds, values)


def _in_order(rows: Sequence[RowChange], dialect: Dialect) -> list[DeleteRows | WriteRows]:
    steps: list[DeleteRows | WriteRows] = []
    last: object = None
    seen: set[Values] = set()
    for row in rows:
        layout = layout_of(row.table)
        key = layout.key_of(row.key)
        values = rounded(layout.named(_values(row)), rounds_of(layout.table, dialect))
        shape = layout.table, type(row), (*values,)
        if shape != last or key in seen:
            steps.append(_step(layout.table, row, shape[2]))
            last = shape
            seen.clear()
        seen.add(key)
        steps[-1].rows.append((*key, *values.values()))
    return steps


def _step(table: Table[Any], row: RowChange, names: tuple[str, ...]) -> DeleteRows | WriteRows:
    match row:
        case Delete():
            return DeleteRows(table, [])
        case Upsert():
            return WriteRows(table, names, (), [])
        case Add():
            return WriteRows(table, (), names, [])


def _values(row: RowChange) -> Mapping[str, Any]:
    match row:
        case Upsert(values=values) | Add(amounts=values):
            return values
        case Delete():
            return {}
