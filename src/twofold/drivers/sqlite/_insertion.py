"""Rows into a table, by as few statements as there can be: one for each is twice the work of one for all.

sqlite3 looks whether a value can be adapted unless it is a number, a text or a bytearray, and finds nothing in longer
than it takes to bind it: so bytes come as bytearrays, and NULL as a number.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from sqlite3 import Connection
from typing import Any, Final, TypeVar, final

from twofold.drivers.sqlite._guard import own

T = TypeVar("T")

NOTHING: Final = 0
"""What stands for NULL where a column may be NULL; such columns take texts, so it is no value of theirs."""

SIZES: Final = tuple(1 << power for power in range(7))
"""How many rows a statement may have: few sizes, so that few are compiled."""


def portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The same rows in portions, each of the largest size that there are rows for."""
    done = 0
    while left := len(rows) - done:
        size = min(SIZES[-1], 1 << (left.bit_length() - 1))
        yield rows[done : done + size]
        done += size


@final
class Insertion:
    """An INSERT of any number of rows.

    Args:
        table: The table.
        columns: Its columns, with commas between them.
        nullable: Those that are NULL where a row has `NOTHING`.
    """

    __slots__ = ("_into", "_nullable", "_statements", "columns", "one")

    def __init__(self, table: str, columns: str, nullable: Collection[str] = ()) -> None:
        self._into = f"INSERT INTO {table} ({columns})"
        self._nullable = nullable
        self.columns = columns.split(", ")
        """The columns of a row, in order."""
        row = ["?"] * len(self.columns)
        self._statements = {size: own(self.sql(*[row] * size)) for size in SIZES}
        self.one = self._statements[1]
        """What inserts one row."""

    def sql(self, *rows: Sequence[str]) -> str:
        """The statement for rows whose values are these expressions."""
        return f"{self._into} VALUES {', '.join(f'({self._row(row)})' for row in rows)}"

    def one_if(self, condition: str) -> str:
        """What inserts one row where a condition holds; the values that this asks about follow those of the row."""
        return own(f"{self._into} SELECT {self._row(['?'] * len(self.columns))} WHERE {condition}")

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        """Insert rows in their order, and give the number of the last one; 0 where there are none."""
        if len(rows) == 1:
            return connection.execute(self.one, rows[0]).lastrowid or 0
        last = 0
        for portion in portions(rows):
            values = [*chain.from_iterable(portion)]
            last = connection.execute(self._statements[len(portion)], values).lastrowid or 0
        return last

    def _row(self, values: Sequence[str]) -> str:
        named = zip(self.columns, values, strict=True)
        nullified = (f"nullif({value}, {NOTHING})" if name in self._nullable else value for name, value in named)
        return ", ".join(nullified)
