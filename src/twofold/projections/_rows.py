"""What a projection's handlers write to: changes are collected in order, and sent together."""

from collections.abc import Mapping
from typing import Any, final

from twofold.store import Add, Delete, RowChange, Upsert


@final
class Rows:
    """Collects changes to the tables of a read model.

    A table is a SQLAlchemy `Table` or mapped class; a key names the columns of its primary key.

    Example:
        >>> def placed(self, event: OrderPlaced, rows: Rows) -> None:
        ...     rows.upsert(OrderSummary, {"order_id": event.order_id}, status="placed", total=event.total)
        ...     rows.add(CustomerTotals, {"customer_id": event.customer_id}, orders=1, spent=event.total)
    """

    __slots__ = ("changes",)

    def __init__(self) -> None:
        self.changes: list[RowChange] = []

    def upsert(self, table: Any, key: Mapping[str, Any], /, **values: Any) -> None:
        """Set columns of a row, inserting it when it is missing.

        Args:
            table: The table.
            key: Its primary key.
            values: The columns to set; others are left alone.
        """
        self.changes.append(Upsert(table, key, values))

    def add(self, table: Any, key: Mapping[str, Any], /, **amounts: Any) -> None:
        """Add to numeric columns of a row, inserting it, counting from 0, when it is missing.

        Args:
            table: The table.
            key: Its primary key.
            amounts: The columns to add to, and how much.
        """
        self.changes.append(Add(table, key, amounts))

    def delete(self, table: Any, key: Mapping[str, Any], /) -> None:
        """Delete a row, if it is there.

        Args:
            table: The table.
            key: Its primary key.
        """
        self.changes.append(Delete(table, key))
