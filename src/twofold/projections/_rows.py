"""What a projection's handlers write to: changes are collected in order, and sent together."""

from collections.abc import Collection, Mapping
from typing import Any, final

from twofold.errors import FaultError
from twofold.store import Add, Delete, RowChange, Upsert


@final
class Rows:
    """Collects changes to the tables of a read model.

    A table is a SQLAlchemy `Table` or mapped class; a key names the columns of its primary key. One that the projection
    has not declared is refused with a `FaultError`. Each decimal number is rounded to the places of its column, before
    anything is added up.

    Args:
        tables: The tables that may be changed; any unless given.
        projection: Whose they are.

    Example:
        >>> def placed(self, event: OrderPlaced, rows: Rows) -> None:
        ...     rows.upsert(OrderSummary, {"order_id": event.order_id}, status="placed", total=event.total)
        ...     rows.add(CustomerTotals, {"customer_id": event.customer_id}, orders=1, spent=event.total)
    """

    __slots__ = ("_projection", "_tables", "changes")

    def __init__(self, tables: Collection[Any] | None = None, projection: str = "") -> None:
        self.changes: list[RowChange] = []
        self._tables = tables
        self._projection = projection

    def upsert(self, table: Any, key: Mapping[str, Any], /, **values: Any) -> None:
        """Set columns of a row, inserting it when it is missing.

        Args:
            table: The table.
            key: Its primary key.
            values: The columns to set; others are left alone.
        """
        self._require(table)
        self.changes.append(Upsert(table, key, values))

    def add(self, table: Any, key: Mapping[str, Any], /, **amounts: Any) -> None:
        """Add to numeric columns of a row, inserting it, counting from 0, when it is missing.

        Args:
            table: The table.
            key: Its primary key.
            amounts: The columns to add to, and how much.
        """
        self._require(table)
        self.changes.append(Add(table, key, amounts))

    def delete(self, table: Any, key: Mapping[str, Any], /) -> None:
        """Delete a row, if it is there.

        Args:
            table: The table.
            key: Its primary key.
        """
        self._require(table)
        self.changes.append(Delete(table, key))

    def take(self, change: Any) -> None:
        """Queue a change as data: what a method answers.

        Raises:
            FaultError: It is none, or its table is not declared.
        """
        if not isinstance(change, (Upsert, Add, Delete)):
            text, hint = f"answers {change!r:.60}, which is no change of rows", "answer Upsert, Add or Delete"
            raise FaultError(where=f"projection {self._projection}", code="unusable_answer", text=text, hint=hint)
        self._require(change.table)
        self.changes.append(change)

    def drain(self) -> list[RowChange]:
        """Give what was queued, and forget it."""
        changes, self.changes = self.changes, []
        return changes

    def _require(self, table: Any) -> None:
        if self._tables is None or table in self._tables or table_behind(table) in self._tables:
            return
        name = getattr(table, "__name__", None) or table
        raise FaultError(
            where=f"projection {self._projection}",
            code="undeclared_table",
            text=f"changes the table {name}, which is not among its tables",
            hint=f"@module.projection({self._projection!r}, tables=[..., {name}])",
        )


def table_behind(entity: Any) -> Any:
    """The table behind a class that SQLAlchemy maps to one; everything else is a table already."""
    mapper = getattr(entity, "__mapper__", None)
    return entity if mapper is None else mapper.local_table
