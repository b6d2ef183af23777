"""Tables of read models in memory: what row changes become when there is no SQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

from twofold.store._rearrangement import table_name
from twofold.store._rows import Add, Delete, RowChange

_Row: TypeAlias = dict[str, Any]
_Key: TypeAlias = tuple[tuple[str, Any], ...]


@final
class MemoryTables:
    """Rows by table and primary key; a function that is given to `MemoryStore.read` looks at it."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[str, dict[_Key, _Row]] = {}

    def row(self, table: Any, /, **key: Any) -> Mapping[str, Any] | None:
        """The row with this primary key, or None."""
        return self._rows(table).get(_key(key))

    def rows(self, table: Any, /) -> Iterator[Mapping[str, Any]]:
        """All rows of a table, in the order they came."""
        return iter(tuple(self._rows(table).values()))

    def change(self, changes: Sequence[RowChange], /) -> None:
        """Apply changes in order; when one fails, all of them are undone."""
        undo: list[tuple[dict[_Key, _Row], _Key, _Row | None]] = []
        try:
            for change in changes:
                rows, key = self._rows(change.table), _key(change.key)
                undo.append((rows, key, rows.get(key)))
                _apply(rows, key, change)
        except BaseException:
            for rows, key, before in reversed(undo):
                _put(rows, key, before)
            raise

    def changed(self, changes: Sequence[RowChange]) -> "MemoryTables":
        """A copy with changes applied to it."""
        copy = MemoryTables()
        copy._tables = {table: dict(rows) for table, rows in self._tables.items()}
        copy.change(changes)
        return copy

    def rearrange(self, drops: Iterable[str], renames: Iterable[tuple[str, str]]) -> None:
        """Drop tables, and give others new names."""
        for name in drops:
            self._tables.pop(name, None)
        for old, new in renames:
            if old in self._tables:
                self._tables[new] = self._tables.pop(old)

    def _rows(self, table: Any) -> dict[_Key, _Row]:
        return self._tables.setdefault(table_name(table), {})


def _apply(rows: dict[_Key, _Row], key: _Key, change: RowChange) -> None:
    before = rows.get(key, change.key)
    match change:
        case Delete():
            _put(rows, key, None)
        case Add(amounts=amounts):
            rows[key] = {**before, **{name: _sum(before.get(name), more) for name, more in amounts.items()}}
        case _:
            rows[key] = {**before, **change.values}


def _sum(before: Any, more: Any) -> Any:
    return more if before is None else before + more


def _put(rows: dict[_Key, _Row], key: _Key, row: _Row | None) -> None:
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row


def _key(key: Mapping[str, Any]) -> _Key:
    return tuple(sorted(key.items()))
